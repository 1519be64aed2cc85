//! Writing a decision into the packet.

use ichor_datapath_types::{DropReason, Endpoint, Eth, Work, flow_flag, transport_kind};

use crate::checksum::Diff;
use crate::decide::Next;
use crate::error::rewrite_error;
use crate::family::Family;
use crate::packet::{Packet, offset};

const TCP_CHECKSUM: usize = 16;
const UDP_CHECKSUM: usize = 6;
const ICMP_CHECKSUM: usize = 2;
const ICMP_IDENTIFIER: usize = 4;

/// Rewrites the packet. Checksums come first: on a socket buffer they are calls that make what was read before stale.
#[inline(always)]
pub fn apply<F: Family, P: Packet>(packet: &mut P, next: Next, work: &Work<F::Octets>) -> Result<(), DropReason> {
    written::<F, P>(packet, next, work).ok_or(DropReason::Rewrite)
}

#[inline(always)]
fn written<F: Family, P: Packet>(packet: &mut P, next: Next, work: &Work<F::Octets>) -> Option<()> {
    let told = work.is_told != 0;
    if work.transport.kind == transport_kind::ERROR {
        rewrite_error::<F, P>(packet, work)?;
    } else if work.changes & u32::from(flow_flag::SOURCE | flow_flag::DESTINATION) != 0 {
        rewrite::<F, P>(packet, work)?;
    }
    match next {
        Next::Endpoint => {
            deliver::<F, P>(packet, &work.endpoint)?;
            if told {
                F::forget(packet)?;
            }
            Some(())
        }
        Next::Route => {
            F::decrement(packet)?;
            if work.tells != 0 {
                F::tell(packet, work.ip.destination, work.transport.destination_port)?;
            }
            Some(())
        }
        Next::Host if told => F::forget(packet),
        Next::Pass | Next::Host | Next::Refuse | Next::TooBig => Some(()),
    }
}

/// The pod's neighbour is the host's end of its cable.
#[inline(always)]
fn deliver<F: Family, P: Packet>(packet: &mut P, endpoint: &Endpoint) -> Option<()> {
    F::decrement(packet)?;
    packet.store(0, Eth { destination: endpoint.mac, source: endpoint.host_mac, ethertype: F::ETHERTYPE })
}

#[inline(always)]
fn rewrite<F: Family, P: Packet>(packet: &mut P, work: &Work<F::Octets>) -> Option<()> {
    let Work { ip, transport, .. } = work;
    let (changes, becomes, at) = (work.changes as u8, &work.flow.becomes, packet.bounded(offset(ip)));
    let (mut addresses, mut ports) = (Diff::NONE, Diff::NONE);
    if changes & flow_flag::SOURCE != 0 {
        addresses = F::diff(ip.source, becomes.source);
        ports = Diff::of_u16(transport.source_port, becomes.source_port);
    }
    if changes & flow_flag::DESTINATION != 0 {
        addresses = addresses.plus(F::diff(ip.destination, becomes.destination));
        // An echo has one identifier, which stands for both ports.
        if !(transport.kind == transport_kind::ECHO && changes & flow_flag::SOURCE != 0) {
            ports = ports.plus(Diff::of_u16(transport.destination_port, becomes.destination_port));
        }
    }
    F::addresses_changed(packet, addresses)?;
    match transport.kind {
        transport_kind::TCP => packet.change_checksum(at + TCP_CHECKSUM, addresses, ports, false)?,
        transport_kind::UDP => packet.change_checksum(at + UDP_CHECKSUM, addresses, ports, true)?,
        transport_kind::ECHO => {
            let pseudo = if F::ICMP_COVERS_ADDRESSES { addresses } else { Diff::NONE };
            packet.change_checksum(at + ICMP_CHECKSUM, pseudo, ports, false)?;
        }
        _ => {}
    }
    if changes & flow_flag::SOURCE != 0 {
        packet.store(F::SOURCE, becomes.source)?;
        store_port(packet, transport.kind, at, 0, becomes.source_port)?;
    }
    if changes & flow_flag::DESTINATION != 0 {
        packet.store(F::DESTINATION, becomes.destination)?;
        store_port(packet, transport.kind, at, 2, becomes.destination_port)?;
    }
    Some(())
}

#[inline(always)]
fn store_port<P: Packet>(packet: &mut P, kind: u8, at: usize, place: usize, port: u16) -> Option<()> {
    let place = match kind {
        transport_kind::TCP | transport_kind::UDP | transport_kind::SCTP => place,
        transport_kind::ECHO => ICMP_IDENTIFIER,
        _ => return Some(()),
    };
    packet.store(at + place, port)
}
