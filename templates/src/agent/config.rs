//! What the agent, the announcer and the controller are told: one typed document, the same for all of them.

use std::collections::BTreeMap;

use ichor_config::Cluster;
use ichor_yaml::Layout;
use serde::Serialize;

use crate::talos::KUBE_PRISM_PORT;
use crate::workload::any_address;

/// Talos mounts it, and nobody else may.
const CGROUP_ROOT: &str = "/sys/fs/cgroup";
/// Where pods reach the DNS server of their Talos node; its answers are lost if the address is rewritten.
const TALOS_HOST_DNS: &str = "169.254.116.108/32";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AgentConfig {
    cluster: String,
    domain: String,
    api_server: String,
    cgroup: Cgroup,
    /// As kube-proxy has it, for health checks from outside.
    healthz: String,
    addresses: Addresses,
    ipam: Ipam,
    routing: Routing,
    #[serde(skip_serializing_if = "Option::is_none")]
    conntrack: Option<Conntrack>,
    masquerade: Masquerade,
    load_balancer: LoadBalancer,
    bandwidth_limits: bool,
    #[serde(rename = "externalIPs")]
    external_ips: bool,
    neighbour_discovery: bool,
    l2: Switch,
    bgp: Bgp,
    gateway_api: Switch,
    flows: Flows,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cgroup {
    root: &'static str,
    auto_mount: bool,
}

#[derive(Debug, Serialize)]
struct Switch {
    enabled: bool,
}

#[derive(Debug, Serialize)]
struct Addresses {
    nodes: Vec<String>,
    pods: Vec<String>,
    services: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ipam {
    mode: &'static str,
    ipv4_mask: i64,
    ipv6_mask: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Routing {
    direct_node_routes: bool,
    endpoint_routes: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtu: Option<i64>,
}

#[derive(Debug, Serialize)]
struct Conntrack {
    entries: i64,
}

#[derive(Debug, Serialize)]
struct Masquerade {
    enabled: bool,
    /// Destinations that see the pod's own address.
    exclude: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LoadBalancer {
    mode: &'static str,
    algorithm: &'static str,
    acceleration: &'static str,
    /// Nodes whose network driver needs another setting than the rest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    acceleration_by_node: BTreeMap<String, &'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Bgp {
    enabled: bool,
    /// What a `CiliumBGPPeerConfig` has no field for, by the address of the peer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    peers: BTreeMap<String, Peer>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Peer {
    /// Packets that came over more hops are dropped (RFC 5082).
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_security_hops: Option<i64>,
    /// Routes of one family may have a next hop of the other (RFC 8950).
    extended_next_hop: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Flows {
    enabled: bool,
    ring_size: i64,
    metrics: Vec<&'static str>,
}

/// The document's text.
pub(super) fn text(cluster: &Cluster) -> String {
    let json = serde_json::to_value(config(cluster)).unwrap_or_default();
    ichor_yaml::emit(&ichor_yaml::from_json(&json), Layout::Two)
}

fn config(cluster: &Cluster) -> AgentConfig {
    let network = &cluster.network;
    AgentConfig {
        cluster: cluster.name.to_string(),
        domain: cluster.talos.cluster_domain.to_string(),
        api_server: format!("https://127.0.0.1:{KUBE_PRISM_PORT}"),
        cgroup: Cgroup { root: CGROUP_ROOT, auto_mount: false },
        healthz: format!("{}:{}", any_address(cluster), *network.healthz_port),
        addresses: Addresses {
            nodes: texts(network.node_cidrs.iter()),
            pods: texts(network.pod_cidrs.iter()),
            services: texts(network.service_cidrs.iter()),
        },
        ipam: Ipam { mode: network.ipam.mode.as_str(), ipv4_mask: network.ipam.ipv4_mask.get(), ipv6_mask: network.ipam.ipv6_mask.get() },
        routing: Routing {
            direct_node_routes: *network.direct_node_routes,
            endpoint_routes: *network.endpoint_routes,
            mtu: network.mtu.as_ref().map(|mtu| mtu.get()),
        },
        conntrack: network.conntrack.entries.as_ref().map(|entries| Conntrack { entries: entries.get() }),
        masquerade: masquerade(cluster),
        load_balancer: load_balancer(cluster),
        bandwidth_limits: *network.bandwidth_limits,
        external_ips: *network.external_ips,
        neighbour_discovery: *network.neighbour_discovery,
        l2: Switch { enabled: cluster.l2_enabled() },
        bgp: bgp(cluster),
        gateway_api: Switch { enabled: *cluster.gateways.enabled },
        flows: Flows {
            enabled: *cluster.flows.enabled,
            ring_size: cluster.flows.ring_size.get(),
            metrics: cluster.flows.metrics.iter().map(|metric| metric.as_str()).collect(),
        },
    }
}

fn masquerade(cluster: &Cluster) -> Masquerade {
    let network = &cluster.network;
    let mut exclude = texts(network.pod_cidrs.iter().chain(network.node_cidrs.iter()));
    exclude.push(TALOS_HOST_DNS.to_owned());
    exclude.extend(network.masquerade.exclude.iter().map(ToString::to_string));
    Masquerade { enabled: *network.masquerade.enabled, exclude }
}

fn load_balancer(cluster: &Cluster) -> LoadBalancer {
    let settings = &cluster.network.load_balancer;
    let others = cluster.nodes.iter().filter(|node| cluster.acceleration(node) != *settings.acceleration);
    LoadBalancer {
        mode: settings.mode.as_str(),
        algorithm: settings.algorithm.as_str(),
        acceleration: settings.acceleration.as_str(),
        acceleration_by_node: others.map(|node| (node.name.to_string(), cluster.acceleration(node).as_str())).collect(),
    }
}

fn bgp(cluster: &Cluster) -> Bgp {
    let mut peers = BTreeMap::new();
    for router in cluster.bgp().map(|bgp| bgp.routers.as_slice()).unwrap_or_default() {
        let ttl_security_hops = router.ttl_security.then(|| router.max_hops.get());
        let extended_next_hop = *router.extended_next_hop;
        if ttl_security_hops.is_some() || extended_next_hop {
            peers.extend(router.addresses.iter().map(|address| (address.to_string(), Peer { ttl_security_hops, extended_next_hop })));
        }
    }
    Bgp { enabled: cluster.bgp().is_some(), peers }
}

fn texts<'a, T: ToString + 'a>(values: impl Iterator<Item = &'a T>) -> Vec<String> {
    values.map(ToString::to_string).collect()
}
