//! What the matrix of paths does not show: balance, refusals, and connections that are special in some other way.

mod edge;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ichor_config::Family;

use crate::error::Error;
use crate::lab::Lab;
use crate::matrix::{Protocol, Source, here_and_there};
use crate::probe::{Call, Outcome, probe};
use crate::process::Spot;
use crate::server::Answer;
use crate::service::{EMPTY, ONE, SERVER_PORT, SERVICE_PORT, SPREAD, STICKY, Service};
use crate::state::State;
use crate::topology::{CLIENT, MTU as OUTSIDE_MTU, Node};

/// Connections for each pod: in one of a million runs chance leaves out one of ten.
const EACH: usize = 16;
/// More than a packet holds, and more than one buffer of a network card.
const LARGE: usize = 100 << 10;
const PIECES: usize = 8 << 10;

/// No port that the kernel gives to a socket which asks for none, and one for each family: both are tried at once.
fn fixed_port(family: Family) -> u16 {
    if family == Family::V4 { 20_000 } else { 20_001 }
}

/// One of them.
#[derive(Debug)]
pub struct Behaviour {
    pub name: String,
    pub problem: Option<String>,
    pub took_us: u64,
}

/// What must come back.
enum Expected {
    /// Every one of these pods, and no other.
    All(Vec<String>),
    /// Always the same pod.
    Same,
    /// This pod, which sees one of these addresses.
    Pod(String, BTreeSet<IpAddr>),
    /// A refusal of each.
    Refusal,
    /// From each in turn, all of these words.
    Says(Vec<&'static str>),
}

/// Calls from one spot, and what must come of them.
struct Trial {
    name: String,
    spot: Spot,
    calls: Vec<Call>,
    expected: Expected,
}

/// What trials are made of, in one family.
struct Scene<'a> {
    lab: &'a Lab,
    state: &'a State,
    family: Family,
    here: &'a Node,
    there: Option<&'a Node>,
}

impl Lab {
    /// Both families at once: where something is broken, each waits for what does not come.
    pub(crate) fn behaviours(&self, state: &State) -> Result<Vec<Behaviour>, Error> {
        let Some((here, there)) = here_and_there(&state.topology) else { return Ok(Vec::new()) };
        let of = |family| {
            let scene = Scene { lab: self, state, family, here, there };
            let trials = scene.trials().into_iter().chain(scene.edges()).chain(scene.pieces()).flatten();
            trials.map(|trial| Ok(trial.judge(&probe(&state.executable, &trial.spot, &trial.calls)?))).collect::<Result<Vec<_>, Error>>()
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = Family::BOTH.into_iter().map(|family| scope.spawn(move || of(family))).collect();
            let ended =
                threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(Error::new("a thread of the lab ended badly"))));
            Ok(ended.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        })
    }
}

