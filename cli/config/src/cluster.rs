//! The validated cluster, with everything that follows from what was written.

use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;

use ipnet::IpNet;

use crate::diagnostic::Diagnostic;
use crate::field::Spanned;
use crate::model::{Acceleration, Announcer, Bgp, Labels, Node, NodeSelector, Pool, Role, Router, Spec};

/// An IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    pub fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    pub fn of_net(net: IpNet) -> Self {
        Self::of(net.addr())
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// The node network of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeNetwork {
    pub cidr: IpNet,
    pub gateway: IpAddr,
}

/// A [`Spec`] without contradictions. Only [`crate::validate`] makes one.
#[derive(Clone, Debug)]
pub struct Cluster {
    spec: Spec,
    warnings: Vec<Diagnostic>,
}

impl Deref for Cluster {
    type Target = Spec;

    fn deref(&self) -> &Spec {
        &self.spec
    }
}

impl Cluster {
    pub(crate) fn new(spec: Spec, warnings: Vec<Diagnostic>) -> Self {
        Self { spec, warnings }
    }

    /// What is allowed and probably not meant.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}

/// What follows from a spec; also asked while it is being validated.
impl Spec {
    /// The families of pods, the first of them preferred.
    pub fn families(&self) -> Vec<Family> {
        self.network.pod_cidrs.iter().map(|cidr| Family::of_net(cidr.0)).collect()
    }

    pub fn is_dual_stack(&self) -> bool {
        self.families().len() > 1
    }

    pub fn control_planes(&self) -> impl Iterator<Item = &Spanned<Node>> {
        self.nodes.iter().filter(|node| *node.role == Role::ControlPlane)
    }

    pub fn workers(&self) -> impl Iterator<Item = &Spanned<Node>> {
        self.nodes.iter().filter(|node| *node.role == Role::Worker)
    }

    /// Whether ordinary pods run on control-plane nodes: as written, or else when nobody else could run them.
    pub fn schedules_on_control_planes(&self) -> bool {
        self.talos.schedule_on_control_planes.unwrap_or_else(|| self.workers().next().is_none())
    }

    /// The node network of a family: its prefix, and the gateway as written or the first address of the prefix.
    pub fn node_network(&self, family: Family) -> Option<NodeNetwork> {
        let cidr = self.network.node_cidrs.iter().map(|cidr| cidr.0).find(|cidr| Family::of_net(*cidr) == family)?;
        let written = self.network.gateways.iter().map(|gateway| gateway.0).find(|gateway| Family::of(*gateway) == family);
        let gateway = written.or_else(|| first_host(cidr))?;
        Some(NodeNetwork { cidr, gateway })
    }

    /// The prefix of the node network that an address is in.
    pub fn node_subnet_of(&self, ip: IpAddr) -> Option<IpNet> {
        self.network.node_cidrs.iter().map(|cidr| cidr.0).find(|cidr| cidr.contains(&ip))
    }

    /// Where the Kubernetes API is reached from outside.
    pub fn endpoint(&self) -> String {
        if let Some(endpoint) = &*self.talos.endpoint {
            return endpoint.as_str().to_owned();
        }
        let first = || self.control_planes().next().and_then(|node| node.addresses.first()).map(|address| address.0);
        match self.talos.vip.map(|vip| vip.0).or_else(first) {
            Some(IpAddr::V6(ip)) => format!("https://[{ip}]:6443"),
            Some(ip) => format!("https://{ip}:6443"),
            None => String::new(),
        }
    }

    /// DNS servers of the nodes: as written, or else the gateways.
    pub fn nameservers(&self) -> Vec<IpAddr> {
        if self.talos.nameservers.is_empty() {
            return Family::BOTH.iter().filter_map(|family| self.node_network(*family)).map(|network| network.gateway).collect();
        }
        self.talos.nameservers.iter().map(|server| server.0).collect()
    }

    /// Whether L2 announcements are on: as written, or else when there is no BGP.
    pub fn l2_enabled(&self) -> bool {
        self.l2.enabled.unwrap_or_else(|| self.bgp.is_none())
    }

    /// The BGP section and its routers, if BGP is on.
    pub fn bgp(&self) -> Option<&Bgp> {
        self.bgp.as_ref()
    }

