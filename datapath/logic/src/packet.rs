//! Reading a packet, and the transport above IP.

use ichor_datapath_types::{Icmp, Ip, Pod, Ports, Tcp, Transport, Udp, icmp4, icmp6, proto, transport_kind};

use crate::checksum::Diff;

/// Where a packet grows or shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind the Ethernet header.
    BeforeIp,
    /// Behind the shortest IP header of this many bytes.
    AfterIp { header: usize },
}

/// No transport begins behind this: a mask, by which the verifier knows.
pub const MAX_OFFSET: usize = 0x3fff;

/// A frame with its Ethernet header.
pub trait Packet {
    /// Whether errors about a packet in pieces are followed here. The stack of an XDP program has no room for that.
    const FOLLOWS_PIECES: bool = true;

    /// Nothing where the value would reach behind the end. The verifier must see a bound of `offset` below 64 KiB.
    fn load<T: Pod>(&self, offset: usize) -> Option<T>;
    fn store<T: Pod>(&mut self, offset: usize, value: T) -> Option<()>;

    /// The offset of a transport, as one whose bound the verifier sees again: the compiler takes numbers apart and puts them
    /// together in ways that older verifiers cannot follow.
    #[inline(always)]
    fn bounded(&self, offset: usize) -> usize {
        offset & MAX_OFFSET
    }

    /// Cuts off what is behind `length` bytes.
    fn cut(&mut self, length: usize) -> Option<()>;
    /// Opens a gap of `size` bytes.
    fn insert(&mut self, place: Place, size: usize) -> Option<()>;
    /// Takes out `size` bytes.
    fn remove(&mut self, place: Place, size: usize) -> Option<()>;

    /// Changes the checksum of an IPv4 header.
    #[inline(always)]
    fn change_header_checksum(&mut self, offset: usize, diff: Diff) -> Option<()> {
        let old = self.load(offset)?;
        self.store(offset, diff.applied(old))
    }

    /// Changes the checksum of a transport, of which `pseudo` is what changed in the pseudo header. A socket buffer whose
    /// checksum is left to the hardware holds the sum of the pseudo header alone, so the two are told apart.
    #[inline(always)]
    fn change_checksum(&mut self, offset: usize, pseudo: Diff, own: Diff, zero_is_none: bool) -> Option<()> {
        let old: u16 = self.load(offset)?;
        if zero_is_none && old == 0 {
            return Some(());
        }
        let new = pseudo.plus(own).applied(old);
        self.store(offset, if zero_is_none && new == 0 { 0xffff } else { new })
    }
}

/// Where the transport begins.
#[inline(always)]
pub(crate) fn offset<A>(ip: &Ip<A>) -> usize {
    ip.transport as usize & MAX_OFFSET
}

/// Reads the transport at `offset`.
#[inline(always)]
pub fn transport<P: Packet>(packet: &P, protocol: u8, offset: usize) -> Transport {
    match protocol {
        proto::TCP => match packet.load::<Tcp>(offset) {
            Some(tcp) => with_ports(transport_kind::TCP, tcp.ports, tcp.flags),
            None => Transport::TRUNCATED,
        },
        proto::UDP => match packet.load::<Udp>(offset) {
            Some(udp) => with_ports(transport_kind::UDP, udp.ports, 0),
            None => Transport::TRUNCATED,
        },
        proto::SCTP => match packet.load::<Ports>(offset) {
            Some(ports) => with_ports(transport_kind::SCTP, ports, 0),
            None => Transport::TRUNCATED,
        },
        proto::ICMP | proto::ICMP6 => match packet.load::<Icmp>(offset) {
            Some(icmp) => echo(icmp, protocol),
            None => Transport::TRUNCATED,
        },
        _ => Transport::OTHER,
    }
}

#[inline(always)]
fn with_ports(kind: u8, ports: Ports, tcp_flags: u8) -> Transport {
    Transport { source_port: ports.source, destination_port: ports.destination, kind, tcp_flags, pad: 0 }
}

#[inline(always)]
fn echo(icmp: Icmp, protocol: u8) -> Transport {
    let is_echo = match protocol {
        proto::ICMP => matches!(icmp.kind, icmp4::ECHO | icmp4::ECHO_REPLY),
        _ => matches!(icmp.kind, icmp6::ECHO | icmp6::ECHO_REPLY),
    };
    if !is_echo {
        return Transport::OTHER;
    }
    let [identifier, _] = icmp.rest;
    with_ports(transport_kind::ECHO, Ports { source: identifier, destination: identifier }, 0)
}
