//! Checksums on virtual cables. Their driver leaves them out and says so beside the packet, which XDP does not see: where
//! it runs, the sender has to write them, as every machine on a real wire does.

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};

const REQUEST_ACK: u16 = 1 | 4;
const CONTROL: u16 = 16;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
const SET_FEATURES: u8 = 12;
const NESTED: u16 = 0x8000;

fn attribute(kind: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + content.len()).unwrap();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn text(kind: u16, text: &str) -> Vec<u8> {
    attribute(kind, &[text.as_bytes(), &[0]].concat())
}

fn ask(socket: &Socket, family: u16, command: u8, attributes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(20 + attributes.len()).unwrap();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend([family, REQUEST_ACK].map(u16::to_ne_bytes).concat());
    bytes.extend([0; 8]);
    bytes.extend([command, 1, 0, 0]);
    bytes.extend_from_slice(attributes);
    socket.send(&bytes, 0).unwrap();
    let answer = socket.recv_from_full().unwrap().0;
    let kind = u16::from_ne_bytes(answer[4..6].try_into().unwrap());
    let error = i32::from_ne_bytes(answer[16..20].try_into().unwrap());
    assert!(kind != 2 || error == 0, "generic netlink: error {error}");
    answer
}

/// Makes the interface send whole checksums.
pub(crate) fn whole_checksums(interface: &str) {
    let mut socket = Socket::new(NETLINK_GENERIC).unwrap();
    socket.bind_auto().unwrap();
    socket.connect(&SocketAddr::new(0, 0)).unwrap();
    let answer = ask(&socket, CONTROL, GET_FAMILY, &text(FAMILY_NAME, "ethtool"));
    let mut rest = &answer[20..];
    let family = loop {
        let length = usize::from(u16::from_ne_bytes(rest[..2].try_into().unwrap()));
        if rest[2..4] == FAMILY_ID.to_ne_bytes() {
            break u16::from_ne_bytes(rest[4..6].try_into().unwrap());
        }
        rest = &rest[length.next_multiple_of(4)..];
    };
    // The acknowledgement of the first request.
    let _done = socket.recv_from_full().unwrap();
    let header = attribute(1 | NESTED, &text(2, interface));
    let bit = attribute(1 | NESTED, &text(2, "tx-checksum-ip-generic"));
    let wanted = attribute(3 | NESTED, &attribute(3 | NESTED, &bit));
    ask(&socket, family, SET_FEATURES, &[header, wanted].concat());
}
