//! What nodes answer beside services: health, and ports where nobody is. And services that prefer who is near.

use std::net::{IpAddr, SocketAddr};

use super::{Expected, Scene, Trial, call};
use crate::matrix::{Protocol, Source};
use crate::probe::Call;
use crate::service::{NEAR_NODE, NEAR_ZONE, ONE, ONE_LOCAL, SERVICE_PORT};
use crate::topology::Node;

/// No sample service has it.
const NO_PORT: u16 = SERVICE_PORT + 1;

impl Scene<'_> {
    pub(super) fn edges(&self) -> Vec<Option<Trial>> {
        let mut trials = vec![self.health(), self.node_health()];
        for (from, source) in [("a pod", Source::SameNode), ("a host", Source::Host), ("outside", Source::Outside)] {
            trials.push(self.no_port(&format!("a port without a service refuses, from {from}"), source));
        }
        for (place, node) in [("one node", Some(self.here)), ("another node", self.there)] {
            trials.push(node.and_then(|node| self.near(&format!("who is in the zone answers, from {place}"), node, NEAR_ZONE)));
            trials.push(node.and_then(|node| self.near(&format!("who is on the node answers, from {place}"), node, NEAR_NODE)));
        }
        trials
    }

    /// Load balancers ask each node whether it has endpoints.
    fn health(&self) -> Option<Trial> {
        let port = self.service(ONE_LOCAL)?.local?;
        let (with, without) = (self.here.address(self.family)?, self.there.and_then(|there| there.address(self.family)));
        let mut calls = vec![get(SocketAddr::new(with, port), "/")];
        calls.extend(without.map(|without| get(SocketAddr::new(without, port), "/")));
        let expected = vec!["HTTP/1.1 200 OK \"localEndpoints\":1", "HTTP/1.1 503 Service Unavailable \"localEndpoints\":0"];
        self.trial("health check ports tell where endpoints are", self.lab.client(), calls, Expected::Says(expected))
    }

    fn node_health(&self) -> Option<Trial> {
        let node = SocketAddr::new(self.here.address(self.family)?, self.state.topology.healthz_port);
        let calls = ["/healthz", "/livez"].map(|path| get(node, path)).to_vec();
        let expected = vec!["HTTP/1.1 200 OK \"nodeEligible\":true"; 2];
        self.trial("a node says that it serves", self.lab.client(), calls, Expected::Says(expected))
    }

    /// On every address of a service that the source has a route to.
    fn no_port(&self, name: &str, source: Source) -> Option<Trial> {
        let service = self.service(ONE)?;
        let inside = service.cluster_ip(self.family).filter(|_| source != Source::Outside);
        let announced = [service.load_balancer_ip(self.family), service.external_ip(self.family)];
        let addresses: Vec<IpAddr> = inside.into_iter().chain(announced.into_iter().flatten()).collect();
        addresses.first()?;
        let both = |address: IpAddr| [Protocol::Tcp, Protocol::Udp].map(|protocol| call(protocol, (address, NO_PORT).into()));
        let calls = addresses.into_iter().flat_map(both).collect();
        self.trial(name, self.lab.source(self.state, source)?, calls, Expected::Refusal)
    }

    fn near(&self, name: &str, node: &Node, service: &str) -> Option<Trial> {
        let service = self.service(service)?;
        let to = (service.cluster_ip(self.family)?, SERVICE_PORT).into();
        let shell = node.pods.iter().find(|pod| !pod.web)?;
        let near = |other: &Node| if service.name == NEAR_NODE { other.name == node.name } else { other.zone == node.zone };
        let nodes = self.state.topology.nodes.iter().filter(|other| near(other) && self.is_on(other));
        let pods: Vec<_> = nodes.flat_map(|node| &node.pods).filter(|pod| pod.web).map(|pod| pod.name.clone()).collect();
        if !self.is_on(node) {
            return None;
        }
        let calls = vec![call(Protocol::Tcp, to); super::EACH * pods.len().max(1)];
        self.trial(name, self.lab.pod(&node.name, &shell.name), calls, Expected::All(pods))
    }
}

fn get(to: SocketAddr, path: &str) -> Call {
    Call { payload: path.to_owned(), http: true, ..call(Protocol::Tcp, to) }
}
