//! All parts together: from a cluster to a tree of files.

use std::collections::BTreeMap;

use ichor_config::Cluster;

use crate::component::Component;
use crate::crds::GatewayApiBundle;
use crate::engine::{Engine, Error, Template};
use crate::part::{Part, Scope};
use crate::secrets::{Secrets, WantedSecret};
use crate::tree::Tree;
use crate::{
    agent, apps, certificates, crds, dns, gateways, gitops, guards, layout, namespaces, network, policies, router, sops_config, talos,
    tunnel, workload,
};

/// Every part; the order decides nothing.
const PARTS: &[Part] = &[
    agent::PART,
    apps::PART,
    certificates::PART,
    crds::PART,
    dns::PART,
    gateways::PART,
    gitops::PART,
    layout::PART,
    namespaces::PART,
    network::PART,
    policies::PART,
    router::PART,
    sops_config::PART,
    talos::PART,
    tunnel::PART,
    workload::PART,
];

/// What is rendered besides the cluster itself.
#[derive(Clone, Debug, Default)]
pub struct Inputs<'a> {
    /// The secrets at hand; an object that needs one that is not is left out, see [`wanted`].
    pub secrets: Secrets,
    /// Texts of the user's own that stand in for templates of the same name.
    pub overrides: BTreeMap<String, String>,
    /// The Gateway API's CRDs; without them their component is left out.
    pub gateway_api: Option<&'a GatewayApiBundle>,
}

/// Renders everything that the cluster needs.
pub fn render(cluster: &Cluster, inputs: &Inputs<'_>) -> Result<Tree, Error> {
    let templates: Vec<Template> = templates().collect();
    let engine = Engine::new(inputs.overrides.clone(), &templates)?;
    let scope = Scope { engine: &engine, cluster, secrets: &inputs.secrets, gateway_api: inputs.gateway_api };
    let mut tree = Tree::default();
    let mut components = Vec::new();
    for part in PARTS {
        components.extend((part.components)(scope)?);
        (part.files)(scope, &mut tree)?;
    }
    // What is left of a component without its secrets may be nothing, and kustomize refuses an empty folder.
    components.retain(|component: &Component| !component.files.is_empty());
    namespaces::add(scope, &mut components)?;
    for component in components.iter_mut().filter(|component| !component.prune) {
        guards::add(component)?;
    }
    layout::arrange(scope, components, &mut tree)?;
    Ok(tree)
}

/// The secrets that the cluster needs, by name.
pub fn wanted(cluster: &Cluster) -> Vec<WantedSecret> {
    let mut wanted: Vec<_> = PARTS.iter().flat_map(|part| (part.wanted)(cluster)).collect();
    wanted.sort_by(|a, b| a.name.cmp(&b.name));
    wanted.dedup_by(|a, b| a.name == b.name);
    wanted
}

/// The names of all templates, as overrides spell them.
pub fn template_names() -> Vec<&'static str> {
    let mut names: Vec<_> = templates().map(|template| template.name).collect();
    names.sort_unstable();
    names
}

fn templates() -> impl Iterator<Item = Template> {
    PARTS.iter().flat_map(|part| part.templates.iter().copied())
}
