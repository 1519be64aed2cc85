//! Kubernetes objects, as far as the tables depend on them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ichor_datapath_types::proto;
use ipnet::IpNet;

use crate::name::{Name, ObjectKey};

/// One object that was read. Those that are many are shared by all who hold them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    Node(String, Node),
    /// What the cluster pool's controller gave to a node, under the node's name: its networks for pods.
    CiliumNode(String, Vec<IpNet>),
    Namespace(String, Namespace),
    Pod(Name, Arc<Pod>),
    Service(Name, Arc<Service>),
    EndpointSlice(Name, Arc<EndpointSlice>),
}

impl Object {
    pub fn key(&self) -> ObjectKey {
        match self {
            Self::Node(name, _) => ObjectKey::Node(name.clone()),
            Self::CiliumNode(name, _) => ObjectKey::CiliumNode(name.clone()),
            Self::Namespace(name, _) => ObjectKey::Namespace(name.clone()),
            Self::Pod(name, _) => ObjectKey::Pod(name.clone()),
            Self::Service(name, _) => ObjectKey::Service(name.clone()),
            Self::EndpointSlice(name, _) => ObjectKey::EndpointSlice(name.clone()),
        }
    }
}

/// When an object was made, as the API server writes it: in UTC to the second, so that texts sort like times.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp([u8; FORM.len()]);

const FORM: &[u8; 20] = b"0000-00-00T00:00:00Z";

impl std::str::FromStr for Timestamp {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = <[u8; FORM.len()]>::try_from(text.as_bytes()).map_err(|_| ())?;
        let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
        bytes.iter().zip(FORM).all(fits).then_some(Self(bytes)).ok_or(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => proto::TCP,
            Self::Udp => proto::UDP,
            Self::Sctp => proto::SCTP,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    pub zone: Option<String>,
    pub pod_cidrs: Vec<IpNet>,
    /// Internal and external ones; host names are not resolved.
    pub addresses: Vec<IpAddr>,
    /// It is about to go, and should get no new connections from outside.
    pub leaves: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    pub labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    pub created: Timestamp,
    pub node: Option<String>,
    pub host_network: bool,
    /// Succeeded or failed: its address may be another pod's by now.
    pub ended: bool,
    pub addresses: Vec<IpAddr>,
    pub host_ports: Vec<HostPort>,
    /// How much it may send and receive, as its annotations have it.
    pub egress_bandwidth: Option<String>,
    pub ingress_bandwidth: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Of all the node's addresses only this one.
    pub host_ip: Option<IpAddr>,
    pub host_port: u16,
    pub port: u16,
    pub protocol: Protocol,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceKind {
    #[default]
    ClusterIp,
    NodePort,
    LoadBalancer,
    ExternalName,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    pub created: Timestamp,
    pub kind: ServiceKind,
    /// None where it is headless.
    pub cluster_ips: Vec<IpAddr>,
    pub ports: Vec<ServicePort>,
    pub external_ips: Vec<IpAddr>,
    /// Of its load balancer's addresses those that packets keep as their destination on the way to a node.
    pub load_balancer_ips: Vec<IpAddr>,
    pub source_ranges: Vec<IpNet>,
    /// `internalTrafficPolicy: Local`.
    pub internal_local: bool,
    /// `externalTrafficPolicy: Local`.
    pub external_local: bool,
    /// How long a client stays with its backend, where it does.
    pub affinity_s: Option<u32>,
    pub health_check_port: Option<u16>,
    /// It says that something else looks after it.
    pub foreign: bool,
}

impl Service {
    /// Addresses that clients reach by a route to some node: nothing else is there.
    pub(crate) fn announced(&self, with_external_ips: bool) -> impl Iterator<Item = IpAddr> + '_ {
        let is_ours = !self.foreign && self.kind != ServiceKind::ExternalName;
        let of_balancer = self.load_balancer_ips.iter().filter(|_| self.kind == ServiceKind::LoadBalancer);
        let served = move |addr: &&IpAddr| is_ours && self.cluster_ips.iter().any(|ip| ip.is_ipv4() == addr.is_ipv4());
        of_balancer.chain(self.external_ips.iter().filter(move |_| with_external_ips)).filter(served).copied()
    }

    /// Where its load balancer asks for endpoints on this node: only where it has to find the nodes that have some.
    pub(crate) fn health_check(&self) -> Option<u16> {
        let asked = self.kind == ServiceKind::LoadBalancer && self.external_local && !self.foreign && !self.cluster_ips.is_empty();
        self.health_check_port.filter(|_| asked)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Empty where there is only one.
    pub name: Arc<str>,
    pub protocol: Protocol,
    pub port: u16,
    pub node_port: Option<u16>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSlice {
    /// The service it belongs to, in its own namespace.
    pub service: Option<Arc<str>>,
    pub ports: Vec<SlicePort>,
    pub endpoints: Vec<SliceEndpoint>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlicePort {
    /// The name of the service's port.
    pub name: String,
    pub protocol: Protocol,
    pub port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceEndpoint {
    pub address: IpAddr,
    pub ready: bool,
    pub serving: bool,
    pub terminating: bool,
    pub node: Option<String>,
    /// For which zones and nodes it is meant; none where there is no hint.
    pub zone_hints: Vec<String>,
    pub node_hints: Vec<String>,
}
