//! IPv6.

use ichor_datapath_types::{
    Addr, Config, Direct6, DropReason, Ip, Ipv6, Ipv6Extension, Ipv6Fragment, ethertype, feature, icmp6, piece, proto,
};

use crate::checksum::Diff;
use crate::family::{ErrorHead, Family, Inner, L2};
use crate::packet::{Packet, Place};
use crate::service::mix;

/// The extension headers that are followed.
const MAX_EXTENSIONS: usize = 4;

#[derive(Debug)]
pub enum V6 {}

const V6_LENGTH: usize = L2 + 4;
const V6_NEXT: usize = L2 + 6;
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
    const HEADER: usize = size_of::<Ipv6>();
    const DIRECT: usize = size_of::<Direct6>();
    const ICMP_COVERS_ADDRESSES: bool = true;

    #[inline(always)]
    fn parse<P: Packet>(packet: &P, ip: &mut Ip<[u32; 4]>) -> Result<(), DropReason> {
        let header: Ipv6 = packet.load(L2).ok_or(DropReason::Truncated)?;
        if header.version_class_flow & V6_VERSION != V6_SIX {
            return Err(DropReason::BadHeader);
        }
        (ip.source, ip.destination) = (header.source, header.destination);
        (ip.length, ip.ttl, ip.pad) = (u32::from(u16::from_be(header.length)) + size_of::<Ipv6>() as u32, header.hop_limit, 0);
        // Written at the end: the verifier knows nothing about what was written into a table and is read again.
        let (mut transport, mut protocol, mut piece, mut piece_id) = (L2 + size_of::<Ipv6>(), header.next, piece::WHOLE, 0);
        for _ in 0..MAX_EXTENSIONS {
            match protocol {
                proto::HOP_BY_HOP | proto::ROUTING | proto::DESTINATION => {
                    let extension: Ipv6Extension = packet.load(transport).ok_or(DropReason::Truncated)?;
                    protocol = extension.next;
                    // At most 2048 each, so the loop's bound is the verifier's.
                    transport += (usize::from(extension.length_8) + 1) * 8;
                }
                proto::FRAGMENT => {
                    let fragment: Ipv6Fragment = packet.load(transport).ok_or(DropReason::Truncated)?;
                    protocol = fragment.next;
                    transport += size_of::<Ipv6Fragment>();
                    piece_id = fragment.id;
                    if fragment.offset & V6_OFFSET != 0 {
                        piece = piece::LATER;
                        break;
                    }
                    if fragment.offset & V6_MORE != 0 {
                        piece = piece::FIRST;
                    }
                }
                _ => break,
            }
        }
        (ip.transport, ip.protocol, ip.piece, ip.piece_id) = (transport as u32, protocol, piece, piece_id);
        match protocol {
            proto::HOP_BY_HOP | proto::ROUTING | proto::DESTINATION | proto::FRAGMENT if piece != piece::LATER => {
                Err(DropReason::ExtensionHeaders)
            }
            _ => Ok(()),
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

    #[inline(always)]
    fn write_header<P: Packet>(packet: &mut P, source: [u32; 4], destination: [u32; 4], protocol: u8, payload: usize) -> Option<()> {
        let header = Ipv6 {
            version_class_flow: V6_SIX,
            length: (payload as u16).to_be(),
            next: protocol,
            hop_limit: HOP_LIMIT,
            source,
            destination,
        };
        packet.store(L2, header)
    }

    #[inline(always)]
    fn sum(source: [u32; 4], destination: [u32; 4]) -> Diff {
        Diff::of_words([0; 4], source).plus(Diff::of_words([0; 4], destination))
    }

    #[inline(always)]
    fn port_unreachable() -> ErrorHead {
        ErrorHead { kind: icmp6::UNREACHABLE, code: icmp6::CODE_PORT, rest: [0; 2] }
    }

    #[inline(always)]
    fn too_big(mtu: u16) -> ErrorHead {
        ErrorHead { kind: icmp6::TOO_BIG, code: 0, rest: [0, mtu.to_be()] }
    }

    #[inline(always)]
    fn is_group_or_link(octets: [u32; 4]) -> bool {
        let [first, ..] = octets.map(u32::from_be);
        // ff00::/8 and fe80::/10.
        first >> 24 == 0xff || first >> 22 == 0xfe80 >> 6
    }

    #[inline(always)]
    fn is_error(kind: u8) -> bool {
        matches!(kind, icmp6::UNREACHABLE..=icmp6::PARAMETER_PROBLEM)
    }

    #[inline(always)]
    fn parse_inner<P: Packet>(packet: &P, offset: usize) -> Option<Inner<[u32; 4]>> {
        let header: Ipv6 = packet.load(offset)?;
        if header.version_class_flow & V6_VERSION != V6_SIX {
            return None;
        }
        let Ipv6 { source, destination, next, .. } = header;
        let transport = offset + size_of::<Ipv6>();
        if next != proto::FRAGMENT || !P::FOLLOWS_PIECES {
            return Some(Inner { source, destination, protocol: next, header: offset, transport, is_piece: false });
        }
        // Who sends pieces that are too big is told about the first one, too, and that has the ports.
        let fragment: Ipv6Fragment = packet.load(transport)?;
        let transport = transport + size_of::<Ipv6Fragment>();
        let found = Inner { source, destination, protocol: fragment.next, header: offset, transport, is_piece: true };
        (fragment.offset & V6_OFFSET == 0).then_some(found)
    }

    #[inline(always)]
    fn store_inner<P: Packet>(packet: &mut P, inner: &Inner<[u32; 4]>, source: [u32; 4], destination: [u32; 4]) -> Option<Diff> {
        const ADDRESSES: usize = 8;
        packet.store(inner.header + ADDRESSES, source)?;
        packet.store(inner.header + ADDRESSES + size_of::<[u32; 4]>(), destination)?;
        Some(Diff::of_words(inner.source, source).plus(Diff::of_words(inner.destination, destination)))
    }

    #[inline(always)]
    fn told<P: Packet>(packet: &P, ip: &Ip<[u32; 4]>) -> Option<([u32; 4], u16)> {
        if (ip.transport as usize) < L2 + Self::HEADER + Self::DIRECT || packet.load::<u8>(V6_NEXT)? != proto::DESTINATION {
            return None;
        }
        let direct: Direct6 = packet.load(L2 + Self::HEADER)?;
        let known = direct.length_8 == DIRECT_UNITS && direct.kind == Direct6::KIND && direct.version == Direct6::VERSION;
        known.then_some((direct.addr, direct.port))
    }

    #[inline(always)]
    fn can_tell<P: Packet>(packet: &P, _ip: &Ip<[u32; 4]>) -> bool {
        // Hop-by-hop options stand in front of everything else, and are read by every router.
        match packet.load::<u8>(V6_NEXT) {
            Some(next) => next != proto::HOP_BY_HOP,
            None => false,
        }
    }

    #[inline(always)]
    fn tell<P: Packet>(packet: &mut P, service: [u32; 4], port: u16) -> Option<()> {
        packet.insert(Place::AfterIp { header: Self::HEADER }, Self::DIRECT)?;
        let direct = Direct6 {
            next: packet.load(V6_NEXT)?,
            length_8: DIRECT_UNITS,
            kind: Direct6::KIND,
            length: (size_of::<Direct6>() - 4) as u8,
            version: Direct6::VERSION,
            pad: 0,
            port,
            addr: service,
        };
        packet.store(L2 + Self::HEADER, direct)?;
        resize(packet, proto::DESTINATION, size_of::<Direct6>() as i16)
    }

    #[inline(always)]
    fn forget<P: Packet>(packet: &mut P) -> Option<()> {
        let direct: Direct6 = packet.load(L2 + Self::HEADER)?;
        packet.remove(Place::AfterIp { header: Self::HEADER }, Self::DIRECT)?;
        resize(packet, direct.next, -(size_of::<Direct6>() as i16))
    }
}

/// The first hop of a packet of ours.
const HOP_LIMIT: u8 = 64;
/// Units of eight bytes behind the first.
const DIRECT_UNITS: u8 = (size_of::<Direct6>() / 8 - 1) as u8;

/// Writes the length after a header came or went, and which one is next.
#[inline(always)]
fn resize<P: Packet>(packet: &mut P, next: u8, bytes: i16) -> Option<()> {
    let length: u16 = packet.load(V6_LENGTH)?;
    packet.store(V6_LENGTH, u16::from_be(length).wrapping_add_signed(bytes).to_be())?;
    packet.store(V6_NEXT, next)
}
