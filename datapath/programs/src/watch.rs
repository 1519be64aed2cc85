//! What the agent is told.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use ichor_datapath_logic::{Family, MAX_OFFSET, Packet, V4, V6, hash, transport};
use ichor_datapath_types::{Addr, DropReason, Eth, Event, Hook, Ip, Work, begun, event_kind};

use crate::maps::{is_listened_to, is_new, may_tell, tell};

/// Where a packet is met.
#[derive(Clone, Copy)]
pub(crate) struct Met {
    pub(crate) hook: Hook,
    pub(crate) interface: u32,
    pub(crate) length: u32,
}

impl Met {
    #[inline(always)]
    fn event(self, kind: u8, reason: u8) -> Event {
        // SAFETY: no arguments.
        let time_ns = unsafe { bpf_ktime_get_ns() };
        Event { time_ns, interface: self.interface, length: self.length, kind, reason, hook: self.hook as u8, ..Event::default() }
    }
}

/// A packet that goes no further.
#[inline(always)]
pub(crate) fn dropped<P: Packet>(packet: &P, met: Met, reason: DropReason) {
    if !may_tell(event_kind::DROP) {
        return;
    }
    let mut event = met.event(event_kind::DROP, reason as u8);
    match packet.load::<Eth>(0) {
        Some(Eth { ethertype: V4::ETHERTYPE, .. }) => describe::<V4, P>(packet, &mut event),
        Some(Eth { ethertype: V6::ETHERTYPE, .. }) => describe::<V6, P>(packet, &mut event),
        _ => {}
    }
    tell(event);
}

#[inline(always)]
fn describe<F: Family, P: Packet>(packet: &P, event: &mut Event) {
    let mut ip = Ip::default();
    if F::parse(packet, &mut ip).is_err() {
        return;
    }
    event.source = F::widen(ip.source);
    event.destination = F::widen(ip.destination);
    event.protocol = ip.protocol;
    let found = transport(packet, ip.protocol, ip.transport as usize & MAX_OFFSET);
    event.source_port = found.source_port;
    event.destination_port = found.destination_port;
    event.tcp_flags = found.tcp_flags;
}

/// A packet whose sender was told that it goes no further: it has become the answer.
#[inline(always)]
pub(crate) fn answered<F: Family>(work: &Work<F::Octets>, met: Met, reason: DropReason) {
    if may_tell(event_kind::DROP) {
        let mut event = met.event(event_kind::DROP, reason as u8);
        copy::<F>(work, &mut event);
        tell(event);
    }
}

/// A packet that begins a flow, if it does.
#[inline(always)]
pub(crate) fn met<F: Family>(work: &Work<F::Octets>, met: Met) {
    let begins = work.begun;
    if begins == begun::NOTHING || (begins == begun::UNKNOWN && !is_listened_to()) {
        return;
    }
    if begins == begun::UNKNOWN {
        let tuple = &work.key.tuple;
        // The same for both directions.
        let ends = hash::<F>(tuple, work.key.protocol).wrapping_add(hash::<F>(&tuple.reversed(), work.key.protocol));
        if !is_new(ends) {
            return;
        }
    }
    if !may_tell(event_kind::NEW_FLOW) {
        return;
    }
    let mut event = met.event(event_kind::NEW_FLOW, 0);
    copy::<F>(work, &mut event);
    let becomes = &work.flow.becomes;
    event.becomes_source = F::widen(becomes.source);
    event.becomes_destination = F::widen(becomes.destination);
    event.becomes_source_port = becomes.source_port;
    event.becomes_destination_port = becomes.destination_port;
    tell(event);
}

#[inline(always)]
fn copy<F: Family>(work: &Work<F::Octets>, event: &mut Event) {
    let tuple = &work.key.tuple;
    event.source = F::widen(tuple.source);
    event.destination = F::widen(tuple.destination);
    event.source_port = tuple.source_port;
    event.destination_port = tuple.destination_port;
    event.protocol = work.key.protocol;
    event.tcp_flags = work.transport.tcp_flags;
}

/// A process that asked for a service where nobody answers.
#[inline(always)]
pub(crate) fn refused(destination: Addr, port: u16, protocol: u8) {
    if may_tell(event_kind::DROP) {
        let met = Met { hook: Hook::Socket, interface: 0, length: 0 };
        let mut event = met.event(event_kind::DROP, DropReason::Refused as u8);
        (event.destination, event.destination_port, event.protocol) = (destination, port, protocol);
        tell(event);
    }
}
