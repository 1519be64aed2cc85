//! The namespaces of all components.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::component::Component;
use crate::engine::{Error, Template, template};
use crate::gitops;
use crate::part::{Part, Scope};

const NAMESPACES: Template = template!("namespaces/namespaces.yaml.j2");

pub(crate) const PART: Part = Part { templates: &[NAMESPACES], ..Part::NONE };

/// The name of their component.
const NAME: &str = "namespaces";
/// Kubernetes makes these itself.
const BUILT_IN: [&str; 3] = ["default", "kube-public", "kube-system"];

#[derive(Debug, Serialize)]
struct NamespacesContext {
    namespaces: BTreeSet<String>,
}

/// Adds the component that makes the namespaces of the others, and lets them wait for it.
pub(crate) fn add(scope: Scope<'_>, components: &mut Vec<Component>) -> Result<(), Error> {
    let mut namespaces = BTreeSet::new();
    let engine = gitops::engine_namespace(scope.cluster);
    // The engine's own installation makes the engine's, and would take it for its own again each time.
    let there = |name: &str| BUILT_IN.contains(&name) || engine.as_deref() == Some(name);
    for component in components.iter_mut().filter(|component| !there(&component.namespace)) {
        namespaces.insert(component.namespace.clone());
        component.needs.push(NAME.to_owned());
    }
    if namespaces.is_empty() {
        return Ok(());
    }
    let mut component = Component { bootstrap: Some(15), prune: false, ..Component::new(NAME, "kube-system") };
    component.file("namespaces.yaml", scope.engine.render(NAMESPACES, &NamespacesContext { namespaces })?);
    components.push(component);
    Ok(())
}
