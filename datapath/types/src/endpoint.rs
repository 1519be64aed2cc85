//! Who has which address.

use crate::addr::Addr;
use crate::pod::pod;

pod! {
    struct EndpointKey: size 16 align 4 { addr: Addr }

    /// A pod here, or the node itself.
    struct Endpoint: size 24 align 4 {
        /// The host's end of its cable; 0 for the node itself.
        interface: u32,
        identity: u32,
        /// Of the pod's end.
        mac: [u16; 3],
        /// Of the host's end.
        host_mac: [u16; 3],
        flags: u32,
    }

    /// Key of a longest-prefix table over all addresses.
    struct PrefixKey: size 20 align 4 { prefix_bits: u32, addr: Addr }
    struct Prefix: size 8 align 4 { identity: u32, flags: u32 }

    /// A packet in pieces: only the first has ports.
    struct FragmentKey: size 40 align 4 { source: Addr, destination: Addr, id: u32, protocol: u8, pad: u8, pad2: u16 }
    struct Fragment: size 4 align 2 { source_port: u16, destination_port: u16 }
}

pub mod endpoint_flag {
    /// The node's own address.
    pub const HOST: u32 = 1;
    /// What it may send is limited.
    pub const LIMITED: u32 = 2;
}

pub mod prefix_flag {
    /// Traffic to it keeps the pod's address.
    pub const NOT_MASQUERADED: u32 = 1;
    /// An address of a node: what it serves on its node ports, this node serves on its own.
    pub const NODE: u32 = 2;
    /// Of services alone: what is none there is nowhere, and a router would only send it back.
    pub const SERVICE: u32 = 4;
}