    /// Who announces a pool: as written, or else whoever is on.
    pub fn announcers(&self, pool: &Pool) -> Vec<Announcer> {
        match &*pool.announce {
            Some(list) => {
                let mut announcers: Vec<_> = list.iter().map(|announcer| announcer.value).collect();
                announcers.sort_unstable();
                announcers.dedup();
                announcers
            }
            None if self.bgp.is_some() && !self.l2_enabled() => vec![Announcer::Bgp],
            None if self.l2_enabled() => vec![Announcer::L2],
            None => Vec::new(),
        }
    }

    /// The nodes that speak BGP.
    pub fn speakers(&self) -> Vec<&Spanned<Node>> {
        self.bgp().map(|bgp| self.selected(&bgp.node_selector)).unwrap_or_default()
    }

    /// The nodes that a selector means, as far as labels are known before the cluster exists.
    pub fn selected(&self, selector: &NodeSelector) -> Vec<&Spanned<Node>> {
        self.nodes.iter().filter(|node| matches(&selector.match_labels, node)).collect()
    }

    /// Packet handling in the driver of one node: its own quirk, or else the cluster's setting.
    pub fn acceleration(&self, node: &Node) -> Acceleration {
        node.quirks.acceleration.unwrap_or(*self.network.load_balancer.acceleration)
    }

    /// The pools as written, or else one of the free addresses of the node network.
    pub fn pool_blocks(&self) -> Vec<PoolBlocks<'_>> {
        self.pools
            .iter()
            .map(|pool| {
                let cidrs = pool.cidrs.iter().map(|cidr| Block::Cidr(cidr.0));
                let ranges = pool.ranges.iter().map(|range| Block::Range(range.start.0, range.stop.0));
                PoolBlocks { pool, blocks: cidrs.chain(ranges).collect() }
            })
            .collect()
    }
}

/// A pool with its addresses in one list.
#[derive(Clone, Debug)]
pub struct PoolBlocks<'a> {
    pub pool: &'a Spanned<Pool>,
    pub blocks: Vec<Block>,
}

/// A run of addresses, as a prefix or by its two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    Cidr(IpNet),
    Range(IpAddr, IpAddr),
}

impl Block {
    /// The first and last address, both included.
    pub fn bounds(self) -> (IpAddr, IpAddr) {
        match self {
            Self::Cidr(net) => (net.network(), net.broadcast()),
            Self::Range(start, stop) => (start, stop),
        }
    }

    pub fn family(self) -> Family {
        Family::of(self.bounds().0)
    }

    pub fn contains(self, ip: IpAddr) -> bool {
        let (first, last) = self.bounds();
        first.is_ipv4() == ip.is_ipv4() && first <= ip && ip <= last
    }

    pub fn overlaps(self, other: Self) -> bool {
        let ((a, b), (c, d)) = (self.bounds(), other.bounds());
        a.is_ipv4() == c.is_ipv4() && a <= d && c <= b
    }
}

impl Node {
    /// The node's address of a family.
    pub fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses.iter().map(|address| address.0).find(|ip| Family::of(*ip) == family)
    }

    /// The labels that the node will have, as far as they are known before it exists.
    pub fn known_labels(&self) -> Vec<(String, String)> {
        let mut labels =
            vec![("kubernetes.io/os".to_owned(), "linux".to_owned()), ("kubernetes.io/hostname".to_owned(), self.name.to_string())];
        if *self.role == Role::ControlPlane {
            labels.push(("node-role.kubernetes.io/control-plane".to_owned(), String::new()));
        }
        labels.extend(self.labels.iter().map(|(key, value)| (key.to_string(), value.to_string())));
        labels
    }
}

impl Router {
    /// The router's address of a family.
    pub fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses.iter().map(|address| address.0).find(|ip| Family::of(*ip) == family)
    }
}

/// The first address that a host can have; the very first of an IPv6 prefix means all its routers.
pub(crate) fn first_host(net: IpNet) -> Option<IpAddr> {
    let keeps_first_back = net.addr().is_ipv6() && net.prefix_len() < 127;
    net.hosts().nth(usize::from(keeps_first_back))
}

fn matches(wanted: &Labels, node: &Node) -> bool {
    let known = node.known_labels();
    wanted.iter().all(|(key, value)| known.iter().any(|(k, v)| k == key.as_str() && v == value.as_str()))
}
