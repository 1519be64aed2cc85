//! The hooks of traffic control: packets of pods, and of the uplink in both directions.

use aya_ebpf::bindings::{__sk_buff, BPF_F_INGRESS, BPF_F_MARK_MANGLED_0, BPF_F_PSEUDO_HDR, TC_ACT_OK, TC_ACT_SHOT, bpf_adj_room_mode};
use aya_ebpf::helpers::generated::{
    bpf_ktime_get_ns, bpf_redirect, bpf_redirect_neigh, bpf_redirect_peer, bpf_skb_change_tail, bpf_skb_set_tstamp,
};
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;
use ichor_datapath_logic::{Diff, Family, FlowTable, Next, Origin, Packet, Place, V4, V6, answer, apply, decide, departure};
use ichor_datapath_types::{DECIDED_MARK, DropReason, Eth, Hook, Pod, Work};

use crate::direct::{self, Direct};
use crate::maps::{CONFIG, HopTable, Maps, Workplace, clock_ns, count, pace};
use crate::route::{Route, route};
use crate::watch::{Met, answered, dropped, met};

/// As many bytes as the headers that are looked at can have.
const HEADERS: u32 = 192;

/// The clock of a time to leave (`BPF_SKB_TSTAMP_DELIVERY_MONO`).
const MONOTONIC: u32 = 1;

/// A TCP header with timestamps, as nearly every one has them.
const TCP: usize = 32;

/// Beside an action: that the packet's sender was told, and the packet is none that went on.
const ANSWERED: i32 = 1 << 16;

pub(crate) struct Skb(pub(crate) TcContext);

impl Direct for Skb {
    #[inline(always)]
    fn range(&self) -> (usize, usize) {
        let skb: *mut __sk_buff = direct::fresh(self.0.skb.skb);
        // SAFETY: the context that the kernel gave this program.
        unsafe { ((*skb).data as usize, (*skb).data_end as usize) }
    }
}

impl Packet for Skb {
    #[inline(always)]
    fn load<T: Pod>(&self, offset: usize) -> Option<T> {
        direct::load(self, offset)
    }

    #[inline(always)]
    fn store<T: Pod>(&mut self, offset: usize, value: T) -> Option<()> {
        direct::store(self, offset, value)
    }

    #[inline(always)]
    fn bounded(&self, offset: usize) -> usize {
        direct::bounded(offset)
    }

    #[inline(always)]
    fn cut(&mut self, length: usize) -> Option<()> {
        // SAFETY: the context that the kernel gave this program.
        (unsafe { bpf_skb_change_tail(self.0.skb.skb, length as u32, 0) } == 0).then_some(())
    }

    #[inline(always)]
    fn insert(&mut self, place: Place, size: usize) -> Option<()> {
        self.0.adjust_room(size as i32, room(place), 0).ok()
    }

    #[inline(always)]
    fn remove(&mut self, place: Place, size: usize) -> Option<()> {
        self.0.adjust_room(-(size as i32), room(place), 0).ok()
    }

    /// By the kernel, which knows whether the sum is here yet.
    #[inline(always)]
    fn change_checksum(&mut self, offset: usize, pseudo: Diff, own: Diff, zero_is_none: bool) -> Option<()> {
        let flags = if zero_is_none { u64::from(BPF_F_MARK_MANGLED_0) } else { 0 };
        self.0.l4_csum_replace(offset, 0, pseudo.folded(), flags | u64::from(BPF_F_PSEUDO_HDR)).ok()?;
        self.0.l4_csum_replace(offset, 0, own.folded(), flags).ok()
    }
}

#[inline(always)]
fn room(place: Place) -> u32 {
    match place {
        Place::BeforeIp => bpf_adj_room_mode::BPF_ADJ_ROOM_MAC,
        Place::AfterIp { .. } => bpf_adj_room_mode::BPF_ADJ_ROOM_NET,
    }
}

