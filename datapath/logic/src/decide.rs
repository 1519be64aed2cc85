//! What a packet becomes and where it goes.

use ichor_datapath_types::{
    Config, DropReason, FlowKey, Fragment, FragmentKey, Icmp, Ip, Octets, Transport, Tuple, Work, begun, endpoint_flag, ethertype,
    flow_flag, icmp6, piece, proto, transport_kind,
};

use crate::error::error_about;
use crate::family::Family;
use crate::open::{is_hidden, is_nowhere, open, remember_answers};
use crate::packet::{Packet, offset, transport};
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

/// Reads a packet of the family `F`. What `apply` needs is in `Work`.
#[inline(always)]
pub fn decide<F, P, T>(packet: &P, tables: &T, config: &Config, origin: Origin, work: &mut Work<F::Octets>) -> Result<Next, DropReason>
where
    F: Family,
    P: Packet,
    T: Tables + FlowTable<F::Octets>,
{
    let next = found::<F, P, T>(packet, tables, config, origin, work)?;
    if work.changes & u32::from(flow_flag::DIRECT) != 0 && matches!(next, Next::Route) {
        let must = must_tell(&work.transport);
        if must || work.tells != 0 {
            let has_room = F::can_tell(packet, &work.ip);
            let fits = work.ip.length + F::DIRECT as u32 <= u32::from(config.mtu);
            work.tells = u32::from(has_room && fits);
            if must && !has_room {
                return Err(DropReason::NoRoomToTell);
            }
            if must && !fits {
                return Ok(Next::TooBig);
            }
        }
    }
    // A packet that may not be forwarded again is the kernel's, which tells the sender.
    let ends = work.ip.ttl <= 1 && matches!(next, Next::Endpoint | Next::Route);
    Ok(if ends { passed(work) } else { next })
}

/// Whether the backend's node must be told for which service the packet is: it cannot know the flow yet.
#[inline(always)]
fn must_tell(transport: &Transport) -> bool {
    transport.kind == transport_kind::UDP || flow::opens(transport)
}

#[inline(always)]
fn found<F, P, T>(packet: &P, tables: &T, config: &Config, origin: Origin, work: &mut Work<F::Octets>) -> Result<Next, DropReason>
where
    F: Family,
    P: Packet,
    T: Tables + FlowTable<F::Octets>,
{
    // What the packet before this one left is still there.
    (work.begun, work.changes, work.is_told, work.tells, work.is_limited) = (begun::NOTHING, 0, 0, 0, 0);
    F::parse(packet, &mut work.ip)?;
    if let Origin::Endpoint { interface } = origin {
        let Some(owner) = tables.endpoint(&F::widen(work.ip.source)).filter(|owner| owner.interface == interface) else {
            return if is_neighbour_discovery::<F, P>(packet, &work.ip) { Ok(passed(work)) } else { Err(DropReason::SpoofedSource) };
        };
        work.is_limited = owner.flags & endpoint_flag::LIMITED;
    }
    work.transport = of_piece::<F, P, T>(packet, tables, &work.ip);
    match work.transport.kind {
        transport_kind::OTHER => return without_transport::<F, P, T>(packet, tables, config, origin, work),
        transport_kind::TRUNCATED => return Err(DropReason::Truncated),
        _ => {}
    }
    work.key = FlowKey {
        tuple: Tuple {
            source: work.ip.source,
            destination: work.ip.destination,
            source_port: work.transport.source_port,
            destination_port: work.transport.destination_port,
        },
        protocol: work.ip.protocol,
        pad: 0,
        pad2: 0,
    };
    if matches!(origin, Origin::Wire { .. })
        && let Some((service, port)) = F::told(packet, &work.ip)
    {
        (work.told, work.told_port, work.is_told) = (service, u32::from(port), 1);
    }
    if let Some(known) = tables.flow(&work.key) {
        let state = known.state();
        work.flow.becomes = known.becomes();
        work.flow.flags = known.flags();
        if !flow::is_over(state, &work.transport) && !outgrows(work) && !is_told_otherwise::<F, T>(tables, work) {
            let (now, seen) = (tables.now(), known.seen());
            let new_state = flow::next_state(state, &work.transport, seen != now);
            // A line of the cache that nobody writes stays with every CPU.
            if seen != now {
                // After a silence, the backend's node may have forgotten the flow.
                work.tells = u32::from(work.flow.flags & flow_flag::DIRECT != 0 && now.wrapping_sub(seen) > 1);
                known.set_seen(now);
                (work.flow.backend, work.flow.seen) = (known.backend(), now);
                remember_answers::<F, T>(tables, work);
            }
            if new_state != state {
                known.set_state(new_state);
            }
            work.changes = u32::from(work.flow.flags);
            // Whose packets just left is nobody here, and the endpoints need not be asked. Other hooks rather deliver.
            if matches!(origin, Origin::Wire { only_transit: true }) && tables.just_left(&work.flow.becomes, work.ip.protocol) {
                return Ok(Next::Route);
            }
            return Ok(next_hop::<F, T>(tables, origin, work));
        }
        // The connection before this one had the same ports, and has no need of its own any more.
        work.old_port = if work.flow.flags & flow_flag::SOURCE != 0 { u32::from(work.flow.becomes.source_port) } else { 0 };
    } else {
        work.old_port = 0;
    }
    open::<F, T>(tables, config, origin, work)
}

