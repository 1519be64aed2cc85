//! What differs between IPv4 and IPv6.

use ichor_datapath_types::{Addr, Config, DropReason, Eth, Ipv4, Ipv6, Ipv6Extension, Ipv6Fragment, Octets, ethertype, feature, proto};

use crate::checksum::Diff;
use crate::packet::Packet;
use crate::service::mix;

const L2: usize = size_of::<Eth>();
/// The extension headers that are followed.
const MAX_EXTENSIONS: usize = 4;

/// Whether a packet is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    Whole,
    First,
    Later,
}

/// The header of a packet, and where the transport begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip<A> {
    pub source: A,
    pub destination: A,
    pub protocol: u8,
    pub ttl: u8,
    pub piece: Piece,
    /// Tells the pieces of one packet from those of others.
    pub piece_id: u32,
    pub transport: usize,
}

pub trait Family {
    type Octets: Octets + Eq;
    const ETHERTYPE: u16;
    const SOURCE: usize;
    const DESTINATION: usize;
    const ICMP: u8;
    const MASQUERADE: u32;

    fn parse<P: Packet>(packet: &P) -> Result<Ip<Self::Octets>, DropReason>;
    fn widen(octets: Self::Octets) -> Addr;
    fn node_address(config: &Config) -> Self::Octets;
    fn narrow(addr: Addr) -> Self::Octets;
    fn diff(old: Self::Octets, new: Self::Octets) -> Diff;
    /// Takes an address into a hash.
    fn mixed(octets: Self::Octets, hash: u64) -> u64;
    /// The pseudo header of the family's ICMP has the addresses, or there is none.
    const ICMP_COVERS_ADDRESSES: bool;
    /// After the addresses changed by `diff`: the header's own checksum, where there is one.
    fn addresses_changed<P: Packet>(packet: &mut P, diff: Diff) -> Option<()>;
    /// One hop less.
    fn decrement<P: Packet>(packet: &mut P) -> Option<()>;
}

#[derive(Debug)]
pub enum V4 {}

const V4_TTL: usize = L2 + 8;
const V4_CHECKSUM: usize = L2 + 10;
const V4_OFFSET: u16 = 0x1fff_u16.to_be();
const V4_MORE: u16 = 0x2000_u16.to_be();

impl Family for V4 {
    type Octets = u32;
    const ETHERTYPE: u16 = ethertype::IPV4;
    const SOURCE: usize = L2 + 12;
    const DESTINATION: usize = L2 + 16;
    const ICMP: u8 = proto::ICMP;
    const MASQUERADE: u32 = feature::MASQUERADE_V4;
    const ICMP_COVERS_ADDRESSES: bool = false;

    #[inline(always)]
    fn parse<P: Packet>(packet: &P) -> Result<Ip<u32>, DropReason> {
        let header: Ipv4 = packet.load(L2).ok_or(DropReason::Truncated)?;
        // At most 60, which the verifier sees.
        let length = usize::from(header.version_ihl & 0xf) * 4;
        if header.version_ihl >> 4 != 4 || length < size_of::<Ipv4>() {
            return Err(DropReason::BadHeader);
        }
        let piece = if header.fragment & V4_OFFSET != 0 {
            Piece::Later
        } else if header.fragment & V4_MORE != 0 {
            Piece::First
        } else {
            Piece::Whole
        };
        Ok(Ip {
            source: header.source,
            destination: header.destination,
            protocol: header.protocol,
            ttl: header.ttl,
            piece,
            piece_id: u32::from(header.id),
            transport: L2 + length,
        })
    }

    #[inline(always)]
    fn widen(octets: u32) -> Addr {
        Addr::from_v4(octets)
    }

    #[inline(always)]
    fn node_address(config: &Config) -> u32 {
        config.node_v4
    }

    #[inline(always)]
    fn narrow(addr: Addr) -> u32 {
        addr.v4()
    }

    #[inline(always)]
    fn mixed(octets: u32, hash: u64) -> u64 {
        mix(hash ^ u64::from(octets))
    }

    #[inline(always)]
    fn diff(old: u32, new: u32) -> Diff {
        Diff::of_u32(old, new)
    }

    #[inline(always)]
    fn addresses_changed<P: Packet>(packet: &mut P, diff: Diff) -> Option<()> {
        packet.change_header_checksum(V4_CHECKSUM, diff)
    }

