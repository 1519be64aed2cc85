//! Programs on their hooks, and tables that outlive them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use ichor_agent_apply::{Netlink, observe, take};
use ichor_agent_state::{Observed, Op};
use ichor_datapath_loader::{Acceleration, Datapath, Direction, Interface, OBJECT, Pins, Sizes, TrafficControl, detach_filters};
use ichor_datapath_types::{
    Addr, Backend, Config, Endpoint, EndpointKey, Prefix, PrefixKey, Service, ServiceKey, SourceRangeKey, proto, scope,
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
            let xdp = if round == 1 { "xdp_wire-generic" } else { "xdp_wire-native" };
            let expected = [format!("from_wire-{index}"), format!("to_wire-{index}"), format!("{xdp}-{index}")];
            assert_eq!(names(&root.join("links")), BTreeSet::from(expected));
        }
        pins.detach_uplink_xdp(up).unwrap();
        pins.detach("from_wire", up).unwrap();
        pins.detach("from_wire", up).unwrap();
        assert_eq!(names(&root.join("links")).len(), 1);
        detach_filters("up0");
        detach_filters("up1");
        assert_eq!((filters("ingress"), filters("egress")), (0, 0));
        pins.remove().unwrap();
        assert!(!root.exists());
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
