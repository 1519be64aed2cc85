//! Checksums from scratch: what the datapath only ever changes a little.

use std::net::IpAddr;

use ichor_datapath_types::proto;

/// The sum of one's complements over words in network order, complemented.
pub(crate) fn internet(parts: &[&[u8]]) -> u16 {
    let words = |part: &&[u8]| part.chunks(2).map(|two| u32::from(two[0]) << 8 | u32::from(*two.get(1).unwrap_or(&0))).sum::<u32>();
    let mut sum: u32 = parts.iter().map(words).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

/// CRC32c, as SCTP has it (RFC 9260, appendix A).
pub(crate) fn crc32c(bytes: &[u8]) -> [u8; 4] {
    let step = |crc: u32, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0x82f6_3b78 };
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step));
    (!crc).to_le_bytes()
}

/// What a transport's checksum covers beside the transport.
pub(crate) fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, length: usize) -> Vec<u8> {
    let length = u32::try_from(length).unwrap().to_be_bytes();
    let mut bytes = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => [source.octets(), destination.octets()].concat(),
        (IpAddr::V6(source), IpAddr::V6(destination)) => [source.octets(), destination.octets()].concat(),
        _ => panic!("two families in one packet"),
    };
    bytes.extend(length);
    bytes.extend([0, 0, 0, protocol]);
    bytes
}

/// Which checksum of a frame is wrong, if one is. What cannot be checked (a piece, something unknown) counts as right.
pub(crate) fn wrong(frame: &[u8]) -> Option<&'static str> {
    match (frame.get(12..14)?, frame.get(14..)?) {
        ([0x08, 0x00], packet) => wrong_v4(packet),
        ([0x86, 0xdd], packet) => wrong_v6(packet),
        _ => None,
    }
}

fn wrong_v4(packet: &[u8]) -> Option<&'static str> {
    let header = packet.get(..usize::from(packet.first()? & 0xf) * 4)?;
    if header.len() < 20 {
        return None;
    }
    if internet(&[header]) != 0 {
        return Some("the IPv4 header's");
    }
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[6] & 0x3f != 0 || header[7] != 0 {
        return None;
    }
    let address = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&header[at..at + 4]).unwrap());
    wrong_transport(address(12), address(16), header[9], packet.get(header.len()..length)?)
}

fn wrong_v6(packet: &[u8]) -> Option<&'static str> {
    let header = packet.get(..40)?;
    let address = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&header[at..at + 16]).unwrap());
    let mut rest = packet.get(40..40 + usize::from(u16::from_be_bytes([header[4], header[5]])))?;
    let mut protocol = header[6];
    while matches!(protocol, proto::HOP_BY_HOP | proto::ROUTING | proto::DESTINATION) {
        protocol = *rest.first()?;
        rest = rest.get((usize::from(*rest.get(1)?) + 1) * 8..)?;
    }
    wrong_transport(address(8), address(24), protocol, rest)
}

fn wrong_transport(source: IpAddr, destination: IpAddr, protocol: u8, bytes: &[u8]) -> Option<&'static str> {
    let pseudo = pseudo_header(source, destination, protocol, bytes.len());
    match protocol {
        proto::TCP if bytes.len() >= 20 => (internet(&[&pseudo, bytes]) != 0).then_some("TCP's"),
        proto::UDP if bytes.len() >= 8 => {
            let absent = bytes[6..8] == [0, 0];
            (!absent && internet(&[&pseudo, bytes]) != 0).then_some("UDP's")
        }
        proto::ICMP if bytes.len() >= 8 => (internet(&[bytes]) != 0).then_some("ICMP's"),
        proto::ICMP6 if bytes.len() >= 8 => (internet(&[&pseudo, bytes]) != 0).then_some("ICMPv6's"),
        proto::SCTP if bytes.len() >= 12 => {
            let without = [&bytes[..8], &[0; 4], &bytes[12..]].concat();
            (bytes[8..12] != crc32c(&without)).then_some("SCTP's")
        }
        _ => None,
    }
}

#[test]
fn the_sums_are_those_of_the_standards() {
    // RFC 1071, section 3, and the check value of CRC32c.
    assert_eq!(!internet(&[&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]]), 0xddf2);
    assert_eq!(u32::from_le_bytes(crc32c(b"123456789")), 0xe306_9283);
}
