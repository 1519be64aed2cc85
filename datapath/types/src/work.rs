//! Where a packet and its flow are put together: more than fits on the stack of a program. It also is what the verifier
//! knows nothing about, and a program is followed once for each way in which a number on its stack came about.

use crate::addr::Octets;
use crate::endpoint::Endpoint;
use crate::flow::{Flow, FlowKey};
use crate::pod::Pod;

/// The header of a packet, and where the transport begins.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ip<A> {
    pub source: A,
    pub destination: A,
    /// Tells the pieces of one packet from those of others.
    pub piece_id: u32,
    pub transport: u32,
    /// Of the packet with this header.
    pub length: u32,
    pub protocol: u8,
    pub ttl: u8,
    /// See `piece`.
    pub piece: u8,
    pub pad: u8,
}

/// The transport, as far as flows are concerned.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    pub source_port: u16,
    pub destination_port: u16,
    /// See `transport_kind`.
    pub kind: u8,
    pub tcp_flags: u8,
    pub pad: u16,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work<A> {
    pub ip: Ip<A>,
    pub transport: Transport,
    pub key: FlowKey<A>,
    pub flow: Flow<A>,
    pub reply_key: FlowKey<A>,
    pub reply: Flow<A>,
    /// Who has the destination, where that is a pod here.
    pub endpoint: Endpoint,
    /// For which address of a service the packet came, where another node says so.
    pub told: A,
    pub told_port: u32,
    /// Whether another node says so.
    pub is_told: u32,
    /// Whether the packet tells the backend's node for which service it is.
    pub tells: u32,
    /// Whether what the sender may send is limited.
    pub is_limited: u32,
    /// Which ends of the tuple change: `flow_flag::SOURCE` and `flow_flag::DESTINATION`.
    pub changes: u32,
    /// The port behind which the connection before this one was hidden, or 0.
    pub old_port: u32,
    /// What the packet begins, see `begun`.
    pub begun: u32,
    /// Where numbers are forgotten, see `settled`.
    pub settled: u32,
}

// SAFETY: two addresses of whole words, three words, and bytes that fill one: no padding.
unsafe impl<A: Octets> Pod for Ip<A> {}
// SAFETY: halves, and bytes that fill one: no padding.
unsafe impl Pod for Transport {}
// SAFETY: each part is plain data of whole words.
unsafe impl<A: Octets> Pod for Work<A> {}

/// Whether a packet is whole.
pub mod piece {
    pub const WHOLE: u8 = 0;
    pub const FIRST: u8 = 1;
    pub const LATER: u8 = 2;
}

/// What stands above IP.
pub mod transport_kind {
    pub const TCP: u8 = 0;
    pub const UDP: u8 = 1;
    /// An echo, with the identifier as both ports.
    pub const ECHO: u8 = 2;
    /// Its checksum covers the whole packet, so ports cannot be changed.
    pub const SCTP: u8 = 3;
    /// A later piece of a packet: the ports are those of the first, and are not here to be changed.
    pub const PIECE: u8 = 4;
    /// Something that belongs to no flow of its own.
    pub const OTHER: u8 = 5;
    /// The packet ends inside its header.
    pub const TRUNCATED: u8 = 6;
    /// A node on the way tells about a packet of a flow.
    pub const ERROR: u8 = 7;
}

/// What a packet begins, as far as can be told.
pub mod begun {
    pub const NOTHING: u32 = 0;
    /// A flow.
    pub const FLOW: u32 = 1;
    /// Perhaps a flow: nothing of it changes, so nobody remembers it.
    pub const UNKNOWN: u32 = 2;
}

impl Transport {
    pub const OTHER: Self = Self::without_ports(transport_kind::OTHER);
    pub const TRUNCATED: Self = Self::without_ports(transport_kind::TRUNCATED);
    pub const ERROR: Self = Self::without_ports(transport_kind::ERROR);

    const fn without_ports(kind: u8) -> Self {
        Self { source_port: 0, destination_port: 0, kind, tcp_flags: 0, pad: 0 }
    }
}

impl<A> Work<A> {
    /// Hands back the same number as one that the verifier knows nothing about.
    #[inline(always)]
    pub fn settled(&mut self, number: u32) -> u32 {
        let place = &raw mut self.settled;
        // SAFETY: a field of this value; volatile, so that the number really is read again.
        unsafe {
            place.write_volatile(number);
            place.read_volatile()
        }
    }
}
