//! Programs on their hooks, and tables that outlive them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::iter;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aya::programs::{SchedClassifier, TcAttachType};
use ichor_agent_apply::{Netlink, observe, take};
use ichor_agent_state::{Observed, Op};
use ichor_datapath_loader::{
    Acceleration, Datapath, Direction, FILTER_HANDLE, Interface, OBJECT, Pass, Pins, Sizes, Taken, TrafficControl, detach_filters,
};
use ichor_datapath_types::{
    Addr, Backend, Config, DropReason, Endpoint, EndpointKey, Flow, FlowKey, Hook, Prefix, PrefixKey, Service, ServiceKey, SourceRangeKey,
    Tuple, feature, proto, scope,
};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Runs a test with its own network and its own BPF filesystem at the given place.
fn alone(test: impl FnOnce(&Path) + Send) {
    assert!(nix::unistd::geteuid().is_root(), "this test loads programs into the kernel: run it as root");
    let run = || {
        unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET).unwrap();
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
        mount(Some("bpf"), "/run", Some("bpf"), MsFlags::empty(), None::<&str>).unwrap();
        let out = Command::new("ip").args(["link", "add", "up0", "type", "veth", "peer", "name", "up1"]).output().unwrap();
        assert!(out.status.success());
        test(Path::new("/run/node"));
    };
    std::thread::scope(|scope| scope.spawn(run).join().unwrap_or_else(|error| std::panic::resume_unwind(error)));
}

fn small() -> Sizes {
    Sizes::for_memory(1 << 30)
}

