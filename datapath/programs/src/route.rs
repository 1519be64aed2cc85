//! The next hop, by the kernel's own routes.

use core::ffi::c_void;

use aya_ebpf::bindings::bpf_fib_lookup;
use aya_ebpf::helpers::generated::bpf_fib_lookup as lookup;
use ichor_datapath_logic::{Family, V4, V6};
use ichor_datapath_types::Tuple;

const FOUND: i64 = 0;
const NO_NEIGHBOUR: i64 = 7;

pub(crate) struct Hop {
    pub(crate) interface: u32,
    /// Whether the addresses are known.
    pub(crate) resolved: bool,
    pub(crate) destination: [u16; 3],
    pub(crate) source: [u16; 3],
}

/// How a family's addresses are put into a question to the routing table.
pub(crate) trait Route: Family {
    const ADDRESS_FAMILY: u8;
    fn fill(question: &mut bpf_fib_lookup, source: Self::Octets, destination: Self::Octets);
}

impl Route for V4 {
    const ADDRESS_FAMILY: u8 = 2;

    #[inline(always)]
    fn fill(question: &mut bpf_fib_lookup, source: u32, destination: u32) {
        question.__bindgen_anon_3.ipv4_src = source;
        question.__bindgen_anon_4.ipv4_dst = destination;
    }
}

impl Route for V6 {
    const ADDRESS_FAMILY: u8 = 10;

    #[inline(always)]
    fn fill(question: &mut bpf_fib_lookup, source: [u32; 4], destination: [u32; 4]) {
        question.__bindgen_anon_3.ipv6_src = source;
        question.__bindgen_anon_4.ipv6_dst = destination;
    }
}

/// Asks for the way of a packet after it is rewritten.
#[inline(always)]
pub(crate) fn route<F: Route>(context: *mut c_void, interface: u32, protocol: u8, becomes: &Tuple<F::Octets>) -> Option<Hop> {
    // SAFETY: integers only, for which zero is a value.
    let mut question: bpf_fib_lookup = unsafe { core::mem::zeroed() };
    question.family = F::ADDRESS_FAMILY;
    question.l4_protocol = protocol;
    question.ifindex = interface;
    F::fill(&mut question, becomes.source, becomes.destination);
    // SAFETY: both live on this stack, and the length is that of the question.
    let answer = unsafe { lookup(context, &raw mut question, size_of::<bpf_fib_lookup>() as i32, 0) };
    if answer != FOUND && answer != NO_NEIGHBOUR {
        return None;
    }
    let half = |[a, b, c, d, e, f]: [u8; 6]| [u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d]), u16::from_ne_bytes([e, f])];
    Some(Hop {
        interface: question.ifindex,
        resolved: answer == FOUND,
        // SAFETY: the union's other members are of the same size.
        destination: half(question.dmac),
        source: half(question.smac),
    })
}
