//! The first packet of a flow.

use ichor_datapath_types::{
    Backend, Config, DropReason, Flow, FlowKey, Octets, Service, ServiceKey, Transport, Work, begun, feature, flow_flag, flow_state, piece,
    prefix_flag, scope, service_flag, transport_kind,
};

use crate::decide::{Next, Origin, next_hop};
use crate::family::Family;
use crate::flow::{is_spent, may_begin, next_state, opens};
use crate::service::choose;
use crate::{FlowTable, Tables};

/// How many ports are tried before a peer counts as full, and where a client rarely needs another than its own.
const TRIES: u32 = 24;
const FEW_TRIES: u32 = 4;
/// How many more may be another flow's that has no more need of it.
const SPENT_TRIES: u32 = 3;

/// Chooses what the packets of a flow become, and writes it down for both directions.
#[inline(always)]
pub(crate) fn open<F, T>(tables: &T, config: &Config, origin: Origin, work: &mut Work<F::Octets>) -> Result<Next, DropReason>
where
    F: Family,
    T: Tables + FlowTable<F::Octets>,
{
    if matches!(origin, Origin::Endpoint { .. }) && F::is_group_or_link(work.ip.destination) {
        return Ok(Next::Pass);
    }
    work.flow = Flow {
        becomes: work.key.tuple,
        backend: 0,
        seen: tables.now(),
        state: next_state(flow_state::NEW, &work.transport, false),
        flags: 0,
        pad: 0,
    };
    let service = if matches!(origin, Origin::Host) { None } else { service_at::<F, T>(tables, origin, &work.key) };
    if let Some(service) = &service {
        let Some((id, backend)) = backend_of::<F, T>(tables, origin, service, &work.key)? else {
            return Ok(Next::Refuse);
        };
        if work.transport.kind == transport_kind::SCTP && backend.port != work.key.tuple.destination_port {
            return Err(DropReason::UnknownTransport);
        }
        work.flow.backend = id;
        work.flow.becomes.destination = F::narrow(backend.addr);
        work.flow.becomes.destination_port = backend.port;
        work.flow.flags = flow_flag::DESTINATION;
    }
    let next = next_hop::<F, T>(tables, origin, work);
    let is_service = service.is_some();
    match origin {
        Origin::Wire { only_transit: true } if !matches!(next, Next::Route) => {
            return Ok(Next::Pass);
        }
        // A pod that reaches itself through a service must not answer itself behind the service's back.
        Origin::Endpoint { .. } if is_service && work.flow.becomes.destination == work.ip.source => {
            work.flow.becomes.source = work.ip.destination;
            work.flow.flags |= flow_flag::SOURCE;
        }
        _ => {}
    }
    let leaves = matches!(next, Next::Route);
    let from_outside = matches!(origin, Origin::Wire { .. });
    // A first piece has no room for what the backend's node must be told, and its sender cannot be told about pieces.
    let direct = leaves && from_outside && work.ip.piece == piece::WHOLE && is_direct(config, work.transport.kind);
    let hidden = leaves
        && match origin {
            Origin::Endpoint { .. } => is_hidden::<F, T>(tables, config, work.flow.becomes.destination),
            Origin::Wire { .. } => is_service && !direct,
            Origin::Host => false,
        };
    let stays = matches!(next, Next::Endpoint | Next::Host);
    if work.is_told != 0 && stays && !is_service {
        answered_directly::<F, T>(tables, config, work)?;
        return Ok(next);
    }
    // The pod's answer must not be taken for a connection of its own, which would be hidden.
    let answered_openly = from_outside && matches!(next, Next::Endpoint) && is_hidden::<F, T>(tables, config, work.ip.source);
    let answered_here = is_service || answered_openly || may_begin(&work.transport) && (stays || !from_outside);
    let shared = answered_here && !hidden && !direct && is_shared::<F, T>(tables, work);
    // More of a connection whose answers alone are remembered leaves them as they are.
    let goes_on = shared && !is_service && !begins(&work.transport);
    if !is_service && !hidden && (goes_on || !answered_openly && !shared) {
        // Nothing changes, and nobody has to remember that. Of what a process of the node sends, only the beginning is worth
        // a question.
        let asks = leaves || (matches!(origin, Origin::Host) && begins(&work.transport));
        let nowhere = asks && is_nowhere::<F, T>(tables, work.ip.destination);
        work.begun = unremembered(origin, &work.transport);
        return Ok(if nowhere { Next::Refuse } else { unchanged(next, origin) });
    }
    if hidden {
        work.flow.becomes.source = F::node_address(config);
    }
    if direct {
        work.flow.flags |= flow_flag::DIRECT;
        work.tells = 1;
    }
    write_down::<F, T>(tables, config, hidden || shared, work)?;
    work.changes = u32::from(work.flow.flags);
    Ok(next)
}