fn load(pins: &Pins) -> Datapath {
    Datapath::load_again(OBJECT, &Config::default(), &small(), pins).unwrap_or_else(|error| panic!("{error}"))
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn filters(direction: &str) -> usize {
    let out = Command::new("tc").args(["filter", "show", "dev", "up0", direction]).output().unwrap();
    String::from_utf8_lossy(&out.stdout).matches(" handle ").count()
}

/// The names of the programs on the links of what comes in and of what goes out.
fn linked() -> [Vec<String>; 2] {
    [TcAttachType::Ingress, TcAttachType::Egress].map(|kind| {
        let (_, programs) = SchedClassifier::query_tcx("up0", kind).unwrap();
        programs.iter().map(|program| program.name_as_str().unwrap().to_owned()).collect()
    })
}

/// The kernel lets go of a link some time after its pin is gone.
fn until_nothing_is_linked(which: usize) {
    let begun = Instant::now();
    while !linked()[which].is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
}

#[test]
fn tables_of_many_rows_are_read_whole() {
    alone(|root| {
        let mut datapath = load(&Pins::at(root).unwrap());
        let addr = |number: u32| Addr::from(std::net::IpAddr::from(number.to_be_bytes()));
        let key = |number| ServiceKey { addr: addr(number), port: 80, protocol: proto::TCP, scope: scope::CLUSTER };
        let service = |number| Op::SetService(key(number), Service { id: number, first_slot: number, slots: 1, ..Service::default() });
        let backend = |number| Op::SetBackend(number, Backend { addr: addr(number), port: 1, flags: 0 });
        let slots = Op::SetSlots { first: 1, backends: (1..20_000).collect() };
        let ops: Vec<_> = (1..20_000).map(backend).chain([slots]).chain((1..20_000).map(service)).collect();
        take(&mut datapath, &ops).unwrap();
        let mut expected = Observed::default();
        ops.iter().for_each(|op| expected.apply(op));
        assert_eq!(observe(&mut datapath, &small()).unwrap(), expected);
    });
}

#[test]
fn a_program_that_is_left_out_is_the_only_one_that_is_missing() {
    alone(|root| {
        let pins = Pins::at(root).unwrap();
        let up0 = Interface { name: "up0", index: Netlink::open().unwrap().links().unwrap()["up0"].index };
        let mut datapath = Datapath::begin(OBJECT, &Config::default(), &small(), &pins, &["xdp_wire"]).unwrap();
        assert!(datapath.attach_uplink_xdp(up0, Acceleration::Native, &pins).is_err());
        for program in ["from_wire", "from_endpoint"] {
            datapath.attach_tc(program, up0, Direction::Ingress, TrafficControl::Clsact, &pins).unwrap();
        }
        for program in ["to_wire", "to_endpoint"] {
            datapath.attach_tc(program, up0, Direction::Egress, TrafficControl::Clsact, &pins).unwrap();
        }
    });
}

/// Whether programs filter what comes in and what goes out.
fn filtered(index: u32) -> [bool; 2] {
    [Direction::Ingress, Direction::Egress].map(|direction| Netlink::open().unwrap().is_filtered(index, direction, FILTER_HANDLE).unwrap())
}

#[test]
fn what_is_attached_again_takes_the_place_of_the_old_one() {
    alone(|root| {
        let pins = Pins::at(root).unwrap();
        let index = Netlink::open().unwrap().links().unwrap().get("up0").unwrap().index;
        let up = Interface { name: "up0", index };
        for round in 0..3 {
            let mut datapath = load(&pins);
            datapath.attach_tc("from_wire", up, Direction::Ingress, TrafficControl::Tcx, &pins).unwrap();
            datapath.attach_tc("to_wire", up, Direction::Egress, TrafficControl::Tcx, &pins).unwrap();
            datapath.attach_tc("from_wire", up, Direction::Ingress, TrafficControl::Clsact, &pins).unwrap();
            datapath.attach_tc("to_wire", up, Direction::Egress, TrafficControl::Clsact, &pins).unwrap();
            // From one place to the other and back.
            let place = if round == 1 { Acceleration::Generic } else { Acceleration::Native };
            datapath.attach_uplink_xdp(up, place, &pins).unwrap();
            drop(datapath);
            assert_eq!((filters("ingress"), filters("egress")), (1, 1), "filters of round {round}");
            assert_eq!((linked(), filtered(index)), (["from_wire", "to_wire"].map(|name| vec![name.to_owned()]), [true; 2]));
            let xdp = if round == 1 { "xdp_wire-generic" } else { "xdp_wire-native" };
            let expected = [format!("from_wire-{index}"), format!("to_wire-{index}"), format!("{xdp}-{index}")];
            assert_eq!(names(&root.join("links")), BTreeSet::from(expected));
        }
        pins.detach_uplink_xdp(up).unwrap();
        pins.detach("from_wire", up).unwrap();
        pins.detach("from_wire", up).unwrap();
        until_nothing_is_linked(0);
        assert_eq!(filtered(index), [true; 2]);
        assert_eq!(names(&root.join("links")).len(), 1);
        detach_filters("up0");
        detach_filters("up1");
        assert_eq!((filters("ingress"), filters("egress")), (0, 0));
        assert_eq!(filtered(index), [false; 2]);
        pins.remove().unwrap();
        assert!(!root.exists());
    });
}

/// Packets that `from_endpoint` has met, whatever became of them.
fn met(datapath: &mut Datapath) -> u64 {
    let counters = datapath.counters().unwrap();
    let dropped = DropReason::ALL.iter().map(|&reason| reason as u8);
    iter::once(0).chain(dropped).map(|reason| counters.get(Hook::FromEndpoint, reason).map_or(0, |counter| counter.packets)).sum()
}

/// As it is when the agent of an earlier release has put links onto a pod's cable: every packet meets the program once.
#[test]
fn a_filter_takes_the_place_of_a_link_while_packets_pass() {
    alone(|root| {
        fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap();
        for script in ["link set up0 up", "link set up1 up", "addr add 10.9.0.1/24 dev up1"] {
            assert!(Command::new("ip").args(script.split(' ')).status().unwrap().success());
        }
        let pins = Pins::at(root).unwrap();
        let up0 = Netlink::open().unwrap().link("up0").unwrap();
        let neighbour = ["neigh", "add", "10.9.0.2", "dev", "up1", "lladdr", &up0.mac.map(|byte| format!("{byte:02x}")).join(":")];
        assert!(Command::new("ip").args(neighbour).status().unwrap().success());
        let interface = Interface { name: "up0", index: up0.index };
        let mut datapath = Datapath::load_again(OBJECT, &Config { features: feature::IPV4, ..Config::default() }, &small(), &pins).unwrap();
        let begun = met(&mut datapath);
        datapath.attach_tc("from_endpoint", interface, Direction::Ingress, TrafficControl::Tcx, &pins).unwrap();
        let client = UdpSocket::bind("10.9.0.1:0").unwrap();
        let stop = AtomicBool::new(false);
        let sent = std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut sent = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    client.send_to(b"once", "10.9.0.2:9").unwrap();
                    sent += 1;
                    // The kernel needs a processor, too.
                    std::thread::park_timeout(Duration::from_micros(50));
                }
                sent
            });
            let mut pass = |packets: u64| {
                let (from, begun) = (met(&mut datapath), Instant::now());
                while met(&mut datapath) < from + packets {
                    assert!(begun.elapsed() < Duration::from_secs(60));
                    std::thread::yield_now();
                }
            };
            pass(1000);
            let mut next = load(&pins);
            next.attach_tc("from_endpoint", interface, Direction::Ingress, TrafficControl::Clsact, &pins).unwrap();
            pass(1000);
            next.leave_links("from_endpoint", &pins).unwrap();
            until_nothing_is_linked(0);
            pass(1000);
            stop.store(true, Ordering::Relaxed);
            sender.join().unwrap()
        });
        let begin = Instant::now();
        while met(&mut datapath) - begun < sent {
            assert!(begin.elapsed() < Duration::from_secs(60), "{} of {sent}", met(&mut datapath) - begun);
        }
        assert_eq!(met(&mut datapath) - begun, sent);
        assert!(names(&root.join("links")).is_empty());
    });
}

