//! What the programs tell the agent while somebody listens.

use crate::addr::Addr;
use crate::pod::pod;

pod! {
    struct Event: size 96 align 8 {
        time_ns: u64,
        /// Unspecified where a socket is refused before it has one.
        source: Addr,
        destination: Addr,
        /// What the packets of a new flow become.
        becomes_source: Addr,
        becomes_destination: Addr,
        source_port: u16,
        destination_port: u16,
        becomes_source_port: u16,
        becomes_destination_port: u16,
        /// On which the packet came, or leaves.
        interface: u32,
        length: u32,
        kind: u8,
        /// A `DropReason` as a number, where the event is a drop.
        reason: u8,
        hook: u8,
        protocol: u8,
        tcp_flags: u8,
        pad: u8,
        pad2: u16,
    }

    /// What somebody wants to be told. It ends by itself, so that an agent that was killed leaves no work behind.
    struct Watch: size 16 align 4 {
        /// In units of `Config::CLOCK_SHIFT`; 0 when nobody listens.
        until: u32,
        /// How many events each CPU may tell in one such unit; none of a kind that nobody wants.
        drops: u32,
        new_flows: u32,
        pad: u32,
    }

    /// What a CPU has told of one kind.
    struct Allowance: size 16 align 8 {
        /// The time in which these were told.
        time: u32,
        told: u32,
        /// Events that were too many, or for which the ring had no room.
        held_back: u64,
    }
}

/// Kinds of events, and the places of their allowances.
pub mod event_kind {
    pub const DROP: u8 = 1;
    pub const NEW_FLOW: u8 = 2;
    pub const COUNT: u32 = 3;
}
