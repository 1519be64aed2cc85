//! The objects by which a GitOps engine finds every component.
//!
//! One folder holds the engine's root object, and a list of all others: applying that folder again restores all of them.

mod argocd;
mod flux;

use ichor_config::Cluster;
use ichor_config::model::Engine;

use crate::component::{Component, ComponentFile};
use crate::engine::Error;
use crate::layout::{Folder, Places, Waves, join};
use crate::part::{Part, Scope};
use crate::secrets::{SecretOrigin, WantedSecret};
use crate::tree::Tree;

pub(crate) const PART: Part = Part { templates: TEMPLATES, wanted, ..Part::NONE };

const TEMPLATES: &[crate::engine::Template] = &[
    flux::REPOSITORY,
    flux::ROOT,
    flux::COMPONENT,
    flux::REPOSITORY_SECRET,
    argocd::PROJECT,
    argocd::ROOT,
    argocd::COMPONENT,
    argocd::REPOSITORY_SECRET,
];

/// The names of the secrets by which an engine reads a private repository.
const SSH_KEY: &str = "git.ssh_key";
const KNOWN_HOSTS: &str = "git.known_hosts";
const TOKEN: &str = "git.token";

/// Writes the engine's root folder, and its object for each component.
pub(crate) fn write(scope: Scope<'_>, places: &Places, components: &[Component], waves: &Waves, tree: &mut Tree) -> Result<(), Error> {
    let Some(root) = places.engine_root() else { return Ok(()) };
    let mut index = match *scope.cluster.gitops.engine {
        Engine::Flux => flux::root(scope, root)?,
        Engine::ArgoCd => argocd::root(scope, root)?,
        Engine::None => return Ok(()),
    };
    for component in components {
        let Some((folder, name)) = places.engine_object(component) else { continue };
        let path = repository_path(scope.cluster, &places.component(component));
        let text = match *scope.cluster.gitops.engine {
            Engine::ArgoCd => argocd::object(scope, component, waves.of_component(component), path)?,
            _ => flux::object(scope, component, &path)?,
        };
        let mut own = Component::new("", "");
        own.file(name, text);
        if folder == root {
            index.files.append(&mut own.files);
        } else {
            index.folders.push(folder.clone());
            Folder { path: folder, files: own.files, folders: Vec::new() }.write(scope, tree)?;
        }
    }
    index.write(scope, tree)
}

/// The Secret by which the engine reads a private repository; bootstrap applies it with the hand-over.
pub(crate) fn repository_secret(scope: Scope<'_>) -> Result<Option<ComponentFile>, Error> {
    if !*scope.cluster.gitops.private {
        return Ok(None);
    }
    let text = match *scope.cluster.gitops.engine {
        Engine::Flux => flux::repository_secret(scope)?,
        Engine::ArgoCd => argocd::repository_secret(scope)?,
        Engine::None => None,
    };
    let mut holder = Component::new("", "");
    if let Some(text) = text {
        holder.secret_file("repository.sops.yaml", text);
    }
    Ok(holder.files.pop())
}

fn wanted(cluster: &Cluster) -> Vec<WantedSecret> {
    let given =
        |name: &str, purpose: &str| WantedSecret { name: name.to_owned(), origin: SecretOrigin::Given, purpose: purpose.to_owned() };
    if !*cluster.gitops.private || *cluster.gitops.engine == Engine::None {
        return Vec::new();
    }
    if !over_ssh(cluster) {
        return vec![given(TOKEN, "lets the GitOps engine read the repository: a token of your Git server that may only read")];
    }
    let mut wanted = vec![given(SSH_KEY, "lets the GitOps engine read the repository: the private half of a deploy key")];
    if *cluster.gitops.engine == Engine::Flux {
        wanted.push(given(KNOWN_HOSTS, "proves the Git server to the GitOps engine: the output of `ssh-keyscan HOST`, checked"));
    }
    wanted
}

fn over_ssh(cluster: &Cluster) -> bool {
    cluster.gitops.repository.as_ref().is_some_and(|url| url.as_str().starts_with("ssh://"))
}

fn repository(cluster: &Cluster) -> String {
    cluster.gitops.repository.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// The name of the engine's object that carries all others; a cluster may be called like one of its components.
fn root_name(cluster: &Cluster) -> String {
    format!("{}-root", *cluster.name)
}

/// The namespace of the engine, if there is one.
pub(crate) fn engine_namespace(cluster: &Cluster) -> Option<String> {
    let default = match *cluster.gitops.engine {
        Engine::Flux => flux::NAMESPACE,
        Engine::ArgoCd => argocd::NAMESPACE,
        Engine::None => return None,
    };
    Some(namespace(cluster, default))
}

fn namespace(cluster: &Cluster, default: &str) -> String {
    cluster.gitops.namespace.as_ref().map_or_else(|| default.to_owned(), ToString::to_string)
}

/// A path of the tree as the repository has it.
fn repository_path(cluster: &Cluster, path: &str) -> String {
    join(cluster.gitops.path.as_str(), path)
}
