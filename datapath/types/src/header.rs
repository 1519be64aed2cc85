//! Headers as they stand on the wire.

use crate::pod::pod;

pod! {
    struct Eth: size 14 align 2 { destination: [u16; 3], source: [u16; 3], ethertype: u16 }

    /// ARP for IPv4 over Ethernet. The addresses are halves: a word would not be aligned.
    struct Arp: size 28 align 2 {
        hardware: u16, protocol: u16, lengths: u16, operation: u16,
        sender_mac: [u16; 3], sender: [u16; 2], target_mac: [u16; 3], target: [u16; 2],
    }

    struct Ipv4: size 20 align 4 {
        version_ihl: u8, tos: u8, length: u16, id: u16, fragment: u16, ttl: u8, protocol: u8, checksum: u16,
        source: u32, destination: u32,
    }

    struct Ipv6: size 40 align 4 {
        version_class_flow: u32, length: u16, next: u8, hop_limit: u8, source: [u32; 4], destination: [u32; 4],
    }

    /// How every extension header begins that tells its length in units of eight bytes.
    struct Ipv6Extension: size 2 align 1 { next: u8, length_8: u8 }

    struct Ipv6Fragment: size 8 align 4 { next: u8, reserved: u8, offset: u16, id: u32 }

    struct Ports: size 4 align 2 { source: u16, destination: u16 }

    struct Tcp: size 20 align 4 {
        ports: Ports, sequence: u32, acknowledgement: u32, offset: u8, flags: u8, window: u16, checksum: u16, urgent: u16,
    }

    struct Udp: size 8 align 2 { ports: Ports, length: u16, checksum: u16 }

    /// ICMP and ICMPv6; `rest` is the identifier and sequence of an echo.
    struct Icmp: size 8 align 2 { kind: u8, code: u8, checksum: u16, rest: [u16; 2] }
}

pod! {
    /// An option of IPv4 that tells a backend's node for which service address the packet came. Its form has a version
    /// of its own, for nodes of different releases talk to each other.
    struct Direct4: size 12 align 4 { kind: u8, length: u8, version: u8, pad: u8, port: u16, pad2: u16, addr: u32 }

    /// The same as a whole destination options header of IPv6.
    struct Direct6: size 24 align 4 {
        next: u8, length_8: u8, kind: u8, length: u8, version: u8, pad: u8, port: u16, addr: [u32; 4],
    }
}

impl Direct4 {
    /// RFC 4727's number for experiments, in the form that every piece of a packet carries.
    pub const KIND: u8 = 0x9e;
    pub const VERSION: u8 = 1;
}

impl Direct6 {
    /// RFC 4727's number for experiments: to be skipped by who does not know it, and not to be changed on the way.
    pub const KIND: u8 = 0x1e;
    pub const VERSION: u8 = 1;
}

/// Types of Ethernet frames, as they stand on the wire.
pub mod ethertype {
    pub const IPV4: u16 = 0x0800_u16.to_be();
    pub const IPV6: u16 = 0x86dd_u16.to_be();
    pub const ARP: u16 = 0x0806_u16.to_be();
}

/// Protocol numbers, and those of IPv6 extension headers.
pub mod proto {
    pub const HOP_BY_HOP: u8 = 0;
    pub const ICMP: u8 = 1;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const ROUTING: u8 = 43;
    pub const FRAGMENT: u8 = 44;
    pub const AUTHENTICATION: u8 = 51;
    pub const ICMP6: u8 = 58;
    pub const NO_NEXT: u8 = 59;
    pub const DESTINATION: u8 = 60;
    pub const SCTP: u8 = 132;
}

pub mod tcp_flag {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const ACK: u8 = 0x10;
}

/// Types of ICMP (RFC 792).
pub mod icmp4 {
    pub const ECHO_REPLY: u8 = 0;
    pub const UNREACHABLE: u8 = 3;
    pub const ECHO: u8 = 8;
    pub const TIME_EXCEEDED: u8 = 11;
    pub const PARAMETER_PROBLEM: u8 = 12;
    /// The code of `UNREACHABLE` with which a port that nobody listens on is refused.
    pub const CODE_PORT: u8 = 3;
    pub const CODE_FRAGMENTATION_NEEDED: u8 = 4;
}

/// Types of ICMPv6 (RFC 4443, RFC 4861).
pub mod icmp6 {
    pub const UNREACHABLE: u8 = 1;
    pub const TOO_BIG: u8 = 2;
    pub const TIME_EXCEEDED: u8 = 3;
    pub const PARAMETER_PROBLEM: u8 = 4;
    pub const ECHO: u8 = 128;
    pub const ECHO_REPLY: u8 = 129;
    pub const GROUP_QUERY: u8 = 130;
    pub const GROUP_DONE: u8 = 132;
    pub const ROUTER_SOLICITATION: u8 = 133;
    pub const NEIGHBOUR_SOLICITATION: u8 = 135;
    pub const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
    pub const GROUP_REPORT_2: u8 = 143;
    /// The code of `UNREACHABLE` with which a port that nobody listens on is refused.
    pub const CODE_PORT: u8 = 4;

    /// Whether it is between neighbours: their discovery (RFC 4861), and the groups that they are in (RFC 2710, RFC 3810).
    pub const fn is_of_the_link(kind: u8) -> bool {
        matches!(kind, GROUP_QUERY..=GROUP_DONE | ROUTER_SOLICITATION..=NEIGHBOUR_ADVERTISEMENT | GROUP_REPORT_2)
    }
}
