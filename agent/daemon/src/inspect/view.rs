//! What the agent's own thread hands to the threads that answer: copies, so that it can go on.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ichor_agent_api::inspect::{End, Owner, OwnerKind};
use ichor_agent_state::{Frontend, FrontendKind, Name, Node, Unit};
use ichor_datapath_types::ServiceKey;

use crate::agent::Agent;
use crate::store::{Attachment, Stored};

/// What the agent knows now.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) ready: bool,
    pub(crate) waiting: String,
    pub(crate) endpoints: Vec<(Attachment, Stored)>,
    pub(crate) services: Vec<(ServiceKey, Frontend)>,
    pub(crate) nodes: BTreeMap<String, Node>,
    /// What pods may send, in bits a second.
    pub(crate) limits: BTreeMap<Attachment, u64>,
    pub(crate) limited_by: Option<&'static str>,
    pod_cidrs: BTreeMap<String, Vec<String>>,
    pods: Vec<(Name, Vec<IpAddr>)>,
}

/// Whether services are wanted: they may be many, and each is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Services {
    All,
    None,
}

impl Agent {
    pub(crate) fn view(&self, services: Services) -> View {
        let running = self.snapshot.pods().iter().filter(|(_, pod)| !pod.host_network && !pod.ended);
        let limit = |attachment: &Attachment| Some((attachment.clone(), self.limits.of(attachment)?.0));
        let networks = |name: &String| self.snapshot.pod_cidrs(name).iter().map(ToString::to_string).collect();
        View {
            ready: self.is_ready(),
            waiting: self.waiting_for(),
            endpoints: self.store.entries().iter().map(|(attachment, stored)| (attachment.clone(), stored.clone())).collect(),
            services: match services {
                Services::All => self.desired.services.iter().map(|(key, frontend)| (*key, frontend.clone())).collect(),
                Services::None => Vec::new(),
            },
            nodes: self.snapshot.nodes().clone(),
            limits: self.store.entries().keys().filter_map(limit).collect(),
            limited_by: self.limits.means(),
            pod_cidrs: self.snapshot.nodes().keys().map(|name| (name.clone(), networks(name))).collect(),
            pods: running.map(|(name, pod)| (name.clone(), pod.addresses.clone())).collect(),
        }
    }
}

impl View {
    /// The networks of a node's pods.
    pub(crate) fn pod_cidrs(&self, node: &str) -> Vec<String> {
        self.pod_cidrs.get(node).cloned().unwrap_or_default()
    }
}

/// Whose an address is.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    machines: BTreeMap<IpAddr, Owner>,
    services: BTreeMap<(IpAddr, u16, u8), Owner>,
}

impl Directory {
    pub(crate) fn of(view: &View) -> Self {
        let mut found = Self::default();
        for (name, node) in &view.nodes {
            let owner = Owner { kind: OwnerKind::Node, namespace: None, name: name.clone() };
            found.machines.extend(node.addresses.iter().map(|address| (*address, owner.clone())));
        }
        // What is on this node was told by its runtime, and is newer than an object.
        let here = view.endpoints.iter().map(|(_, stored)| (&stored.pod, &stored.cable.addresses));
        for (name, addresses) in view.pods.iter().map(|(name, addresses)| (name, addresses)).chain(here) {
            let owner = named(OwnerKind::Pod, name);
            found.machines.extend(addresses.iter().map(|address| (*address, owner.clone())));
        }
        for (key, frontend) in &view.services {
            found.services.insert((key.addr.into(), u16::from_be(key.port), key.protocol), owner(frontend));
        }
        found
    }

    /// An end with its owner; the port is in the order of the wire.
    pub(crate) fn end(&self, address: IpAddr, port: u16, protocol: u8) -> End {
        let port = u16::from_be(port);
        let owner = self.services.get(&(address, port, protocol)).or_else(|| self.machines.get(&address));
        End { address, port, owner: owner.cloned() }
    }

    pub(crate) fn frontend(&self, key: &ServiceKey) -> Option<&Owner> {
        self.services.get(&(key.addr.into(), u16::from_be(key.port), key.protocol))
    }
}

fn named(kind: OwnerKind, name: &Name) -> Owner {
    Owner { kind, namespace: Some(name.namespace.to_string()), name: name.name.to_string() }
}

/// Whose a frontend is: a pod's, where it is a host port.
pub(crate) fn owner(frontend: &Frontend) -> Owner {
    let kind = if frontend.kind == FrontendKind::HostPort { OwnerKind::Pod } else { OwnerKind::Service };
    match &frontend.owner {
        Unit::Service(name) | Unit::HostPorts(name) => named(kind, name),
        other @ (Unit::Nodes | Unit::Endpoints) => Owner { kind, namespace: None, name: other.to_string() },
    }
}
