//! IPv4.

use ichor_datapath_types::{Addr, Config, Direct4, DropReason, Ip, Ipv4, ethertype, feature, icmp4, piece, proto};

use crate::checksum::{Diff, sum_of};
use crate::family::{ErrorHead, Family, Inner, L2};
use crate::packet::{Packet, Place};
use crate::service::mix;

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
    const HEADER: usize = size_of::<Ipv4>();
    const DIRECT: usize = size_of::<Direct4>();
    const ICMP_COVERS_ADDRESSES: bool = false;

    #[inline(always)]
    fn parse<P: Packet>(packet: &P, ip: &mut Ip<u32>) -> Result<(), DropReason> {
        let header: Ipv4 = packet.load(L2).ok_or(DropReason::Truncated)?;
        // At most 60, which the verifier sees.
        let length = usize::from(header.version_ihl & 0xf) * 4;
        if header.version_ihl >> 4 != 4 || length < size_of::<Ipv4>() {
            return Err(DropReason::BadHeader);
        }
        let piece = if header.fragment & V4_OFFSET != 0 {
            piece::LATER
        } else if header.fragment & V4_MORE != 0 {
            piece::FIRST
        } else {
            piece::WHOLE
        };
        *ip = Ip {
            source: header.source,
            destination: header.destination,
            piece_id: u32::from(header.id),
            transport: (L2 + length) as u32,
            length: u32::from(u16::from_be(header.length)),
            protocol: header.protocol,
            ttl: header.ttl,
            piece,
            pad: 0,
        };
        Ok(())
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

    #[inline(always)]
    fn write_header<P: Packet>(packet: &mut P, source: u32, destination: u32, protocol: u8, payload: usize) -> Option<()> {
        let header = Ipv4 {
            version_ihl: 0x45,
            tos: 0,
            length: ((Self::HEADER + payload) as u16).to_be(),
            id: 0,
            fragment: 0,
            ttl: TTL,
            protocol,
            checksum: 0,
            source,
            destination,
        };
        packet.store(L2, header)?;
        let sum = sum_of::<P, { size_of::<Ipv4>() / 4 }>(packet, L2)?;
        packet.store(V4_CHECKSUM, sum.applied(!0))
    }

    #[inline(always)]
    fn sum(source: u32, destination: u32) -> Diff {
        Diff::of_u32(0, source).plus(Diff::of_u32(0, destination))
    }

    #[inline(always)]
    fn port_unreachable() -> ErrorHead {
        ErrorHead { kind: icmp4::UNREACHABLE, code: icmp4::CODE_PORT, rest: [0; 2] }
    }

    #[inline(always)]
    fn too_big(mtu: u16) -> ErrorHead {
        ErrorHead { kind: icmp4::UNREACHABLE, code: icmp4::CODE_FRAGMENTATION_NEEDED, rest: [0, mtu.to_be()] }
    }

    #[inline(always)]
    fn is_group_or_link(octets: u32) -> bool {
        const GROUPS: u32 = 0xe000_0000;
        // Behind the groups there are no addresses of hosts either. Link-local ones are a Talos node's own.
        u32::from_be(octets) >= GROUPS
    }

    #[inline(always)]
    fn is_error(kind: u8) -> bool {
        matches!(kind, icmp4::UNREACHABLE | icmp4::TIME_EXCEEDED | icmp4::PARAMETER_PROBLEM)
    }

    #[inline(always)]
    fn parse_inner<P: Packet>(packet: &P, offset: usize) -> Option<Inner<u32>> {
        let header: Ipv4 = packet.load(offset)?;
        let length = usize::from(header.version_ihl & 0xf) * 4;
        if header.version_ihl >> 4 != 4 || length < Self::HEADER || header.fragment & V4_OFFSET != 0 {
            return None;
        }
        let transport = offset + length;
        let Ipv4 { source, destination, protocol, .. } = header;
        Some(Inner { source, destination, protocol, header: offset, transport, is_piece: false })
    }

    #[inline(always)]
    fn store_inner<P: Packet>(packet: &mut P, inner: &Inner<u32>, source: u32, destination: u32) -> Option<Diff> {
        let mut header: Ipv4 = packet.load(inner.header)?;
        let diff = Diff::of_u32(inner.source, source).plus(Diff::of_u32(inner.destination, destination));
        header.checksum = diff.applied(header.checksum);
        (header.source, header.destination) = (source, destination);
        packet.store(inner.header, header)?;
        // The header's own checksum makes up for its addresses.
        Some(Diff::NONE)
    }

    #[inline(always)]
    fn told<P: Packet>(packet: &P, ip: &Ip<u32>) -> Option<(u32, u16)> {
        if (ip.transport as usize) < L2 + Self::HEADER + Self::DIRECT {
            return None;
        }
        let direct: Direct4 = packet.load(L2 + Self::HEADER)?;
        let known = direct.kind == Direct4::KIND && usize::from(direct.length) == Self::DIRECT && direct.version == Direct4::VERSION;
        known.then_some((direct.addr, direct.port))
    }

    #[inline(always)]
    fn can_tell<P: Packet>(_packet: &P, ip: &Ip<u32>) -> bool {
        const LONGEST: usize = 60;
        ip.transport as usize + Self::DIRECT <= L2 + LONGEST
    }

    #[inline(always)]
    fn tell<P: Packet>(packet: &mut P, service: u32, port: u16) -> Option<()> {
        packet.insert(Place::AfterIp { header: Self::HEADER }, Self::DIRECT)?;
        let length = size_of::<Direct4>() as u8;
        let direct = Direct4 { kind: Direct4::KIND, length, version: Direct4::VERSION, pad: 0, port, pad2: 0, addr: service };
        packet.store(L2 + Self::HEADER, direct)?;
        let said = said(packet)?;
        resize(packet, size_of::<Direct4>() as i16, Diff::of_words([0; 4], said))
    }

    #[inline(always)]
    fn forget<P: Packet>(packet: &mut P) -> Option<()> {
        let said = said(packet)?;
        packet.remove(Place::AfterIp { header: Self::HEADER }, Self::DIRECT)?;
        resize(packet, -(size_of::<Direct4>() as i16), Diff::of_words(said, [0; 4]))
    }
}

/// The words of the option.
#[inline(always)]
fn said<P: Packet>(packet: &P) -> Option<[u32; 4]> {
    let [a, b, c]: [u32; size_of::<Direct4>() / 4] = packet.load(L2 + V4::HEADER)?;
    Some([a, b, c, 0])
}

/// The first hop of a packet of ours.
const TTL: u8 = 64;

/// Writes the lengths after the options changed by `options`.
#[inline(always)]
fn resize<P: Packet>(packet: &mut P, bytes: i16, options: Diff) -> Option<()> {
    let mut header: Ipv4 = packet.load(L2)?;
    let (old_length, old_ihl) = (header.length, header.version_ihl);
    header.version_ihl = old_ihl.wrapping_add_signed((bytes / 4) as i8);
    header.length = u16::from_be(old_length).wrapping_add_signed(bytes).to_be();
    let first = |ihl: u8| u16::from_ne_bytes([ihl, header.tos]);
    let diff = options.plus(Diff::of_u16(old_length, header.length)).plus(Diff::of_u16(first(old_ihl), first(header.version_ihl)));
    header.checksum = diff.applied(header.checksum);
    packet.store(L2, header)
}
