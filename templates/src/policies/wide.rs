//! What nearly all pods need: names, and the API server.

use std::collections::{BTreeMap, BTreeSet};

use ichor_agent_api::LabelSelector;
use ichor_agent_api::policy::{CiliumClusterwideNetworkPolicy, DefaultDeny, EgressRule, Entity, PortRule, Rule};
use ichor_config::Cluster;
use ichor_config::model::PolicyMode;

use super::Set;
use super::policy::{Pods, Policy, both};
use super::system::core_dns;

/// The two cluster-wide policies, by name.
pub(super) fn policies(cluster: &Cluster, sets: &[Set]) -> Vec<(&'static str, CiliumClusterwideNetworkPolicy)> {
    let ports = PortRule { ports: Some(both(53).into()), ..PortRule::default() };
    let names = EgressRule::to_endpoints([core_dns().anywhere()]).to_ports(ports);
    // Without a port: its own is 6443 only where nobody moved it.
    let api = EgressRule::to_entities([Entity::KubeApiserver]);
    [
        ("allow-dns", "Asking CoreDNS for names", names, selectors(sets, |policy| policy.resolves)),
        ("allow-kube-apiserver", "Calling the API server", api, selectors(sets, |policy| policy.calls_api)),
    ]
    .map(|(name, description, egress, selectors)| (name, policy(cluster, description, &egress, selectors)))
    .into()
}

/// One selector for each namespace and label.
fn selectors(sets: &[Set], wanted: fn(&Policy) -> bool) -> Vec<LabelSelector> {
    let mut groups: BTreeMap<(&str, &'static str), BTreeSet<&'static str>> = BTreeMap::new();
    for Policy { pods, .. } in sets.iter().flat_map(|set| &set.policies).filter(|policy| wanted(policy)) {
        groups.entry((&pods.namespace, pods.key)).or_default().extend(&pods.values);
    }
    let groups = groups.into_iter();
    groups
        .map(|((namespace, key), values)| Pods { namespace: namespace.to_owned(), key, values: values.into_iter().collect() }.anywhere())
        .collect()
}

/// It says nothing of what comes in, and must not turn that off either.
fn policy(cluster: &Cluster, description: &str, egress: &EgressRule, selectors: Vec<LabelSelector>) -> CiliumClusterwideNetworkPolicy {
    let deny = DefaultDeny { ingress: None, egress: Some(*cluster.policies.mode == PolicyMode::Enforce) };
    let rule = |selector| Rule {
        description: Some(description.to_owned()),
        endpoint_selector: Some(selector),
        enable_default_deny: Some(deny),
        egress: Some(vec![egress.clone()]),
        ..Rule::default()
    };
    CiliumClusterwideNetworkPolicy { specs: Some(selectors.into_iter().map(rule).collect()), ..CiliumClusterwideNetworkPolicy::default() }
}
