//! Real frames, written as sentences: `f.tcp("a:40000 > web:80").syn()`.

use std::net::IpAddr;

use ichor_datapath_types::{Tuple, icmp4, icmp6, proto, tcp_flag};

use crate::checksum::{crc32c, internet, pseudo_header};
use crate::names::{Family, Mac};

/// A frame with one IP packet in it; whatever is not said is ordinary.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    family: Family,
    protocol: u8,
    ends: Tuple<IpAddr>,
    /// The number by which an IPv4 packet is told from others.
    id: u8,
    /// The type and code of an ICMP packet, and what follows its checksum unless that is an echo's.
    kind: u8,
    code: u8,
    rest: Option<[u8; 4]>,
    tcp_flags: u8,
    sequence: u8,
    acknowledgement: u8,
    window: u16,
    ttl: u8,
    option_words: usize,
    told: Option<(IpAddr, u16)>,
    extensions: Vec<(u8, u8)>,
    piece: Option<Piece>,
    checksum: Sum,
    body: Vec<u8>,
    to_mac: Mac,
    from_mac: Mac,
    /// Bytes that are something else than they should.
    patches: Vec<(usize, u8)>,
    /// Where the frame ends before its packet does.
    cut: usize,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Where it begins in the packet, in bytes, and how long it is.
    from: usize,
    length: usize,
    id: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sum {
    Right,
    Absent,
    /// As it was under other addresses.
    Stale(u16),
}

const ETHERNET: usize = 14;

/// What a frame has when it comes: it is not for the datapath to look at.
const TO_MAC: Mac = [2, 0, 0, 0, 0, 0xaa];
const FROM_MAC: Mac = [2, 0, 0, 0, 0, 0xbb];

impl Family {
    fn frame(self, protocol: u8, text: &str) -> Frame {
        let [(source, source_port), (destination, destination_port)] = self.ends(text);
        Frame {
            family: self,
            protocol,
            ends: Tuple { source, destination, source_port, destination_port },
            id: 7,
            kind: 0,
            code: 0,
            rest: None,
            tcp_flags: tcp_flag::ACK,
            sequence: 9,
            acknowledgement: 8,
            window: 0x2000,
            ttl: 64,
            option_words: 0,
            told: None,
            extensions: Vec::new(),
            piece: None,
            checksum: Sum::Right,
            body: (b'a'..=b'z').collect(),
            to_mac: TO_MAC,
            from_mac: FROM_MAC,
            patches: Vec::new(),
            cut: usize::MAX,
        }
    }

    /// With ACK alone, unless told otherwise.
    pub(crate) fn tcp(self, text: &str) -> Frame {
        self.frame(proto::TCP, text)
    }

    pub(crate) fn udp(self, text: &str) -> Frame {
        self.frame(proto::UDP, text)
    }

    pub(crate) fn sctp(self, text: &str) -> Frame {
        self.frame(proto::SCTP, text)
    }

    /// An ICMP packet; the port of the source is the identifier of an echo.
    pub(crate) fn icmp(self, kind: u8, text: &str) -> Frame {
        let protocol = if self == Self::V4 { proto::ICMP } else { proto::ICMP6 };
        Frame { kind, ..self.frame(protocol, text) }
    }

    pub(crate) fn echo(self, text: &str) -> Frame {
        self.icmp(if self == Self::V4 { icmp4::ECHO } else { icmp6::ECHO }, text)
    }

    /// The port of the source is the identifier here, too.
    pub(crate) fn echo_reply(self, text: &str) -> Frame {
        self.icmp(if self == Self::V4 { icmp4::ECHO_REPLY } else { icmp6::ECHO_REPLY }, text)
    }

    /// An error that tells about a packet; `rest` is what stands behind its checksum.
    pub(crate) fn error(self, (kind, code): (u8, u8), rest: [u8; 4], text: &str, about: &Frame) -> Frame {
        self.error_about((kind, code), rest, text, &about.bytes()[ETHERNET..])
    }

    pub(crate) fn error_about(self, (kind, code): (u8, u8), rest: [u8; 4], text: &str, packet: &[u8]) -> Frame {
        Frame { code, rest: Some(rest), id: 0, body: packet.to_vec(), ..self.icmp(kind, text) }
    }

    /// A packet of a protocol that has no ports.
    pub(crate) fn protocol(self, number: u8, text: &str) -> Frame {
        self.frame(number, text)
    }
}

impl Frame {
    pub(crate) fn syn(self) -> Self {
        self.flags(tcp_flag::SYN)
    }

    pub(crate) fn syn_ack(self) -> Self {
        self.flags(tcp_flag::SYN | tcp_flag::ACK)
    }

    pub(crate) fn fin(self) -> Self {
        self.flags(tcp_flag::FIN | tcp_flag::ACK)
    }

    pub(crate) fn rst(self) -> Self {
        self.flags(tcp_flag::RST)
    }