#[test]
fn tables_are_read_back_as_they_were_written() {
    alone(|root| {
        let pins = Pins::at(root).unwrap();
        let addr = Addr::from("10.43.0.10".parse::<std::net::IpAddr>().unwrap());
        let v6 = Addr::from("fd00::1".parse::<std::net::IpAddr>().unwrap());
        let key = ServiceKey { addr, port: 80_u16.to_be(), protocol: proto::TCP, scope: scope::CLUSTER };
        let ops = [
            Op::SetBackend(5, Backend { addr: v6, port: 1, flags: 0 }),
            Op::SetBackend(131_000, Backend { addr, port: 2, flags: 1 }),
            Op::SetSlots { first: 3, backends: [5, 131_000, 5].into() },
            Op::SetSourceRange(SourceRangeKey { prefix_bits: 32 + 120, service: 9, addr }),
            Op::SetEndpoint(EndpointKey { addr: v6 }, Endpoint { interface: 4, mac: [1, 2, 3], ..Endpoint::default() }),
            Op::SetPrefix(PrefixKey { prefix_bits: 104, addr }, Prefix { identity: 1, flags: 2 }),
            Op::SetPrefix(PrefixKey { prefix_bits: 128, addr: v6 }, Prefix { identity: 1, flags: 3 }),
            Op::SetService(key, Service { id: 9, first_slot: 3, slots: 3, ..Service::default() }),
        ];
        let mut expected = Observed::default();
        let mut datapath = load(&pins);
        assert_eq!(observe(&mut datapath, &small()).unwrap(), expected);
        take(&mut datapath, &ops).unwrap();
        ops.iter().for_each(|op| expected.apply(op));
        assert_eq!(observe(&mut datapath, &small()).unwrap(), expected);
        drop(datapath);
        let mut datapath = load(&pins);
        let read = observe(&mut datapath, &small()).unwrap();
        assert_eq!(read.run(3, 3), Some(&[5, 131_000, 5][..]));
        assert_eq!(read, expected, "after a restart");
        let gone = [
            Op::DeleteService(key),
            Op::DeleteSourceRange(SourceRangeKey { prefix_bits: 32 + 120, service: 9, addr }),
            Op::DeleteEndpoint(EndpointKey { addr: v6 }),
            Op::DeletePrefix(PrefixKey { prefix_bits: 104, addr }),
            Op::DeletePrefix(PrefixKey { prefix_bits: 128, addr: v6 }),
            Op::DeleteBackend(5),
            Op::DeleteBackend(131_000),
        ];
        take(&mut datapath, &gone).unwrap();
        take(&mut datapath, &gone).unwrap();
        assert_eq!(observe(&mut datapath, &small()).unwrap(), Observed::default());
    });
}

/// A flow of UDP, and the entry of its answers.
fn flow(client: u32) -> (FlowKey<u32>, Flow<u32>) {
    let tuple = Tuple { source: client, destination: 2, source_port: 3, destination_port: 4 };
    let becomes = Tuple { destination: 5, ..tuple };
    (FlowKey { tuple, protocol: proto::UDP, pad: 0, pad2: 0 }, Flow { becomes, backend: 7, seen: client, state: 1, flags: 2, pad: 0 })
}

