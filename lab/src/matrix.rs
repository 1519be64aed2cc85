//! Which paths are walked: every combination as data, and the rules that leave some out.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ichor_config::Family;
use serde::{Deserialize, Serialize};

use crate::object::PodAddresses;
use crate::service::{HOST_PORT, ONE, ONE_LOCAL, SERVER_PORT, SERVICE_PORT, Service};
use crate::topology::{Node, Topology};

/// Where a connection begins, as the pod that must answer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    SameNode,
    OtherNode,
    Host,
    OtherHost,
    Outside,
}

/// What it is addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    PodIp,
    ClusterIp,
    NodePort,
    /// The same port on a node where the pod is not.
    OtherNodePort,
    LoadBalancerIp,
    ExternalIp,
    HostPort,
}

/// `externalTrafficPolicy` of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    Cluster,
    Local,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Source {
    pub const ALL: [Self; 5] = [Self::SameNode, Self::OtherNode, Self::Host, Self::OtherHost, Self::Outside];

    fn is_elsewhere(self) -> bool {
        matches!(self, Self::OtherNode | Self::OtherHost)
    }
}

impl Target {
    pub const ALL: [Self; 7] =
        [Self::PodIp, Self::ClusterIp, Self::NodePort, Self::OtherNodePort, Self::LoadBalancerIp, Self::ExternalIp, Self::HostPort];
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::SameNode => "pod, same node",
            Self::OtherNode => "pod, other node",
            Self::Host => "host",
            Self::OtherHost => "other host",
            Self::Outside => "outside",
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PodIp => "pod IP",
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::OtherNodePort => "NodePort, other node",
            Self::LoadBalancerIp => "LoadBalancer IP",
            Self::ExternalIp => "external IP",
            Self::HostPort => "hostPort",
        })
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cluster => "Cluster",
            Self::Local => "Local",
        })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        })
    }
}

/// One combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub source: Source,
    pub target: Target,
    pub policy: Policy,
    pub protocol: Protocol,
    pub family: Family,
}

impl Cell {
    /// Every combination there is.
    pub fn all() -> impl Iterator<Item = Self> {
        let paths = Source::ALL.into_iter().flat_map(|source| Target::ALL.into_iter().map(move |target| (source, target)));
        paths.flat_map(|(source, target)| {
            [Policy::Cluster, Policy::Local].into_iter().flat_map(move |policy| {
                [Protocol::Tcp, Protocol::Udp]
                    .into_iter()
                    .flat_map(move |protocol| Family::BOTH.into_iter().map(move |family| Self { source, target, policy, protocol, family }))
            })
        })
    }
}

/// Why a cell of a cluster is not walked.
struct Rule {
    reason: &'static str,
    holds: fn(&Cell, &Topology) -> bool,
}

const RULES: [Rule; 8] = [
    Rule {
        reason: "externalTrafficPolicy is about node ports, load balancer IPs and external IPs only",
        holds: |cell, _| cell.policy == Policy::Local && matches!(cell.target, Target::PodIp | Target::ClusterIp | Target::HostPort),
    },
    Rule {
        reason: "no router outside knows ClusterIPs",
        holds: |cell, _| cell.source == Source::Outside && cell.target == Target::ClusterIp,
    },
    Rule {
        reason: "with policy Local a node without the pod gives no answer to clients that are not on it",
        holds: |cell, _| cell.policy == Policy::Local && cell.target == Target::OtherNodePort && !cell.source.is_elsewhere(),
    },
    Rule {
        reason: "the cluster has one node",
        holds: |cell, topology| topology.nodes.len() < 2 && (cell.source.is_elsewhere() || cell.target == Target::OtherNodePort),
    },
    Rule {
        reason: "the cluster has no addresses of this family",
        holds: |cell, topology| topology.outside.iter().all(|outside| outside.family() != cell.family),
    },
    Rule {
        reason: "no pool of the cluster has an address of this family left",
        holds: |cell, topology| {
            let found = topology.services.iter().find(|service| service.name == service_of(cell.policy));
            cell.target == Target::LoadBalancerIp && found.and_then(|service| service.load_balancer_ip(cell.family)).is_none()
        },
    },
    Rule {
        reason: "cluster.yaml turns external IPs off",
        holds: |cell, topology| cell.target == Target::ExternalIp && !topology.external_ips,
    },
    Rule {
        reason: "cluster.yaml leaves routes between nodes to somebody else, and nobody else is here",
        holds: |cell, topology| cell.source.is_elsewhere() && !topology.node_routes,
    },
];

fn service_of(policy: Policy) -> &'static str {
    match policy {
        Policy::Cluster => ONE,
        Policy::Local => ONE_LOCAL,
    }
}

/// Why a cell is left out, if it is.
pub(crate) fn left_out(cell: &Cell, topology: &Topology) -> Option<&'static str> {
    RULES.iter().find(|rule| (rule.holds)(cell, topology)).map(|rule| rule.reason)
}

/// A cell in a lab: where the connection goes, and what must be seen on both sides.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) cell: Cell,
    pub(crate) to: SocketAddr,
    pub(crate) pod: String,
    /// The client's address as the server may see it.
    pub(crate) sources: BTreeSet<IpAddr>,
}

/// The node with the pod that answers, and the one where it is not.
pub(crate) fn here_and_there(topology: &Topology) -> Option<(&Node, Option<&Node>)> {
    Some((topology.nodes.first()?, topology.nodes.get(1)))
}

