//! Errors of ICMP that tell about a translated packet.

use ichor_datapath_types::{FlowKey, Icmp, Ports, Transport, Tuple, Work, flow_flag, proto};

use crate::checksum::Diff;
use crate::decide::{Next, Origin, next_hop};
use crate::family::{Family, Inner};
use crate::packet::{Packet, offset};
use crate::{FlowTable, Tables};

const ICMP: usize = size_of::<Icmp>();
const CHECKSUM: usize = 2;
/// Where an echo has its identifier.
const IDENTIFIER: usize = 4;

/// Finds the flow whose packet an error tells about. The flow's answers have the key that the inner packet has the other
/// way round, and become what the inner packet's sender must read.
#[inline(always)]
pub(crate) fn error_about<F, P, T>(packet: &P, tables: &T, origin: Origin, work: &mut Work<F::Octets>) -> Option<Next>
where
    F: Family,
    P: Packet,
    T: Tables + FlowTable<F::Octets>,
{
    let at = offset(&work.ip);
    let head: Icmp = packet.load(at)?;
    if !F::is_error(head.kind) {
        return None;
    }
    let inner = F::parse_inner(packet, at + ICMP)?;
    if inner.is_piece && matches!(origin, Origin::Wire { only_transit: true }) {
        return None;
    }
    let ports = inner_ports::<F, P>(packet, &inner)?;
    work.key = FlowKey {
        tuple: Tuple {
            source: inner.destination,
            destination: inner.source,
            source_port: ports.destination,
            destination_port: ports.source,
        },
        protocol: inner.protocol,
        pad: 0,
        pad2: 0,
    };
    let known = tables.flow(&work.key)?;
    work.flow.becomes = known.becomes();
    let changes = u32::from(known.flags());
    let next = next_hop::<F, T>(tables, origin, work);
    if matches!(origin, Origin::Wire { only_transit: true }) && !matches!(next, Next::Route) {
        return None;
    }
    (work.transport, work.changes) = (Transport::ERROR, changes);
    Some(next)
}

#[inline(always)]
fn inner_ports<F: Family, P: Packet>(packet: &P, inner: &Inner<F::Octets>) -> Option<Ports> {
    match inner.protocol {
        proto::TCP | proto::UDP | proto::SCTP => packet.load(inner.transport),
        protocol if protocol == F::ICMP => {
            let echo: Icmp = packet.load(inner.transport)?;
            let [identifier, _] = echo.rest;
            Some(Ports { source: identifier, destination: identifier })
        }
        _ => None,
    }
}

/// Rewrites an error, and the packet in it.
#[inline(always)]
pub(crate) fn rewrite_error<F: Family, P: Packet>(packet: &mut P, work: &Work<F::Octets>) -> Option<()> {
    let Work { ip, changes, .. } = work;
    let becomes = work.flow.becomes;
    let at = packet.bounded(offset(ip));
    let inner = F::parse_inner(packet, at + ICMP)?;
    let ports = inner_ports::<F, P>(packet, &inner)?;
    let mut own = F::store_inner(packet, &inner, becomes.destination, becomes.source)?;
    if inner.protocol == F::ICMP {
        packet.store(inner.transport + IDENTIFIER, becomes.destination_port)?;
        own = own.plus(Diff::of_u16(ports.source, becomes.destination_port));
    } else {
        packet.store(inner.transport, Ports { source: becomes.destination_port, destination: becomes.source_port })?;
        own = own.plus(Diff::of_u16(ports.source, becomes.destination_port));
        own = own.plus(Diff::of_u16(ports.destination, becomes.source_port));
    }
    let mut addresses = Diff::NONE;
    let mut source = ip.source;
    // Who answered under another address tells about it under that one, too; a router on the way has its own.
    if changes & u32::from(flow_flag::SOURCE) != 0 && ip.source == inner.destination {
        source = becomes.source;
        addresses = F::diff(ip.source, source);
    }
    addresses = addresses.plus(F::diff(ip.destination, becomes.destination));
    F::addresses_changed(packet, addresses)?;
    let pseudo = if F::ICMP_COVERS_ADDRESSES { addresses } else { Diff::NONE };
    packet.change_checksum(at + CHECKSUM, pseudo, own, false)?;
    packet.store(F::SOURCE, source)?;
    packet.store(F::DESTINATION, becomes.destination)
}