    /// A reset of ours; one that acknowledges nothing says so.
    pub(crate) fn reset(self, sequence: u8, acknowledgement: u8) -> Self {
        let tcp_flags = if acknowledgement == 0 { tcp_flag::RST } else { tcp_flag::RST | tcp_flag::ACK };
        Self { id: 0, tcp_flags, sequence, acknowledgement, window: 0, body: Vec::new(), ..self }
    }

    pub(crate) fn flags(self, tcp_flags: u8) -> Self {
        Self { tcp_flags, ..self }
    }

    pub(crate) fn ttl(self, ttl: u8) -> Self {
        Self { ttl, ..self }
    }

    /// IPv4 options, in words of four bytes.
    pub(crate) fn options(self, option_words: usize) -> Self {
        Self { option_words, ..self }
    }

    /// One more IPv6 extension header, with as many units of eight bytes behind its first.
    pub(crate) fn extension(mut self, number: u8, units: u8) -> Self {
        self.extensions.push((number, units));
        self
    }

    /// Only this part of the packet; a part that does not reach to the end has pieces behind it.
    pub(crate) fn piece(self, id: u8, from: usize, length: usize) -> Self {
        Self { piece: Some(Piece { from, length, id }), ..self }
    }

    pub(crate) fn without_checksum(self) -> Self {
        Self { checksum: Sum::Absent, ..self }
    }

    pub(crate) fn body(self, body: &[u8]) -> Self {
        Self { body: body.to_vec(), ..self }
    }

    /// Fills the body so that a UDP packet's sum is the one that has to be written as 0xffff.
    pub(crate) fn summing_to_zero(mut self) -> Self {
        self.body = vec![0, 0];
        let sum = self.transport_with(0);
        self.body = sum.to_be_bytes().to_vec();
        assert_eq!(self.transport_with(0), 0, "the sum is zero now");
        self
    }

    /// With the checksum that another packet has: who translates a packet in an error leaves that as it is.
    pub(crate) fn sum_of(self, other: &Self) -> Self {
        let place = match self.protocol {
            proto::TCP => 16,
            proto::UDP => 6,
            _ => 2,
        };
        let bytes = other.transport();
        Self { checksum: Sum::Stale(u16::from_be_bytes([bytes[place], bytes[place + 1]])), ..self }
    }

    /// Back to who sent it.
    pub(crate) fn turned_around(self) -> Self {
        Self { to_mac: self.from_mac, from_mac: self.to_mac, ..self }
    }

    /// Says for which address of a service another node sends it.
    pub(crate) fn told(self, service: &str) -> Self {
        let (address, port) = self.family.end(service);
        Self { told: Some((address, port)), ..self }
    }

    /// Another byte at this place of the frame.
    pub(crate) fn byte(mut self, place: usize, value: u8) -> Self {
        self.patches.push((place, value));
        self
    }

    /// Only as many bytes of the frame.
    pub(crate) fn cut(self, cut: usize) -> Self {
        Self { cut, ..self }
    }

    pub(crate) fn macs(self, from_mac: Mac, to_mac: Mac) -> Self {
        Self { to_mac, from_mac, ..self }
    }

    pub(crate) fn destination(&self) -> IpAddr {
        self.ends.destination
    }

    /// One hop further.
    pub(crate) fn forwarded(self) -> Self {
        Self { ttl: self.ttl.wrapping_sub(1), ..self }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = [self.to_mac, self.from_mac].concat();
        bytes.extend(if self.family == Family::V4 { [0x08, 0x00] } else { [0x86, 0xdd] });
        let whole = self.transport();
        let part = match self.piece {
            None => whole.clone(),
            Some(Piece { from, length, .. }) => whole[from.min(whole.len())..whole.len().min(from + length)].to_vec(),
        };
        let more = self.piece.is_some_and(|piece| piece.from + piece.length < whole.len());
        let mut headers = if self.family == Family::V4 { self.header_v4(part.len(), more) } else { self.header_v6(part.len(), more) };
        bytes.append(&mut headers);
        bytes.extend(part);
        for (place, value) in &self.patches {
            bytes[*place] = *value;
        }
        bytes.truncate(self.cut);
        bytes
    }

    fn header_v4(&self, length: usize, more: bool) -> Vec<u8> {
        let header_length = 20 + 4 * self.option_words + if self.told.is_some() { 12 } else { 0 };
        let mut header = vec![0x40 | u8::try_from(header_length / 4).unwrap(), 0];
        header.extend(u16::try_from(header_length + length).unwrap().to_be_bytes());
        header.extend([0, self.piece.map_or(self.id, |piece| piece.id)]);
        let offset = u16::try_from(self.piece.map_or(0, |piece| piece.from / 8)).unwrap();
        header.extend((offset | if more { 0x2000 } else { 0 }).to_be_bytes());
        header.extend([self.ttl, self.protocol, 0, 0]);
        header.extend(octets(self.ends.source));
        header.extend(octets(self.ends.destination));
        if let Some((address, port)) = self.told {
            header.extend([0x9e, 12, 1, 0]);
            header.extend(port.to_be_bytes());
            header.extend([0, 0]);
            header.extend(octets(address));
        }
        // No-operation options.
        header.resize(header_length, 1);
        let sum = internet(&[&header]);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        header
    }

