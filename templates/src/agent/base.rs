//! The base layer: what a node needs to carry packets, and nothing that may come later.

use std::fmt::Write as _;

use ichor_config::Cluster;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{NAME, config};
use crate::component::Component;
use crate::engine::{Error, Template, template};
use crate::images;
use crate::part::Scope;

pub(super) const ACCOUNTS: Template = template!("agent/accounts.yaml.j2");
pub(super) const RBAC: Template = template!("agent/rbac.yaml.j2");
pub(super) const ADMISSION: Template = template!("agent/admission.yaml.j2");
pub(super) const CONFIG: Template = template!("agent/config.yaml.j2");
pub(super) const AGENT: Template = template!("agent/agent.yaml.j2");
pub(super) const ANNOUNCER: Template = template!("agent/announcer.yaml.j2");
pub(super) const CONTROLLER: Template = template!("agent/controller.yaml.j2");

#[derive(Debug, Serialize)]
struct BaseContext {
    image: String,
    config: String,
    /// Changes with the configuration, so that a new one is rolled out node by node.
    config_hash: String,
    /// Whether anything is announced.
    announces: bool,
    /// The Secrets that the announcer may read.
    password_secrets: Vec<String>,
    gateway_api: bool,
    flows: bool,
    controllers: u8,
}

/// The reference of ichor's own image.
pub(super) fn image(cluster: &Cluster) -> String {
    format!("{}:{}", images::ICHOR, *cluster.versions.agent)
}

pub(super) fn component(scope: Scope<'_>) -> Result<Component, Error> {
    let context = context(scope.cluster);
    let mut component = Component {
        bootstrap: Some(30),
        needs: vec![crate::crds::ICHOR.to_owned(), crate::crds::GATEWAY_API.to_owned()],
        prune: false,
        ..Component::new(NAME, "kube-system")
    };
    let files = [
        ("accounts.yaml", ACCOUNTS),
        ("rbac.yaml", RBAC),
        ("admission.yaml", ADMISSION),
        ("config.yaml", CONFIG),
        ("agent.yaml", AGENT),
        ("announcer.yaml", ANNOUNCER),
        ("controller.yaml", CONTROLLER),
    ];
    for (name, template) in files {
        if name != "announcer.yaml" || context.announces {
            component.file(name, scope.engine.render(template, &context)?);
        }
    }
    Ok(component)
}

fn context(cluster: &Cluster) -> BaseContext {
    let config = config::text(cluster);
    let mut config_hash = String::new();
    for byte in Sha256::digest(config.as_bytes()).iter().take(8) {
        let _ = write!(config_hash, "{byte:02x}");
    }
    BaseContext {
        image: image(cluster),
        config,
        config_hash,
        announces: cluster.l2_enabled() || cluster.bgp().is_some(),
        password_secrets: crate::network::password_secrets(cluster),
        gateway_api: *cluster.gateways.enabled,
        flows: *cluster.flows.enabled,
        // The second takes over when the first one's node is gone.
        controllers: if cluster.nodes.len() > 1 { 2 } else { 1 },
    }
}