impl Scene<'_> {
    /// Each is left out where something that it needs is off, or does not exist in this family.
    fn trials(&self) -> [Option<Trial>; 12] {
        [
            self.balance("connections reach every pod", SPREAD, EACH, |service| Expected::All(service.pods.clone())),
            self.balance("a client stays with one pod", STICKY, EACH, |_| Expected::Same),
            self.balance("a service without endpoints refuses at once", EMPTY, 1, |_| Expected::Refusal),
            self.unconnected(),
            self.one_port("one port asks a pod under each of its addresses", Source::OtherNode),
            self.one_port("one port of a node does", Source::Host),
            self.one_port("one port outside does", Source::Outside),
            self.itself(),
            self.loopback(),
            self.to_outside(),
            self.large("100 KiB over one connection between pods", Source::OtherNode),
            self.large("100 KiB over one connection from outside, by another node", Source::Outside),
        ]
    }

    fn balance(&self, name: &str, service: &str, times: usize, expected: impl Fn(&Service) -> Expected) -> Option<Trial> {
        let service = self.service(service)?;
        let call = call(Protocol::Tcp, (service.cluster_ip(self.family)?, SERVICE_PORT).into());
        self.trial(name, self.other_pod()?, vec![call; times * service.pods.len().max(1)], expected(service))
    }

    fn unconnected(&self) -> Option<Trial> {
        let service = self.service(ONE)?;
        let to = (service.cluster_ip(self.family)?, SERVICE_PORT).into();
        let calls = vec![Call { connected: false, ..call(Protocol::Udp, to) }];
        let name = "an unconnected socket hears from whom it asked";
        self.trial(name, self.other_pod()?, calls, Expected::Pod(service.pods.first()?.clone(), BTreeSet::new()))
    }

    /// The pod's answers look the same whatever it was asked as: they must come from whom the client asked. Twice, so
    /// that each address comes after each other.
    fn one_port(&self, name: &str, source: Source) -> Option<Trial> {
        let service = self.service(ONE)?;
        let pod = service.pods.first()?;
        let own = self.state.pods.get(pod)?.iter().copied().find(|address| Family::of(*address) == self.family)?;
        let within = (own, SERVER_PORT).into();
        let inside = [Some(within), service.cluster_ip(self.family).map(|ip| (ip, SERVICE_PORT).into())];
        let nodes = [Some(self.here), self.there].into_iter().flatten().filter_map(|node| node.address(self.family));
        let ports = nodes.filter_map(|address| Some(SocketAddr::from((address, service.node_port?))));
        let announced = [service.load_balancer_ip(self.family), service.external_ip(self.family)];
        let outside = announced.into_iter().flatten().map(|ip| SocketAddr::from((ip, SERVICE_PORT))).chain(ports);
        let inside = inside.into_iter().flatten().filter(|_| source != Source::Outside);
        let once: Vec<_> = inside.chain(outside).collect();
        let asked = once.iter().chain(&once).chain(once.iter().rev());
        let calls = asked.map(|to| Call { from_port: fixed_port(self.family), connected: false, ..call(Protocol::Udp, *to) }).collect();
        self.trial(name, self.lab.source(self.state, source)?, calls, Expected::Pod(pod.clone(), BTreeSet::new()))
    }

    fn itself(&self) -> Option<Trial> {
        let service = self.service(ONE)?;
        let pod = service.pods.first()?;
        let spot = self.is_on(self.here).then(|| self.lab.pod(&self.here.name, pod))?;
        let to = (service.cluster_ip(self.family)?, SERVICE_PORT).into();
        self.trial(
            "a pod reaches itself through its service",
            spot,
            vec![call(Protocol::Tcp, to)],
            Expected::Pod(pod.clone(), BTreeSet::new()),
        )
    }

    fn loopback(&self) -> Option<Trial> {
        let service = self.service(ONE).filter(|service| service.cluster_ip(self.family).is_some())?;
        let address: IpAddr = if self.family == Family::V4 { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        let spot = self.lab.source(self.state, Source::Host)?;
        let calls = vec![call(Protocol::Tcp, (address, service.node_port?).into())];
        let expected = Expected::Pod(service.pods.first()?.clone(), BTreeSet::new());
        self.trial("a node port answers on the node's loopback address", spot, calls, expected)
    }

    /// Beyond the cluster a pod's address means nothing, so its node's is seen.
    fn to_outside(&self) -> Option<Trial> {
        let topology = &self.state.topology;
        let to = topology.outside.iter().find(|outside| outside.family() == self.family)?.client.addr();
        let pod = &self.here.pods.iter().find(|pod| !pod.web)?.name;
        let own = self.state.pods.get(pod)?.iter().copied().find(|address| Family::of(*address) == self.family)?;
        let (name, seen) = if topology.masquerades {
            ("a pod is seen outside as its node", self.here.address(self.family)?)
        } else {
            ("a pod is seen outside as itself", own)
        };
        let spot = self.lab.source(self.state, Source::SameNode)?;
        let calls = [Protocol::Tcp, Protocol::Udp].map(|protocol| call(protocol, (to, SERVER_PORT).into()));
        self.trial(name, spot, calls.to_vec(), Expected::Pod(CLIENT.to_owned(), BTreeSet::from([seen])))
    }

    fn large(&self, name: &str, source: Source) -> Option<Trial> {
        let service = self.service(ONE)?;
        let to = match source {
            Source::Outside => (self.there?.address(self.family)?, service.node_port?),
            _ => (service.cluster_ip(self.family)?, SERVICE_PORT),
        };
        let call = Call { payload: "ichor ".repeat(LARGE / 6).trim_end().to_owned(), ..call(Protocol::Tcp, to.into()) };
        let expected = Expected::Pod(service.pods.first()?.clone(), BTreeSet::new());
        self.trial(name, self.lab.source(self.state, source)?, vec![call], expected)
    }

    /// Datagrams that are larger than a packet, in a flow that is new and in one that is not.
    fn pieces(&self) -> [Option<Trial>; 3] {
        let pieces = |name: &str, source: Source, address: Option<IpAddr>, port: u16| {
            let service = self.service(ONE)?;
            let payload = "ichor ".repeat(PIECES / 6).trim_end().to_owned();
            let again = source == Source::Outside && self.state.topology.mtu() > OUTSIDE_MTU;
            let new = Call { payload, again, ..call(Protocol::Udp, (address?, port).into()) };
            let known = Call { warm: true, ..new.clone() };
            let expected = Expected::Pod(service.pods.first()?.clone(), BTreeSet::new());
            self.trial(name, self.lab.source(self.state, source)?, vec![new, known], expected)
        };
        let service = self.service(ONE);
        let node_port = service.and_then(|service| service.node_port).unwrap_or_default();
        let (there, balancer) =
            (self.there.and_then(|there| there.address(self.family)), service.and_then(|one| one.load_balancer_ip(self.family)));
        // What the router says about a piece that is too big for the client's link goes to whichever node it picks.
        let balancer = balancer.filter(|_| self.state.topology.mtu() <= OUTSIDE_MTU);
        let pod = service.and_then(|service| service.pods.first()).and_then(|pod| self.state.pods.get(pod));
        let pod = pod.and_then(|addresses| addresses.iter().copied().find(|address| Family::of(*address) == self.family));
        [
            pieces("8 KiB in pieces between pods", Source::OtherNode, pod, SERVER_PORT),
            pieces("8 KiB in pieces from outside, by another node", Source::Outside, there, node_port),
            pieces("8 KiB in pieces from outside, to a load balancer IP", Source::Outside, balancer, SERVICE_PORT),
        ]
    }

    fn trial(&self, name: &str, spot: Spot, calls: Vec<Call>, expected: Expected) -> Option<Trial> {
        Some(Trial { name: format!("{name}, {}", self.family), spot, calls, expected })
    }

    /// A pod on another node if there is one.
    fn other_pod(&self) -> Option<Spot> {
        self.lab.source(self.state, Source::OtherNode).or_else(|| self.lab.source(self.state, Source::SameNode))
    }

    fn service(&self, name: &str) -> Option<&Service> {
        self.state.topology.services.iter().find(|service| service.name == name)
    }

    fn is_on(&self, node: &Node) -> bool {
        !self.state.off.contains(&node.name)
    }
}

