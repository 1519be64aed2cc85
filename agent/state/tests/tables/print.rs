//! Tables as text that a person reads.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use ichor_agent_state::{BackendAddr, BitRate, Desired, Name, Observed, Op, Problem, Unit};
use ichor_datapath_types::{
    Addr, Service, ServiceKey, SourceRangeKey, backend_flag, endpoint_flag, prefix_flag, proto, scope, service_flag,
};

/// Lines of columns, as wide as they must be.
fn table(title: &str, rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let mut out = format!("{title}\n");
    for row in rows {
        let cells: Vec<_> = row.iter().enumerate().map(|(column, cell)| format!("{cell:0$}", width(column))).collect();
        writeln!(out, "  {}", cells.join("  ").trim_end()).unwrap();
    }
    out
}

fn frontend(key: &ServiceKey) -> String {
    let protocol = match key.protocol {
        proto::TCP => "TCP",
        proto::UDP => "UDP",
        proto::SCTP => "SCTP",
        other => panic!("protocol {other}"),
    };
    let outside = if key.scope == scope::EXTERNAL { " from outside" } else { "" };
    format!("{}/{protocol}{outside}", SocketAddr::new(key.addr.into(), u16::from_be(key.port)))
}

fn flags(row: &Service) -> String {
    let names = [
        (service_flag::SOURCE_RANGES, "source-ranges"),
        (service_flag::SPLIT, "split"),
        (service_flag::SILENT, "silent"),
        (service_flag::INTERNAL, "internal"),
    ];
    let mut words: Vec<_> = names.iter().filter(|(flag, _)| row.flags & flag != 0).map(|(_, name)| (*name).to_owned()).collect();
    words.extend((row.affinity != 0).then(|| format!("affinity={}", row.affinity)));
    if words.is_empty() { "-".into() } else { words.join(",") }
}

/// Whom a service leads to: `@` and its first slot, then each backend, with its share of a Maglev table.
fn run(row: &Service, observed: &Observed, slots: &[u32]) -> String {
    if row.slots == 0 {
        return "nobody".into();
    }
    let name = |id: &u32| observed.backends.get(id).map_or(format!("?{id}"), |backend| BackendAddr::from(backend).to_string());
    let (first, count) = (row.first_slot as usize, row.slots as usize);
    let run = slots.get(first..first + count).unwrap_or_default();
    if row.flags & service_flag::MAGLEV == 0 {
        let names: Vec<_> = run.iter().map(name).collect();
        return format!("@{first} {}", names.join(" "));
    }
    let mut shares: BTreeMap<u32, usize> = BTreeMap::new();
    run.iter().for_each(|id| *shares.entry(*id).or_default() += 1);
    let names: Vec<_> = shares.iter().map(|(id, share)| format!("{}*{share}", name(id))).collect();
    format!("@{first} maglev {count}: {}", names.join(" "))
}

pub(crate) fn services(desired: &Desired, observed: &Observed, slots: &[u32]) -> String {
    let mut rows = BTreeMap::new();
    for (key, row) in &observed.services {
        let (kind, owner, port) = match desired.services.get(key) {
            Some(frontend) => (frontend.kind.name(), frontend.owner.clone(), frontend.port.clone()),
            None => ("?", Unit::Service(Name::new("?", "?")), "".into()),
        };
        let owner = if port.is_empty() { owner.to_string() } else { format!("{owner}:{port}") };
        let cells = vec![frontend(key), kind.into(), owner, format!("#{}", row.id), flags(row), run(row, observed, slots)];
        rows.insert((IpAddr::from(key.addr), u16::from_be(key.port), key.protocol, key.scope), cells);
    }
    table("services", &rows.into_values().collect::<Vec<_>>())
}

pub(crate) fn backends(observed: &Observed) -> String {
    let draining = |flags: u16| if flags & backend_flag::DRAINING != 0 { "draining" } else { "" };
    let row = |(id, row): (&u32, &_)| vec![format!("#{id}"), BackendAddr::from(row).to_string(), draining(row.flags).into()];
    table("backends", &observed.backends.iter().map(row).collect::<Vec<_>>())
}

fn prefix(addr: Addr, bits: u32) -> String {
    let addr = IpAddr::from(addr);
    format!("{addr}/{}", if addr.is_ipv4() { bits - 96 } else { bits })
}

fn range(key: &SourceRangeKey) -> String {
    format!("#{} {}", key.service, prefix(key.addr, key.prefix_bits - 32))
}

