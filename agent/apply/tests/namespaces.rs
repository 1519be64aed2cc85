//! Cables and routes in real network namespaces, which end with the threads that made them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs::{File, read_to_string};
use std::os::fd::AsFd as _;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ichor_agent_apply::{Cable, End, Netlink, Route, check, cut, forward, inside, lay};
use nix::sched::{CloneFlags, unshare};

/// Runs a test in a namespace of its own, with the path of another one.
fn in_namespaces(test: impl FnOnce(&Path) + Send) {
    assert!(nix::unistd::geteuid().is_root(), "this test makes network namespaces: run it as root");
    let make = || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        File::open("/proc/thread-self/ns/net").unwrap()
    };
    std::thread::scope(|scope| {
        let pod = scope.spawn(make).join().unwrap();
        let run = move || {
            let _own = make();
            test(&PathBuf::from(format!("/proc/self/fd/{}", pod.as_raw_fd())));
        };
        scope.spawn(run).join().unwrap_or_else(|error| std::panic::resume_unwind(error));
    });
}

/// What `ip` says, with one space between words.
fn ip(words: &str) -> String {
    let out = Command::new("ip").args(words.split_whitespace()).output().expect("this test needs `ip` of iproute2");
    assert!(out.status.success(), "ip {words}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cable() -> Cable {
    Cable {
        host_name: "ichor0".into(),
        host_mac: [6, 0, 0, 0, 0, 1],
        pod_name: "eth0".into(),
        pod_mac: [2, 0, 0, 0, 0, 1],
        addresses: vec!["10.42.0.2".parse().unwrap(), "fd00:10:42::2".parse().unwrap()],
        mtu: 1400,
    }
}

fn route(destination: &str, via: Option<&str>, interface: Option<u32>) -> Route {
    Route { destination: destination.parse().unwrap(), via: via.map(|via| via.parse().unwrap()), interface, source: None }
}

#[test]
fn a_cable_is_laid_once_mended_and_cut() {
    in_namespaces(|pod| {
        let mut netlink = Netlink::open().unwrap();
        let first = lay(&mut netlink, &cable(), pod).unwrap();
        assert_eq!((first.mtu, first.mac), (1400, cable().host_mac));
        assert_eq!(lay(&mut netlink, &cable(), pod).unwrap(), first, "laid twice");
        check(&mut netlink, &cable(), pod).unwrap();
        for setting in ["ipv4/conf/ichor0/forwarding", "ipv6/conf/ichor0/forwarding", "ipv6/conf/all/forwarding"] {
            assert_eq!(read_to_string(format!("/proc/sys/net/{setting}")).unwrap(), "1\n", "{setting}");
        }
        let namespace = File::open(pod).unwrap();
        inside(namespace.as_fd(), || ip("address delete 10.42.0.2/32 dev eth0")).unwrap();
        let error = check(&mut netlink, &cable(), pod).unwrap_err().to_string();
        assert_eq!(error, "the interface eth0 in the pod: it has lost the address 10.42.0.2");
        lay(&mut netlink, &cable(), pod).unwrap();
        check(&mut netlink, &cable(), pod).unwrap();
        cut(&mut netlink, "ichor0").unwrap();
        cut(&mut netlink, "ichor0").unwrap();
        assert!(inside(namespace.as_fd(), || Netlink::open().unwrap().links().unwrap()).unwrap().keys().eq(["lo"]));
        assert!(check(&mut netlink, &cable(), pod).is_err());
    });
}

#[test]
fn a_namespace_that_is_wrong_is_named() {
    in_namespaces(|pod| {
        let mut netlink = Netlink::open().unwrap();
        let error = lay(&mut netlink, &cable(), Path::new("/proc/thread-self/ns/net")).unwrap_err().to_string();
        assert!(error.ends_with("it is the node's own"), "{error}");
        let error = lay(&mut netlink, &cable(), Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.starts_with("opening the network namespace /nowhere: No such file"), "{error}");
        let error = lay(&mut netlink, &cable(), Path::new("/proc/self/status")).unwrap_err().to_string();
        assert!(error.starts_with("entering the network namespace"), "{error}");
        let namespace = File::open(pod).unwrap();
        inside(namespace.as_fd(), || ip("link add eth0 type veth peer name eth1")).unwrap();
        let error = lay(&mut netlink, &cable(), pod).unwrap_err().to_string();
        assert_eq!(error, "the interface eth0 in the pod: there is one that is not ours");
    });
}

#[test]
fn only_our_own_routes_change() {
    in_namespaces(|_| {
        ip("link set lo up");
        ip("link add up0 type veth peer name up1");
        for words in
            ["address add 192.168.42.11/24 dev up0", "address add fd00:42::11/64 dev up0 nodad", "link set up0 up", "link set up1 up"]
        {
            ip(words);
        }
        ip("route add 10.9.0.0/24 via 192.168.42.1");
        let mut netlink = Netlink::open().unwrap();
        let (link, networks) = netlink.uplink(&["10.0.0.1".parse().unwrap(), "192.168.42.11".parse().unwrap()]).unwrap().unwrap();
        assert!(link.name == "up0" && networks.contains(&"192.168.42.11/24".parse().unwrap()), "{link:?} {networks:?}");
        assert_eq!(netlink.uplink(&["10.0.0.1".parse().unwrap()]).unwrap(), None);
        forward("up0", true, true).unwrap();

        let wanted = BTreeSet::from([
            route("10.42.2.0/24", Some("192.168.42.12"), Some(link.index)),
            route("fd00:10:42:2::/64", Some("fd00:42::12"), Some(link.index)),
            route("10.42.1.0/24", None, None),
            route("fd00:10:42:1::/64", None, None),
            Route { source: Some("192.168.42.11".parse().unwrap()), ..route("10.42.1.7/32", None, Some(link.index)) },
        ]);
        for _ in 0..2 {
            assert!(netlink.set_routes(&wanted).unwrap().is_empty());
            assert_eq!(netlink.routes().unwrap(), wanted);
        }
        let moved = BTreeSet::from([
            route("10.42.2.0/24", Some("192.168.42.13"), Some(link.index)),
            route("fd00:10:42:2::/64", Some("fd00:42::13"), Some(link.index)),
            route("10.9.0.0/24", Some("192.168.42.12"), Some(link.index)),
        ]);
        let failed = netlink.set_routes(&moved).unwrap();
        assert!(
            failed.len() == 1 && failed.iter().all(|error| error.to_string().contains("10.9.0.0/24: there is one that is not ours")),
            "{failed:?}"
        );
        assert_eq!(
            netlink.routes().unwrap(),
            moved.iter().filter(|route| route.destination != "10.9.0.0/24".parse().unwrap()).copied().collect()
        );
        netlink.set_routes(&BTreeSet::new()).unwrap();
        assert!(netlink.routes().unwrap().is_empty());
        let out = Command::new("ip").args(["route", "show", "10.9.0.0/24"]).output().unwrap();
        assert!(String::from_utf8_lossy(&out.stdout).contains("via 192.168.42.1 "), "somebody else's route is gone");
    });
}

#[test]
fn a_machine_is_plugged_into_a_switch_and_out_of_it() {
    in_namespaces(|machine| {
        let mut netlink = Netlink::open().unwrap();
        netlink.make_switch("lan").unwrap();
        let settings = ip("-d link show lan");
        for part in ["bridge forward_delay 0 ", " stp_state 0 ", " mcast_snooping 0 "] {
            assert!(settings.contains(part), "{part:?} is not in {settings}");
        }
        let namespace = File::open(machine).unwrap();
        let mac = [2, 0, 0, 0, 0, 7];
        let (here, there) = (End { name: "port1", mac: None }, End { name: "eth0", mac: Some(mac) });
        netlink.make_pair(here, there, 1280, namespace.as_fd()).unwrap();
        let error = netlink.make_pair(here, there, 1280, namespace.as_fd()).unwrap_err().to_string();
        assert_eq!(error, "making the interface port1 and, as its other end, eth0: File exists (os error 17)");

        let (port, switch) = (netlink.link("port1").unwrap(), netlink.link("lan").unwrap());
        netlink.plug_in(&port, &switch).unwrap();
        netlink.set_up(&port).unwrap();
        assert!(ip("link show port1").contains("mtu 1280 qdisc noqueue master lan "), "{}", ip("link show port1"));
        let error = netlink.plug_in(&switch, &switch).unwrap_err().to_string();
        assert!(error.starts_with("plugging the interface lan into the switch lan: "), "{error}");
        let eth0 = || inside(namespace.as_fd(), || Netlink::open().unwrap().link("eth0").unwrap()).unwrap();
        assert_eq!((eth0().mac, eth0().mtu), (mac, 1280));

        let is_on = || ip("link show port1").contains(",UP");
        assert!(is_on());
        netlink.set_down(&port).unwrap();
        assert!(!is_on());
        netlink.remove_link("port1").unwrap();
        assert_eq!(netlink.link("port1").unwrap_err().to_string(), "the interface port1: it is gone");
    });
}

#[test]
fn a_network_is_spread_over_machines() {
    in_namespaces(|_| {
        for words in [
            "link add up0 type veth peer name up1",
            "address add 192.168.42.1/24 dev up0",
            "address add fd00:42::1/64 dev up0 nodad",
            "link set up0 up",
            "link set up1 up",
        ] {
            ip(words);
        }
        let mut netlink = Netlink::open().unwrap();
        let hops = |hops: &[&str]| hops.iter().map(|hop| hop.parse().unwrap()).collect::<Vec<_>>();
        for (family, network, machines) in [
            ("-4", "10.9.0.0/24", ["192.168.42.11", "192.168.42.12", "192.168.42.13"]),
            ("-6", "fd00:9::/64", ["fd00:42::11", "fd00:42::12", "fd00:42::13"]),
        ] {
            // From each number of machines to each other one.
            for number in [1, 3, 0, 2, 1, 0, 3, 2, 0, 1] {
                netlink.spread(network.parse().unwrap(), &hops(&machines[..number])).unwrap();
                let route = ip(&format!("{family} route show {network}"));
                let unreachable = ip(&format!("{family} route show type unreachable {network}"));
                assert_eq!(unreachable.is_empty(), number > 0, "{number}: {unreachable}");
                for (index, machine) in machines.iter().enumerate() {
                    assert_eq!(route.contains(&format!("via {machine} ")), index < number, "{number}: {route}");
                }
            }
        }
        netlink.spread("0.0.0.0/0".parse().unwrap(), &hops(&["192.168.42.254"])).unwrap();
        assert!(ip("route show default").starts_with("default via 192.168.42.254 dev up0"));
        // The kernel's own sentence, which is more than the name of an error.
        let error = netlink.spread("10.8.0.0/24".parse().unwrap(), &hops(&["10.1.1.1", "10.1.1.2"])).unwrap_err().to_string();
        let what = "setting the route to 10.8.0.0/24 via 10.1.1.1 and 10.1.1.2";
        assert_eq!(error, format!("{what}: Nexthop has invalid gateway: Network is unreachable (os error 101)"));
    });
}
