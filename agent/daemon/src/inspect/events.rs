//! Events for one listener, with the names of what they are about.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use ichor_agent_api::inspect::{End, Event as Row, EventKind, Filter, Line};
use ichor_agent_apply::Netlink;
use ichor_datapath_types::{Addr, DropReason, Event, Hook, event_kind, tcp_flag};
use nix::time::{ClockId, clock_gettime};

use crate::fault::Fault;
use crate::inspect::answer::{Answer, Stop};
use crate::inspect::listen::Listener;
use crate::inspect::view::{Directory, View};
use crate::inspect::{direction, protocol};

/// How long it says nothing at all: whoever listens takes it for dead after several times this.
const BREATH: Duration = Duration::from_secs(1);
/// Names that are older are asked for again with the next event.
const FRESH: Duration = Duration::from_secs(3);

/// What events are explained with.
struct Names {
    directory: Directory,
    interfaces: BTreeMap<u32, String>,
    /// From the datapath's clock to that of calendars.
    offset_ns: i128,
    learned: Instant,
}

impl Names {
    fn learn(view: &View) -> Result<Self, Fault> {
        let links = Netlink::open()?.links()?;
        let nanoseconds = |clock| {
            let time = clock_gettime(clock).map_err(|error| Fault::new(format!("reading the clock: {error}")))?;
            Ok::<_, Fault>(i128::from(time.tv_sec()) * 1_000_000_000 + i128::from(time.tv_nsec()))
        };
        Ok(Self {
            directory: Directory::of(view),
            interfaces: links.into_iter().map(|(name, link)| (link.index, name)).collect(),
            offset_ns: nanoseconds(ClockId::CLOCK_REALTIME)? - nanoseconds(ClockId::CLOCK_MONOTONIC)?,
            learned: Instant::now(),
        })
    }

    fn row(&self, event: &Event) -> Option<Row> {
        let hook = Hook::ALL.into_iter().find(|hook| *hook as u8 == event.hook)?;
        let end = |addr: Addr, port| self.directory.end(IpAddr::from(addr), port, event.protocol);
        let known = |addr: Addr, port| (addr != Addr::UNSPECIFIED).then(|| end(addr, port));
        let becomes = |addr: Addr, port: u16, from: Addr, from_port: u16| known(addr, port).filter(|_| (addr, port) != (from, from_port));
        let reason = DropReason::from_number(event.reason);
        Some(Row {
            kind: if event.kind == event_kind::DROP { EventKind::Drop } else { EventKind::NewFlow },
            time_unix_ms: u64::try_from((i128::from(event.time_ns) + self.offset_ns) / 1_000_000).unwrap_or_default(),
            hook: hook.name().to_owned(),
            direction: direction(hook).to_owned(),
            reason: reason.map(|reason| reason.name().to_owned()),
            text: reason.map(|reason| reason.text().to_owned()),
            protocol: protocol(event.protocol),
            source: known(event.source, event.source_port),
            destination: end(event.destination, event.destination_port),
            becomes_source: becomes(event.becomes_source, event.becomes_source_port, event.source, event.source_port),
            becomes_destination: becomes(
                event.becomes_destination,
                event.becomes_destination_port,
                event.destination,
                event.destination_port,
            ),
            interface: self.interfaces.get(&event.interface).cloned(),
            length: event.length,
            tcp_flags: flags(event.tcp_flags),
        })
    }
}

fn flags(bits: u8) -> Vec<String> {
    let names = [(tcp_flag::SYN, "syn"), (tcp_flag::ACK, "ack"), (tcp_flag::FIN, "fin"), (tcp_flag::RST, "rst")];
    names.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| name.to_owned()).collect()
}

fn is_wanted(filter: &Filter, row: &Row) -> bool {
    let ends = [row.source.as_ref(), Some(&row.destination), row.becomes_source.as_ref(), row.becomes_destination.as_ref()];
    let ends: Vec<&End> = ends.into_iter().flatten().collect();
    filter.takes_kind(row.kind) && filter.takes_reason(row.reason.as_deref()) && filter.takes(&ends, &row.protocol)
}

/// Tells events until nobody reads them any more, or as many as were wanted.
pub(crate) fn tell(
    listener: &Listener,
    node: &str,
    filter: &Filter,
    answer: &mut Answer<'_>,
    view: &mut dyn FnMut() -> Result<View, Fault>,
) -> Result<(), Stop> {
    let mut names = Names::learn(&view()?)?;
    let breathe = |answer: &mut Answer<'_>| answer.line::<()>(&Line::Listening { node: node.to_owned() }).and_then(|()| answer.flush());
    breathe(answer)?;
    let mut said = Instant::now();
    loop {
        match listener.events.recv_timeout(BREATH) {
            Ok(event) => {
                if names.learned.elapsed() > FRESH {
                    names.learned = Instant::now();
                    // Old names are better than no events.
                    if let Ok(newer) = view().and_then(|view| Names::learn(&view)) {
                        names = newer;
                    }
                }
                for event in std::iter::once(event).chain(listener.events.try_iter()) {
                    if let Some(row) = names.row(&event).filter(|row| is_wanted(filter, row)) {
                        answer.row(row)?;
                    }
                    if answer.is_full() {
                        return Err(Stop::Limited);
                    }
                }
                answer.flush()?;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Fault::new("the events cannot be read any more; the agent's log says why").into());
            }
        }
        if said.elapsed() >= BREATH {
            said = Instant::now();
            let lost = listener.lost();
            if !lost.is_none() {
                answer.line::<()>(&Line::Lost(lost))?;
            }
            breathe(answer)?;
        }
    }
}