/// Whether the packet belongs to a flow that is told from the known one only by the service that another node names, or by
/// that none does: the client's port and the backend are the same. Or to the known one, whose answers are forgotten.
#[inline(always)]
fn is_told_otherwise<F, T>(tables: &T, work: &mut Work<F::Octets>) -> bool
where
    F: Family,
    T: Tables + FlowTable<F::Octets>,
{
    let tuple = work.key.tuple;
    let from_elsewhere = work.flow.flags & (flow_flag::DESTINATION | flow_flag::REPLY) == 0 && work.flow.becomes.source == tuple.source;
    if !from_elsewhere || !flow::may_begin(&work.transport) && work.is_told == 0 {
        return false;
    }
    work.reply_key = FlowKey { tuple: work.flow.becomes.reversed(), ..work.key };
    let Some(answers) = tables.flow(&work.reply_key) else { return true };
    let (named, port) = if work.is_told != 0 { (work.told, work.told_port as u16) } else { (tuple.destination, tuple.destination_port) };
    let becomes = answers.becomes();
    becomes.source != named || becomes.source_port != port
}

/// Whether the flow was answered directly so far and cannot be any more: each datagram tells the backend's node for which
/// service it is, and a full first piece has no room for that.
#[inline(always)]
fn outgrows<A>(work: &Work<A>) -> bool {
    work.flow.flags & flow_flag::DIRECT != 0 && work.transport.kind == transport_kind::UDP && work.ip.piece == piece::FIRST
}

/// The transport, also of a packet in pieces.
#[inline(always)]
fn of_piece<F: Family, P: Packet, T: Tables>(packet: &P, tables: &T, ip: &Ip<F::Octets>) -> Transport {
    if ip.piece == piece::WHOLE {
        return transport(packet, ip.protocol, offset(ip));
    }
    let key = FragmentKey {
        source: F::widen(ip.source),
        destination: F::widen(ip.destination),
        id: ip.piece_id,
        protocol: ip.protocol,
        pad: 0,
        pad2: 0,
    };
    if ip.piece == piece::LATER {
        return match tables.fragment(&key) {
            Some(Fragment { source_port, destination_port }) => {
                Transport { source_port, destination_port, kind: transport_kind::PIECE, tcp_flags: 0, pad: 0 }
            }
            None => Transport::OTHER,
        };
    }
    let found = transport(packet, ip.protocol, offset(ip));
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
    work: &mut Work<F::Octets>,
) -> Result<Next, DropReason>
where
    F: Family,
    P: Packet,
    T: Tables + FlowTable<F::Octets>,
{
    if work.ip.protocol == F::ICMP && work.ip.piece == piece::WHOLE {
        return Ok(match error_about::<F, P, T>(packet, tables, origin, work) {
            Some(next) => next,
            None => passed(work),
        });
    }
    if work.ip.piece == piece::LATER {
        let hidden = matches!(origin, Origin::Endpoint { .. }) && is_hidden::<F, T>(tables, config, work.ip.destination);
        if hidden || is_nowhere::<F, T>(tables, work.ip.destination) {
            return Err(DropReason::FragmentUnknown);
        }
    }
    Ok(passed(work))
}

/// A pod asks for its neighbours, and says which groups it is in, with an address of the link or with none.
#[inline(always)]
fn is_neighbour_discovery<F: Family, P: Packet>(packet: &P, ip: &Ip<F::Octets>) -> bool {
    // The whole header: a single byte at an offset that varies is refused by the verifier.
    F::ETHERTYPE == ethertype::IPV6
        && ip.protocol == proto::ICMP6
        && packet.load::<Icmp>(offset(ip)).is_some_and(|icmp| icmp6::is_of_the_link(icmp.kind))
}

/// The packet is none of this datapath's business, whatever was found so far.
#[inline(always)]
fn passed<A: Octets>(work: &mut Work<A>) -> Next {
    (work.transport, work.changes) = (Transport::OTHER, 0);
    Next::Pass
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
