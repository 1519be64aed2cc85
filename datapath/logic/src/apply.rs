//! Writing a decision into the packet.

use ichor_datapath_types::{DropReason, Endpoint, Eth, Tuple, Work, flow_flag};

use crate::checksum::Diff;
use crate::decide::{Decision, Next, says_service};
use crate::error::rewrite_error;
use crate::family::Family;
use crate::packet::{Packet, transport_kind};

const TCP_CHECKSUM: usize = 16;
const UDP_CHECKSUM: usize = 6;
const ICMP_CHECKSUM: usize = 2;
const ICMP_IDENTIFIER: usize = 4;

/// Rewrites the packet. Checksums come first: on a socket buffer they are calls that make what was read before stale.
#[inline(always)]
pub fn apply<F: Family, P: Packet>(packet: &mut P, decision: &Decision<F::Octets>, work: &Work<F::Octets>) -> Result<(), DropReason> {
    let mut decision = *decision;
    decision.ip.transport = packet.bounded(decision.ip.transport);
    written::<F, P>(packet, &decision, work).ok_or(DropReason::Rewrite)
}

#[inline(always)]
fn written<F: Family, P: Packet>(packet: &mut P, decision: &Decision<F::Octets>, work: &Work<F::Octets>) -> Option<()> {
    if decision.transport.kind == transport_kind::ERROR {
        rewrite_error::<F, P>(packet, decision, work)?;
    } else if decision.changes & (flow_flag::SOURCE | flow_flag::DESTINATION) != 0 {
        rewrite::<F, P>(packet, decision, &work.flow.becomes)?;
    }
    match decision.next {
        Next::Endpoint => {
            deliver::<F, P>(packet, &work.endpoint)?;
            if decision.told {
                F::forget(packet)?;
            }
            Some(())
        }
        Next::Route => {
            F::decrement(packet)?;
            if says_service(decision) {
                F::tell(packet, decision.ip.destination, decision.transport.destination_port)?;
            }
            Some(())
        }
        Next::Host if decision.told => F::forget(packet),
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
fn rewrite<F: Family, P: Packet>(packet: &mut P, decision: &Decision<F::Octets>, becomes: &Tuple<F::Octets>) -> Option<()> {
    let Decision { ip, transport, changes, .. } = decision;
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
        transport_kind::TCP => packet.change_checksum(ip.transport + TCP_CHECKSUM, addresses, ports, false)?,
        transport_kind::UDP => packet.change_checksum(ip.transport + UDP_CHECKSUM, addresses, ports, true)?,
        transport_kind::ECHO => {
            let pseudo = if F::ICMP_COVERS_ADDRESSES { addresses } else { Diff::NONE };
            packet.change_checksum(ip.transport + ICMP_CHECKSUM, pseudo, ports, false)?;
        }
        _ => {}
    }
    if changes & flow_flag::SOURCE != 0 {
        packet.store(F::SOURCE, becomes.source)?;
        store_port(packet, decision, 0, becomes.source_port)?;
    }
    if changes & flow_flag::DESTINATION != 0 {
        packet.store(F::DESTINATION, becomes.destination)?;
        store_port(packet, decision, 2, becomes.destination_port)?;
    }
    Some(())
}

#[inline(always)]
fn store_port<P: Packet, A>(packet: &mut P, decision: &Decision<A>, place: usize, port: u16) -> Option<()> {
    let place = match decision.transport.kind {
        transport_kind::TCP | transport_kind::UDP | transport_kind::SCTP => place,
        transport_kind::ECHO => ICMP_IDENTIFIER,
        _ => return Some(()),
    };
    packet.store(decision.ip.transport + place, port)
}