    fn header_v6(&self, length: usize, more: bool) -> Vec<u8> {
        let mut chain = self.extensions.clone();
        if self.piece.is_some() {
            chain.push((proto::FRAGMENT, 0));
        }
        let mut first = chain.first().map_or(self.protocol, |(number, _)| *number);
        let mut rest = Vec::new();
        if let Some((address, port)) = self.told {
            rest.extend([chain.first().map_or(self.protocol, |(number, _)| *number), 2, 0x1e, 20, 1, 0]);
            rest.extend(port.to_be_bytes());
            rest.extend(octets(address));
            first = proto::DESTINATION;
        }
        for (place, (number, units)) in chain.iter().enumerate() {
            let next = chain.get(place + 1).map_or(self.protocol, |(number, _)| *number);
            match self.piece {
                Some(piece) if *number == proto::FRAGMENT => {
                    let offset = u16::try_from(piece.from).unwrap() | u16::from(more);
                    rest.extend([next, 0]);
                    rest.extend(offset.to_be_bytes());
                    rest.extend([0, 0, 0, piece.id]);
                }
                _ => {
                    rest.extend([next, *units]);
                    // One padding option over all of it.
                    let padding = usize::from(*units) * 8 + 6;
                    rest.extend([1, u8::try_from(padding - 2).unwrap()]);
                    rest.resize(rest.len() + padding - 2, 0);
                }
            }
        }
        let mut header = vec![0x60, 0, 0, 0];
        header.extend(u16::try_from(rest.len() + length).unwrap().to_be_bytes());
        header.extend([first, self.ttl]);
        header.extend(octets(self.ends.source));
        header.extend(octets(self.ends.destination));
        header.extend(rest);
        header
    }

    fn transport(&self) -> Vec<u8> {
        let mut bytes = self.transport_header();
        bytes.extend(&self.body);
        let place = match self.protocol {
            proto::TCP => 16,
            proto::UDP => 6,
            proto::ICMP | proto::ICMP6 => 2,
            proto::SCTP => {
                let sum = crc32c(&bytes);
                bytes[8..12].copy_from_slice(&sum);
                return bytes;
            }
            _ => return bytes,
        };
        let sum = match self.checksum {
            Sum::Right if self.protocol == proto::UDP && self.transport_with(0) == 0 => 0xffff,
            Sum::Right => self.transport_with(0),
            Sum::Absent => 0,
            Sum::Stale(sum) => sum,
        };
        bytes[place..place + 2].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    /// The checksum of the transport, where its own place holds `initial`.
    fn transport_with(&self, initial: u16) -> u16 {
        let header = self.transport_header();
        let pseudo = pseudo_header(self.ends.source, self.ends.destination, self.protocol, header.len() + self.body.len());
        let pseudo = if self.protocol == proto::ICMP { &[][..] } else { &pseudo };
        internet(&[pseudo, &initial.to_be_bytes(), &header, &self.body])
    }

    fn transport_header(&self) -> Vec<u8> {
        let ports = [self.ends.source_port.to_be_bytes(), self.ends.destination_port.to_be_bytes()].concat();
        match self.protocol {
            proto::TCP => {
                let numbers = [0, 0, 0, self.sequence, 0, 0, 0, self.acknowledgement];
                [&ports[..], &numbers, &[0x50, self.tcp_flags], &self.window.to_be_bytes(), &[0; 4]].concat()
            }
            proto::UDP => {
                let length = u16::try_from(8 + self.body.len()).unwrap().to_be_bytes();
                [&ports[..], &length, &[0, 0]].concat()
            }
            proto::SCTP => [&ports[..], &[0, 0, 0, 5, 0, 0, 0, 0]].concat(),
            proto::ICMP | proto::ICMP6 => {
                let rest = self.rest.unwrap_or([ports[0], ports[1], 0, 1]);
                [&[self.kind, self.code, 0, 0][..], &rest].concat()
            }
            _ => Vec::new(),
        }
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

#[test]
fn frames_have_right_checksums() {
    for f in Family::BOTH {
        for frame in [f.tcp("a:1 > b:2"), f.udp("a:1 > b:2"), f.sctp("a:1 > b:2"), f.echo("a:1 > b:1")] {
            let mut bytes = frame.options(3).extension(proto::DESTINATION, 1).bytes();
            assert_eq!(crate::checksum::wrong(&bytes), None);
            *bytes.last_mut().unwrap() ^= 1;
            assert!(crate::checksum::wrong(&bytes).is_some());
        }
        let bytes = f.udp("a:1 > b:2").summing_to_zero().bytes();
        assert_eq!(bytes[bytes.len() - 4..bytes.len() - 2], [0xff, 0xff]);
    }
}
