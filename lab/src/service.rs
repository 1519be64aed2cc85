//! The sample services: one of every type, with addresses that the cluster's own prefixes and pools have room for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ichor_config::{Block, Cluster, Family};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::topology::Node;

/// What the pods' servers listen on.
pub(crate) const SERVER_PORT: u16 = 8080;
pub(crate) const SERVICE_PORT: u16 = 80;
pub(crate) const HOST_PORT: u16 = 8081;
const FIRST_NODE_PORT: u16 = 30080;
const HEALTH_CHECK_PORT: u16 = 32080;
/// The first addresses of the prefix belong to the API server and DNS.
const FIRST_CLUSTER_IP: usize = 100;

/// Services with this backend alone: whoever asks them knows where the answer must come from.
pub(crate) const ONE: &str = "one";
pub(crate) const ONE_LOCAL: &str = "one-local";
pub(crate) const EMPTY: &str = "web-empty";
pub(crate) const STICKY: &str = "web-sticky";
pub(crate) const SPREAD: &str = "web";
/// Services whose endpoints are meant for their own zone, and for their own node.
pub(crate) const NEAR_ZONE: &str = "web-zone";
pub(crate) const NEAR_NODE: &str = "web-near";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) cluster_ips: Vec<IpAddr>,
    pub(crate) node_port: Option<u16>,
    pub(crate) load_balancer_ips: Vec<IpAddr>,
    pub(crate) external_ips: Vec<IpAddr>,
    /// `externalTrafficPolicy: Local`, and where its health is asked.
    pub(crate) local: Option<u16>,
    pub(crate) sticky: bool,
    /// The pods that answer.
    pub(crate) pods: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    ClusterIp,
    NodePort,
    LoadBalancer,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

impl Service {
    pub(crate) fn cluster_ip(&self, family: Family) -> Option<IpAddr> {
        of(&self.cluster_ips, family)
    }

    pub(crate) fn load_balancer_ip(&self, family: Family) -> Option<IpAddr> {
        of(&self.load_balancer_ips, family)
    }

    pub(crate) fn external_ip(&self, family: Family) -> Option<IpAddr> {
        of(&self.external_ips, family)
    }

    /// Addresses that a router outside must have routes for.
    pub(crate) fn announced(&self) -> impl Iterator<Item = IpAddr> {
        self.load_balancer_ips.iter().chain(&self.external_ips).copied()
    }
}

fn of(addresses: &[IpAddr], family: Family) -> Option<IpAddr> {
    addresses.iter().copied().find(|address| Family::of(*address) == family)
}

/// Which addresses and ports are still free.
struct Free<'a> {
    cluster: &'a Cluster,
    blocks: &'a [Block],
    external: &'a [IpNet],
    pinned: BTreeSet<IpAddr>,
    services: Vec<Service>,
    every_pod: Vec<String>,
    first_pod: Vec<String>,
}

pub(crate) fn samples(cluster: &Cluster, nodes: &[Node], blocks: &[Block], external: &[IpNet]) -> Result<Vec<Service>, Error> {
    let every_pod: Vec<_> = nodes.iter().flat_map(|node| &node.pods).filter(|pod| pod.web).map(|pod| pod.name.clone()).collect();
    let first_pod = every_pod.iter().take(1).cloned().collect();
    let mut free = Free { cluster, blocks, external, pinned: pinned(cluster), services: Vec::new(), every_pod, first_pod };
    let all = |kind| (kind, false, true);
    for (name, (kind, local, every)) in [
        (ONE, (Kind::LoadBalancer, false, false)),
        (ONE_LOCAL, (Kind::LoadBalancer, true, false)),
        (SPREAD, all(Kind::ClusterIp)),
        ("web-node-port", all(Kind::NodePort)),
        ("web-lb", all(Kind::LoadBalancer)),
        ("web-local", (Kind::LoadBalancer, true, true)),
        ("web-external", all(Kind::ClusterIp)),
        (STICKY, all(Kind::ClusterIp)),
        (EMPTY, all(Kind::ClusterIp)),
        (NEAR_ZONE, all(Kind::ClusterIp)),
        (NEAR_NODE, all(Kind::ClusterIp)),
    ] {
        free.add(name, kind, local, every)?;
    }
    Ok(free.services)
}

