//! Asking addresses for an echo, all of them at once.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, recvfrom, sendto, socket};

use crate::error::Error;

/// How often each is asked, as the first packet to a neighbour may be lost.
const TRIES: u32 = 3;
const REQUEST_V4: u8 = 8;
const REPLY_V4: u8 = 0;
const REQUEST_V6: u8 = 128;
const REPLY_V6: u8 = 129;
/// As much of a packet as is looked at.
const LONGEST: usize = 256;

/// Who of these answers in time.
pub fn echo(targets: &BTreeSet<IpAddr>, within: Duration) -> Result<BTreeSet<IpAddr>, Error> {
    let wrong = |error: io::Error| Error::new("asking for echoes", error);
    let wants = |v4: bool| targets.iter().any(|target| target.is_ipv4() == v4);
    let open = |v4: bool| wants(v4).then(|| open(v4)).transpose().map_err(wrong);
    let sockets = [(true, open(true)?), (false, open(false)?)];
    let sockets: Vec<(bool, OwnedFd)> = sockets.into_iter().filter_map(|(v4, socket)| Some((v4, socket?))).collect();
    let mut answered = BTreeSet::new();
    for sequence in 1..=TRIES {
        let deadline = Instant::now() + within / TRIES;
        for target in targets.difference(&answered) {
            if let Some((v4, socket)) = sockets.iter().find(|(v4, _)| *v4 == target.is_ipv4()) {
                // What cannot be sent is not answered either.
                let _unreachable = ask(socket, *target, *v4, sequence);
            }
        }
        while answered.len() < targets.len() && wait(&sockets, deadline).map_err(wrong)? {
            for (v4, socket) in &sockets {
                answered.extend(answers(socket, *v4).into_iter().filter(|address| targets.contains(address)));
            }
        }
    }
    Ok(answered)
}

fn open(v4: bool) -> io::Result<OwnedFd> {
    let (family, protocol) = if v4 { (AddressFamily::Inet, SockProtocol::Icmp) } else { (AddressFamily::Inet6, SockProtocol::IcmpV6) };
    Ok(socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, protocol)?)
}

/// Which of the answers that reach this machine are ours.
fn identifier() -> [u8; 2] {
    let [.., high, low] = std::process::id().to_be_bytes();
    [high, low]
}

fn ask(socket: &OwnedFd, target: IpAddr, v4: bool, sequence: u32) -> io::Result<()> {
    let ([id_high, id_low], [.., high, low]) = (identifier(), sequence.to_be_bytes());
    let mut message = [if v4 { REQUEST_V4 } else { REQUEST_V6 }, 0, 0, 0, id_high, id_low, high, low];
    if v4 {
        let [first, second] = checksum(&message).to_be_bytes();
        // The kernel works out that of IPv6, which covers the addresses.
        (message[2], message[3]) = (first, second);
    }
    let to = match target {
        IpAddr::V4(address) => SocketAddr::V4(SocketAddrV4::new(address, 0)),
        IpAddr::V6(address) => SocketAddr::V6(SocketAddrV6::new(address, 0, 0, 0)),
    };
    sendto(socket.as_raw_fd(), &message, &SockaddrStorage::from(to), MsgFlags::empty())?;
    Ok(())
}

/// RFC 1071.
fn checksum(message: &[u8; 8]) -> u16 {
    let sum = message.chunks_exact(2).fold(0_u32, |sum, pair| match pair {
        [high, low] => sum + u32::from(u16::from_be_bytes([*high, *low])),
        _ => sum,
    });
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}

/// Whether something came before the deadline.
fn wait(sockets: &[(bool, OwnedFd)], deadline: Instant) -> io::Result<bool> {
    let left = deadline.saturating_duration_since(Instant::now());
    let mut places: Vec<_> = sockets.iter().map(|(_, socket)| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
    match poll(&mut places, PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::EINTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Who answered by now.
fn answers(socket: &OwnedFd, v4: bool) -> Vec<IpAddr> {
    let mut found = Vec::new();
    let mut buffer = [0; LONGEST];
    // Nothing more is there, or one of ours came back as an error: both end the round.
    while let Ok((length, Some(from))) = recvfrom::<SockaddrStorage>(socket.as_raw_fd(), &mut buffer) {
        let packet = buffer.get(..length).unwrap_or_default();
        let header = if v4 { packet.first().map_or(0, |first| usize::from(first & 0xf) * 4) } else { 0 };
        let reply = if v4 { REPLY_V4 } else { REPLY_V6 };
        let is_ours =
            matches!(packet.get(header..), Some([kind, _, _, _, high, low, ..]) if *kind == reply && [*high, *low] == identifier());
        let address =
            from.as_sockaddr_in().map(|from| IpAddr::V4(from.ip())).or_else(|| from.as_sockaddr_in6().map(|from| IpAddr::V6(from.ip())));
        found.extend(address.filter(|_| is_ours));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Netlink;
    use nix::sched::{CloneFlags, unshare};

    #[test]
    fn who_is_there_answers_and_who_is_not_does_not() {
        assert!(nix::unistd::geteuid().is_root(), "this test opens raw sockets: run it as root");
        // This thread alone: the namespace ends with it.
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let mut netlink = Netlink::open().unwrap();
        let loopback = netlink.link("lo").unwrap();
        netlink.set_up(&loopback).unwrap();
        let targets = ["127.0.0.1", "::1", "192.0.2.1"].map(|text| text.parse().unwrap());
        let answered = echo(&BTreeSet::from(targets), Duration::from_millis(300)).unwrap();
        assert_eq!(answered, BTreeSet::from([targets[0], targets[1]]));
    }
}
