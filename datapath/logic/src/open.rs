//! The first packet of a flow.

use ichor_datapath_types::{
    Backend, Config, DropReason, Flow, FlowKey, Octets, Service, ServiceKey, Work, feature, flow_flag, flow_state, prefix_flag, scope,
    service_flag,
};

use crate::decide::{Decision, Next, Origin, next_hop};
use crate::family::{Family, Piece};
use crate::flow::{next_state, opens};
use crate::packet::{Transport, transport_kind};
use crate::service::choose;
use crate::{FlowTable, Tables};

/// How many ports are tried before a peer counts as full.
const TRIES: u32 = 32;

/// Chooses what the packets of a flow become, and writes it down for both directions.
#[inline(always)]
pub(crate) fn open<F, T>(
    tables: &T,
    config: &Config,
    origin: Origin,
    mut decision: Decision<F::Octets>,
    work: &mut Work<F::Octets>,
) -> Result<Decision<F::Octets>, DropReason>
where
    F: Family,
    T: Tables + FlowTable<F::Octets>,
{
    if matches!(origin, Origin::Endpoint { .. }) && F::is_group_or_link(decision.ip.destination) {
        return Ok(decision);
    }
    work.flow = Flow {
        becomes: work.key.tuple,
        backend: 0,
        seen: tables.now(),
        state: next_state(flow_state::NEW, &decision.transport),
        flags: 0,
        pad: 0,
    };
    let service = if matches!(origin, Origin::Host) { None } else { service_at::<F, T>(tables, origin, &work.key) };
    if let Some(service) = &service {
        let Some((id, backend)) = backend_of::<F, T>(tables, origin, service, &work.key)? else {
            decision.next = Next::Refuse;
            return Ok(decision);
        };
        if decision.transport.kind == transport_kind::SCTP && backend.port != work.key.tuple.destination_port {
            return Err(DropReason::UnknownTransport);
        }
        work.flow.backend = id;
        work.flow.becomes.destination = F::narrow(backend.addr);
        work.flow.becomes.destination_port = backend.port;
        work.flow.flags = flow_flag::DESTINATION;
    }
    decision.next = next_hop::<F, T>(tables, origin, work);
    let is_service = service.is_some();
    match origin {
        Origin::Wire { only_transit: true } if !matches!(decision.next, Next::Route) => {
            decision.next = Next::Pass;
            return Ok(decision);
        }
        // A pod that reaches itself through a service must not answer itself behind the service's back.
        Origin::Endpoint { .. } if is_service && work.flow.becomes.destination == decision.ip.source => {
            work.flow.becomes.source = decision.ip.destination;
            work.flow.flags |= flow_flag::SOURCE;
        }
        _ => {}
    }
    let leaves = matches!(decision.next, Next::Route);
    let from_outside = matches!(origin, Origin::Wire { .. });
    // A first piece has no room for what the backend's node must be told, and its sender cannot be told about pieces.
    let direct = leaves && from_outside && matches!(decision.ip.piece, Piece::Whole) && is_direct(config, decision.transport.kind);
    let hidden = leaves
        && match origin {
            Origin::Endpoint { .. } => is_hidden::<F, T>(tables, config, work.flow.becomes.destination),
            Origin::Wire { .. } => is_service && !direct,
            Origin::Host => false,
        };
    if decision.told && matches!(decision.next, Next::Endpoint | Next::Host) && !is_service {
        return answered_directly::<F, T>(tables, config, decision, work);
    }
    // The pod's answer must not be taken for a connection of its own, which would be hidden.
    let answered_openly = from_outside && matches!(decision.next, Next::Endpoint) && is_hidden::<F, T>(tables, config, decision.ip.source);
    let changes = is_service || hidden || answered_openly;
    let is_pods = matches!(origin, Origin::Endpoint { .. });
    if !changes && !(is_pods && answers_are_anothers::<F, T>(tables, &decision.transport, work)) {
        // Nothing changes, and nobody has to remember that.
        let nowhere = leaves && is_nowhere::<F, T>(tables, decision.ip.destination);
        decision.next = if nowhere { Next::Refuse } else { unchanged(decision.next, origin) };
        return Ok(decision);
    }
    if hidden {
        work.flow.flags |= flow_flag::SOURCE;
        hide::<F, T>(tables, config, decision.transport.kind, work)?;
    } else if direct {
        work.flow.flags |= flow_flag::DIRECT;
    } else {
        reply(work);
        tables.put_flow(&work.reply_key, &work.reply).ok_or(DropReason::FlowTable)?;
    }
    tables.put_flow(&work.key, &work.flow).ok_or(DropReason::FlowTable)?;
    decision.changes = work.flow.flags;
    Ok(decision)
}

