//! What a lab consists of: worked out from a cluster, touching nothing.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ichor_config::{Block, Cluster, Family};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::service::{self, Service};

/// Networks for documentation: whoever writes a cluster.yaml with one of them gets the next.
const OUTSIDE: [&str; 4] = ["198.51.100.0/24", "192.0.2.0/24", "2001:db8:0:1::/64", "2001:db8:0:2::/64"];
const EXTERNAL: [&str; 4] = ["203.0.113.0/24", "192.0.2.0/24", "2001:db8:0:3::/64", "2001:db8:0:2::/64"];

/// What Ethernet carries where nothing is said.
pub(crate) const MTU: u32 = 1500;

const ZONE: &str = "topology.kubernetes.io/zone";

/// The namespaces beside nodes and pods.
pub(crate) const LAN: &str = "lan";
pub(crate) const ROUTER: &str = "router";
pub(crate) const CLIENT: &str = "client";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Topology {
    pub(crate) cluster: String,
    pub(crate) nodes: Vec<Node>,
    /// The router's addresses on the nodes' network: their gateways, and where BGP will be spoken.
    pub(crate) router: Vec<IpNet>,
    /// One network for each family, behind the router.
    pub(crate) outside: Vec<Outside>,
    pub(crate) services: Vec<Service>,
    /// Prefixes that the router spreads over all nodes.
    pub(crate) pools: Vec<IpNet>,
    /// Whether answers go straight to the client, who stays visible.
    pub(crate) direct_return: bool,
    pub(crate) external_ips: bool,
    /// Whether pods are seen outside as their node.
    pub(crate) masquerades: bool,
    /// Whether a route to each node's pods is set on all others.
    pub(crate) node_routes: bool,
    /// Whether the cluster pool, and not Kubernetes, gives nodes their networks for pods.
    pub(crate) cluster_pool: bool,
    /// Where nodes say whether they serve.
    pub(crate) healthz_port: u16,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    /// Its own, or one that it shares with every other node.
    pub(crate) zone: String,
    /// The link address of its cable: its neighbours remember it when the node was off for a while.
    pub(crate) mac: [u8; 6],
    /// The largest packet of its interface.
    pub(crate) mtu: u32,
    /// Its addresses, each with the length of the nodes' prefix.
    pub(crate) addresses: Vec<IpNet>,
    pub(crate) gateways: Vec<IpAddr>,
    pub(crate) pod_cidrs: Vec<IpNet>,
    pub(crate) pods: Vec<Pod>,
    /// Whether packets are handled before the kernel makes socket buffers of them.
    pub(crate) xdp: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pod {
    pub(crate) name: String,
    /// Pods with this label are what services lead to.
    pub(crate) web: bool,
    pub(crate) host_port: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outside {
    pub(crate) router: IpNet,
    pub(crate) client: IpNet,
}

impl Topology {
    pub(crate) fn of(cluster: &Cluster) -> Result<Self, Error> {
        let nodes = cluster.nodes.iter().enumerate().map(|(index, node)| Node::of(cluster, index, node)).collect::<Result<Vec<_>, _>>()?;
        let taken = taken(cluster);
        let families = cluster.families();
        let outside = families.iter().map(|family| outside(*family, &taken)).collect::<Result<Vec<_>, _>>()?;
        let external = families.iter().filter_map(|family| free(&EXTERNAL, *family, &taken)).collect::<Vec<_>>();
        let blocks: Vec<_> = cluster.pool_blocks().iter().flat_map(|pool| pool.blocks.clone()).collect();
        let pools = blocks.iter().filter_map(|block| match block {
            Block::Cidr(net) => Some(*net),
            // The services' addresses in it have routes of their own.
            Block::Range(..) => None,
        });
        let node_prefixes: Vec<_> = cluster.network.node_cidrs.iter().map(|cidr| cidr.0).collect();
        Ok(Self {
            cluster: cluster.name.to_string(),
            services: service::samples(cluster, &nodes, &blocks, &external)?,
            // Addresses of the nodes' own network are neighbours of the router, where no wider route can say otherwise.
            pools: pools.filter(|pool| !node_prefixes.iter().any(|nodes| nodes.contains(pool))).collect(),
            nodes,
            router: router(cluster),
            outside,
            direct_return: cluster.network.load_balancer.mode.as_str() == "dsr",
            external_ips: *cluster.network.external_ips,
            masquerades: *cluster.network.masquerade.enabled,
            node_routes: *cluster.network.direct_node_routes,
            healthz_port: u16::try_from(cluster.network.healthz_port.get()).unwrap_or_default(),
            cluster_pool: cluster.network.ipam.mode.as_str() == "cluster-pool",
        })
    }

    pub(crate) fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The largest packet on the LAN, which the router must be able to take.
    pub(crate) fn mtu(&self) -> u32 {
        self.nodes.iter().map(|node| node.mtu).max().unwrap_or(MTU)
    }

    pub(crate) fn pods(&self) -> impl Iterator<Item = (&Node, &Pod)> {
        self.nodes.iter().flat_map(|node| node.pods.iter().map(move |pod| (node, pod)))
    }

    /// The last parts of all namespaces' names.
    pub(crate) fn namespaces(&self) -> Vec<String> {
        let shared = [LAN, ROUTER, CLIENT].map(str::to_owned);
        let nodes = self.nodes.iter().map(|node| node.name.clone());
        let pods = self.pods().map(|(_, pod)| format!("pod-{}", pod.name));
        shared.into_iter().chain(nodes).chain(pods).collect()
    }
}

impl Node {
    fn of(cluster: &Cluster, index: usize, node: &ichor_config::model::Node) -> Result<Self, Error> {
        if [LAN, ROUTER, CLIENT].contains(&node.name.as_str()) || node.name.as_str().starts_with("pod-") {
            let name = node.name.as_str();
            return Err(Error::new(format!("a node cannot be called `{name}` in the lab, where that is something else"))
                .help("give the node another name in the copy of cluster.yaml that you use for the lab"));
        }
        let families = cluster.families();
        let prefix_of =
            |address: IpAddr| cluster.node_subnet_of(address).map_or(if address.is_ipv4() { 32 } else { 128 }, |net| net.prefix_len());
        let addresses = families.iter().filter_map(|family| node.address(*family));
        let number = index + 1;
        let mut labels = node.known_labels();
        let zone = labels.iter().find(|(key, _)| key == ZONE).map(|(_, zone)| zone.clone());
        let zone = zone.unwrap_or_else(|| {
            let zone = format!("lab-{}", index % 2 + 1);
            labels.push((ZONE.to_owned(), zone.clone()));
            zone
        });
        let web = Pod { name: format!("web-{number}"), web: true, host_port: Some(service::HOST_PORT) };
        Ok(Self {
            name: node.name.to_string(),
            xdp: cluster.acceleration(node).as_str() != "disabled",
            labels,
            zone,
            mac: mac(index, node),
            mtu: node.interface.mtu.as_ref().and_then(|mtu| u32::try_from(mtu.get()).ok()).unwrap_or(MTU),
            addresses: addresses.filter_map(|address| IpNet::new(address, prefix_of(address)).ok()).collect(),
            gateways: families.iter().filter_map(|family| cluster.node_network(*family)).map(|network| network.gateway).collect(),
            pod_cidrs: pod_cidrs(cluster, index)?,
            pods: vec![web, Pod { name: format!("shell-{number}"), web: false, host_port: None }],
        })
    }

    pub(crate) fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses.iter().map(IpNet::addr).find(|address| Family::of(*address) == family)
    }
}

impl Outside {
    pub(crate) fn family(&self) -> Family {
        Family::of(self.client.addr())
    }
}

/// As written, or else one of the addresses that nobody sells.
fn mac(index: usize, node: &ichor_config::model::Node) -> [u8; 6] {
    let [.., high, low] = index.to_be_bytes();
    let written = node.interface.mac.as_ref().and_then(|mac| {
        let pairs = mac.as_str().split(':').map(|pair| u8::from_str_radix(pair, 16));
        pairs.collect::<Result<Vec<_>, _>>().ok()?.try_into().ok()
    });
    written.unwrap_or([2, 0, 0x69, 0x63, high, low])
}

/// The part of the pods' prefixes that the controller would give to a node.
fn pod_cidrs(cluster: &Cluster, index: usize) -> Result<Vec<IpNet>, Error> {
    let ipam = &cluster.network.ipam;
    let part = |whole: IpNet| {
        let length = u8::try_from(if whole.addr().is_ipv4() { ipam.ipv4_mask.get() } else { ipam.ipv6_mask.get() }).unwrap_or(u8::MAX);
        whole.subnets(length).ok().and_then(|mut parts| parts.nth(index))
    };
    let parts = cluster.network.pod_cidrs.iter().map(|cidr| {
        part(cidr.0).ok_or_else(|| Error::new(format!("{} has no room for the pods of {} nodes", cidr.0, cluster.nodes.len())))
    });
    parts.collect()
}

/// All of the nodes' gateways and of the first BGP router's addresses that are on the nodes' network.
fn router(cluster: &Cluster) -> Vec<IpNet> {
    let gateways = Family::BOTH.iter().filter_map(|family| cluster.node_network(*family)).map(|network| network.gateway);
    let speaker = cluster.bgp().and_then(|bgp| bgp.routers.first());
    let addresses = speaker.map(|router| router.addresses.iter().map(|address| address.0).collect::<Vec<_>>()).unwrap_or_default();
    let all: BTreeSet<_> = gateways.chain(addresses).collect();
    let on_link = |address: IpAddr| IpNet::new(address, cluster.node_subnet_of(address)?.prefix_len()).ok();
    all.into_iter().filter_map(on_link).collect()
}

/// Every prefix that means something in this cluster.
fn taken(cluster: &Cluster) -> Vec<IpNet> {
    let network = &cluster.network;
    let written = network.node_cidrs.iter().chain(network.pod_cidrs.iter()).chain(network.service_cidrs.iter()).map(|cidr| cidr.0);
    let blocks = cluster.pool_blocks().into_iter().flat_map(|pool| pool.blocks);
    let pools = blocks.map(|block| IpNet::from(block.bounds().0));
    written.chain(pools).collect()
}

fn free(candidates: &[&str], family: Family, taken: &[IpNet]) -> Option<IpNet> {
    let nets = candidates.iter().filter_map(|text| text.parse::<IpNet>().ok()).filter(|net| Family::of_net(*net) == family);
    let overlaps = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
    nets.into_iter().find(|net| !taken.iter().any(|other| overlaps(net, other)))
}

fn outside(family: Family, taken: &[IpNet]) -> Result<Outside, Error> {
    let host = |net: IpNet, nth: usize| IpNet::new(net.hosts().nth(nth)?, net.prefix_len()).ok();
    let pair = free(&OUTSIDE, family, taken).and_then(|net| Some(Outside { router: host(net, 1)?, client: host(net, 9)? }));
    pair.ok_or_else(|| Error::new(format!("cluster.yaml uses every {family} network for documentation, and the outside client needs one")))
}
