//! Frames and tables by chance: mostly such as a node really meets, so that they get beyond the first check.

use ichor_datapath_types::{DECIDED_MARK, EndpointKey, Hook, proto};
use proptest::prelude::*;

use crate::cluster::{Frontend, Setting, service};
use crate::frame::Frame;
use crate::host::Place;
use crate::names::{Family, PODS, UPLINK, name};
use crate::world::World;

/// A frame where it is met.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    pub(crate) place: Place,
    pub(crate) frame: Vec<u8>,
}

const MACHINES: [&str; 19] = [
    "a",
    "b",
    "far",
    "far2",
    "gone",
    "node",
    "node2",
    "router",
    "stranger",
    "client",
    "client2",
    "outside",
    "void",
    "dns",
    "web",
    "api",
    "lb",
    "linklocal",
    "everybody",
];
/// What is asked for on purpose: a kind of `protocol`, and where.
const ASKED: [(u8, &str, u16); 9] = [
    (0, "web", 80),
    (0, "lb", 80),
    (0, "node", 30080),
    (0, "api", 443),
    (0, "lb", 443),
    (4, "web", 53),
    (4, "lb", 53),
    (4, "api", 53),
    (4, "outside", 53),
];
const PORTS: [u16; 12] = [0, 53, 80, 443, 5353, 8080, 9000, 30080, 40000, 40001, 61000, 61001];

/// What services there may be, in both families.
pub(crate) fn frontends() -> Vec<Frontend> {
    vec![
        service("tcp web:80").to("b:8080").internal(),
        service("udp web:53").to("far:53").to("far2:53").affinity(10_000),
        service("tcp lb:80").to("far:8080").to("b:8080"),
        service("udp lb:53").to("far:5353").only_for("client/32"),
        service("tcp node:30080").to("far:8080"),
        service("tcp api:443").to("node:6443"),
        service("tcp lb:443"),
        service("udp api:53").to("outside:53"),
        service("sctp web:9000").to("b:9000"),
        service("sctp api:9000").to("b:9001"),
        service("udp lb:443").to("far:443").split(),
        service("udp lb:443").external().silent(),
        service("tcp api:80").by_chance().to("a:8080"),
        service("udp api:80").to("far:8080").but_gone(),
    ]
}

/// A node with some of the services; a bit of `chosen` for each.
pub(crate) fn world(setting: Setting, chosen: u32) -> World {
    let mut world = World::new(setting);
    for (_, frontend) in frontends().iter().enumerate().filter(|(number, _)| chosen >> number & 1 == 1) {
        for family in Family::BOTH {
            world.add(family, frontend);
        }
    }
    world
}

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::V4), Just(Family::V6)]
}

fn place() -> impl Strategy<Value = Place> {
    let at = |hook, interface, mark| Just(Place { hook, interface, mark });
    let (_, a) = PODS[0];
    let (_, b) = PODS[1];
    prop_oneof![
        4 => at(Hook::FromEndpoint, a, 0),
        4 => at(Hook::FromEndpoint, b, 0),
        6 => at(Hook::FromWire, UPLINK, 0),
        6 => at(Hook::Xdp, UPLINK, 0),
        2 => at(Hook::ToWire, UPLINK, 0),
        2 => at(Hook::ToEndpoint, a, 0),
        1 => at(Hook::ToWire, UPLINK, DECIDED_MARK),
    ]
}

/// Who would send there.
fn source(place: Place) -> impl Strategy<Value = &'static str> {
    let own = match place.hook {
        Hook::FromEndpoint => PODS.iter().find(|(_, interface)| *interface == place.interface).map_or("a", |(pod, _)| *pod),
        Hook::ToWire | Hook::ToEndpoint => "node",
        _ => "client",
    };
    prop_oneof![7 => Just(own), 3 => proptest::sample::select(&MACHINES[..])]
}

fn protocol(f: Family, kind: u8, text: &str) -> Frame {
    match kind {
        0..4 => f.tcp(text),
        4..8 => f.udp(text),
        8 => f.sctp(text),
        9 => f.echo(text),
        10 => f.echo_reply(text),
        11 => f.icmp(135, text),
        _ => f.protocol(47, text),
    }
}

/// A frame in which every checksum is right.
pub(crate) fn met() -> impl Strategy<Value = (Place, Frame)> {
    let ends = place().prop_flat_map(|place| (Just(place), source(place), proptest::sample::select(&MACHINES[..])));
    let ports = (proptest::sample::select(&PORTS[..]), proptest::sample::select(&PORTS[..]));
    let shape = (0..13_u8, any::<u8>(), prop_oneof![6 => Just(64_u8), 1 => 0..3_u8], 0..40_usize);
    let odd = (prop_oneof![5 => Just(0), 1 => 0..11_usize], extensions(), piece(), prop_oneof![9 => Just(false), 1 => Just(true)]);
    let asked = prop_oneof![1 => Just(None), 2 => proptest::sample::select(&ASKED[..]).prop_map(Some)];
    let error = prop_oneof![9 => Just(None), 1 => (0..8_u8, proptest::sample::select(&MACHINES[..])).prop_map(Some)];
    (family(), ends, ports, shape, odd, error, asked).prop_map(|(f, ends, ports, shape, odd, error, asked)| {
        let (place, from, to) = ends;
        let (kind, flags, ttl, length) = shape;
        let (words, extensions, piece, told) = odd;
        let (kind, to, port) = asked.unwrap_or((kind, to, ports.1));
        let frame = protocol(f, kind, &format!("{from}:{} > {to}:{port}", ports.0)).flags(flags).ttl(ttl).body(&vec![0xa5; length]);
        let frame = if let Some((kind, sender)) = error {
            let head = if f == Family::V4 { [(3, 1), (11, 0), (12, 0)] } else { [(1, 0), (2, 0), (3, 0)] };
            f.error(head[usize::from(kind) % head.len()], [0; 4], &format!("{sender} > {from}"), &frame)
        } else {
            frame
        };
        let frame = extensions
            .into_iter()
            .fold(frame.options(if told { words.min(7) } else { words }), |frame, (number, units)| frame.extension(number, units));
        let frame = if told { frame.told("lb:80") } else { frame };
        (place, if let Some((id, from)) = piece { frame.piece(id, from, 16) } else { frame })
    })
}

