//! Flux. Nobody but Flux can mend a policy that cuts it off from Git, so it may call any address outside.

use ichor_agent_api::policy::{Entity, PortProtocol};
use ichor_config::Cluster;
use ichor_config::model::Engine;

use super::Set;
use super::policy::{Pods, Policy};
use crate::gitops;

const CONTROLLERS: [&str; 7] = [
    "helm-controller",
    "image-automation-controller",
    "image-reflector-controller",
    "kustomize-controller",
    "notification-controller",
    "source-controller",
    "source-watcher",
];
const WEBHOOKS: &str = "notification-controller";

pub(super) fn set(cluster: &Cluster) -> Option<Set> {
    let namespace = gitops::engine_namespace(cluster).filter(|_| *cluster.gitops.engine == Engine::Flux)?;
    let pods = Pods::labelled(&namespace, "app", &CONTROLLERS);
    let mut controllers =
        Policy::new("flux", pods.clone(), "Flux's controllers fetch from outside, hand artifacts to each other, and apply them")
            .resolves()
            .calls_api()
            // Artifacts and events, behind Services at port 80.
            .accept_pods(&pods, [PortProtocol::tcp(9090)])
            .reach_pods(&pods, [PortProtocol::tcp(9090)])
            .scraped(cluster, 8080)
            .reach_entities([Entity::World], [])
            .calls_gateways(cluster);
    if repository_is_inside(cluster) {
        controllers = controllers.reach_entities([Entity::Cluster], []);
    }
    let webhooks = Policy::new("flux-webhooks", Pods::labelled(&namespace, "app", &[WEBHOOKS]), "The Git server tells Flux of new commits")
        .behind_gateways(cluster, 9292);
    Some(Set { name: "policies-flux-system", namespace, policies: vec![controllers, webhooks] })
}

/// Whether the repository is served by a pod or by a node, neither of which is the world outside.
fn repository_is_inside(cluster: &Cluster) -> bool {
    let Some(url) = cluster.gitops.repository.as_ref() else { return false };
    let host = host(url.as_str());
    let on_a_node = host.parse().is_ok_and(|ip| cluster.node_subnet_of(ip).is_some());
    on_a_node || !host.contains(['.', ':']) || host.ends_with(".svc") || host.ends_with(&format!(".svc.{}", *cluster.talos.cluster_domain))
}

/// The host of `SCHEME://[USER@]HOST[:PORT]/PATH`, without the brackets of an IPv6 address.
fn host(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => host.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn the_host_of_a_repository_is_found() {
        let table = [
            ("ssh://git@git.example.org:2222/a/b", "git.example.org"),
            ("https://git.example.org/a", "git.example.org"),
            ("http://forgejo.git.svc.cluster.local:3000/a", "forgejo.git.svc.cluster.local"),
            ("https://[2001:db8::1]:8443/a", "2001:db8::1"),
        ];
        for (url, expected) in table {
            assert_eq!(host(url), expected, "{url}");
        }
    }
}
