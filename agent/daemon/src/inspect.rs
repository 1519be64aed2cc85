//! What the agent tells about itself, the node and its datapath.
//!
//! The agent's own thread only gives copies of what it knows. The rest is read by the thread of who asked: from the tables
//! in the kernel, from its interfaces and routes, and from the pods.

mod answer;
mod events;
mod fill;
mod flows;
mod health;
mod listen;
mod services;
mod view;

use std::os::unix::net::UnixStream;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use ichor_agent_api::inspect::{Counter, Endpoint, Filter, Node, Question, Subject};
use ichor_datapath_loader::{KeptTables, Pins, Sizes};
use ichor_datapath_types::{DropReason, Hook, proto};
use serde_json::{Value as Json, json};

use crate::agent::Agent;
use crate::fault::Fault;
use crate::request::Code;
use crate::socket::Event;
use crate::store::mac_text;
use crate::sweeper::Sweeper;
use answer::{Answer, Stop};
use flows::Which;
use listen::Hub;
use view::Directory;
pub(crate) use view::{Services, View};

impl Agent {
    pub(crate) fn status(&self) -> Json {
        let settings = self.settings.as_ref();
        json!({
            "ready": self.is_ready(),
            "waitingFor": self.waiting_for(),
            "node": self.arguments.node,
            "uplink": settings.map(|settings| settings.uplink.name.clone()),
            "mtu": settings.map(|settings| settings.mtu),
            "ipv4": settings.and_then(|settings| settings.v4).map(|address| address.to_string()),
            "ipv6": settings.and_then(|settings| settings.v6).map(|address| address.to_string()),
            "trafficControl": format!("{:?}", self.hooks.traffic_control).to_lowercase(),
            "acceleration": self.config.acceleration_of(&self.arguments.node).name(),
            "mode": format!("{:?}", self.config.mode).to_lowercase(),
            "objects": if self.source.is_watched() { "folder" } else { "checkpoint" },
            "frontends": self.desired.services.iter().count(),
            "backends": self.desired.backends.iter().count(),
            "endpoints": self.store.entries().len(),
            "start": self.pace.start(),
            "lastChange": self.pace.last_change(),
            "lastWalk": self.sweeper.status(),
            "egressLimits": self.limits.means(),
            "egressLimitsBecause": self.limits.because(),
            "problems": self.problems(),
        })
    }
}

/// How long the agent's own thread may let others wait: less than whoever asked does.
const BUSY: Duration = Duration::from_secs(5);

/// Answers questions, on any thread.
#[derive(Clone, Debug)]
pub(crate) struct Inspector {
    node: String,
    pins: Pins,
    sizes: Sizes,
    sweeper: Sweeper,
    events: SyncSender<Event>,
    hub: Hub,
}

impl Inspector {
    pub(crate) fn new(node: &str, pins: &Pins, sizes: Sizes, sweeper: &Sweeper, events: &SyncSender<Event>) -> Self {
        let hub = Hub::new(pins.clone(), sizes);
        Self { node: node.to_owned(), pins: pins.clone(), sizes, sweeper: sweeper.clone(), events: events.clone(), hub }
    }

    /// Answers row by row.
    pub(crate) fn answer(&self, question: &Question, connection: &UnixStream) -> std::io::Result<()> {
        let mut answer = Answer::to(connection, question.limit);
        let outcome = self.tell(question.inspect, &question.filter, &mut answer);
        answer.end(&self.node, outcome)
    }

    fn tell(&self, subject: Subject, filter: &Filter, answer: &mut Answer<'_>) -> Result<(), Stop> {
        let services = match subject {
            Subject::Endpoints | Subject::Nodes | Subject::Health | Subject::Counters | Subject::Tables => Services::None,
            Subject::Services | Subject::Frontends | Subject::Flows | Subject::Translations | Subject::Events => Services::All,
        };
        let view = self.view(services)?;
        let directory = || Directory::of(&view);
        match subject {
            Subject::Endpoints => endpoints(&view, filter, answer),
            Subject::Nodes => self.nodes(&view, answer),
            Subject::Health => health::tell(&mut self.tables(&view)?, &view, filter, answer),
            Subject::Services => services::services(&mut self.tables(&view)?, &view, &directory(), filter, answer),
            Subject::Frontends => services::frontends(&mut self.tables(&view)?, &directory(), filter, answer),
            Subject::Flows => flows::tell(&mut self.tables(&view)?, &directory(), filter, Which::All, answer),
            Subject::Translations => flows::tell(&mut self.tables(&view)?, &directory(), filter, Which::Translated, answer),
            Subject::Counters => counters(&mut self.tables(&view)?, filter, answer),
            Subject::Tables => fill::tell(&mut self.tables(&view)?, &self.sizes, self.sweeper.pushed_out(), answer),
            Subject::Events => {
                self.tables(&view)?;
                let listener = self.hub.listen(filter.kind)?;
                events::tell(&listener, &self.node, filter, answer, &mut || self.view(services))
            }
        }
    }