fn extensions() -> impl Strategy<Value = Vec<(u8, u8)>> {
    let number = proptest::sample::select(&[proto::HOP_BY_HOP, proto::DESTINATION, proto::ROUTING][..]);
    prop_oneof![5 => Just(Vec::new()), 1 => prop::collection::vec((number, 0..3_u8), 0..6)]
}

fn piece() -> impl Strategy<Value = Option<(u8, usize)>> {
    prop_oneof![8 => Just(None), 1 => (0..4_u8, prop_oneof![Just(0), Just(8)]).prop_map(Some)]
}

/// One that may have been damaged on its way.
pub(crate) fn damaged() -> impl Strategy<Value = Met> {
    let damage = prop_oneof![3 => Just(Vec::new()), 2 => prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)];
    let cut = prop_oneof![5 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)];
    let noise = (family(), prop::collection::vec(any::<u8>(), 0..120));
    let frame = (met(), damage, cut).prop_map(|((place, frame), damage, cut)| {
        let mut frame = frame.bytes();
        for (at, value) in damage {
            let at = at.index(frame.len());
            frame[at] = value;
        }
        if let Some(cut) = cut {
            frame.truncate(cut.index(frame.len()));
        }
        Met { place, frame }
    });
    let noise = (place(), noise).prop_map(|(place, (family, bytes))| {
        let kind: [u8; 3] = if family == Family::V4 { [0x08, 0x00, 0x45] } else { [0x86, 0xdd, 0x60] };
        Met { place, frame: [&[2; 12], &kind[..], &bytes].concat() }
    });
    prop_oneof![12 => frame, 1 => noise]
}

/// What may follow a frame that left by a hook: an answer to it, or an error of the router about it. Only for packets
/// whose transport begins where it mostly does, and whose other end is a machine of ours or anywhere.
pub(crate) fn follows(world: &World, left: &[u8], is_error: bool) -> Option<Met> {
    let is_v4 = left.get(12..14)? == [0x08, 0x00];
    let (protocol, addresses, size) = if is_v4 { (23, 26, 4) } else { (20, 22, 16) };
    let transport = addresses + 2 * size;
    if !matches!(left.get(protocol)?, &proto::TCP | &proto::UDP | &proto::SCTP) || left.len() < transport + 8 || is_v4 && left[14] != 0x45 {
        return None;
    }
    let ends = [&left[addresses + size..transport], &left[addresses..addresses + size]];
    let place = place_of(world, ends[0]);
    if is_error {
        let f = if is_v4 { Family::V4 } else { Family::V6 };
        let to = if is_v4 {
            std::net::IpAddr::from(<[u8; 4]>::try_from(ends[1]).unwrap())
        } else {
            <[u8; 16]>::try_from(ends[1]).unwrap().into()
        };
        let kind = if is_v4 { (3, 4) } else { (2, 0) };
        let place = Place { hook: Hook::FromWire, interface: UPLINK, mark: 0 };
        return Some(Met { place, frame: f.error_about(kind, [0, 0, 5, 0], &format!("router > {}", text(to, 0)), &left[14..]).bytes() });
    }
    // To swap ends changes no sum.
    let mut frame = left.to_vec();
    frame[addresses..transport].copy_from_slice(&ends.concat());
    let ports = [&left[transport + 2..transport + 4], &left[transport..transport + 2]].concat();
    frame[transport..transport + 4].copy_from_slice(&ports);
    Some(Met { place, frame })
}

/// Where a packet from this address is met.
fn place_of(world: &World, address: &[u8]) -> Place {
    let address = match <[u8; 4]>::try_from(address) {
        Ok(octets) => std::net::IpAddr::from(octets),
        Err(_) => <[u8; 16]>::try_from(address).unwrap().into(),
    };
    let found = world.endpoints.get(&EndpointKey { addr: address.into() });
    match found.map(|found| found.interface) {
        Some(0) => Place { hook: Hook::ToWire, interface: UPLINK, mark: 0 },
        Some(interface) => Place { hook: Hook::FromEndpoint, interface, mark: 0 },
        None => Place { hook: Hook::FromWire, interface: UPLINK, mark: 0 },
    }
}

/// An end of a packet as text, by name where it has one.
pub(crate) fn text(address: std::net::IpAddr, port: u16) -> String {
    let name = name(address.into());
    if name.contains(':') { format!("[{name}]:{port}") } else { format!("{name}:{port}") }
}