/// The case of a cell; none if an address is missing that it needs.
pub(crate) fn case(cell: Cell, topology: &Topology, pods: &PodAddresses) -> Option<Case> {
    let (here, there) = here_and_there(topology)?;
    let service = topology.services.iter().find(|service| service.name == service_of(cell.policy))?;
    let pod = service.pods.first()?;
    let to = destination(&cell, here, there, service, pod_address(pods, pod, cell.family))?;
    Some(Case { cell, to, pod: pod.clone(), sources: sources(&cell, topology, pods)? })
}

fn destination(cell: &Cell, here: &Node, there: Option<&Node>, service: &Service, pod: Option<IpAddr>) -> Option<SocketAddr> {
    let (address, port) = match cell.target {
        Target::PodIp => (pod?, SERVER_PORT),
        Target::ClusterIp => (service.cluster_ip(cell.family)?, SERVICE_PORT),
        Target::NodePort => (here.address(cell.family)?, service.node_port?),
        Target::OtherNodePort => (there?.address(cell.family)?, service.node_port?),
        Target::LoadBalancerIp => (service.load_balancer_ip(cell.family)?, SERVICE_PORT),
        Target::ExternalIp => (service.external_ip(cell.family)?, SERVICE_PORT),
        Target::HostPort => (here.address(cell.family)?, HOST_PORT),
    };
    Some((address, port).into())
}

/// Pods are seen as themselves and so are hosts, and a client outside too: whoever comes in by a node that is neither the
/// client's nor the pod's is hidden by that node, if it has to bring the answer back.
fn sources(cell: &Cell, topology: &Topology, pods: &PodAddresses) -> Option<BTreeSet<IpAddr>> {
    let (here, there) = here_and_there(topology)?;
    let shell = |node: &Node| pod_address(pods, &node.pods.iter().find(|pod| !pod.web)?.name, cell.family);
    let hides = !topology.direct_return && cell.policy == Policy::Cluster;
    if hides && cell.target == Target::OtherNodePort && !cell.source.is_elsewhere() {
        return Some(BTreeSet::from([there?.address(cell.family)?]));
    }
    let client = || topology.outside.iter().find(|outside| outside.family() == cell.family).map(|outside| outside.client.addr());
    let seen = match cell.source {
        Source::SameNode => shell(here)?,
        Source::OtherNode => shell(there?)?,
        Source::Host => here.address(cell.family)?,
        Source::OtherHost => there?.address(cell.family)?,
        Source::Outside => client()?,
    };
    let mut seen = BTreeSet::from([seen]);
    // The router chooses the node.
    if hides && cell.source == Source::Outside && matches!(cell.target, Target::LoadBalancerIp | Target::ExternalIp) {
        seen.extend(topology.nodes.iter().skip(1).filter_map(|node| node.address(cell.family)));
    }
    Some(seen)
}

fn pod_address(pods: &PodAddresses, pod: &str, family: Family) -> Option<IpAddr> {
    pods.get(pod)?.iter().copied().find(|address| Family::of(*address) == family)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topology(change: impl FnOnce(&str) -> String) -> Topology {
        let text = change(include_str!("../../cluster.example.yaml"));
        Topology::of(&ichor_config::read(&text).unwrap()).unwrap()
    }

    fn pods(topology: &Topology) -> PodAddresses {
        let address = |index: usize| vec![format!("10.42.0.{index}").parse().unwrap(), format!("fd00:10:42::{index}").parse().unwrap()];
        topology.pods().enumerate().map(|(index, (_, pod))| (pod.name.clone(), address(index + 2))).collect()
    }

    #[test]
    fn every_cell_is_walked_or_left_out_for_a_reason() {
        assert!(RULES.len() <= 10);
        let topology = topology(str::to_owned);
        let pods = pods(&topology);
        let (out, walked): (Vec<_>, Vec<_>) = Cell::all().partition(|cell| left_out(cell, &topology).is_some());
        assert_eq!((walked.len(), out.len()), (204, 76));
        for cell in walked {
            assert!(case(cell, &topology, &pods).is_some(), "{cell:?}");
        }
    }

    #[test]
    fn a_client_outside_is_hidden_only_where_another_node_brings_the_answer_back() {
        let topology = topology(|text| text.replace("  pod_cidrs:", "  load_balancer: { mode: snat }\n  pod_cidrs:"));
        let (pods, client) = (pods(&topology), "198.51.100.10".parse::<IpAddr>().unwrap());
        for (target, policy, shown, hidden) in [
            (Target::NodePort, Policy::Cluster, true, false),
            (Target::OtherNodePort, Policy::Cluster, false, true),
            (Target::LoadBalancerIp, Policy::Cluster, true, true),
            (Target::LoadBalancerIp, Policy::Local, true, false),
        ] {
            let cell = Cell { source: Source::Outside, target, policy, protocol: Protocol::Tcp, family: Family::V4 };
            let sources = case(cell, &topology, &pods).unwrap().sources;
            let other = "192.168.42.12".parse().unwrap();
            assert_eq!((sources.contains(&client), sources.contains(&other)), (shown, hidden), "{target} {policy}");
        }
    }

    #[test]
    fn one_node_and_one_family_leave_cells_out() {
        let topology = topology(|text| {
            let one = text.find("  - name: node-2").unwrap()..text.find("# Addresses that Services get").unwrap();
            text.replace(&text[one], "\n")
        });
        let walked = Cell::all().filter(|cell| left_out(cell, &topology).is_none());
        assert!(walked.into_iter().all(|cell| !cell.source.is_elsewhere() && cell.target != Target::OtherNodePort));
    }
}