impl Free<'_> {
    fn add(&mut self, name: &str, kind: Kind, local: bool, every: bool) -> Result<(), Error> {
        let index = self.services.len();
        let offset = u16::try_from(index).unwrap_or(u16::MAX);
        let balanced = kind == Kind::LoadBalancer;
        let external = *self.cluster.network.external_ips && matches!(name, ONE | ONE_LOCAL | "web-external");
        let pods = match (name, every) {
            (EMPTY, _) => Vec::new(),
            (_, true) => self.every_pod.clone(),
            (_, false) => self.first_pod.clone(),
        };
        let service = Service {
            name: name.to_owned(),
            kind,
            cluster_ips: self.cluster_ips(index)?,
            node_port: (kind != Kind::ClusterIp).then_some(FIRST_NODE_PORT.saturating_add(offset)),
            load_balancer_ips: if balanced { self.load_balancer_ips() } else { Vec::new() },
            external_ips: if external { self.external.iter().filter_map(|net| net.hosts().nth(10 + index)).collect() } else { Vec::new() },
            local: local.then_some(HEALTH_CHECK_PORT.saturating_add(offset)),
            sticky: name == STICKY,
            pods,
        };
        self.services.push(service);
        Ok(())
    }

    fn cluster_ips(&self, index: usize) -> Result<Vec<IpAddr>, Error> {
        let prefixes = self.cluster.network.service_cidrs.iter().map(|cidr| cidr.0);
        let address = |net: IpNet| {
            let found = net.hosts().nth(FIRST_CLUSTER_IP + index);
            found.ok_or_else(|| Error::new(format!("{net} is too small for the lab's services")).help("make it a /24 or a /112 at least"))
        };
        prefixes.map(address).collect()
    }

    /// The last free address of the pools in each family, as nobody's first choice.
    fn load_balancer_ips(&mut self) -> Vec<IpAddr> {
        let mut found = Vec::new();
        for family in self.cluster.families() {
            let blocks = self.blocks.iter().filter(|block| block.family() == family);
            let address = blocks.flat_map(|block| from_the_end(*block)).find(|address| !self.pinned.contains(address));
            self.pinned.extend(address);
            found.extend(address);
        }
        found
    }
}

/// Addresses of gateways and of other services that cluster.yaml names.
fn pinned(cluster: &Cluster) -> BTreeSet<IpAddr> {
    let gateways = [&cluster.gateways.internal, &cluster.gateways.external].into_iter().flat_map(|gateway| gateway.iter());
    let of_gateways = gateways.flat_map(|gateway| gateway.addresses.iter().map(|address| address.0));
    let extra = cluster.gateways.extra.iter().flat_map(|gateway| gateway.addresses.iter().map(|address| address.0));
    of_gateways.chain(extra).collect()
}

/// A few addresses of a block, the last one of a prefix left out, which is its broadcast address in IPv4.
fn from_the_end(block: Block) -> impl Iterator<Item = IpAddr> {
    const MOST: u128 = 64;
    let (first, last) = block.bounds();
    let edge = u128::from(matches!(block, Block::Cidr(net) if net.prefix_len() < net.max_prefix_len().saturating_sub(1)));
    let number = |address: IpAddr| match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    let (first, last, v4) = (number(first), number(last), first.is_ipv4());
    let numbers = (0..MOST).filter_map(move |back| last.checked_sub(edge + back)).filter(move |number| *number >= first);
    numbers.filter_map(move |number| {
        if v4 { Some(IpAddr::from(u32::try_from(number).ok()?.to_be_bytes())) } else { Some(IpAddr::from(number.to_be_bytes())) }
    })
}
