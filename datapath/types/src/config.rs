//! What is decided when the programs are loaded.

use crate::pod::pod;

pod! {
    /// Constants to the verifier, which leaves out what they turn off.
    struct Config: size 44 align 4 {
        features: u32,
        /// The interface towards the other nodes.
        uplink: u32,
        /// The node's addresses: what pods are hidden behind, and where replies to a balanced connection come back to.
        node_v4: u32,
        node_v6: [u32; 4],
        /// The ports that translated connections may use, both included; in the machine's byte order.
        first_port: u16,
        last_port: u16,
        /// The largest packet that the uplink takes.
        mtu: u16,
        pad: u16,
        /// Of the uplink.
        mac: [u16; 3],
        pad2: u16,
    }
}

impl Config {
    /// Times are the kernel's monotonic clock without its lowest bits: about one second.
    pub const CLOCK_SHIFT: u32 = 30;
}

pub mod feature {
    pub const IPV4: u32 = 1;
    pub const IPV6: u32 = 2;
    pub const MASQUERADE_V4: u32 = 4;
    pub const MASQUERADE_V6: u32 = 8;
    /// Backends on other nodes answer clients themselves.
    pub const DIRECT_TCP: u32 = 16;
    pub const DIRECT_UDP: u32 = 32;
}

/// The mark of a packet that was decided on already, so that the hook on the way out leaves it alone.
pub const DECIDED_MARK: u32 = 0x0001_c400;
