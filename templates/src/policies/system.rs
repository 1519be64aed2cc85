//! kube-system: names, metrics, images, and the view of flows.

use std::net::{IpAddr, Ipv4Addr};

use ichor_agent_api::policy::{Entity, PortProtocol};
use ichor_config::Cluster;

use super::Set;
use super::policy::{NODES, Pods, Policy, both};
use crate::dns;
use crate::gateways;

const NAMESPACE: &str = "kube-system";
/// Where a Talos node answers the DNS queries of its pods.
const TALOS_HOST_DNS: Ipv4Addr = Ipv4Addr::new(169, 254, 116, 108);

pub(super) fn set(cluster: &Cluster) -> Set {
    let mut policies = vec![names(cluster), metrics_server(cluster), reloader(cluster), spegel(cluster)];
    if *cluster.flows.enabled {
        policies.push(relay(cluster));
    }
    if *cluster.flows.enabled && *cluster.flows.ui {
        policies.push(ui(cluster));
    }
    Set { name: "policies-kube-system", namespace: NAMESPACE.to_owned(), policies }
}

/// CoreDNS as Talos labels it, and as its chart does.
pub(super) fn core_dns() -> Pods {
    Pods::labelled(NAMESPACE, "k8s-app", &["coredns", "kube-dns"])
}

fn names(cluster: &Cluster) -> Policy {
    let upstream = || [both(53), both(853)].concat();
    let policy = Policy::new("coredns", core_dns(), "CoreDNS answers the whole cluster and asks the nodes' and other DNS servers")
        .calls_api()
        .accept_entities([Entity::Cluster], both(53))
        .scraped(cluster, 9153)
        .reach_entities([Entity::Host, Entity::RemoteNode, Entity::World], upstream())
        .reach_addresses([IpAddr::V4(TALOS_HOST_DNS)], both(53));
    match dns::split(cluster) {
        // It may be among the nodes' DNS servers.
        Some(_) => policy.reach_pods(&Pods::named(&gateways::namespace(cluster), &[dns::K8S_GATEWAY]), both(dns::DNS_PORT)),
        None => policy,
    }
}

fn metrics_server(cluster: &Cluster) -> Policy {
    const KUBELET: u16 = 10250;
    Policy::new(
        "metrics-server",
        Pods::named(NAMESPACE, &["metrics-server"]),
        "metrics-server asks every kubelet and is asked by the API server",
    )
    .resolves()
    .calls_api()
    .called_by_api(10250)
    .scraped(cluster, 10250)
    .reach_entities(NODES, [PortProtocol::tcp(KUBELET)])
}

fn reloader(cluster: &Cluster) -> Policy {
    Policy::new("reloader", Pods::named(NAMESPACE, &["reloader"]), "Reloader watches Secrets and ConfigMaps")
        .resolves()
        .calls_api()
        .scraped(cluster, 9090)
}

/// The container runtime of each node asks it, at a port of the node that charts choose.
fn spegel(cluster: &Cluster) -> Policy {
    let pods = Pods::named(NAMESPACE, &["spegel"]);
    Policy::new("spegel", pods.clone(), "Spegel serves images to nodes and to its like, and asks registries for tags")
        .resolves()
        .calls_api()
        .accept_entities(NODES, [])
        .accept_pods(&pods, [])
        .scraped(cluster, 9090)
        .reach_pods(&pods, [])
        .reach_entities([Entity::World], [PortProtocol::tcp(443)])
}

const RELAY_PORT: u16 = 4245;

fn relay_pods() -> Pods {
    Pods::named(NAMESPACE, &["hubble-relay"])
}

fn ui_pods() -> Pods {
    Pods::named(NAMESPACE, &["hubble-ui"])
}

fn relay(cluster: &Cluster) -> Policy {
    const PEER_PORT: u16 = 4244;
    Policy::new("hubble-relay", relay_pods(), "The relay asks the agent of every node for flows")
        .resolves()
        .calls_api()
        .accept_pods(&ui_pods(), [PortProtocol::tcp(RELAY_PORT)])
        .scraped(cluster, 9966)
        .reach_entities(NODES, [PortProtocol::tcp(PEER_PORT)])
}

fn ui(cluster: &Cluster) -> Policy {
    Policy::new("hubble-ui", ui_pods(), "The web view asks the relay")
        .resolves()
        .behind_gateways(cluster, 8081)
        .reach_pods(&relay_pods(), [PortProtocol::tcp(RELAY_PORT)])
}
