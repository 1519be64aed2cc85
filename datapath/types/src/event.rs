//! What the programs tell the agent.

use crate::addr::Addr;
use crate::pod::pod;

pod! {
    struct Event: size 64 align 8 {
        time_ns: u64,
        source: Addr,
        destination: Addr,
        source_port: u16,
        destination_port: u16,
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
        pad3: u32,
    }
}

pub mod event_kind {
    pub const DROP: u8 = 1;
    pub const NEW_FLOW: u8 = 2;
}
