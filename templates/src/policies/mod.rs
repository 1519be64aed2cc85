//! Network policies for the cluster's own components.
//!
//! A policy names the pods that it is about, and is about no others: nodes, pods that nobody here knows, and whole
//! namespaces are never selected, so that enforcing cannot lock the cluster out. What nearly all of them need, names and
//! the API server, stands in one cluster-wide policy, which is applied before the rest.

mod apps;
mod certificates;
mod engine;
mod monitoring;
mod network;
mod policy;
mod system;
mod wide;

use ichor_agent_api::policy::{CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy};
use ichor_agent_api::{Kind, Resource};
use ichor_config::Cluster;
use ichor_yaml::Layout;
use serde::Serialize;

use crate::component::Component;
use crate::engine::{Error, Template, template};
use crate::part::{Part, Scope};
use crate::{agent, crds};
use policy::Policy;

const POLICY: Template = template!("policies/policy.yaml.j2");

pub(crate) const PART: Part = Part { templates: &[POLICY], components, ..Part::NONE };

/// The cluster-wide policies, which the others wait for.
const WIDE: &str = "policies-cluster";

/// The policies of one namespace.
#[derive(Debug)]
struct Set {
    /// Its component.
    name: &'static str,
    namespace: String,
    policies: Vec<Policy>,
}

#[derive(Debug, Serialize)]
struct PolicyContext<'a> {
    kind: &'static str,
    name: &'a str,
    namespace: Option<&'a str>,
    /// `spec` or `specs`, as YAML.
    rules: String,
}

fn components(scope: Scope<'_>) -> Result<Vec<Component>, Error> {
    if !*scope.cluster.policies.enabled {
        return Ok(Vec::new());
    }
    let sets = sets(scope.cluster);
    let mut wide = component(WIDE, "kube-system");
    for (name, policy) in wide::policies(scope.cluster, &sets) {
        let text = file(scope, CiliumClusterwideNetworkPolicy::RESOURCE, name, None, &policy)?;
        wide.file(format!("{name}.yaml"), text);
    }
    let mut components = vec![wide];
    for set in sets {
        let mut component = component(set.name, &set.namespace);
        component.needs.push(WIDE.to_owned());
        for policy in set.policies {
            let body = CiliumNetworkPolicy::from(policy.rule(*scope.cluster.policies.mode));
            let text = file(scope, CiliumNetworkPolicy::RESOURCE, policy.name, Some(&set.namespace), &body)?;
            component.file(format!("{}.yaml", policy.name), text);
        }
        components.push(component);
    }
    Ok(components)
}

fn component(name: &str, namespace: &str) -> Component {
    let needs = [crds::ICHOR, agent::NAME].map(str::to_owned).into();
    Component { needs, configures: true, ..Component::new(name, namespace) }
}

fn sets(cluster: &Cluster) -> Vec<Set> {
    let mut sets = vec![system::set(cluster), network::set(cluster)];
    sets.extend(monitoring::set(cluster));
    sets.extend(engine::set(cluster));
    sets.extend(certificates::set(cluster));
    sets.extend(apps::sets(cluster));
    sets.retain(|set| !set.policies.is_empty());
    sets
}

fn file(scope: Scope<'_>, resource: Resource, name: &str, namespace: Option<&str>, body: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_value(body).map_err(|error| Error::Unusable { what: name.to_owned(), why: error.to_string() })?;
    let rules = ichor_yaml::emit(&ichor_yaml::from_json(&json), Layout::Two);
    scope.engine.render(POLICY, &PolicyContext { kind: resource.kind, name, namespace, rules })
}