#[test]
fn tables_of_another_size_are_taken_over() {
    alone(|root| {
        let pins = Pins::at(root).unwrap();
        let larger = Sizes { flows_v4: small().flows_v4 * 2, backends: small().backends * 2, ..small() };
        let mut before = load(&pins);
        for client in 0..10_000 {
            let (key, value) = flow(client);
            before.flows_v4().unwrap().put(&key, &value).unwrap();
        }
        let backend = Backend { addr: Addr::from_v4(9), port: 1, flags: 0 };
        before.backends().unwrap().set(77, &backend).unwrap();
        before.services().unwrap().put(&ServiceKey::default(), &Service { id: 8, ..Service::default() }).unwrap();

        let mut after = Datapath::load_again(OBJECT, &Config::default(), &larger, &pins).unwrap();
        let taken = after.take_over(&pins, &larger, Pass::First).unwrap();
        let rows = |table: &str| taken.iter().find(|taken| taken.table == table).map(|taken| (taken.rows, taken.problem.clone()));
        assert_eq!(rows("FLOWS4"), Some((10_000, None)));
        assert_eq!(rows("BACKENDS"), Some((1, None)));
        assert_eq!(rows("SERVICES"), None, "a table of the same size is the same table");
        assert_eq!(after.backends().unwrap().get(77).unwrap(), backend);
        assert_eq!(after.services().unwrap().get(&ServiceKey::default()).unwrap().unwrap().id, 8);

        // The old programs still run, and write; the new ones have written, too.
        let (key, value) = flow(10_001);
        before.flows_v4().unwrap().put(&key, &value).unwrap();
        let newer = Flow { seen: 99_999, ..flow(5).1 };
        after.flows_v4().unwrap().put(&flow(5).0, &newer).unwrap();
        after.backends().unwrap().set(77, &Backend::default()).unwrap();
        let taken = after.take_over(&pins, &larger, Pass::Last).unwrap();
        assert_eq!(taken.iter().map(|taken| taken.rows).sum::<usize>(), 1, "{taken:?}");
        let mut flows = after.flows_v4().unwrap();
        assert_eq!(flows.get(&key).unwrap(), Some(value));
        assert_eq!(flows.get(&flow(5).0).unwrap(), Some(newer));
        assert_eq!(after.backends().unwrap().get(77).unwrap(), Backend::default(), "what was removed stays so");
        let tables = names(&root.join("tables"));
        assert_eq!(tables.iter().filter(|name| name.starts_with("FLOWS4-")).count(), 1, "{tables:?}");
        assert_eq!(after.take_over(&pins, &larger, Pass::First).unwrap(), []);
    });
}

/// The object, said to have the ports of its flows the other way round.
fn reordered() -> Vec<u8> {
    // Members of the type `Tuple<u32>`: name, type, place in bits.
    let places = [0_u32, 32, 64, 80].map(u32::to_le_bytes);
    let mut object = OBJECT.to_vec();
    let is_tuple = |at: usize| (0..4).all(|member| object.get(at + member * 12 + 8..at + member * 12 + 12) == Some(&places[member][..]));
    let tuples: Vec<_> = (0..object.len() - 48).filter(|at| is_tuple(*at)).collect();
    let [at] = tuples[..] else { panic!("the tuple is described {} times", tuples.len()) };
    for byte in 0..4 {
        object.swap(at + 24 + byte, at + 36 + byte);
    }
    object
}

#[test]
fn rows_of_another_form_are_taken_over() {
    alone(|root| {
        let pins = Pins::at(root).unwrap();
        let mut other = Datapath::load_again(&reordered(), &Config::default(), &small(), &pins).unwrap();
        let own = names(&root.join("tables")).into_iter().find(|name| name.starts_with("FLOWS4-")).unwrap();
        // As the other release would have called it.
        let tables = root.join("tables");
        fs::rename(tables.join(&own), tables.join("FLOWS4-00000000-32768")).unwrap();
        let (key, value) = flow(12);
        let turned = |tuple: Tuple<u32>| Tuple { source_port: tuple.destination_port, destination_port: tuple.source_port, ..tuple };
        let (other_key, other_value) = (FlowKey { tuple: turned(key.tuple), ..key }, Flow { becomes: turned(value.becomes), ..value });
        other.flows_v4().unwrap().put(&other_key, &other_value).unwrap();

        let mut datapath = load(&pins);
        assert_eq!(datapath.flows_v4().unwrap().get(&key).unwrap(), None);
        let taken = datapath.take_over(&pins, &small(), Pass::First).unwrap();
        assert_eq!(taken, [Taken { table: "FLOWS4", rows: 1, problem: None }]);
        assert_eq!(datapath.flows_v4().unwrap().get(&key).unwrap(), Some(value));
        datapath.take_over(&pins, &small(), Pass::Last).unwrap();
        assert!(names(&tables).contains(&own) && !names(&tables).contains("FLOWS4-00000000-32768"));
    });
}

#[test]
fn what_nobody_knows_is_left_behind() {
    alone(|root| {
        let pins = Pins::at(root).unwrap();
        drop(load(&pins));
        let tables = root.join("tables");
        let slots = names(&tables).into_iter().find(|name| name.starts_with("SLOTS-")).unwrap();
        // Another kind of table, under a name of this one's.
        fs::rename(tables.join(slots), tables.join("FLOWS6-00000000-1")).unwrap();
        let mut datapath = load(&pins);
        for pass in [Pass::First, Pass::Last] {
            let taken = datapath.take_over(&pins, &small(), pass).unwrap();
            assert_eq!(taken, [Taken { table: "FLOWS6", rows: 0, problem: None }]);
        }
        assert!(!names(&tables).contains("FLOWS6-00000000-1"));
    });
}