pub(crate) fn source_ranges(observed: &Observed) -> String {
    let mut rows: Vec<_> = observed.source_ranges.iter().map(|key| vec![range(key)]).collect();
    rows.sort();
    table("source ranges", &rows)
}

pub(crate) fn health_checks(observed: &Observed) -> String {
    let row = |(port, check): (&u16, &ichor_agent_state::HealthCheck)| {
        vec![port.to_string(), check.service.to_string(), format!("{} endpoints", check.endpoints)]
    };
    table("health checks", &observed.health_checks.iter().map(row).collect::<Vec<_>>())
}

pub(crate) fn problems<'a>(problems: impl Iterator<Item = &'a Problem>) -> String {
    table("problems", &problems.map(|problem| vec![problem.to_string()]).collect::<Vec<_>>())
}

pub(crate) fn limits(limits: &BTreeMap<String, BitRate>) -> String {
    let row = |(container, BitRate(rate)): (&String, &BitRate)| vec![container.clone(), format!("{rate} bit/s")];
    table("limits", &limits.iter().map(row).collect::<Vec<_>>())
}

fn mac(words: [u16; 3]) -> String {
    let bytes: Vec<_> = words.iter().flat_map(|word| word.to_ne_bytes()).map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}

pub(crate) fn endpoints(observed: &Observed) -> String {
    let mut rows = BTreeMap::new();
    for (key, row) in &observed.endpoints {
        let addr = IpAddr::from(key.addr);
        let cells = if row.flags & endpoint_flag::HOST != 0 {
            vec![addr.to_string(), "host".into()]
        } else {
            vec![
                addr.to_string(),
                format!("interface {}", row.interface),
                format!("identity {}", row.identity),
                mac(row.mac),
                mac(row.host_mac),
                (if row.flags & endpoint_flag::LIMITED != 0 { "limited" } else { "" }).into(),
            ]
        };
        rows.insert(addr, cells);
    }
    table("endpoints", &rows.into_values().collect::<Vec<_>>())
}

pub(crate) fn prefixes(observed: &Observed) -> String {
    let mut rows = BTreeMap::new();
    for (key, row) in &observed.prefixes {
        let kept = match row.flags {
            flags if flags & prefix_flag::SERVICE != 0 => "services alone, not masqueraded",
            flags if flags & prefix_flag::NODE != 0 => "a node, not masqueraded",
            flags if flags & prefix_flag::NOT_MASQUERADED != 0 => "not masqueraded",
            _ => "",
        };
        rows.insert((IpAddr::from(key.addr), key.prefix_bits), vec![prefix(key.addr, key.prefix_bits), kept.into()]);
    }
    table("prefixes", &rows.into_values().collect::<Vec<_>>())
}

pub(crate) fn ops(ops: &[Op]) -> String {
    if ops.is_empty() {
        return "nothing\n".into();
    }
    let text = |op: &Op| match op {
        Op::SetBackend(id, row) => format!("backend #{id} is {}{}", BackendAddr::from(row), if row.flags == 0 { "" } else { " draining" }),
        Op::DeleteBackend(id) => format!("no backend #{id}"),
        Op::SetSlots { first, backends } if backends.len() > 8 => format!("slots @{first}: {} of them", backends.len()),
        Op::SetSlots { first, backends } => format!("slots @{first}: {backends:?}"),
        Op::SetService(key, row) => format!("service {} is #{} {} @{}+{}", frontend(key), row.id, flags(row), row.first_slot, row.slots),
        Op::DeleteService(key) => format!("no service {}", frontend(key)),
        Op::SetSourceRange(key) => format!("source range {}", range(key)),
        Op::DeleteSourceRange(key) => format!("no source range {}", range(key)),
        Op::SetEndpoint(key, row) => format!("endpoint {} is interface {}", IpAddr::from(key.addr), row.interface),
        Op::DeleteEndpoint(key) => format!("no endpoint {}", IpAddr::from(key.addr)),
        Op::SetPrefix(key, _) => format!("prefix {}", prefix(key.addr, key.prefix_bits)),
        Op::DeletePrefix(key) => format!("no prefix {}", prefix(key.addr, key.prefix_bits)),
        Op::SetHealthCheck(port, check) => format!("health check {port}: {} {}", check.service, check.endpoints),
        Op::DeleteHealthCheck(port) => format!("no health check {port}"),
    };
    ops.iter().map(|op| format!("  {}\n", text(op))).collect()
}
