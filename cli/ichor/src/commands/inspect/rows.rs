//! What of each row a person is shown.

use std::net::IpAddr;

use ichor_agent_api::inspect::{Backend, Checked, Counter, End, Endpoint, Flow, Frontend, Health, Node, Service, Table};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A row of a list.
pub(super) trait Row: Serialize + DeserializeOwned {
    /// What the list is called in the JSON document.
    const LIST: &'static str;
    const HEADERS: &'static [&'static str];

    fn cells(&self) -> Vec<String>;

    /// Whether it is worth a line.
    fn matters(&self, _all: bool) -> bool {
        true
    }

    /// Whether it says that something is broken.
    fn is_bad(&self) -> bool {
        false
    }
}

fn joined<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}

fn of_family(addresses: &[IpAddr], v4: bool) -> String {
    joined(addresses.iter().filter(|address| address.is_ipv4() == v4))
}

fn owner(end: &End) -> String {
    end.owner.as_ref().map(ToString::to_string).unwrap_or_default()
}

impl Row for Endpoint {
    const LIST: &'static str = "endpoints";
    const HEADERS: &'static [&'static str] = &["NAMESPACE", "POD", "IPV4", "IPV6", "INTERFACE", "INDEX", "MTU", "CONTAINER"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.namespace.clone(),
            self.pod.clone(),
            of_family(&self.addresses, true),
            of_family(&self.addresses, false),
            self.interface.clone(),
            self.interface_index.to_string(),
            self.mtu.to_string(),
            self.container.clone(),
        ]
    }
}

impl Row for Health {
    const LIST: &'static str = "endpoints";
    const HEADERS: &'static [&'static str] =
        &["NAMESPACE", "POD", "HEALTH", "CABLE", "INSIDE", "PROGRAM", "TABLES", "ROUTES", "ANSWER", "PROBLEM"];

    fn cells(&self) -> Vec<String> {
        let problem = |what| self.checks.iter().find(|check| check.what == what).and_then(|check| check.problem.as_deref());
        let word = |is_good: bool| if is_good { "ok" } else { "FAILED" }.to_owned();
        let mut cells = vec![self.namespace.clone(), self.pod.clone(), word(self.healthy)];
        cells.extend(Checked::ALL.map(|what| word(problem(what).is_none())));
        cells.push(Checked::ALL.into_iter().filter_map(problem).collect::<Vec<_>>().join("; "));
        cells
    }

    fn is_bad(&self) -> bool {
        !self.healthy
    }
}

impl Row for Service {
    const LIST: &'static str = "services";
    const HEADERS: &'static [&'static str] = &["NAMESPACE", "NAME", "PORT", "TYPE", "FRONTEND", "PROTOCOL", "SCOPE", "BACKENDS"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.owner.namespace.clone().unwrap_or_default(),
            self.owner.name.clone(),
            self.port_name.clone(),
            self.kind.clone(),
            End { address: self.address, port: self.port, owner: None }.to_string(),
            self.protocol.clone(),
            self.scope.clone(),
            joined(&self.backends),
        ]
    }
}

impl Row for Frontend {
    const LIST: &'static str = "frontends";
    const HEADERS: &'static [&'static str] = &["FRONTEND", "PROTOCOL", "SCOPE", "ID", "OWNER", "FLAGS", "BACKENDS"];

    fn cells(&self) -> Vec<String> {
        let mut flags = vec![self.algorithm.clone()];
        flags.extend((self.affinity_s > 0).then(|| format!("affinity={}s", self.affinity_s)));
        flags.extend(self.internal.then(|| "internal".to_owned()));
        flags.extend(self.silent.then(|| "silent".to_owned()));
        flags.extend(self.source_ranges.iter().map(|range| format!("from={range}")));
        vec![
            End { address: self.address, port: self.port, owner: None }.to_string(),
            self.protocol.clone(),
            self.scope.clone(),
            self.id.to_string(),
            self.owner.as_ref().map(ToString::to_string).unwrap_or_default().replace(' ', "/"),
            flags.join(","),
            joined(self.backends.iter().map(backend)),
        ]
    }
}

/// Its number, who it is, and how much of the table it has.
fn backend(backend: &Backend) -> String {
    let end = backend.end.as_ref().map_or_else(|| "missing".to_owned(), ToString::to_string);
    let draining = if backend.draining { "(draining)" } else { "" };
    format!("{}={end}*{}{draining}", backend.id, backend.slots)
}

impl Row for Flow {
    const LIST: &'static str = "flows";
    const HEADERS: &'static [&'static str] =
        &["PROTOCOL", "STATE", "SIDE", "IDLE", "SOURCE", "DESTINATION", "BECOMES-SOURCE", "BECOMES-DESTINATION", "FROM", "TO"];

    fn cells(&self) -> Vec<String> {
        let changed = |end: &End, other: &End| {
            if (end.address, end.port) == (other.address, other.port) { String::new() } else { other.to_string() }
        };
        let side = match (self.reply, self.direct) {
            (true, _) => "answer",
            (false, true) => "direct",
            (false, false) => "begun",
        };
        vec![
            self.protocol.clone(),
            self.state.name().to_owned(),
            side.to_owned(),
            format!("{}s", self.idle_s),
            self.source.to_string(),
            self.destination.to_string(),
            changed(&self.source, &self.becomes_source),
            changed(&self.destination, &self.becomes_destination),
            owner(&self.source).replace(' ', "/"),
            owner(&self.destination).replace(' ', "/"),
        ]
    }
}

impl Row for Counter {
    const LIST: &'static str = "counters";
    const HEADERS: &'static [&'static str] = &["HOOK", "DIRECTION", "RESULT", "PACKETS", "BYTES", "MEANING"];

    fn cells(&self) -> Vec<String> {
        let result = self.reason.as_deref().unwrap_or("forwarded");
        vec![
            self.hook.clone(),
            self.direction.clone(),
            result.to_owned(),
            self.packets.to_string(),
            self.bytes.to_string(),
            self.text.clone(),
        ]
    }

    fn matters(&self, all: bool) -> bool {
        all || self.packets > 0
    }
}

impl Row for Table {
    const LIST: &'static str = "tables";
    const HEADERS: &'static [&'static str] = &["TABLE", "ENTRIES", "OF", "FULL", "PUSHED-OUT", "OLDEST", "HOLDS"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.entries.to_string(),
            self.most.to_string(),
            if self.full { "yes" } else { "no" }.to_owned(),
            self.pushed_out.to_string(),
            self.oldest_idle_s.map(|seconds| format!("{seconds}s")).unwrap_or_default(),
            self.holds.clone(),
        ]
    }
}

impl Row for Node {
    const LIST: &'static str = "nodes";
    const HEADERS: &'static [&'static str] = &["NAME", "ASKED", "ADDRESSES", "POD-CIDRS", "ZONE"];

    fn cells(&self) -> Vec<String> {
        let asked = if self.own { "yes" } else { "" };
        vec![self.name.clone(), asked.to_owned(), joined(&self.addresses), joined(&self.pod_cidrs), self.zone.clone().unwrap_or_default()]
    }
}
