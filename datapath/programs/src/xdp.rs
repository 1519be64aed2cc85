//! The uplink's own hook, before the kernel has made a socket buffer: what only passes through this node turns here.

use aya_ebpf::bindings::{xdp_action, xdp_md};
use aya_ebpf::helpers::generated::{bpf_redirect, bpf_xdp_adjust_head, bpf_xdp_adjust_tail};
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use ichor_datapath_logic::{Family, FlowTable, Next, Origin, Packet, Place, V4, V6, apply, decide};
use ichor_datapath_types::{DropReason, Eth, Hook, Ipv4, Ipv6, Pod, Work};

use crate::direct::{self, Direct};
use crate::maps::{CONFIG, HopTable, Maps, Workplace, clock_ns, count};
use crate::route::{Route, route};
use crate::watch::{Met, dropped, met};

pub(crate) struct Frame(*mut xdp_md);

impl Direct for Frame {
    #[inline(always)]
    fn range(&self) -> (usize, usize) {
        let context = direct::fresh(self.0);
        // SAFETY: the context that the kernel gave this program.
        unsafe { ((*context).data as usize, (*context).data_end as usize) }
    }
}

impl Packet for Frame {
    const FOLLOWS_PIECES: bool = false;

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
        let (start, end) = self.range();
        // SAFETY: the context that the kernel gave this program.
        (unsafe { bpf_xdp_adjust_tail(self.0, length as i32 - (end - start) as i32) } == 0).then_some(())
    }

    #[inline(always)]
    fn insert(&mut self, place: Place, size: usize) -> Option<()> {
        // SAFETY: the context that the kernel gave this program.
        let grown = unsafe { bpf_xdp_adjust_head(self.0, -(size as i32)) } == 0;
        if grown { headers_move(self, place, size, 0) } else { None }
    }

    #[inline(always)]
    fn remove(&mut self, place: Place, size: usize) -> Option<()> {
        headers_move(self, place, 0, size)?;
        // SAFETY: the context that the kernel gave this program.
        (unsafe { bpf_xdp_adjust_head(self.0, size as i32) } == 0).then_some(())
    }
}

/// Moves the headers in front of a place.
#[inline(always)]
fn headers_move(frame: &mut Frame, place: Place, from: usize, to: usize) -> Option<()> {
    const IP: usize = size_of::<Eth>();
    // What lies in the direction of the move goes first.
    if to < from {
        let head: Eth = frame.load(from)?;
        frame.store(to, head)?;
    }
    match place {
        Place::AfterIp { header } if header == size_of::<Ipv4>() => {
            let head: Ipv4 = frame.load(from + IP)?;
            frame.store(to + IP, head)?;
        }
        Place::AfterIp { .. } => {
            let head: Ipv6 = frame.load(from + IP)?;
            frame.store(to + IP, head)?;
        }
        Place::BeforeIp => {}
    }
    if to > from {
        let head: Eth = frame.load(from)?;
        frame.store(to, head)?;
    }
    Some(())
}

#[xdp]
#[inline(always)]
#[expect(clippy::needless_pass_by_value, reason = "the form that the hook has")]
pub(crate) fn xdp_wire(context: XdpContext) -> u32 {
    let mut frame = Frame(context.ctx);
    let (start, end) = frame.range();
    let length = (end - start) as u32;
    // SAFETY: the context that the kernel gave this program.
    let place = Met { hook: Hook::Xdp, interface: unsafe { (*frame.0).ingress_ifindex }, length };
    let outcome = match frame.load::<Eth>(0) {
        Some(Eth { ethertype: V4::ETHERTYPE, .. }) => of_family::<V4>(&mut frame, place),
        Some(Eth { ethertype: V6::ETHERTYPE, .. }) => of_family::<V6>(&mut frame, place),
        _ => Ok(xdp_action::XDP_PASS),
    };
    match outcome {
        // The next hook counts what it is left.
        Ok(xdp_action::XDP_PASS) => xdp_action::XDP_PASS,
        Ok(action) => {
            count(Hook::Xdp, 0, length);
            action
        }
        Err(reason) => {
            count(Hook::Xdp, reason as u8, length);
            dropped(&frame, place, reason);
            xdp_action::XDP_DROP
        }
    }
}

#[inline(always)]
fn of_family<F: Family + Route>(frame: &mut Frame, place: Met) -> Result<u32, DropReason>
where
    Maps: FlowTable<F::Octets> + Workplace<F::Octets> + HopTable<F::Octets>,
{
    let config = CONFIG.load();
    let maps = Maps { time_ns: clock_ns(), interface: place.interface };
    let work = maps.work(Hook::Xdp).ok_or(DropReason::FlowTable)?;
    let next = decide::<F, _, _>(frame, &maps, &config, Origin::Wire { only_transit: true }, work)?;
    let action = forwarded::<F>(maps, frame, work, next)?;
    // Last, for the verifier's sake.
    met::<F>(work, place);
    Ok(action)
}

#[inline(always)]
fn forwarded<F: Family + Route>(maps: Maps, frame: &mut Frame, work: &Work<F::Octets>, next: Next) -> Result<u32, DropReason>
where
    Maps: HopTable<F::Octets>,
{
    if !matches!(next, Next::Route) {
        return Ok(xdp_action::XDP_PASS);
    }
    // Unless the neighbour is known, nothing is changed yet: traffic control can wait for it.
    let Some(hop) = route::<F>(maps, frame.0.cast(), work).filter(|hop| hop.resolved != 0) else {
        return Ok(xdp_action::XDP_PASS);
    };
    apply::<F, _>(frame, next, work)?;
    frame.store(0, hop.macs).ok_or(DropReason::Rewrite)?;
    if hop.interface == maps.interface {
        return Ok(xdp_action::XDP_TX);
    }
    // SAFETY: a call by value.
    Ok(unsafe { bpf_redirect(hop.interface, 0) } as u32)
}