/// Writes down both directions; whoever answers directly is told, and has its own entries.
#[inline(always)]
fn write_down<F, T>(tables: &T, config: &Config, own_port: bool, work: &mut Work<F::Octets>) -> Result<(), DropReason>
where
    F: Family,
    T: Tables + FlowTable<F::Octets>,
{
    if own_port {
        work.flow.flags |= flow_flag::SOURCE;
        reply(work);
        take_port::<F, T, TRIES>(tables, config, work)?;
    } else if work.flow.flags & flow_flag::DIRECT == 0 {
        reply(work);
        tables.put_flow(&work.reply_key, &work.reply).ok_or(DropReason::FlowTable)?;
    }
    tables.put_flow(&work.key, &work.flow).ok_or(DropReason::FlowTable)?;
    work.begun = begun::FLOW;
    Ok(())
}

/// What a packet begins of which nothing changes: the first one of a connection says so itself.
#[inline(always)]
fn unremembered(origin: Origin, transport: &Transport) -> u32 {
    // What is left to a later hook begins there.
    if matches!(origin, Origin::Wire { only_transit: true }) {
        return begun::NOTHING;
    }
    if transport.kind != transport_kind::TCP {
        return begun::UNKNOWN;
    }
    if opens(transport) { begun::FLOW } else { begun::NOTHING }
}

/// Another node chose a pod here for a service, and leaves the answers to this one.
#[inline(always)]
fn answered_directly<F, T>(tables: &T, config: &Config, work: &mut Work<F::Octets>) -> Result<(), DropReason>
where
    F: Family,
    T: Tables + FlowTable<F::Octets>,
{
    let told_port = work.told_port as u16;
    let mut asked = ServiceKey { addr: F::widen(work.told), port: told_port, protocol: work.key.protocol, scope: scope::CLUSTER };
    // The other node's ports are not in the table, but they are the same as this one's.
    if tables.prefix(&asked.addr).flags & prefix_flag::NODE != 0 {
        asked.addr = F::widen(F::node_address(config));
    }
    // Only what is a service may be spoken for.
    if tables.service(&asked).is_none() {
        return Err(DropReason::NotAService);
    }
    let mut is_known = false;
    if let Some(before) = tables.flow(&work.key) {
        // From the same port to the same pod: it is over, and its answers' place is this one's.
        is_known = true;
        work.flow.becomes = before.becomes();
        work.flow.flags = before.flags() & flow_flag::SOURCE;
    }
    work.flow.flags |= flow_flag::TOLD;
    reply(work);
    work.reply.becomes.source = work.told;
    work.reply.becomes.source_port = told_port;
    work.reply.flags |= flow_flag::SOURCE;
    if !is_known && are_anothers::<F, T>(tables, work) {
        work.flow.flags |= flow_flag::SOURCE;
        work.reply.flags |= flow_flag::DESTINATION;
        take_port::<F, T, FEW_TRIES>(tables, config, work)?;
    } else {
        tables.put_flow(&work.reply_key, &work.reply).ok_or(DropReason::FlowTable)?;
    }
    tables.put_flow(&work.key, &work.flow).ok_or(DropReason::FlowTable)?;
    work.changes = u32::from(work.flow.flags);
    work.begun = begun::FLOW;
    Ok(())
}

