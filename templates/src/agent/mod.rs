//! The agent's own objects: the base layer that bootstrap and the engine apply alike, and the observability layer that
//! only joins afterwards.

mod base;
mod config;
mod dashboards;
mod observe;

use ichor_config::Cluster;

use crate::component::Component;
use crate::engine::Error;
use crate::part::{Part, Scope};

/// The name of the component with the base layer.
pub(crate) const NAME: &str = "ichor";

pub(crate) const PART: Part = Part {
    templates: &[
        base::ACCOUNTS,
        base::RBAC,
        base::ADMISSION,
        base::CONFIG,
        base::AGENT,
        base::ANNOUNCER,
        base::CONTROLLER,
        observe::METRICS,
        observe::RELAY,
        observe::UI,
        observe::UI_ROUTE,
        observe::MONITORS,
        observe::DASHBOARDS,
    ],
    components,
    ..Part::NONE
};

fn components(scope: Scope<'_>) -> Result<Vec<Component>, Error> {
    Ok(vec![base::component(scope)?, observe::component(scope)?])
}

/// The `config.yaml` that the ConfigMap of the base layer holds, for agents that run without Kubernetes.
pub fn agent_config(cluster: &Cluster) -> String {
    config::text(cluster)
}
