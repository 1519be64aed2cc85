//! The rows of answers.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// Whose an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerKind {
    Pod,
    Service,
    Node,
}

/// An object by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    pub kind: OwnerKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    pub name: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            OwnerKind::Pod => "pod",
            OwnerKind::Service => "service",
            OwnerKind::Node => "node",
        };
        match &self.namespace {
            Some(namespace) => write!(f, "{kind} {namespace}/{}", self.name),
            None => write!(f, "{kind} {}", self.name),
        }
    }
}

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub address: IpAddr,
    /// An echo's identifier, where there are no ports.
    pub port: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// A pod's cable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    pub namespace: String,
    pub pod: String,
    pub addresses: Vec<IpAddr>,
    /// The node's end.
    pub interface: String,
    pub interface_index: u32,
    pub mac: String,
    /// The pod's end.
    pub pod_interface: String,
    pub pod_mac: String,
    pub mtu: u32,
    pub container: String,
    pub network_namespace: String,
    /// What it may send, where that is limited.
    #[serde(default)]
    pub egress_bits_per_s: Option<u64>,
    /// How that is kept.
    #[serde(default)]
    pub egress_limited_by: Option<String>,
}

/// What is looked at of a pod's cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checked {
    /// The node's end is there, switched on, and the other end, too.
    Cable,
    /// The pod's end has its addresses and its way out.
    Inside,
    /// Packets from the pod meet the datapath.
    Program,
    /// The datapath knows the pod's addresses.
    Tables,
    /// The node's own routes lead to the pod.
    Routes,
    /// The pod answers an echo.
    Answer,
}

impl Checked {
    pub const ALL: [Self; 6] = [Self::Cable, Self::Inside, Self::Program, Self::Tables, Self::Routes, Self::Answer];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Cable => "cable",
            Self::Inside => "inside",
            Self::Program => "program",
            Self::Tables => "tables",
            Self::Routes => "routes",
            Self::Answer => "answer",
        }
    }
}

/// What was found, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub what: Checked,
    #[serde(default)]
    pub problem: Option<String>,
}

/// Whether a pod's network works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub namespace: String,
    pub pod: String,
    pub addresses: Vec<IpAddr>,
    pub healthy: bool,
    pub checks: Vec<Check>,
}

/// An address and port under which a service is reached, as the agent wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    pub owner: Owner,
    pub port_name: String,
    /// ClusterIP, NodePort, LoadBalancer, ExternalIP or HostPort.
    #[serde(rename = "type")]
    pub kind: String,
    pub address: IpAddr,
    pub port: u16,
    pub protocol: String,
    /// `cluster`, or `external` where clients outside get other backends.
    pub scope: String,
    pub backends: Vec<End>,
}

/// A backend as the datapath holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    pub id: u32,
    /// None where the table has no such backend.
    pub end: Option<End>,
    pub draining: bool,
    /// How many of the service's slots are its.
    pub slots: u32,
}

/// A row of the load balancer's table, as the datapath holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontend {
    pub address: IpAddr,
    pub port: u16,
    pub protocol: String,
    pub scope: String,
    pub id: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    pub algorithm: String,
    /// How long a client stays with its backend; 0 where it does not.
    pub affinity_s: u64,
    /// Not to be reached from outside.
    pub internal: bool,
    /// Without backends, packets vanish instead of being refused.
    pub silent: bool,
    /// From where it may be used; anywhere where none is named.
    pub source_ranges: Vec<String>,
    pub backends: Vec<Backend>,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    New,
    Established,
    /// Not TCP, and more than questions and answers of one moment.
    Lasting,
    Closing,
    Reset,
    Unknown,
}

impl State {
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Established => "established",
            Self::Lasting => "lasting",
            Self::Closing => "closing",
            Self::Reset => "reset",
            Self::Unknown => "unknown",
        }
    }
}

/// One direction of a connection that the datapath remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    pub protocol: String,
    pub source: End,
    pub destination: End,
    /// What its packets become.
    pub becomes_source: End,
    pub becomes_destination: End,
    /// What this side has said so far.
    pub state: State,
    /// Its packets answer those of the other direction.
    pub reply: bool,
    /// The backend answers the client itself.
    pub direct: bool,
    pub idle_s: u64,
}

impl Flow {
    /// Whether its packets change.
    pub fn is_translated(&self) -> bool {
        let same = |one: &End, other: &End| one.address == other.address && one.port == other.port;
        !same(&self.source, &self.becomes_source) || !same(&self.destination, &self.becomes_destination)
    }
}

/// How many packets went one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    pub hook: String,
    /// `ingress` or `egress`, as a pod sees it and, on the wire, the node.
    pub direction: String,
    /// Why they were dropped; none for those that went on.
    pub reason: Option<String>,
    pub packets: u64,
    pub bytes: u64,
    /// What the reason means.
    pub text: String,
}

/// How full a table is in which the oldest rows make room for new ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub name: String,
    pub holds: String,
    pub entries: u64,
    /// How many it has room for.
    pub most: u64,
    /// Nearly every row is taken: what is new takes the place of what was silent longest.
    pub full: bool,
    /// How many have made room for new ones since the agent began, at least; it is looked at every few seconds.
    #[serde(default)]
    pub pushed_out: u64,
    /// How long the row is silent that has been silent longest: in a full table, about what is remembered of anything.
    #[serde(default)]
    pub oldest_idle_s: Option<u64>,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub name: String,
    /// It is the one that answers.
    pub own: bool,
    pub addresses: Vec<IpAddr>,
    pub pod_cidrs: Vec<String>,
    #[serde(default)]
    pub zone: Option<String>,
}