/// What comes in for nobody here is the kernel's; a pod's own packets leave the short way.
#[inline(always)]
fn unchanged(next: Next, origin: Origin) -> Next {
    match (next, origin) {
        (Next::Endpoint, _) => Next::Endpoint,
        (Next::Route, Origin::Endpoint { .. }) => Next::Route,
        _ => Next::Pass,
    }
}

/// The service that is asked.
#[inline(always)]
fn service_at<F: Family, T: Tables>(tables: &T, origin: Origin, key: &FlowKey<F::Octets>) -> Option<Service> {
    let mut wanted = ServiceKey {
        addr: F::widen(key.tuple.destination),
        port: key.tuple.destination_port,
        protocol: key.protocol,
        scope: scope::CLUSTER,
    };
    let found = tables.service(&wanted)?;
    if !matches!(origin, Origin::Wire { .. }) {
        return Some(found);
    }
    if found.flags & service_flag::INTERNAL != 0 {
        return None;
    }
    if found.flags & service_flag::SPLIT == 0 {
        return Some(found);
    }
    wanted.scope = scope::EXTERNAL;
    tables.service(&wanted)
}

/// The backend; nothing where the client is to be told that there is none.
#[inline(always)]
fn backend_of<F, T>(tables: &T, origin: Origin, service: &Service, key: &FlowKey<F::Octets>) -> Result<Option<(u32, Backend)>, DropReason>
where
    F: Family,
    T: Tables,
{
    let from_outside = matches!(origin, Origin::Wire { .. });
    if from_outside && service.flags & service_flag::SOURCE_RANGES != 0 && !tables.in_source_range(service.id, &F::widen(key.tuple.source))
    {
        return Err(DropReason::SourceRange);
    }
    if service.slots == 0 {
        let silent = service.flags & service_flag::SILENT != 0;
        return if silent { Err(DropReason::NoLocalBackend) } else { Ok(None) };
    }
    choose::<F, T>(tables, service, &key.tuple, key.protocol).map(Some)
}

#[inline(always)]
fn is_direct(config: &Config, kind: u8) -> bool {
    match kind {
        transport_kind::TCP => config.features & feature::DIRECT_TCP != 0,
        transport_kind::UDP => config.features & feature::DIRECT_UDP != 0,
        // What has no first packet that is told from others, and later pieces, whose first was.
        _ => false,
    }
}

/// Whether pods are hidden behind the node from this address.
#[inline(always)]
pub(crate) fn is_hidden<F: Family, T: Tables>(tables: &T, config: &Config, destination: F::Octets) -> bool {
    config.features & F::MASQUERADE != 0 && tables.prefix(&F::widen(destination)).flags & prefix_flag::NOT_MASQUERADED == 0
}

/// Whether the packet may be the first of something.
#[inline(always)]
fn begins(transport: &Transport) -> bool {
    transport.kind != transport_kind::TCP || opens(transport)
}

/// Whether an address is a service's or nobody's: the kernel would send packets for it to the router, and the router back.
#[inline(always)]
pub(crate) fn is_nowhere<F: Family, T: Tables>(tables: &T, destination: F::Octets) -> bool {
    tables.prefix(&F::widen(destination)).flags & prefix_flag::SERVICE != 0
}

/// The entry of the packets that answer.
#[inline(always)]
fn reply<A: Octets>(work: &mut Work<A>) {
    // Each end that was changed is changed back, and is the other end to who answers.
    let mut changes = flow_flag::REPLY;
    if work.flow.flags & flow_flag::DESTINATION != 0 {
        changes |= flow_flag::SOURCE;
    }
    if work.flow.flags & flow_flag::SOURCE != 0 {
        changes |= flow_flag::DESTINATION;
    }
    work.reply_key = FlowKey { tuple: work.flow.becomes.reversed(), ..work.key };
    work.reply = Flow { becomes: work.key.tuple.reversed(), state: flow_state::NEW, flags: changes, ..work.flow };
}

