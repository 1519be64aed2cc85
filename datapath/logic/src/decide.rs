//! What a packet becomes and where it goes.

use ichor_datapath_types::{
    Config, DropReason, FlowKey, Fragment, FragmentKey, Icmp, Octets, Tuple, Work, begun, endpoint_flag, ethertype, flow_flag, icmp6, proto,
};

use crate::error::error_about;
use crate::family::{Family, Ip, Piece};
use crate::open::{is_hidden, is_nowhere, open};
use crate::packet::{MAX_OFFSET, Packet, Transport, transport, transport_kind};
use crate::{FlowTable, Tables, flow};

/// Where the packet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The pod behind this interface.
    Endpoint { interface: u32 },
    /// Another machine. `only_transit` leaves what stays on this node to a later hook.
    Wire { only_transit: bool },
    /// A process of the node itself, on its way out.
    Host,
}

/// Where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// On, as it is: none of this datapath's business.
    Pass,
    /// On to the node's own processes, rewritten.
    Host,
    /// To the pod here that `Work` names.
    Endpoint,
    /// To another machine.
    Route,
    /// Back to the sender, who is told that nobody answers.
    Refuse,
    /// Back to the sender, who is told to send less at once.
    TooBig,
}

/// What `apply` needs beside the flow in `Work`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<A> {
    pub ip: Ip<A>,
    pub transport: Transport,
    /// Which ends of the tuple change: `flow_flag::SOURCE` and `flow_flag::DESTINATION`.
    pub changes: u8,
    pub next: Next,
    /// Whether the packet says for which service another node sent it.
    pub told: bool,
}

/// Reads a packet of the family `F`.
#[inline(always)]
pub fn decide<F, P, T>(
    packet: &P,
    tables: &T,
    config: &Config,
    origin: Origin,
    work: &mut Work<F::Octets>,
) -> Result<Decision<F::Octets>, DropReason>
where
    F: Family,
    P: Packet,
    T: Tables + FlowTable<F::Octets>,
{
    let mut decision = found::<F, P, T>(packet, tables, config, origin, work)?;
    if matches!(decision.next, Next::Route) && says_service(&decision) {
        if !F::can_tell(packet, &decision.ip) {
            return Err(DropReason::NoRoomToTell);
        }
        if decision.ip.length + F::DIRECT as u32 > u32::from(config.mtu) {
            decision.next = Next::TooBig;
        }
    }
    // A packet that may not be forwarded again is the kernel's, which tells the sender.
    if decision.ip.ttl <= 1 && matches!(decision.next, Next::Endpoint | Next::Route) {
        return Ok(passed(decision.ip));
    }
    decision.changes = work.settled(u32::from(decision.changes)) as u8;
    decision.transport.kind = work.settled(u32::from(decision.transport.kind)) as u8;
    decision.ip.transport = work.settled(decision.ip.transport as u32) as usize & MAX_OFFSET;
    Ok(decision)
}

/// Whether the backend's node must be told for which service the packet is: before it knows the flow.
#[inline(always)]
pub(crate) fn says_service<A>(decision: &Decision<A>) -> bool {
    let begins = decision.transport.kind == transport_kind::UDP || flow::opens(&decision.transport);
    decision.changes & flow_flag::DIRECT != 0 && begins
}

#[inline(always)]
fn found<F, P, T>(
    packet: &P,
    tables: &T,
    config: &Config,
    origin: Origin,
    work: &mut Work<F::Octets>,
) -> Result<Decision<F::Octets>, DropReason>
where
    F: Family,
    P: Packet,
    T: Tables + FlowTable<F::Octets>,
{
    // What the packet before this one began is still there.
    work.begun = begun::NOTHING;
    let mut ip = F::parse(packet)?;
    ip.transport = work.settled(ip.transport as u32) as usize & MAX_OFFSET;
    ip.protocol = work.settled(u32::from(ip.protocol)) as u8;
    if let Origin::Endpoint { interface } = origin
        && tables.endpoint(&F::widen(ip.source)).is_none_or(|owner| owner.interface != interface)
    {
        return if is_neighbour_discovery::<F, P>(packet, &ip) { Ok(passed(ip)) } else { Err(DropReason::SpoofedSource) };
    }
    let mut transport = of_piece::<F, P, T>(packet, tables, &ip);
    transport.kind = work.settled(u32::from(transport.kind)) as u8;
    ip.protocol = work.settled(u32::from(ip.protocol)) as u8;
    match transport.kind {
        transport_kind::OTHER => return without_transport::<F, P, T>(packet, tables, config, origin, ip, work),
        transport_kind::TRUNCATED => return Err(DropReason::Truncated),
        _ => {}
    }
    work.key = FlowKey {
        tuple: Tuple {
            source: ip.source,
            destination: ip.destination,
            source_port: transport.source_port,
            destination_port: transport.destination_port,
        },
        protocol: ip.protocol,
        pad: 0,
        pad2: 0,
    };
    let mut told = false;
    if matches!(origin, Origin::Wire { .. })
        && let Some((service, port)) = F::told(packet, &ip)
    {
        (work.told, work.told_port, told) = (service, u32::from(port), true);
    }
    if let Some(known) = tables.flow(&work.key) {
        let state = known.state();
        work.flow.becomes = known.becomes();
        work.flow.flags = known.flags();
        if !flow::is_over(state, &transport)
            && !outgrows(work.flow.flags, &ip, &transport)
            && !is_told_otherwise::<F, T>(tables, &transport, told, work)
        {
            let (now, new_state) = (tables.now(), flow::next_state(state, &transport));
            // A line of the cache that nobody writes stays with every CPU.
            if known.seen() != now {
                known.set_seen(now);
            }
            if new_state != state {
                known.set_state(new_state);
            }
            let next = next_hop::<F, T>(tables, origin, work);
            return Ok(Decision { ip, transport, changes: known.flags(), next, told });
        }
        // The connection before this one had the same ports, and has no need of its own any more.
        work.old_port = if work.flow.flags & flow_flag::SOURCE != 0 { u32::from(work.flow.becomes.source_port) } else { 0 };
    } else {
        work.old_port = 0;
    }
    open::<F, T>(tables, config, origin, Decision { ip, transport, changes: 0, next: Next::Pass, told }, work)
}