/// From a pod, on the host's end of its cable.
#[classifier]
#[inline(always)]
pub(crate) fn from_endpoint(context: TcContext) -> i32 {
    // SAFETY: the context that the kernel gave this program.
    let interface = unsafe { (*context.skb.skb).ifindex };
    run(Skb(context), Hook::FromEndpoint, Origin::Endpoint { interface })
}

/// To a pod from the node's own processes, on the host's end of its cable. What other hooks deliver does not come by.
#[classifier]
#[inline(always)]
pub(crate) fn to_endpoint(context: TcContext) -> i32 {
    from_host(context, Hook::ToEndpoint)
}

/// From other machines, on the uplink.
#[classifier]
#[inline(always)]
pub(crate) fn from_wire(context: TcContext) -> i32 {
    run(Skb(context), Hook::FromWire, Origin::Wire { only_transit: false })
}

/// From the node's own processes to other machines, on the uplink.
#[classifier]
#[inline(always)]
pub(crate) fn to_wire(context: TcContext) -> i32 {
    from_host(context, Hook::ToWire)
}

#[inline(always)]
fn from_host(context: TcContext, hook: Hook) -> i32 {
    // SAFETY: the context that the kernel gave this program.
    if unsafe { (*context.skb.skb).mark } == DECIDED_MARK {
        return TC_ACT_OK;
    }
    run(Skb(context), hook, Origin::Host)
}

#[inline(always)]
fn run(mut skb: Skb, hook: Hook, origin: Origin) -> i32 {
    let length = skb.0.len();
    let (start, end) = skb.range();
    // Headers may lie in pages of their own.
    if ((end - start) as u32) < HEADERS && ((end - start) as u32) < length {
        let _short = skb.0.pull_data(if length < HEADERS { length } else { HEADERS });
    }
    // SAFETY: the context that the kernel gave this program.
    let place = Met { hook, interface: unsafe { (*skb.0.skb.skb).ifindex }, length };
    let outcome = match skb.load::<Eth>(0) {
        Some(Eth { ethertype: V4::ETHERTYPE, .. }) => of_family::<V4>(&mut skb, place, origin),
        Some(Eth { ethertype: V6::ETHERTYPE, .. }) => of_family::<V6>(&mut skb, place, origin),
        _ => Ok(TC_ACT_OK),
    };
    match outcome {
        // Counted already, under its reason.
        Ok(action) if action & ANSWERED != 0 => action & !ANSWERED,
        Ok(action) => {
            count(hook, 0, length);
            action
        }
        Err(reason) => {
            count(hook, reason as u8, length);
            dropped(&skb, place, reason);
            TC_ACT_SHOT
        }
    }
}

#[inline(always)]
fn of_family<F: Family + Route>(skb: &mut Skb, place: Met, origin: Origin) -> Result<i32, DropReason>
where
    Maps: FlowTable<F::Octets> + Workplace<F::Octets> + HopTable<F::Octets>,
{
    let config = CONFIG.load();
    let maps = Maps { time_ns: clock_ns(), interface: place.interface };
    let work = maps.work(place.hook).ok_or(DropReason::FlowTable)?;
    let next = decide::<F, _, _>(skb, &maps, &config, origin, work)?;
    if matches!(next, Next::Refuse | Next::TooBig) {
        return turned_around::<F>(skb, work, place, next);
    }
    let action = forwarded::<F>(maps, skb, work, next)?;
    let action = work.settled(action as u32) as i32;
    // Last, so that the verifier does not follow all of the above once for each way in which these end; and the verifier
    // of Linux 6.1 follows them once for each value that it knows the action to have.
    if matches!(place.hook, Hook::FromEndpoint) && work.is_limited != 0 {
        wait_for_turn::<F>(skb, place)?;
    }
    met::<F>(work, place);
    Ok(action)
}

