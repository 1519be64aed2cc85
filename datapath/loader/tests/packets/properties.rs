//! What holds for every packet, on the host.

use std::net::IpAddr;

use ichor_datapath_logic::{self as logic, transport};
use ichor_datapath_types::{DropReason, Hook, Ip, Transport, piece, proto, transport_kind};
use proptest::prelude::*;

use crate::checksum::wrong;
use crate::cluster::{Setting, service};
use crate::host::{self, Place, Verdict};
use crate::names::{Family, UPLINK, interface_of, name};
use crate::random::{Met, damaged, met, text, world};
use crate::world::{Bytes, World};

fn setting() -> impl Strategy<Value = Setting> {
    proptest::sample::select(&Setting::ALL[..])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes, in whatever world: nothing panics, and what was right before is right afterwards.
    #[test]
    fn packets_stay_sound(setting in setting(), chosen in any::<u32>(), random in any::<u64>(), is_full in prop::bool::weighted(0.05), frames in prop::collection::vec(damaged(), 1..24)) {
        let world = world(setting, chosen);
        world.random.set(random);
        world.is_full.set(is_full);
        for Met { place, frame } in frames {
            let mut out = frame.clone();
            let verdict = host::run(&world, place, &mut out);
            // A change of ports cannot be made up for in this one.
            let is_sctp = packet(&frame).is_some_and(|packet| packet.protocol == proto::SCTP);
            if wrong(&frame).is_none() && !is_sctp {
                prop_assert_eq!(wrong(&out), None, "{:?}\n{}\n{}", verdict, crate::both::hex(&frame), crate::both::hex(&out));
            }
            match verdict {
                Verdict::Dropped(_) => prop_assert_eq!(&out, &frame, "what is dropped is not changed before"),
                Verdict::Answered(_) => {}
                Verdict::Passed | Verdict::Redirected => {
                    let grown = i64::try_from(out.len()).unwrap() - i64::try_from(frame.len()).unwrap();
                    // Told to another node, or by one.
                    prop_assert!(matches!(grown, 0 | 12 | 24 | -12 | -24), "{} bytes more", grown);
                    prop_assert!(grown <= 0 || setting == Setting::Direct && place.hook != Hook::FromEndpoint);
                }
            }
        }
    }

    /// An answer to what was translated comes from whom the question was for, and goes to who asked.
    #[test]
    fn answers_come_back(chosen in any::<u32>(), random in any::<u64>(), (place, frame) in met()) {
        let world = world(Setting::OnePort, chosen);
        world.random.set(random);
        let asked = frame.bytes();
        let mut sent = asked.clone();
        let verdict = host::run(&world, place, &mut sent);
        let (Some(before), Some(after)) = (packet(&asked), packet(&sent)) else { return Ok(()) };
        let is_flow = before.kind < transport_kind::PIECE;
        let ends = |packet: &Read| [(packet.source, packet.source_port), (packet.destination, packet.destination_port)];
        // What is not translated is not remembered, and a packet to its own sender has no other side to answer.
        if verdict != Verdict::Redirected || !is_flow || ends(&before) == ends(&after) || after.source == after.destination {
            return Ok(());
        }
        let family = if after.source.is_ipv4() { Family::V4 } else { Family::V6 };
        let answer = format!("{} > {}", text(after.destination, after.destination_port), text(after.source, after.source_port));
        let answer = match after.protocol {
            proto::TCP => family.tcp(&answer).syn_ack(),
            proto::UDP => family.udp(&answer),
            proto::SCTP => family.sctp(&answer),
            _ => family.echo_reply(&answer),
        };
        let mut back = answer.bytes();
        host::run(&world, place_of(&world, &after), &mut back);
        let back = packet(&back).unwrap();
        let [asker, service] = ends(&before);
        prop_assert_eq!(ends(&back), [service, asker]);
    }
}

/// The kernel's tables make room by themselves; should one refuse all the same, that is said.
#[test]
fn a_full_table_is_said() {
    for f in Family::BOTH {
        let mut world = World::new(Setting::OnePort);
        world.add(f, &service("tcp web:80").to("b:8080"));
        world.is_full.set(true);
        let place = Place { hook: Hook::FromEndpoint, interface: interface_of("a"), mark: 0 };
        let verdict = |text: &str| host::run(&world, place, &mut f.tcp(text).syn().bytes());
        assert_eq!(verdict("a:40000 > web:80"), Verdict::Dropped(DropReason::FlowTable));
        assert_eq!(verdict("a:40000 > outside:443"), Verdict::Dropped(DropReason::FlowTable));
        assert_eq!(verdict("a:40000 > b:443"), Verdict::Redirected, "what is not translated needs no table");
    }
}

/// A packet's ends as they stand in it.
#[derive(Debug)]
struct Read {
    source: IpAddr,
    destination: IpAddr,
    source_port: u16,
    destination_port: u16,
    protocol: u8,
    kind: u8,
}

fn packet(frame: &[u8]) -> Option<Read> {
    if frame.get(12) == Some(&0x08) { read::<logic::V4>(frame) } else { read::<logic::V6>(frame) }
}

fn read<F: logic::Family>(frame: &[u8]) -> Option<Read> {
    let mut frame = frame.to_vec();
    let bytes = Bytes(&mut frame);
    let mut ip = Ip::default();
    F::parse(&bytes, &mut ip).ok()?;
    if ip.piece != piece::WHOLE {
        return None;
    }
    let Transport { kind, source_port, destination_port, .. } = transport(&bytes, ip.protocol, ip.transport as usize);
    let (source, destination) = (F::widen(ip.source).into(), F::widen(ip.destination).into());
    Some(Read {
        source,
        destination,
        source_port: u16::from_be(source_port),
        destination_port: u16::from_be(destination_port),
        protocol: ip.protocol,
        kind,
    })
}

/// Where the answer to a packet is met.
fn place_of(world: &World, packet: &Read) -> Place {
    let to = name(packet.destination.into());
    let is_pod = world
        .endpoints
        .get(&ichor_datapath_types::EndpointKey { addr: packet.destination.into() })
        .is_some_and(|found| found.interface != 0);
    let (hook, interface) = if is_pod { (Hook::FromEndpoint, interface_of(&to)) } else { (Hook::FromWire, UPLINK) };
    Place { hook, interface, mark: 0 }
}
