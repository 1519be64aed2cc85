//! What the agent tells about itself.

use std::net::{IpAddr, SocketAddr};

use ichor_agent_state::{Frontend, Unit};
use ichor_datapath_types::{
    Addr, DropReason, Flow, FlowKey, Hook, Octets, ServiceKey, backend_flag, flow_flag, flow_state, proto, scope, service_flag,
};
use serde_json::{Value as Json, json};

use crate::agent::Agent;
use crate::collect::{each, now};
use crate::fault::Fault;
use crate::flow_age::idle;
use crate::request::{Code, Subject, refusal};

/// More than a person reads, and less than a process should hold.
const MOST_FLOWS: usize = 20_000;

impl Agent {
    pub(crate) fn get(&mut self, subject: Subject) -> Json {
        let found = match subject {
            Subject::Endpoints => Ok(self.store.entries().iter().map(|(attachment, stored)| stored.json(attachment)).collect()),
            Subject::Services => Ok(self.services()),
            Subject::Nodes => Ok(self.nodes()),
            Subject::Status => Ok(self.status()),
            Subject::Backends => Ok(self.backends()),
            Subject::Flows => self.flows(),
            Subject::Counters => self.counters(),
        };
        found.unwrap_or_else(|fault| refusal(Code::Failed, "it could not be read", &fault.to_string()))
    }

    fn services(&self) -> Json {
        self.desired.services.iter().map(|(key, frontend)| self.service(key, frontend)).collect()
    }

    fn service(&self, key: &ServiceKey, frontend: &Frontend) -> Json {
        let row = frontend.row;
        let slots = self.observed.run(row.first_slot, row.slots).unwrap_or_default();
        let chosen: std::collections::BTreeSet<_> = slots.iter().collect();
        let backends: Vec<_> = chosen
            .into_iter()
            .filter_map(|id| Some(socket(self.observed.backends.get(id)?.addr, self.observed.backends.get(id)?.port)))
            .collect();
        let owner = match &frontend.owner {
            Unit::Service(name) => json!({ "kind": "Service", "namespace": name.namespace, "name": name.name }),
            Unit::HostPorts(name) => json!({ "kind": "Pod", "namespace": name.namespace, "name": name.name }),
            other => json!({ "kind": other.to_string() }),
        };
        let flag = |flag: u16| row.flags & flag != 0;
        json!({
            "address": IpAddr::from(key.addr).to_string(),
            "port": u16::from_be(key.port),
            "protocol": protocol(key.protocol),
            "scope": if key.scope == scope::EXTERNAL { "external" } else { "cluster" },
            "type": frontend.kind.name(),
            "owner": owner,
            "portName": frontend.port,
            "id": row.id,
            "affinity": row.affinity != 0,
            "algorithm": if flag(service_flag::MAGLEV) { "maglev" } else { "random" },
            "sourceRanges": flag(service_flag::SOURCE_RANGES),
            "internal": flag(service_flag::INTERNAL),
            "backends": backends,
        })
    }

    fn nodes(&self) -> Json {
        let node = |(name, node): (&String, &ichor_agent_state::Node)| {
            json!({
                "name": name,
                "own": *name == self.arguments.node,
                "addresses": node.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "podCIDRs": node.pod_cidrs.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        };
        self.snapshot.nodes().iter().map(node).collect()
    }

    fn status(&self) -> Json {
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
            "lastWalk": { "flows": self.walk.0.seen, "removed": self.walk.0.removed, "milliseconds": self.walk.1.as_millis() },
            "problems": self.problems(),
        })
    }

    fn backends(&self) -> Json {
        let backend = |(id, row): (&u32, &ichor_datapath_types::Backend)| json!({ "id": id, "address": socket(row.addr, row.port), "draining": row.flags & backend_flag::DRAINING != 0 });
        self.desired.backends.iter().map(backend).collect()
    }

    fn flows(&mut self) -> Result<Json, Fault> {
        let Some(datapath) = &mut self.datapath else { return Ok(json!([])) };
        let now = now()?;
        let mut found = Vec::new();
        each(&mut datapath.flows_v4()?, |_, key, flow| {
            found.push(flow_json(&key, &flow, now, Addr::from_v4));
            Ok(())
        })?;
        each(&mut datapath.flows_v6()?, |_, key, flow| {
            found.push(flow_json(&key, &flow, now, Addr));
            Ok(())
        })?;
        let all = found.len();
        found.truncate(MOST_FLOWS);
        Ok(json!({ "count": all, "flows": found }))
    }

    fn counters(&mut self) -> Result<Json, Fault> {
        let Some(datapath) = &self.datapath else { return Ok(json!([])) };
        let counters = datapath.counters()?;
        let mut found = Vec::new();
        for hook in Hook::ALL {
            let reasons = DropReason::ALL.iter().map(|reason| (*reason as u8, reason.name()));
            for (reason, name) in [(0, "forwarded")].into_iter().chain(reasons) {
                let counter = counters.get(hook, reason)?;
                if counter.packets > 0 {
                    found.push(json!({ "hook": hook.name(), "reason": name, "packets": counter.packets, "bytes": counter.bytes }));
                }
            }
        }
        Ok(Json::Array(found))
    }
}

fn socket(addr: Addr, port: u16) -> String {
    SocketAddr::new(addr.into(), u16::from_be(port)).to_string()
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

fn flow_json<A: Octets>(key: &FlowKey<A>, flow: &Flow<A>, now: u32, widen: impl Fn(A) -> Addr) -> Json {
    let state = match flow.state {
        flow_state::NEW => "new",
        flow_state::ESTABLISHED => "established",
        flow_state::CLOSING => "closing",
        flow_state::RESET => "reset",
        _ => "unknown",
    };
    let (tuple, becomes) = (key.tuple, flow.becomes);
    json!({
        "protocol": protocol(key.protocol),
        "source": socket(widen(tuple.source), tuple.source_port),
        "destination": socket(widen(tuple.destination), tuple.destination_port),
        "becomesSource": socket(widen(becomes.source), becomes.source_port),
        "becomesDestination": socket(widen(becomes.destination), becomes.destination_port),
        "state": state,
        "reply": flow.flags & flow_flag::REPLY != 0,
        "direct": flow.flags & flow_flag::DIRECT != 0,
        "backend": flow.backend,
        "idleSeconds": (u64::from(idle(now, flow.seen)) << ichor_datapath_types::Config::CLOCK_SHIFT) / 1_000_000_000,
    })
}
