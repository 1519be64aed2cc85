//! What the agent is told.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use ichor_datapath_logic::{Family, Packet, V4, V6, transport};
use ichor_datapath_types::{DropReason, Eth, Event, Hook, event_kind};

use crate::maps::tell;

/// A packet that goes no further.
#[inline(always)]
pub(crate) fn dropped<P: Packet>(packet: &P, hook: Hook, reason: DropReason, length: u32) {
    let mut event = Event {
        // SAFETY: no arguments.
        time_ns: unsafe { bpf_ktime_get_ns() },
        length,
        kind: event_kind::DROP,
        reason: reason as u8,
        hook: hook as u8,
        ..Event::default()
    };
    match packet.load::<Eth>(0) {
        Some(Eth { ethertype: V4::ETHERTYPE, .. }) => describe::<V4, P>(packet, &mut event),
        Some(Eth { ethertype: V6::ETHERTYPE, .. }) => describe::<V6, P>(packet, &mut event),
        _ => {}
    }
    tell(event);
}

#[inline(always)]
fn describe<F: Family, P: Packet>(packet: &P, event: &mut Event) {
    let Ok(ip) = F::parse(packet) else { return };
    event.source = F::widen(ip.source);
    event.destination = F::widen(ip.destination);
    event.protocol = ip.protocol;
    let found = transport(packet, ip.protocol, ip.transport);
    event.source_port = found.source_port;
    event.destination_port = found.destination_port;
    event.tcp_flags = found.tcp_flags;
}