    #[inline(always)]
    fn decrement<P: Packet>(packet: &mut P) -> Option<()> {
        let old: u16 = packet.load(V4_TTL)?;
        let [ttl, protocol] = old.to_ne_bytes();
        let new = u16::from_ne_bytes([ttl.wrapping_sub(1), protocol]);
        packet.change_header_checksum(V4_CHECKSUM, Diff::of_u16(old, new))?;
        packet.store(V4_TTL, new)
    }
}

#[derive(Debug)]
pub enum V6 {}

const V6_HOP_LIMIT: usize = L2 + 7;
const V6_VERSION: u32 = 0xf000_0000_u32.to_be();
const V6_SIX: u32 = 0x6000_0000_u32.to_be();
const V6_OFFSET: u16 = 0xfff8_u16.to_be();
const V6_MORE: u16 = 0x0001_u16.to_be();

impl Family for V6 {
    type Octets = [u32; 4];
    const ETHERTYPE: u16 = ethertype::IPV6;
    const SOURCE: usize = L2 + 8;
    const DESTINATION: usize = L2 + 24;
    const ICMP: u8 = proto::ICMP6;
    const MASQUERADE: u32 = feature::MASQUERADE_V6;
    const ICMP_COVERS_ADDRESSES: bool = true;

    #[inline(always)]
    fn parse<P: Packet>(packet: &P) -> Result<Ip<[u32; 4]>, DropReason> {
        let header: Ipv6 = packet.load(L2).ok_or(DropReason::Truncated)?;
        if header.version_class_flow & V6_VERSION != V6_SIX {
            return Err(DropReason::BadHeader);
        }
        let mut ip = Ip {
            source: header.source,
            destination: header.destination,
            protocol: header.next,
            ttl: header.hop_limit,
            piece: Piece::Whole,
            piece_id: 0,
            transport: L2 + size_of::<Ipv6>(),
        };
        for _ in 0..MAX_EXTENSIONS {
            match ip.protocol {
                proto::HOP_BY_HOP | proto::ROUTING | proto::DESTINATION => {
                    let extension: Ipv6Extension = packet.load(ip.transport).ok_or(DropReason::Truncated)?;
                    ip.protocol = extension.next;
                    // At most 2048 each, so the loop's bound is the verifier's.
                    ip.transport += (usize::from(extension.length_8) + 1) * 8;
                }
                proto::FRAGMENT => {
                    let fragment: Ipv6Fragment = packet.load(ip.transport).ok_or(DropReason::Truncated)?;
                    ip.protocol = fragment.next;
                    ip.transport += size_of::<Ipv6Fragment>();
                    ip.piece_id = fragment.id;
                    if fragment.offset & V6_OFFSET != 0 {
                        ip.piece = Piece::Later;
                        return Ok(ip);
                    }
                    if fragment.offset & V6_MORE != 0 {
                        ip.piece = Piece::First;
                    }
                }
                _ => return Ok(ip),
            }
        }
        match ip.protocol {
            proto::HOP_BY_HOP | proto::ROUTING | proto::DESTINATION | proto::FRAGMENT => Err(DropReason::ExtensionHeaders),
            _ => Ok(ip),
        }
    }

    #[inline(always)]
    fn widen(octets: [u32; 4]) -> Addr {
        Addr(octets)
    }

    #[inline(always)]
    fn node_address(config: &Config) -> [u32; 4] {
        config.node_v6
    }

    #[inline(always)]
    fn narrow(addr: Addr) -> [u32; 4] {
        addr.0
    }

    #[inline(always)]
    fn mixed(octets: [u32; 4], hash: u64) -> u64 {
        let [a, b, c, d] = octets.map(u64::from);
        mix(mix(hash ^ (a << 32 | b)) ^ (c << 32 | d))
    }

    #[inline(always)]
    fn diff(old: [u32; 4], new: [u32; 4]) -> Diff {
        Diff::of_words(old, new)
    }

    #[inline(always)]
    fn addresses_changed<P: Packet>(_packet: &mut P, _diff: Diff) -> Option<()> {
        Some(())
    }

    #[inline(always)]
    fn decrement<P: Packet>(packet: &mut P) -> Option<()> {
        let hop_limit: u8 = packet.load(V6_HOP_LIMIT)?;
        packet.store(V6_HOP_LIMIT, hop_limit.wrapping_sub(1))
    }
}