    /// What the agent knows; its own thread is asked.
    fn view(&self, services: Services) -> Result<View, Fault> {
        let (sender, answers) = sync_channel(1);
        let asked = self.events.send(Event::View(services, sender));
        asked.map_err(|_| Fault::new("the agent is about to end"))?;
        answers.recv_timeout(BUSY).map_err(|_| Fault::new(format!("the agent has been at work for {} s on something else", BUSY.as_secs())))
    }

    fn tables(&self, view: &View) -> Result<KeptTables, Stop> {
        self.pins.open(&self.sizes).map_err(|error| {
            if view.ready {
                return error.into();
            }
            // Nothing was ever loaded.
            Stop::Fault(Code::NotAvailable, Fault::new(format!("the node's datapath is not ready: {}", view.waiting)))
        })
    }

    fn nodes(&self, view: &View, answer: &mut Answer<'_>) -> Result<(), Stop> {
        view.nodes.iter().try_for_each(|(name, node)| {
            answer.row(Node {
                name: name.clone(),
                own: *name == self.node,
                addresses: node.addresses.clone(),
                pod_cidrs: view.pod_cidrs(name),
                zone: node.zone.clone(),
            })
        })
    }
}

fn endpoints(view: &View, filter: &Filter, answer: &mut Answer<'_>) -> Result<(), Stop> {
    for (attachment, stored) in &view.endpoints {
        let cable = &stored.cable;
        if filter.takes_pod(&stored.pod.namespace, &stored.pod.name, &cable.addresses) {
            answer.row(Endpoint {
                namespace: stored.pod.namespace.to_string(),
                pod: stored.pod.name.to_string(),
                addresses: cable.addresses.clone(),
                interface: cable.host_name.clone(),
                interface_index: stored.interface,
                mac: mac_text(cable.host_mac),
                pod_interface: cable.pod_name.clone(),
                pod_mac: mac_text(cable.pod_mac),
                mtu: cable.mtu,
                container: attachment.container().to_owned(),
                network_namespace: stored.namespace.display().to_string(),
                egress_bits_per_s: view.limits.get(attachment).copied(),
                egress_limited_by: view.limits.get(attachment).and(view.limited_by).map(str::to_owned),
            })?;
        }
    }
    Ok(())
}

fn counters(tables: &mut KeptTables, filter: &Filter, answer: &mut Answer<'_>) -> Result<(), Stop> {
    let counters = tables.counters()?;
    for hook in Hook::ALL {
        let row = |reason: Option<DropReason>| {
            let counter = counters.get(hook, reason.map_or(0, |reason| reason as u8))?;
            Ok::<_, Fault>(Counter {
                hook: hook.name().to_owned(),
                direction: direction(hook).to_owned(),
                reason: reason.map(|reason| reason.name().to_owned()),
                packets: counter.packets,
                bytes: counter.bytes,
                text: reason.map_or("It went on.", DropReason::text).to_owned(),
            })
        };
        for reason in std::iter::once(None).chain(DropReason::ALL.iter().copied().map(Some)) {
            if filter.takes_reason(reason.map(DropReason::name)) {
                answer.row(row(reason)?)?;
            }
        }
    }
    Ok(())
}

/// Which way a packet goes, as a pod sees it and, on the wire, the node.
fn direction(hook: Hook) -> &'static str {
    match hook {
        Hook::FromEndpoint | Hook::ToWire | Hook::Socket => "egress",
        Hook::ToEndpoint | Hook::FromWire | Hook::Xdp => "ingress",
    }
}

fn protocol(number: u8) -> String {
    match number {
        proto::TCP => "TCP".to_owned(),
        proto::UDP => "UDP".to_owned(),
        proto::SCTP => "SCTP".to_owned(),
        proto::ICMP => "ICMP".to_owned(),
        proto::ICMP6 => "ICMPv6".to_owned(),
        other => other.to_string(),
    }
}
