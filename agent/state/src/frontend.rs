//! Frontends: the addresses and ports that services and pods claim, and who gets one that several claim.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ichor_datapath_types::{Addr, ServiceKey};

use crate::name::Unit;
use crate::object::{Pod, Protocol, Service, ServiceKind, Timestamp};

/// Why clients connect to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrontendKind {
    ClusterIp,
    NodePort,
    LoadBalancer,
    ExternalIp,
    HostPort,
}

impl FrontendKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
            Self::ExternalIp => "ExternalIP",
            Self::HostPort => "HostPort",
        }
    }
}

/// What only one unit can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Claim {
    Frontend {
        addr: IpAddr,
        port: u16,
        protocol: Protocol,
    },
    /// Where a load balancer asks whether this node has endpoints.
    HealthCheck(u16),
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frontend { addr, port, protocol } => write!(f, "{}/{protocol}", std::net::SocketAddr::new(*addr, *port)),
            Self::HealthCheck(port) => write!(f, "health check port {port}"),
        }
    }
}

/// A unit's word for a claim. The least bid wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bid {
    class: Class,
    created: Timestamp,
    pub(crate) unit: Unit,
}

/// Nobody takes a cluster IP from its service by calling it an external one, and a pod takes nothing from a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Internal,
    External,
    Pod,
}

impl Bid {
    pub(crate) fn new(kind: FrontendKind, created: &Timestamp, unit: &Unit) -> Self {
        let class = match kind {
            FrontendKind::ClusterIp => Class::Internal,
            FrontendKind::HostPort => Class::Pod,
            _ => Class::External,
        };
        Self { class, created: created.clone(), unit: unit.clone() }
    }
}

/// An address and port that a unit claims, and which of its ports is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Front {
    pub(crate) addr: IpAddr,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    pub(crate) kind: FrontendKind,
    pub(crate) index: usize,
}

impl Front {
    pub(crate) fn claim(&self) -> Claim {
        Claim::Frontend { addr: self.addr, port: self.port, protocol: self.protocol }
    }

    pub(crate) fn key(&self, scope: u8) -> ServiceKey {
        ServiceKey { addr: Addr::from(self.addr), port: self.port.to_be(), protocol: self.protocol.number(), scope }
    }
}

/// The addresses under which a process on the node itself reaches its ports.
pub(crate) const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// All frontends of a service, in the order in which one that it names twice counts. A family is served when the service
/// has a cluster IP of it.
pub(crate) fn of_service(service: &Service, own: &BTreeSet<IpAddr>, with_external_ips: bool) -> Vec<Front> {
    let mut found = Vec::new();
    if service.foreign || service.kind == ServiceKind::ExternalName {
        return found;
    }
    let served = |addr: &&IpAddr| service.cluster_ips.iter().any(|ip| ip.is_ipv4() == addr.is_ipv4());
    for (index, port) in service.ports.iter().enumerate() {
        let front = |addr: &IpAddr, number, kind| Front { addr: *addr, port: number, protocol: port.protocol, kind, index };
        found.extend(service.cluster_ips.iter().map(|addr| front(addr, port.port, FrontendKind::ClusterIp)));
        if let Some(node_port) = port.node_port.filter(|_| service.kind != ServiceKind::ClusterIp) {
            let addresses = own.iter().chain(&LOOPBACK).filter(served);
            found.extend(addresses.map(|addr| front(addr, node_port, FrontendKind::NodePort)));
        }
        if service.kind == ServiceKind::LoadBalancer {
            let addresses = service.load_balancer_ips.iter().filter(served);
            found.extend(addresses.map(|addr| front(addr, port.port, FrontendKind::LoadBalancer)));
        }
        let addresses = service.external_ips.iter().filter(|_| with_external_ips).filter(served);
        found.extend(addresses.map(|addr| front(addr, port.port, FrontendKind::ExternalIp)));
    }
    found
}

/// The frontends of a pod's host ports. A pod in the node's own network listens on them itself.
pub(crate) fn of_pod(pod: &Pod, addresses: &[IpAddr], own: &BTreeSet<IpAddr>) -> Vec<Front> {
    let mut found = Vec::new();
    if pod.host_network || pod.ended {
        return found;
    }
    let served = |addr: &&IpAddr| addresses.iter().any(|ip| ip.is_ipv4() == addr.is_ipv4());
    for (index, port) in pod.host_ports.iter().enumerate() {
        let front =
            |addr: &IpAddr| Front { addr: *addr, port: port.host_port, protocol: port.protocol, kind: FrontendKind::HostPort, index };
        match &port.host_ip {
            Some(addr) => found.extend(Some(addr).filter(served).map(front)),
            None => found.extend(own.iter().chain(&LOOPBACK).filter(served).map(front)),
        }
    }
    found
}
