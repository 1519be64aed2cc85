//! Where everything is: component folders, the ordered units of bootstrap, and the objects of the GitOps engine.
//!
//! A component has one folder, and both bootstrap and the engine build that folder: what the one has applied the
//! other finds unchanged, so a hand-over restarts nothing.

mod order;
mod places;

use ichor_config::model::Engine as GitopsEngine;
use serde::Serialize;

use crate::component::{Component, ComponentFile};
use crate::engine::{Error, Template, template};
use crate::gitops;
use crate::part::{Part, Scope};
use crate::tree::{Content, Tree};

pub(crate) use order::Waves;
pub(crate) use places::{Places, join, relative};

const KUSTOMIZATION: Template = template!("layout/kustomization.yaml.j2");

pub(crate) const PART: Part = Part { templates: &[KUSTOMIZATION], ..Part::NONE };

/// After the namespaces, before anything that reads Secrets.
const SECRETS_UNIT: u8 = 16;
/// Where the units begin that only bootstrap applies, because no engine follows.
const REST_UNIT: u8 = 50;
/// The hand-over comes last.
const HANDOVER_UNIT: u8 = 90;

/// Puts every component at its place, with what bootstrap and the engine need to find it.
pub(crate) fn arrange(scope: Scope<'_>, mut components: Vec<Component>, tree: &mut Tree) -> Result<(), Error> {
    let gitops = &scope.cluster.gitops;
    let places = Places::new(*gitops.layout, *gitops.engine);
    components.sort_by(|a, b| a.name.cmp(&b.name));
    let sealed = if *gitops.engine == GitopsEngine::ArgoCd { take_secrets(&mut components) } else { Vec::new() };
    let names: Vec<_> = components.iter().map(|component| component.name.clone()).collect();
    for component in &mut components {
        component.needs.retain(|need| names.contains(need));
        component.needs.sort_unstable();
        component.needs.dedup();
    }
    let waves = Waves::of(&components);

    for component in &components {
        let folder = Folder { path: places.component(component), files: component.files.clone(), folders: Vec::new() };
        folder.write(scope, tree)?;
    }
    for unit in units(scope, &places, &components, &waves, sealed)? {
        unit.write(scope, tree)?;
    }
    gitops::write(scope, &places, &components, &waves, tree)
}

/// Argo CD cannot read SOPS files by itself: bootstrap applies Secrets, and they are no part of what Argo CD follows.
fn take_secrets(components: &mut Vec<Component>) -> Vec<ComponentFile> {
    let mut sealed = Vec::new();
    for component in components.iter_mut() {
        let (secret, clear): (Vec<_>, Vec<_>) =
            std::mem::take(&mut component.files).into_iter().partition(|file| matches!(file.content, Content::Secret(_)));
        component.files = clear;
        sealed.extend(secret);
    }
    components.retain(|component| !component.files.is_empty());
    sealed
}

fn units(
    scope: Scope<'_>,
    places: &Places,
    components: &[Component],
    waves: &Waves,
    sealed: Vec<ComponentFile>,
) -> Result<Vec<Folder>, Error> {
    let engine = *scope.cluster.gitops.engine;
    let mut units = Vec::new();
    for component in components {
        let rest = (engine == GitopsEngine::None).then(|| REST_UNIT.saturating_add(waves.of_component(component)));
        let Some(number) = component.bootstrap.or(rest) else { continue };
        let folders = vec![places.component(component)];
        units.push(Folder { path: places.unit(number, &component.name), files: Vec::new(), folders });
    }
    if !sealed.is_empty() {
        units.push(Folder { path: places.unit(SECRETS_UNIT, "secrets"), files: sealed, folders: Vec::new() });
    }
    if let Some(root) = places.engine_root() {
        let files = gitops::repository_secret(scope)?.into_iter().collect();
        units.push(Folder { path: places.unit(HANDOVER_UNIT, "gitops"), files, folders: vec![root.to_owned()] });
    }
    Ok(units)
}

/// A folder that kustomize builds: its own files, and other such folders.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: String,
    pub(crate) files: Vec<ComponentFile>,
    /// Paths from the root of the tree.
    pub(crate) folders: Vec<String>,
}

#[derive(Debug, Serialize)]
struct KustomizationContext {
    resources: Vec<String>,
}

impl Folder {
    pub(crate) fn write(self, scope: Scope<'_>, tree: &mut Tree) -> Result<(), Error> {
        let own = self.files.iter().map(|file| file.name.clone());
        let others = self.folders.iter().map(|folder| relative(&self.path, folder));
        let text = scope.engine.render(KUSTOMIZATION, &KustomizationContext { resources: own.chain(others).collect() })?;
        insert(tree, join(&self.path, "kustomization.yaml"), Content::Clear(text))?;
        for file in self.files {
            insert(tree, join(&self.path, &file.name), file.content)?;
        }
        Ok(())
    }
}

fn insert(tree: &mut Tree, path: String, content: Content) -> Result<(), Error> {
    tree.insert(path, content).map_err(|path| Error::Clash { path })
}
