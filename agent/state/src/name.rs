//! What objects are called, and what is compiled at once.

use std::fmt;
use std::sync::Arc;

/// The name of an object in a namespace. It stands in many places, so they share its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

impl Name {
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Kind and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKey {
    Node(String),
    CiliumNode(String),
    Namespace(String),
    Pod(Name),
    Service(Name),
    EndpointSlice(Name),
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(name) => write!(f, "Node {name}"),
            Self::CiliumNode(name) => write!(f, "CiliumNode {name}"),
            Self::Namespace(name) => write!(f, "Namespace {name}"),
            Self::Pod(name) => write!(f, "Pod {name}"),
            Self::Service(name) => write!(f, "Service {name}"),
            Self::EndpointSlice(name) => write!(f, "EndpointSlice {name}"),
        }
    }
}

/// What is compiled at once: its rows depend on no other unit's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    Service(Name),
    /// The host ports of a pod.
    HostPorts(Name),
    /// All nodes: their prefixes are few, and two nodes may give the same one.
    Nodes,
    /// All local endpoints and the node's own addresses.
    Endpoints,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(name) => write!(f, "Service {name}"),
            Self::HostPorts(name) => write!(f, "Pod {name}"),
            Self::Nodes => f.write_str("nodes"),
            Self::Endpoints => f.write_str("endpoints"),
        }
    }
}
