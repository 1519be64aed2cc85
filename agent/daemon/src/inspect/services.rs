//! Services as the agent wants them, and frontends as the datapath holds them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ichor_agent_api::inspect::{Backend, End, Filter, Frontend as FrontendRow, Service as ServiceRow};
use ichor_datapath_loader::{Error, KeptTables};
use ichor_datapath_types::{Addr, Service, ServiceKey, backend_flag, scope, service_flag};

use crate::inspect::answer::{Answer, Stop};
use crate::inspect::flows::seconds;
use crate::inspect::protocol;
use crate::inspect::view::{Directory, View, owner};

/// The services' frontends; their backends are those that the datapath has by now.
pub(crate) fn services(
    tables: &mut KeptTables,
    view: &View,
    directory: &Directory,
    filter: &Filter,
    answer: &mut Answer<'_>,
) -> Result<(), Stop> {
    for (key, frontend) in &view.services {
        let (address, port) = (IpAddr::from(key.addr), u16::from_be(key.port));
        let own = End { address, port, owner: Some(owner(frontend)) };
        // The rows are many, and their backends cost system calls.
        if filter.pod.is_none() && filter.address.is_none() && filter.port.is_none() && !filter.takes(&[&own], &protocol(key.protocol)) {
            continue;
        }
        // A row that is not in the table yet has no backends either.
        let there = tables.services()?.get(key)?.unwrap_or_default();
        let backends: Vec<_> = backends(tables, &there, key.protocol, directory)?.into_iter().filter_map(|backend| backend.end).collect();
        let ends: Vec<_> = std::iter::once(&own).chain(&backends).collect();
        if filter.takes(&ends, &protocol(key.protocol)) {
            answer.row(ServiceRow {
                owner: owner(frontend),
                port_name: frontend.port.to_string(),
                kind: frontend.kind.name().to_owned(),
                address,
                port,
                protocol: protocol(key.protocol),
                scope: scope_name(key).to_owned(),
                backends,
            })?;
        }
    }
    Ok(())
}

/// The load balancer's own table.
pub(crate) fn frontends(tables: &mut KeptTables, directory: &Directory, filter: &Filter, answer: &mut Answer<'_>) -> Result<(), Stop> {
    let ranges = source_ranges(tables)?;
    let rows: BTreeMap<ServiceKey, Service> = tables.services()?.entries()?.into_iter().collect();
    for (key, row) in rows {
        let owner = directory.frontend(&key).cloned();
        let own = End { address: key.addr.into(), port: u16::from_be(key.port), owner: owner.clone() };
        let backends = backends(tables, &row, key.protocol, directory)?;
        let ends: Vec<_> = std::iter::once(&own).chain(backends.iter().filter_map(|backend| backend.end.as_ref())).collect();
        if !filter.takes(&ends, &protocol(key.protocol)) {
            continue;
        }
        let flag = |flag: u16| row.flags & flag != 0;
        answer.row(FrontendRow {
            address: own.address,
            port: own.port,
            protocol: protocol(key.protocol),
            scope: scope_name(&key).to_owned(),
            id: row.id,
            owner,
            algorithm: if flag(service_flag::MAGLEV) { "maglev" } else { "random" }.to_owned(),
            affinity_s: seconds(row.affinity),
            internal: flag(service_flag::INTERNAL),
            silent: flag(service_flag::SILENT),
            source_ranges: if flag(service_flag::SOURCE_RANGES) { ranges.get(&row.id).cloned().unwrap_or_default() } else { Vec::new() },
            backends,
        })?;
    }
    Ok(())
}

fn scope_name(key: &ServiceKey) -> &'static str {
    if key.scope == scope::EXTERNAL { "external" } else { "cluster" }
}

/// Who is in a service's slots, and in how many of them.
fn backends(tables: &mut KeptTables, row: &Service, protocol: u8, directory: &Directory) -> Result<Vec<Backend>, Error> {
    let mut slots: BTreeMap<u32, u32> = BTreeMap::new();
    if row.slots > 0 {
        for id in tables.slots()?.run(row.first_slot, row.slots)? {
            *slots.entry(id).or_default() += 1;
        }
    }
    let table = tables.backends()?;
    let backend = |(id, slots)| {
        let found = table.get(id)?;
        let end = (found.addr != Addr::UNSPECIFIED).then(|| directory.end(found.addr.into(), found.port, protocol));
        Ok(Backend { id, end, draining: found.flags & backend_flag::DRAINING != 0, slots })
    };
    slots.into_iter().map(backend).collect()
}

/// By the service's id, in the form in which people write prefixes.
fn source_ranges(tables: &mut KeptTables) -> Result<BTreeMap<u32, Vec<String>>, Error> {
    /// What stands before the address, and before an IPv4 address in its IPv6 form.
    const ID_BITS: u32 = 32;
    const BEFORE_V4: u32 = 96;
    let mut found: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for (bits, [id, a, b, c, d], _) in tables.source_ranges()?.entries()? {
        let address = IpAddr::from(Addr([a, b, c, d]));
        let bits = bits.saturating_sub(ID_BITS).saturating_sub(if address.is_ipv4() { BEFORE_V4 } else { 0 });
        found.entry(id).or_default().push(format!("{address}/{bits}"));
    }
    Ok(found)
}