/// Whether what answers a new connection would be taken for an answer of one that is over: the client had the same port
/// there, and asked a service whose backend it now asks itself.
#[inline(always)]
fn answers_are_anothers<F, T>(tables: &T, transport: &Transport, work: &mut Work<F::Octets>) -> bool
where
    F: Family,
    T: FlowTable<F::Octets>,
{
    if !opens(transport) {
        return false;
    }
    reply(work);
    tables.flow(&work.reply_key).is_some_and(|old| matches!(old.state(), flow_state::CLOSING | flow_state::RESET))
}

/// Another node chose a pod here for a service, and leaves the answers to this one.
#[inline(always)]
fn answered_directly<F, T>(
    tables: &T,
    config: &Config,
    decision: Decision<F::Octets>,
    work: &mut Work<F::Octets>,
) -> Result<Decision<F::Octets>, DropReason>
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
    reply(work);
    work.reply.becomes.source = work.told;
    work.reply.becomes.source_port = told_port;
    work.reply.flags = flow_flag::REPLY | flow_flag::SOURCE;
    tables.put_flow(&work.reply_key, &work.reply).ok_or(DropReason::FlowTable)?;
    tables.put_flow(&work.key, &work.flow).ok_or(DropReason::FlowTable)?;
    Ok(decision)
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

/// Gives the flow the node's address and a port of its own towards this peer.
#[inline(always)]
fn hide<F, T>(tables: &T, config: &Config, kind: u8, work: &mut Work<F::Octets>) -> Result<(), DropReason>
where
    F: Family,
    T: Tables + FlowTable<F::Octets>,
{
    work.flow.becomes.source = F::node_address(config);
    reply(work);
    if kind == transport_kind::SCTP {
        // With the port that it has, or not at all.
        return tables.add_flow(&work.reply_key, &work.reply).ok_or(DropReason::NoPort);
    }
    if work.old_port != 0 {
        take::<F::Octets>(kind, work.old_port as u16, work);
        if tables.add_flow(&work.reply_key, &work.reply).is_some() {
            return Ok(());
        }
        if let Some(there) = tables.flow(&work.reply_key)
            && there.becomes() == work.reply.becomes
        {
            return tables.put_flow(&work.reply_key, &work.reply).ok_or(DropReason::FlowTable);
        }
    }
    let ports = u32::from(config.last_port.wrapping_sub(config.first_port)) + 1;
    for _ in 0..TRIES {
        // Drawn anew each time: what one try leaves to the next, the verifier follows through the rest of the program.
        let number = ((u64::from(tables.random()) * u64::from(ports)) >> 32) as u32;
        take::<F::Octets>(kind, config.first_port.wrapping_add(number as u16).to_be(), work);
        if tables.add_flow(&work.reply_key, &work.reply).is_some() {
            return Ok(());
        }
    }
    Err(DropReason::NoPort)
}

/// Puts a port into a flow and into the key of its answers.
#[inline(always)]
fn take<A: Octets>(kind: u8, port: u16, work: &mut Work<A>) {
    work.flow.becomes.source_port = port;
    work.reply_key.tuple.destination_port = port;
    // An echo has one identifier, which stands for both ports.
    if kind == transport_kind::ECHO {
        work.flow.becomes.destination_port = port;
        work.reply_key.tuple.source_port = port;
    }
}