fn call(protocol: Protocol, to: SocketAddr) -> Call {
    Call::new(protocol, to, format!("to {to}"))
}

impl Trial {
    fn judge(&self, outcomes: &[Outcome]) -> Behaviour {
        let took_us = outcomes.iter().map(|outcome| outcome.took_us).max().unwrap_or_default();
        Behaviour { problem: self.problem(outcomes), name: self.name.clone(), took_us }
    }

    fn problem(&self, outcomes: &[Outcome]) -> Option<String> {
        if matches!(self.expected, Expected::Refusal) {
            let (call, other) = self.calls.iter().zip(outcomes).find(|(_, outcome)| !outcome.refused)?;
            let heard = other.answer.as_ref().map_or_else(String::as_str, |_| "somebody answered");
            return Some(format!("{:?} {}: {heard}", call.protocol, call.to));
        }
        if let Some(why) = outcomes.iter().find_map(|outcome| outcome.answer.as_ref().err()) {
            return Some(why.clone());
        }
        let answers: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.answer.as_ref().ok()).collect();
        let pods: BTreeSet<_> = answers.iter().map(|answer| answer.pod.as_str()).collect();
        let listed = pods.iter().copied().collect::<Vec<_>>().join(", ");
        match &self.expected {
            Expected::All(all) => {
                let silent: Vec<_> = all.iter().filter(|pod| !pods.contains(pod.as_str())).map(String::as_str).collect();
                let strange = pods.iter().any(|pod| !all.iter().any(|one| one == pod));
                if strange {
                    return Some(format!("{listed} answered instead of {}", all.join(", ")));
                }
                (!silent.is_empty()).then(|| format!("{} never answered", silent.join(", ")))
            }
            Expected::Same => (pods.len() > 1).then(|| format!("{listed} answered")),
            Expected::Pod(pod, _) if pods != BTreeSet::from([pod.as_str()]) => Some(format!("{listed} answered instead of {pod}")),
            Expected::Pod(_, sources) => {
                let strange = answers.iter().find(|answer| !sources.is_empty() && !sources.contains(&answer.source))?;
                Some(format!("the server saw {}", strange.source))
            }
            Expected::Says(expected) => {
                let lacks = |(words, answer): (&&str, &&Answer)| words.split(' ').any(|word| !answer.payload.contains(word));
                let (_, answer) = expected.iter().zip(&answers).find(|pair| lacks(*pair))?;
                Some(format!("it said {}", answer.payload.replace("\r\n", " / ")))
            }
            Expected::Refusal => None,
        }
    }
}
