//! What there is in a lab, and what of it works.

use std::fs;
use std::net::IpAddr;

use crate::lab::Lab;
use crate::service::{SERVICE_PORT, Service};
use crate::state::State;

/// A lab as it is now.
#[derive(Debug)]
pub struct Status {
    pub name: String,
    pub cluster: String,
    pub nodes: Vec<NodeStatus>,
    pub pods: Vec<PodStatus>,
    pub services: Vec<ServiceStatus>,
}

#[derive(Debug)]
pub struct NodeStatus {
    pub name: String,
    pub addresses: Vec<IpAddr>,
    pub power: bool,
    pub plugged: bool,
    /// The process of the agent, if it runs.
    pub agent: Option<i32>,
    /// The last line of its log, if it does not.
    pub last_words: Option<String>,
}

#[derive(Debug)]
pub struct PodStatus {
    pub name: String,
    pub node: String,
    pub addresses: Vec<IpAddr>,
    pub serves: bool,
}

#[derive(Debug)]
pub struct ServiceStatus {
    pub name: String,
    pub kind: &'static str,
    pub port: u16,
    pub node_port: Option<u16>,
    pub cluster_ips: Vec<IpAddr>,
    pub load_balancer_ips: Vec<IpAddr>,
    pub external_ips: Vec<IpAddr>,
    /// What is special about it.
    pub notes: Vec<&'static str>,
    pub pods: Vec<String>,
}

impl Status {
    /// What does not work, a sentence for each.
    pub fn troubles(&self) -> Vec<String> {
        let of_node = |node: &NodeStatus| match (node.power, node.plugged, node.agent) {
            (false, ..) => vec![format!("`{}` is off", node.name)],
            (true, plugged, agent) => {
                let link = (!plugged).then(|| format!("the cable of `{}` is unplugged", node.name));
                link.into_iter().chain(agent.is_none().then(|| format!("the agent of `{}` does not run", node.name))).collect()
            }
        };
        let off = |pod: &PodStatus| self.nodes.iter().any(|node| node.name == pod.node && !node.power);
        let pods = self.pods.iter().filter(|pod| !pod.serves && !off(pod)).map(|pod| format!("the server of `{}` does not run", pod.name));
        self.nodes.iter().flat_map(of_node).chain(pods).collect()
    }
}

impl Lab {
    pub fn status(&self) -> Status {
        let state = self.state();
        let topology = &state.topology;
        let nodes = topology.nodes.iter().map(|node| {
            let agent = state.processes.get(&State::agent(&node.name)).filter(|process| process.lives()).map(|process| process.pid);
            NodeStatus {
                name: node.name.clone(),
                addresses: node.addresses.iter().map(ipnet::IpNet::addr).collect(),
                power: !state.off.contains(&node.name),
                plugged: !state.unplugged.contains(&node.name),
                agent,
                last_words: if agent.is_none() { self.last_words(&node.name) } else { None },
            }
        });
        let pods = topology.pods().map(|(node, pod)| PodStatus {
            name: pod.name.clone(),
            node: node.name.clone(),
            addresses: state.pods.get(&pod.name).cloned().unwrap_or_default(),
            serves: state.runs(&State::server(&pod.name)),
        });
        Status {
            name: self.place.name.to_string(),
            cluster: topology.cluster.clone(),
            nodes: nodes.collect(),
            pods: pods.collect(),
            services: topology.services.iter().map(service).collect(),
        }
    }

    fn last_words(&self, node: &str) -> Option<String> {
        let text = fs::read_to_string(self.place.log(&format!("agent-{node}"))).ok()?;
        text.lines().next_back().map(str::to_owned)
    }
}

fn service(service: &Service) -> ServiceStatus {
    let notes = [
        (service.local.is_some(), "externalTrafficPolicy: Local"),
        (service.sticky, "sessionAffinity: ClientIP"),
        (service.pods.is_empty(), "no endpoints"),
    ];
    ServiceStatus {
        name: service.name.clone(),
        kind: service.kind.name(),
        port: SERVICE_PORT,
        node_port: service.node_port,
        cluster_ips: service.cluster_ips.clone(),
        load_balancer_ips: service.load_balancer_ips.clone(),
        external_ips: service.external_ips.clone(),
        notes: notes.into_iter().filter_map(|(holds, note)| holds.then_some(note)).collect(),
        pods: service.pods.clone(),
    }
}
