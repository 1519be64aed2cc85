//! The next hop, by the kernel's own routes.

use core::ffi::c_void;

use aya_ebpf::bindings::bpf_fib_lookup;
use aya_ebpf::helpers::generated::bpf_fib_lookup as lookup;
use ichor_datapath_logic::{Family, V4, V6};
use ichor_datapath_types::{Tuple, Work};

use crate::maps::{HopTable, Maps};

const FOUND: i64 = 0;
const NO_NEIGHBOUR: i64 = 7;

/// How many next hops each CPU remembers.
pub(crate) const HOPS: u32 = 256;
/// Spreads addresses over them.
const ODD: u32 = 0x9e37_79b1;
/// An answer holds until the clock has moved on by 2^24 nanoseconds: the kernel's question is half of what a packet costs,
/// and nobody has to say that a route, a rule or a neighbour has changed.
const CLOCK_SHIFT: u32 = 24;

/// The answer to a question about a way, with all that was asked.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Hop<A> {
    source: A,
    destination: A,
    /// By which the packet came in.
    from: u32,
    protocol: u32,
    time: u32,
    pub(crate) interface: u32,
    /// Whether the addresses are known.
    pub(crate) resolved: u32,
    /// The destination's and the source's, as a frame begins.
    pub(crate) macs: [u32; 3],
}

/// How a family's addresses are put into a question to the routing table.
pub(crate) trait Route: Family {
    const ADDRESS_FAMILY: u8;
    fn fill(question: &mut bpf_fib_lookup, source: Self::Octets, destination: Self::Octets);
    fn folded(octets: Self::Octets) -> u32;
}

impl Route for V4 {
    const ADDRESS_FAMILY: u8 = 2;

    #[inline(always)]
    fn fill(question: &mut bpf_fib_lookup, source: u32, destination: u32) {
        question.__bindgen_anon_3.ipv4_src = source;
        question.__bindgen_anon_4.ipv4_dst = destination;
    }

    #[inline(always)]
    fn folded(octets: u32) -> u32 {
        octets
    }
}

impl Route for V6 {
    const ADDRESS_FAMILY: u8 = 10;

    #[inline(always)]
    fn fill(question: &mut bpf_fib_lookup, source: [u32; 4], destination: [u32; 4]) {
        question.__bindgen_anon_3.ipv6_src = source;
        question.__bindgen_anon_4.ipv6_dst = destination;
    }

    #[inline(always)]
    fn folded([a, b, c, d]: [u32; 4]) -> u32 {
        a ^ b ^ c ^ d
    }
}

/// The place of an answer, and whether it is there and still holds.
#[inline(always)]
pub(crate) fn remembered<F: Route>(maps: Maps, becomes: &Tuple<F::Octets>, protocol: u8) -> Option<(&'static mut Hop<F::Octets>, bool)>
where
    Maps: HopTable<F::Octets>,
{
    let (source, destination) = (becomes.source, becomes.destination);
    let mixed = (F::folded(source).rotate_left(16) ^ F::folded(destination)).wrapping_mul(ODD);
    let hop = maps.hop(mixed / (u32::MAX / HOPS + 1))?;
    let asked = hop.destination == destination && hop.source == source && hop.from == maps.interface && hop.protocol == u32::from(protocol);
    // What is not known yet is asked for again.
    let holds = asked && hop.time == time(maps) && hop.resolved != 0;
    Some((hop, holds))
}

#[inline(always)]
fn time(maps: Maps) -> u32 {
    (maps.time_ns >> CLOCK_SHIFT) as u32
}

/// The way of a packet after it is rewritten.
#[inline(always)]
pub(crate) fn route<F: Route>(maps: Maps, context: *mut c_void, work: &Work<F::Octets>) -> Option<&'static Hop<F::Octets>>
where
    Maps: HopTable<F::Octets>,
{
    let (becomes, protocol) = (&work.flow.becomes, work.ip.protocol);
    let (hop, holds) = remembered::<F>(maps, becomes, protocol)?;
    if holds {
        return Some(hop);
    }
    // SAFETY: integers only, for which zero is a value.
    let mut question: bpf_fib_lookup = unsafe { core::mem::zeroed() };
    question.family = F::ADDRESS_FAMILY;
    question.l4_protocol = protocol;
    question.ifindex = maps.interface;
    F::fill(&mut question, becomes.source, becomes.destination);
    // SAFETY: both live on this stack, and the length is that of the question.
    let answer = unsafe { lookup(context, &raw mut question, size_of::<bpf_fib_lookup>() as i32, 0) };
    if answer != FOUND && answer != NO_NEIGHBOUR {
        return None;
    }
    let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = (question.dmac, question.smac);
    *hop = Hop {
        source: becomes.source,
        destination: becomes.destination,
        from: maps.interface,
        protocol: u32::from(protocol),
        time: time(maps),
        interface: question.ifindex,
        resolved: u32::from(answer == FOUND),
        macs: [[a, b, c, d], [e, f, g, h], [i, j, k, l]].map(u32::from_ne_bytes),
    };
    Some(hop)
}
