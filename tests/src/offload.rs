//! What interfaces leave to their driver: checksums, and the cutting of large buffers into packets. Virtual cables leave
//! both out and say so beside the packet.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};
use nix::sched::{CloneFlags, setns};

const REQUEST_ACK: u16 = 1 | 4;
const CONTROL: u16 = 16;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
const GET_FEATURES: u8 = 11;
const SET_FEATURES: u8 = 12;
const ACTIVE: u16 = 4;
const NESTED: u16 = 0x8000;
/// Before the attributes: the header of netlink, and that of generic netlink.
const HEADERS: usize = 20;

const CHECKSUMS: &str = "tx-checksum-ip-generic";
/// What is left to a driver that is said to write checksums and to cut.
const ALL: [&str; 5] = [CHECKSUMS, "tx-tcp-segmentation", "tx-tcp6-segmentation", "tx-udp-segmentation", "rx-gro"];

/// Leaves checksums and cutting to an interface of a network namespace, or takes both from it; says whether checksums are
/// left to it then, for some drivers have no choice.
pub fn offload(namespace: &Path, interface: &str, on: bool) -> bool {
    let file = File::open(namespace).unwrap_or_else(|error| panic!("{}: {error}", namespace.display()));
    let work = || {
        setns(file.as_fd(), CloneFlags::CLONE_NEWNET).unwrap_or_else(|error| panic!("{}: {error}", namespace.display()));
        let ethtool = Ethtool::open();
        for feature in ALL {
            ethtool.set(interface, feature, on);
        }
        ethtool.is_on(interface, CHECKSUMS)
    };
    std::thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|error| std::panic::resume_unwind(error)))
}

/// Makes an interface of the thread's own namespace send whole checksums.
pub fn whole_checksums(interface: &str) {
    Ethtool::open().set(interface, CHECKSUMS, false);
}

struct Ethtool {
    socket: Socket,
    family: u16,
}

impl Ethtool {
    fn open() -> Self {
        let wrong = |error: std::io::Error| -> Socket { panic!("generic netlink: {error}") };
        let mut socket = Socket::new(NETLINK_GENERIC).unwrap_or_else(wrong);
        let bound = socket.bind_auto().and_then(|_| socket.connect(&SocketAddr::new(0, 0)));
        bound.unwrap_or_else(|error| panic!("generic netlink: {error}"));
        let answer = ask(&socket, CONTROL, GET_FAMILY, &text(FAMILY_NAME, "ethtool"));
        let id = attributes(&answer).find(|(kind, _)| *kind == FAMILY_ID).map(|(_, content)| number(content, 0));
        Self { socket, family: id.unwrap_or_else(|| panic!("the kernel has no netlink interface of ethtool")) }
    }

    fn set(&self, interface: &str, feature: &str, on: bool) {
        let mut bit = text(2, feature);
        if on {
            bit.extend(attribute(3, &[]));
        }
        let wanted = attribute(3 | NESTED, &attribute(3 | NESTED, &attribute(1 | NESTED, &bit)));
        ask(&self.socket, self.family, SET_FEATURES, &[header(interface), wanted].concat());
    }

    fn is_on(&self, interface: &str, feature: &str) -> bool {
        let answer = ask(&self.socket, self.family, GET_FEATURES, &header(interface));
        let active = attributes(&answer).find(|(kind, _)| *kind == ACTIVE).map(|(_, content)| content).unwrap_or_default();
        let name = [feature.as_bytes(), &[0]].concat();
        active.windows(name.len()).any(|part| part == name)
    }
}

fn header(interface: &str) -> Vec<u8> {
    attribute(1 | NESTED, &text(2, interface))
}

fn attribute(kind: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + content.len()).unwrap_or(u16::MAX);
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn text(kind: u16, text: &str) -> Vec<u8> {
    attribute(kind, &[text.as_bytes(), &[0]].concat())
}

fn number(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..at + 2) {
        Some([low, high]) => u16::from_ne_bytes([*low, *high]),
        _ => 0,
    }
}

/// Kinds and contents of what a message consists of.
fn attributes(message: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = message.get(HEADERS..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = usize::from(number(rest, 0));
        let found = (number(rest, 2) & !NESTED, rest.get(4..length)?);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(found)
    })
}

/// What is answered, up to the word that it is done.
fn ask(socket: &Socket, family: u16, command: u8, attributes: &[u8]) -> Vec<u8> {
    const ERROR: u16 = 2;
    let length = u32::try_from(HEADERS + attributes.len()).unwrap_or(u32::MAX);
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend([family, REQUEST_ACK].map(u16::to_ne_bytes).concat());
    bytes.extend([0; 8]);
    bytes.extend([command, 1, 0, 0]);
    bytes.extend_from_slice(attributes);
    socket.send(&bytes, 0).unwrap_or_else(|error| panic!("generic netlink: {error}"));
    let mut answer = Vec::new();
    loop {
        let (message, _) = socket.recv_from_full().unwrap_or_else(|error| panic!("generic netlink: {error}"));
        if number(&message, 4) != ERROR {
            answer = message;
            continue;
        }
        assert!(message.get(16..20) == Some(&[0; 4]), "generic netlink: an error: {message:?}");
        return answer;
    }
}