/// Whether the packet begins a flow that is told from the known one only by the service that another node names, or by
/// that none does: the client's port and the backend are the same.
#[inline(always)]
fn is_told_otherwise<F, T>(tables: &T, transport: &Transport, told: bool, work: &mut Work<F::Octets>) -> bool
where
    F: Family,
    T: Tables + FlowTable<F::Octets>,
{
    let tuple = work.key.tuple;
    let from_elsewhere = work.flow.flags & (flow_flag::DESTINATION | flow_flag::REPLY) == 0 && work.flow.becomes.source == tuple.source;
    if !from_elsewhere || !flow::may_begin(transport) {
        return false;
    }
    work.reply_key = FlowKey { tuple: work.flow.becomes.reversed(), ..work.key };
    let Some(answers) = tables.flow(&work.reply_key) else { return true };
    let (named, port) = if told { (work.told, work.told_port as u16) } else { (tuple.destination, tuple.destination_port) };
    let becomes = answers.becomes();
    becomes.source != named || becomes.source_port != port
}

/// Whether the flow was answered directly so far and cannot be any more: each datagram tells the backend's node for which
/// service it is, and a full first piece has no room for that.
#[inline(always)]
fn outgrows<A>(flags: u8, ip: &Ip<A>, transport: &Transport) -> bool {
    flags & flow_flag::DIRECT != 0 && transport.kind == transport_kind::UDP && matches!(ip.piece, Piece::First)
}

/// The transport, also of a packet in pieces.
#[inline(always)]
fn of_piece<F: Family, P: Packet, T: Tables>(packet: &P, tables: &T, ip: &Ip<F::Octets>) -> Transport {
    if matches!(ip.piece, Piece::Whole) {
        return transport(packet, ip.protocol, ip.transport);
    }
    let key = FragmentKey {
        source: F::widen(ip.source),
        destination: F::widen(ip.destination),
        id: ip.piece_id,
        protocol: ip.protocol,
        pad: 0,
        pad2: 0,
    };
    if matches!(ip.piece, Piece::Later) {
        return match tables.fragment(&key) {
            Some(Fragment { source_port, destination_port }) => {
                Transport { kind: transport_kind::PIECE, source_port, destination_port, tcp_flags: 0 }
            }
            None => Transport::OTHER,
        };
    }
    let found = transport(packet, ip.protocol, ip.transport);
    if found.kind < transport_kind::OTHER {
        let ports = Fragment { source_port: found.source_port, destination_port: found.destination_port };
        tables.put_fragment(&key, &ports);
    }
    found
}

/// What has no ports cannot be translated: it goes on with its addresses, or not at all where they must not be seen.
#[inline(always)]
fn without_transport<F, P, T>(
    packet: &P,
    tables: &T,
    config: &Config,
    origin: Origin,
    ip: Ip<F::Octets>,
    work: &mut Work<F::Octets>,
) -> Result<Decision<F::Octets>, DropReason>
where
    F: Family,
    P: Packet,
    T: Tables + FlowTable<F::Octets>,
{
    if ip.protocol == F::ICMP && matches!(ip.piece, Piece::Whole) {
        return Ok(error_about::<F, P, T>(packet, tables, origin, ip, work).unwrap_or(passed(ip)));
    }
    if matches!(ip.piece, Piece::Later) {
        let hidden = matches!(origin, Origin::Endpoint { .. }) && is_hidden::<F, T>(tables, config, ip.destination);
        if hidden || is_nowhere::<F, T>(tables, ip.destination) {
            return Err(DropReason::FragmentUnknown);
        }
    }
    Ok(passed(ip))
}

/// A pod asks for its neighbours, and says which groups it is in, with an address of the link or with none.
#[inline(always)]
fn is_neighbour_discovery<F: Family, P: Packet>(packet: &P, ip: &Ip<F::Octets>) -> bool {
    // The whole header: a single byte at an offset that varies is refused by the verifier.
    F::ETHERTYPE == ethertype::IPV6
        && ip.protocol == proto::ICMP6
        && packet.load::<Icmp>(ip.transport).is_some_and(|icmp| icmp6::is_of_the_link(icmp.kind))
}

#[inline(always)]
pub(crate) fn passed<A: Octets>(ip: Ip<A>) -> Decision<A> {
    Decision { ip, transport: Transport::OTHER, changes: 0, next: Next::Pass, told: false }
}

/// Where the packet goes when it is rewritten.
#[inline(always)]
pub(crate) fn next_hop<F: Family, T: Tables>(tables: &T, origin: Origin, work: &mut Work<F::Octets>) -> Next {
    // What a process of the node sends is on its way out already.
    if matches!(origin, Origin::Host) {
        return Next::Host;
    }
    let Some(found) = tables.endpoint(&F::widen(work.flow.becomes.destination)) else { return Next::Route };
    if found.flags & endpoint_flag::HOST != 0 {
        return Next::Host;
    }
    work.endpoint = found;
    Next::Endpoint
}
