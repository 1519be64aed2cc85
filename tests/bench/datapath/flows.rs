//! Packets whose every translation is the next flow's packet: so a program that is run on its own output again and again
//! stays on the path of known flows, and meets another one each time.

use ichor_datapath_loader::Datapath;
use ichor_datapath_types::{Flow, FlowKey, Octets, Tuple, flow_flag, flow_state, proto};

/// Where the packets come from and go to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    pub(crate) program: &'static str,
    /// Only the source is another machine's; otherwise the destination is, too.
    pub(crate) delivers: bool,
    /// The source is the pod here.
    pub(crate) begins_here: bool,
}

/// The addresses that this family's packets have.
pub(crate) trait Family {
    type Octets: Octets + PartialEq + std::fmt::Debug;
    const NAME: &'static str;
    /// Number `host` of the machines elsewhere.
    fn elsewhere(host: u8) -> Self::Octets;
    /// The pod here.
    fn here() -> Self::Octets;
    /// Ethernet and IP of a TCP packet.
    fn header(tuple: &Tuple<Self::Octets>) -> Vec<u8>;
    fn put(datapath: &mut Datapath, key: &FlowKey<Self::Octets>, flow: &Flow<Self::Octets>);
}

pub(crate) struct V4;
pub(crate) struct V6;

/// As often as a packet may be forwarded.
const HOPS: u8 = 255;
const SEGMENT: u16 = 20;

impl Family for V4 {
    type Octets = u32;
    const NAME: &'static str = "IPv4";

    fn elsewhere(host: u8) -> u32 {
        u32::from_ne_bytes([10, 244, 2, host])
    }

    fn here() -> u32 {
        u32::from_ne_bytes([10, 244, 1, 5])
    }

    fn header(tuple: &Tuple<u32>) -> Vec<u8> {
        let mut frame = ethernet(0x0800);
        frame.extend([0x45, 0, 0, 20 + SEGMENT as u8, 0, 0, 0x40, 0, HOPS, proto::TCP, 0, 0]);
        frame.extend(tuple.source.to_ne_bytes());
        frame.extend(tuple.destination.to_ne_bytes());
        let words = frame[14..34].chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
        let sum: u32 = words.sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        frame[24..26].copy_from_slice(&(!(folded as u16)).to_be_bytes());
        frame
    }

    fn put(datapath: &mut Datapath, key: &FlowKey<u32>, flow: &Flow<u32>) {
        datapath.flows_v4().unwrap().put(key, flow).unwrap();
    }
}

impl Family for V6 {
    type Octets = [u32; 4];
    const NAME: &'static str = "IPv6";

    fn elsewhere(host: u8) -> [u32; 4] {
        [u32::from_ne_bytes([0xfd, 0, 2, 0x44]), u32::from_ne_bytes([0, 2, 0, 0]), 0, u32::from_ne_bytes([0, 0, 0, host])]
    }

    fn here() -> [u32; 4] {
        [u32::from_ne_bytes([0xfd, 0, 2, 0x44]), u32::from_ne_bytes([0, 1, 0, 0]), 0, u32::from_ne_bytes([0, 0, 0, 5])]
    }

    fn header(tuple: &Tuple<[u32; 4]>) -> Vec<u8> {
        let mut frame = ethernet(0x86dd);
        frame.extend([0x60, 0, 0, 0, 0, SEGMENT as u8, proto::TCP, HOPS]);
        tuple.source.iter().chain(&tuple.destination).for_each(|word| frame.extend(word.to_ne_bytes()));
        frame
    }

    fn put(datapath: &mut Datapath, key: &FlowKey<[u32; 4]>, flow: &Flow<[u32; 4]>) {
        datapath.flows_v6().unwrap().put(key, flow).unwrap();
    }
}

fn ethernet(kind: u16) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 1];
    frame.extend(kind.to_be_bytes());
    frame
}

/// A frame that is none of any family.
pub(crate) fn foreign_frame() -> Vec<u8> {
    let mut frame = ethernet(0x88b5);
    frame.resize(64, 0);
    frame
}

/// A circle of so many flows, a power of two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circle {
    pub(crate) path: Path,
    pub(crate) flows: u32,
}

impl Circle {
    /// What the packet is after so many translations. Neighbours on the circle are not neighbours in the table.
    pub(crate) fn tuple<F: Family>(&self, step: u32) -> Tuple<F::Octets> {
        const ODD: u32 = 40_503;
        let number = step.wrapping_mul(ODD) % self.flows;
        let (host, low) = (16 + (number >> 10) as u8, (number & 0x3ff) as u16);
        let (source, destination) = match (self.path.begins_here, self.path.delivers) {
            (true, _) => (F::here(), F::elsewhere(host)),
            (false, true) => (F::elsewhere(host), F::here()),
            (false, false) => (F::elsewhere(200), F::elsewhere(host)),
        };
        Tuple { source, destination, source_port: (0x2000 + low).to_be(), destination_port: (0x4000 + low).to_be() }
    }

    pub(crate) fn fill<F: Family>(&self, datapath: &mut Datapath) {
        // In the order of the table's own memory, which is not that of the circle.
        for step in 0..self.flows {
            let key = FlowKey { tuple: self.tuple::<F>(step), protocol: proto::TCP, pad: 0, pad2: 0 };
            let flags = flow_flag::SOURCE | flow_flag::DESTINATION;
            let becomes = self.tuple::<F>(step + 1);
            F::put(datapath, &key, &Flow { becomes, backend: 1, seen: 0, state: flow_state::ESTABLISHED, flags, pad: 0 });
        }
    }

    pub(crate) fn frame<F: Family>(&self, step: u32) -> Vec<u8> {
        let tuple = self.tuple::<F>(step);
        let mut frame = F::header(&tuple);
        frame.extend(tuple.source_port.to_ne_bytes());
        frame.extend(tuple.destination_port.to_ne_bytes());
        // Numbers, length, ACK, window, checksum, urgent.
        frame.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0x20, 0, 0x12, 0x34, 0, 0]);
        frame
    }
}
