//! Flows: what happens to the packets that carry one tuple.
//!
//! Each direction of a connection is one entry, and an entry says into what its packets are rewritten. So one lookup
//! is connection tracking and address translation at once, and the reply's key is the rewritten tuple turned around.

use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::addr::Octets;
use crate::pod::Pod;

/// Addresses and ports of one direction. An ICMP echo has its identifier as both ports.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tuple<A> {
    pub source: A,
    pub destination: A,
    pub source_port: u16,
    pub destination_port: u16,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey<A> {
    pub tuple: Tuple<A>,
    pub protocol: u8,
    pub pad: u8,
    pub pad2: u16,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow<A> {
    /// What the packet becomes.
    pub becomes: Tuple<A>,
    /// The service's backend that was chosen, or 0: its flows end with it.
    pub backend: u32,
    /// The time of its last packet, in units of `Config::CLOCK_SHIFT`.
    pub seen: u32,
    pub state: u8,
    pub flags: u8,
    pub pad: u16,
}

// SAFETY: two addresses of whole words and then halves that fill a word: no padding.
unsafe impl<A: Octets> Pod for Tuple<A> {}
// SAFETY: the tuple is whole words; what follows fills one.
unsafe impl<A: Octets> Pod for FlowKey<A> {}
// SAFETY: the tuple is whole words; what follows are three.
unsafe impl<A: Octets> Pod for Flow<A> {}

const _: () = {
    assert!(size_of::<FlowKey<u32>>() == 16 && size_of::<FlowKey<[u32; 4]>>() == 40);
    assert!(size_of::<Flow<u32>>() == 24 && size_of::<Flow<[u32; 4]>>() == 48);
    assert!(align_of::<Flow<[u32; 4]>>() == 4 && align_of::<FlowKey<[u32; 4]>>() == 4);
};

/// What the packets seen so far say about a connection.
pub mod flow_state {
    /// Nothing came but what opens it.
    pub const NEW: u8 = 0;
    pub const ESTABLISHED: u8 = 1;
    /// This side has said its last word.
    pub const CLOSING: u8 = 2;
    /// It is over: this side has said so, or somebody else has its port.
    pub const RESET: u8 = 3;
    /// Not TCP, and more than questions and answers of one moment.
    pub const LASTING: u8 = 4;
}

pub mod flow_flag {
    /// `becomes` has another source than the key.
    pub const SOURCE: u8 = 1;
    /// `becomes` has another destination than the key.
    pub const DESTINATION: u8 = 2;
    /// The packets of this entry answer those of the other.
    pub const REPLY: u8 = 4;
    /// The backend answers the client itself, and must be told for whom.
    pub const DIRECT: u8 = 8;
    /// Another node said for which service it is: what the answers become is not seen in what began.
    pub const TOLD: u8 = 16;
}

impl<A: Copy> Tuple<A> {
    #[inline(always)]
    pub fn reversed(&self) -> Self {
        Self { source: self.destination, destination: self.source, source_port: self.destination_port, destination_port: self.source_port }
    }
}

/// A flow in its table, where other CPUs may write it at the same time: never a reference.
#[derive(Clone, Copy, Debug)]
pub struct SharedFlow<'table, A>(NonNull<Flow<A>>, PhantomData<&'table A>);

impl<A: Octets> SharedFlow<'_, A> {
    /// # Safety
    /// `flow` is a live value of a table for the whole lifetime; in the kernel, until the program ends.
    #[inline(always)]
    pub unsafe fn new(flow: NonNull<Flow<A>>) -> Self {
        Self(flow, PhantomData)
    }

    /// A flow of a table on the host, of one thread.
    pub fn in_cell(flow: &Cell<Flow<A>>) -> SharedFlow<'_, A> {
        // SAFETY: the cell lives as long as what is handed back, and may be written through a shared reference.
        unsafe { SharedFlow::new(NonNull::new_unchecked(flow.as_ptr())) }
    }

    /// Written once, before the entry was put into the table.
    #[inline(always)]
    pub fn becomes(self) -> Tuple<A> {
        // SAFETY: live and in bounds (see `new`).
        unsafe { (*self.0.as_ptr()).becomes }
    }

    #[inline(always)]
    pub fn flags(self) -> u8 {
        // SAFETY: live and in bounds (see `new`); never changed after it was put into the table.
        unsafe { (*self.0.as_ptr()).flags }
    }

    #[inline(always)]
    pub fn backend(self) -> u32 {
        // SAFETY: as for `flags`.
        unsafe { (*self.0.as_ptr()).backend }
    }

    #[inline(always)]
    pub fn state(self) -> u8 {
        // SAFETY: live and in bounds (see `new`); volatile, so that no load is invented or repeated.
        unsafe { (&raw const (*self.0.as_ptr()).state).read_volatile() }
    }

    #[inline(always)]
    pub fn set_state(self, state: u8) {
        // SAFETY: as for `state`.
        unsafe { (&raw mut (*self.0.as_ptr()).state).write_volatile(state) }
    }

    #[inline(always)]
    pub fn seen(self) -> u32 {
        // SAFETY: as for `state`.
        unsafe { (&raw const (*self.0.as_ptr()).seen).read_volatile() }
    }

    #[inline(always)]
    pub fn set_seen(self, seen: u32) {
        // SAFETY: as for `state`.
        unsafe { (&raw mut (*self.0.as_ptr()).seen).write_volatile(seen) }
    }
}
