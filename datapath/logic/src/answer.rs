//! What a packet's sender is told when it goes no further: the packet becomes the answer.

use ichor_datapath_types::{Config, DropReason, Eth, Icmp, Ip, Ports, Tcp, Work, piece, proto, tcp_flag, transport_kind};

use crate::checksum::{Diff, sum_of};
use crate::decide::Next;
use crate::family::{ErrorHead, Family, L2};
use crate::packet::{Packet, Place};

const ICMP: usize = size_of::<Icmp>();
const ICMP_CHECKSUM: usize = 2;
const TCP: usize = size_of::<Tcp>();
const TCP_CHECKSUM: usize = 16;
/// In words, in the upper half of its byte.
const TCP_WITHOUT_OPTIONS: u8 = 5 << 4;

/// Turns the packet around, and says for which reason. Nobody is told about pieces, packets with options, and resets.
#[inline(always)]
pub fn answer<F: Family, P: Packet>(packet: &mut P, next: Next, config: &Config, work: &Work<F::Octets>) -> Result<DropReason, DropReason> {
    let ip = &work.ip;
    let is_refused = matches!(next, Next::Refuse);
    let (told, untold) = if is_refused { (DropReason::Refused, DropReason::NoBackend) } else { (DropReason::TooBig, DropReason::TooBig) };
    if ip.transport as usize != L2 + F::HEADER || ip.piece != piece::WHOLE {
        return Err(untold);
    }
    let head = if is_refused { F::port_unreachable() } else { F::too_big(config.mtu.wrapping_sub(F::DIRECT as u16)) };
    let answered = match work.transport.kind {
        // A socket that is just connecting overlooks an error, but no reset.
        transport_kind::TCP if is_refused => reset::<F, P>(packet, ip),
        // As far as the checksum, which the kernel may still have to write.
        transport_kind::TCP => tell::<F, P, 20>(packet, ip, head),
        transport_kind::UDP => tell::<F, P, 8>(packet, ip, head),
        _ => None,
    };
    answered.map(|()| told).ok_or(untold)
}

/// The reset of RFC 9293, 3.5.2, that answers this segment.
#[inline(always)]
fn reset<F: Family, P: Packet>(packet: &mut P, ip: &Ip<F::Octets>) -> Option<()> {
    let at = L2 + F::HEADER;
    let asked: Tcp = packet.load(at)?;
    if asked.flags & tcp_flag::RST != 0 {
        return None;
    }
    let (sequence, acknowledgement, flags) = if asked.flags & tcp_flag::ACK != 0 {
        (asked.acknowledgement, 0, tcp_flag::RST)
    } else {
        let begins_and_ends = u32::from(asked.flags & tcp_flag::SYN != 0) + u32::from(asked.flags & tcp_flag::FIN != 0);
        let headers = F::HEADER as u32 + u32::from(asked.offset >> 4) * 4;
        let end = u32::from_be(asked.sequence).wrapping_add(begins_and_ends).wrapping_add(ip.length.saturating_sub(headers));
        (0, end.to_be(), tcp_flag::RST | tcp_flag::ACK)
    };
    packet.cut(at + TCP)?;
    turn_around::<F, P>(packet)?;
    F::write_header(packet, ip.destination, ip.source, proto::TCP, TCP)?;
    let pseudo = pseudo_sum::<F>(ip, proto::TCP, TCP);
    // What the hardware expects where it still has to write the checksum; the change makes of it what stands there otherwise,
    // and the kernel leaves it out where it knows that the hardware will write.
    let mut answer = Tcp {
        ports: Ports { source: asked.ports.destination, destination: asked.ports.source },
        sequence,
        acknowledgement,
        offset: TCP_WITHOUT_OPTIONS,
        flags,
        window: 0,
        checksum: 0,
        urgent: 0,
    };
    packet.store(at, answer)?;
    let own = sum_of::<P, { TCP / 4 }>(packet, at)?;
    answer.checksum = !pseudo.applied(!0);
    packet.store(at, answer)?;
    packet.change_checksum(at + TCP_CHECKSUM, Diff::NONE, pseudo.plus(pseudo).plus(own), false)
}

/// The error of ICMP about this packet, as far as `TRANSPORT` bytes behind its header.
#[inline(always)]
fn tell<F: Family, P: Packet, const TRANSPORT: usize>(packet: &mut P, ip: &Ip<F::Octets>, head: ErrorHead) -> Option<()> {
    packet.cut(L2 + F::HEADER + TRANSPORT)?;
    packet.insert(Place::BeforeIp, F::HEADER + ICMP)?;
    turn_around::<F, P>(packet)?;
    let payload = ICMP + F::HEADER + TRANSPORT;
    F::write_header(packet, ip.destination, ip.source, F::ICMP, payload)?;
    let at = L2 + F::HEADER;
    packet.store(at, Icmp { kind: head.kind, code: head.code, checksum: 0, rest: head.rest })?;
    let pseudo = if F::ICMP_COVERS_ADDRESSES { pseudo_sum::<F>(ip, F::ICMP, payload) } else { Diff::NONE };
    let inner = if F::HEADER == 40 { sum_of::<P, 10>(packet, at + ICMP)? } else { sum_of::<P, 5>(packet, at + ICMP)? };
    let transport =
        if TRANSPORT == 20 { sum_of::<P, 5>(packet, at + ICMP + F::HEADER)? } else { sum_of::<P, 2>(packet, at + ICMP + F::HEADER)? };
    let sum = sum_of::<P, 2>(packet, at)?.plus(inner).plus(transport).plus(pseudo);
    packet.store(at + ICMP_CHECKSUM, sum.applied(!0))
}

/// Back to who sent the frame.
#[inline(always)]
fn turn_around<F: Family, P: Packet>(packet: &mut P) -> Option<()> {
    let frame: Eth = packet.load(0)?;
    packet.store(0, Eth { destination: frame.source, source: frame.destination, ethertype: F::ETHERTYPE })
}

#[inline(always)]
fn pseudo_sum<F: Family>(ip: &Ip<F::Octets>, protocol: u8, payload: usize) -> Diff {
    let rest = Diff::of_u32(0, (payload as u32).to_be()).plus(Diff::of_u32(0, u32::from(protocol).to_be()));
    F::sum(ip.source, ip.destination).plus(rest)
}