/// Writes down the answers of a known flow again, if they are forgotten: whoever waits for them would wait for nothing.
#[inline(always)]
pub(crate) fn remember_answers<F: Family, T: FlowTable<F::Octets>>(tables: &T, work: &mut Work<F::Octets>) {
    if work.flow.flags & (flow_flag::REPLY | flow_flag::DIRECT | flow_flag::TOLD) != 0 {
        return;
    }
    reply(work);
    // Meanwhile an answer may have been taken for the beginning of something.
    let are_forgotten = match tables.flow(&work.reply_key) {
        Some(there) => there.flags() & flow_flag::REPLY == 0,
        None => true,
    };
    if are_forgotten {
        // Without room they stay forgotten.
        let _full = tables.put_flow(&work.reply_key, &work.reply);
    }
}

/// Whether there is another flow whose answers look the same: the client asked the same backend from the same port, but
/// under another address.
#[inline(always)]
fn is_shared<F: Family, T: FlowTable<F::Octets>>(tables: &T, work: &mut Work<F::Octets>) -> bool {
    reply(work);
    are_anothers::<F, T>(tables, work)
}

#[inline(always)]
fn are_anothers<F: Family, T: FlowTable<F::Octets>>(tables: &T, work: &Work<F::Octets>) -> bool {
    tables.flow(&work.reply_key).is_some_and(|there| there.becomes() != work.reply.becomes)
}

/// Gives the flow a port of its own towards this peer, and writes down its answers.
#[inline(always)]
fn take_port<F, T, const TRIES: u32>(tables: &T, config: &Config, work: &mut Work<F::Octets>) -> Result<(), DropReason>
where
    F: Family,
    T: Tables + FlowTable<F::Octets>,
{
    if work.transport.kind == transport_kind::SCTP {
        // With the port that it has, or not at all.
        return tables.add_flow(&work.reply_key, &work.reply).ok_or(DropReason::NoPort);
    }
    if work.old_port != 0 {
        take(work.old_port as u16, work);
        if tables.add_flow(&work.reply_key, &work.reply).is_some() {
            return Ok(());
        }
        if let Some(there) = tables.flow(&work.reply_key)
            && there.becomes() == work.reply.becomes
        {
            return tables.put_flow(&work.reply_key, &work.reply).ok_or(DropReason::FlowTable);
        }
    }
    for _ in 0..TRIES {
        draw(tables, config, work);
        if tables.add_flow(&work.reply_key, &work.reply).is_some() {
            return Ok(());
        }
    }
    for _ in 0..SPENT_TRIES {
        draw(tables, config, work);
        if may_be_taken(tables, work) {
            return tables.put_flow(&work.reply_key, &work.reply).ok_or(DropReason::FlowTable);
        }
    }
    Err(DropReason::NoPort)
}

/// Whether a drawn port is nobody's, or that of a flow which has no more need of it and loses it.
#[inline(always)]
fn may_be_taken<A: Octets, T: FlowTable<A>>(tables: &T, work: &Work<A>) -> bool {
    let Some(answers) = tables.flow(&work.reply_key) else { return true };
    let begun = tables.flow(&FlowKey { tuple: answers.becomes().reversed(), ..work.reply_key }).unwrap_or(answers);
    let is_spent = is_spent([answers.state(), begun.state()], [answers.seen(), begun.seen()], work.flow.seen, &work.transport);
    if is_spent {
        // Should more of it come all the same, it begins anew.
        begun.set_state(flow_state::RESET);
    }
    is_spent
}

/// Draws a port, anew each time: what one try leaves to the next, the verifier follows through the rest of the program.
#[inline(always)]
fn draw<A: Octets, T: Tables>(tables: &T, config: &Config, work: &mut Work<A>) {
    let ports = u32::from(config.last_port.wrapping_sub(config.first_port)) + 1;
    let number = ((u64::from(tables.random()) * u64::from(ports)) >> 32) as u32;
    take(config.first_port.wrapping_add(number as u16).to_be(), work);
}

/// Puts a port into a flow and into the key of its answers.
#[inline(always)]
fn take<A: Octets>(port: u16, work: &mut Work<A>) {
    work.flow.becomes.source_port = port;
    work.reply_key.tuple.destination_port = port;
    // An echo has one identifier, which stands for both ports.
    if work.transport.kind == transport_kind::ECHO {
        work.flow.becomes.destination_port = port;
        work.reply_key.tuple.source_port = port;
    }
}
