//! The flows that the datapath remembers, in batches: there may be a million of them.

use std::net::IpAddr;

use ichor_agent_api::inspect::{Filter, Flow as Row, State};
use ichor_datapath_loader::KeptTables;
use ichor_datapath_types::{Addr, Config, Flow, FlowKey, Octets, flow_flag, flow_state};

use crate::collect::{each, now};
use crate::flow_age::idle;
use crate::inspect::answer::{Answer, Stop};
use crate::inspect::protocol;
use crate::inspect::view::Directory;

/// Which flows are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    /// Those whose packets change.
    Translated,
}

pub(crate) fn tell(
    tables: &mut KeptTables,
    directory: &Directory,
    filter: &Filter,
    which: Which,
    answer: &mut Answer<'_>,
) -> Result<(), Stop> {
    let now = now()?;
    let mut visit = |row: Row| {
        let ends = [&row.source, &row.destination, &row.becomes_source, &row.becomes_destination];
        let wanted = filter.takes_state(row.state) && filter.takes(&ends, &row.protocol);
        if wanted && (which == Which::All || row.is_translated()) { answer.row(row) } else { Ok(()) }
    };
    each(&mut tables.flows_v4()?, |_, key, flow| visit(row(&key, &flow, now, Addr::from_v4, directory)))?;
    each(&mut tables.flows_v6()?, |_, key, flow| visit(row(&key, &flow, now, Addr, directory)))
}

fn row<A: Octets>(key: &FlowKey<A>, flow: &Flow<A>, now: u32, widen: impl Fn(A) -> Addr, directory: &Directory) -> Row {
    let end = |address: A, port: u16| directory.end(IpAddr::from(widen(address)), port, key.protocol);
    let (tuple, becomes) = (key.tuple, flow.becomes);
    Row {
        protocol: protocol(key.protocol),
        source: end(tuple.source, tuple.source_port),
        destination: end(tuple.destination, tuple.destination_port),
        becomes_source: end(becomes.source, becomes.source_port),
        becomes_destination: end(becomes.destination, becomes.destination_port),
        state: match flow.state {
            flow_state::NEW => State::New,
            flow_state::ESTABLISHED => State::Established,
            flow_state::LASTING => State::Lasting,
            flow_state::CLOSING => State::Closing,
            flow_state::RESET => State::Reset,
            _ => State::Unknown,
        },
        reply: flow.flags & flow_flag::REPLY != 0,
        direct: flow.flags & flow_flag::DIRECT != 0,
        idle_s: seconds(idle(now, flow.seen)),
    }
}

/// Units of the datapath's clock as seconds.
pub(crate) fn seconds(units: u32) -> u64 {
    (u64::from(units) << Config::CLOCK_SHIFT) / 1_000_000_000
}