#[inline(always)]
fn forwarded<F: Family + Route>(maps: Maps, skb: &mut Skb, work: &Work<F::Octets>, next: Next) -> Result<i32, DropReason>
where
    Maps: HopTable<F::Octets>,
{
    apply::<F, _>(skb, next, work)?;
    match next {
        Next::Pass | Next::Host | Next::Refuse | Next::TooBig => Ok(TC_ACT_OK),
        Next::Endpoint if work.is_limited != 0 => {
            skb.0.set_mark(DECIDED_MARK);
            // SAFETY: a call by value. Only the way over the node's end of the cable has a queue, in which the packet waits.
            Ok(unsafe { bpf_redirect(work.endpoint.interface, 0) } as i32)
        }
        // SAFETY: a call by value.
        Next::Endpoint => Ok(unsafe { bpf_redirect_peer(work.endpoint.interface, 0) } as i32),
        Next::Route => out::<F>(maps, skb, work),
    }
}

/// Gives the packet the time at which it leaves. It waits in the queue of the interface by which it goes on; what goes to the
/// node itself does not wait, and is dropped like all else that comes too soon.
#[inline(always)]
fn wait_for_turn<F: Family>(skb: &mut Skb, place: Met) -> Result<(), DropReason> {
    // Without a row the limit is kept elsewhere, or not yet.
    let Some(pace) = pace(place.interface) else { return Ok(()) };
    let context = skb.0.skb.skb;
    // SAFETY: the context that the kernel gave this program.
    let pieces = unsafe { (*context).gso_segs };
    // Each of the pieces that it is cut into later has the headers of the whole.
    let bytes = if pieces > 1 { place.length + (pieces - 1) * (size_of::<Eth>() + F::HEADER + TCP) as u32 } else { place.length };
    // SAFETY: no arguments. The coarse clock is behind by up to a tick, in which a pod would send nothing.
    let now_ns = unsafe { bpf_ktime_get_ns() };
    let leaves_ns = departure(pace, now_ns, bytes).ok_or(DropReason::OverLimit)?;
    // SAFETY: the context that the kernel gave this program. A queue that knows no times sends at once.
    let _not_ip = unsafe { bpf_skb_set_tstamp(context, leaves_ns, MONOTONIC) };
    Ok(())
}

/// Drops the packet and tells its sender.
#[inline(always)]
fn turned_around<F: Family>(skb: &mut Skb, work: &Work<F::Octets>, place: Met, next: Next) -> Result<i32, DropReason> {
    let told = answer::<F, _>(skb, next, &CONFIG.load(), work)?;
    count(place.hook, told as u8, place.length);
    answered::<F>(work, place, told);
    // To who is behind the interface, or to the node's own processes.
    let direction = if matches!(place.hook, Hook::ToWire) { u64::from(BPF_F_INGRESS) } else { 0 };
    // SAFETY: a call by value. A pod's packets come in on the host's end of its cable, and go out there, too.
    Ok(unsafe { bpf_redirect(place.interface, direction) } as i32 | ANSWERED)
}

/// To another machine, past the node's own stack.
#[inline(always)]
fn out<F: Family + Route>(maps: Maps, skb: &mut Skb, work: &Work<F::Octets>) -> Result<i32, DropReason>
where
    Maps: HopTable<F::Octets>,
{
    let context = skb.0.skb.skb;
    let found = route::<F>(maps, context.cast(), work);
    skb.0.set_mark(DECIDED_MARK);
    match found {
        Some(hop) if hop.resolved != 0 => {
            skb.store(0, hop.macs).ok_or(DropReason::Rewrite)?;
            // SAFETY: a call by value.
            Ok(unsafe { bpf_redirect(hop.interface, 0) } as i32)
        }
        // The kernel asks for the neighbour, and keeps the packet until it answers.
        // SAFETY: a call by value, with no next hop of ours.
        Some(hop) => Ok(unsafe { bpf_redirect_neigh(hop.interface, core::ptr::null_mut(), 0, 0) } as i32),
        // No route for a shortcut: the kernel knows what to do, and tells the sender if it cannot.
        None => Ok(TC_ACT_OK),
    }
}
