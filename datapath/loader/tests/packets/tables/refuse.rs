//! Services without backends: the client is told that nobody listens.

use ichor_datapath_types::{DropReason, proto, tcp_flag};

use crate::cluster::service;
use crate::frame::Frame;
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    vec![cluster_ip(f), no_such_port(f), announced(f), from_the_node(f), outside(f), local(f), untold(f)]
}

/// Nobody listens where this datagram went, of which its header is told.
fn nobody(f: Family, text: &str, about: Frame) -> Frame {
    let headers = 14 + 8 + if f == Family::V4 { 20 } else { 40 };
    f.error(if f == Family::V4 { (3, 3) } else { (1, 4) }, [0; 4], text, &about.cut(headers))
}

fn cluster_ip(f: Family) -> Scenario {
    let (tcp, udp) = (f.tcp("a:40000 > web:80").syn(), f.udp("a:40000 > web:53"));
    let (tcp_without_data, udp_without_data) = (tcp.clone().body(b""), f.udp("b:40000 > web:53").body(b""));
    scenario(f, "a cluster IP without backends")
        .with(service("tcp web:80"))
        .with(service("udp web:53"))
        .pod("a", "by TCP", tcp)
        .answered(DropReason::Refused, &f.tcp("web:80 > a:40000").reset(0, 9 + 1 + 26))
        .pod("a", "by UDP", udp.clone())
        .answered(DropReason::Refused, &nobody(f, "web > a", udp))
        .pod("a", "by TCP without data", tcp_without_data)
        .answered(DropReason::Refused, &f.tcp("web:80 > a:40000").reset(0, 9 + 1))
        .pod("b", "by UDP without data", udp_without_data.clone())
        .answered(DropReason::Refused, &nobody(f, "web > b", udp_without_data))
}

/// The kernel would send these to the router, and the router back.
fn no_such_port(f: Family) -> Scenario {
    let (from_pod, from_outside) = (f.udp("a:40000 > web:54"), f.tcp("client:5000 > web:80").syn());
    scenario(f, "a cluster IP, and not a port of its service, or not from here")
        .with(service("tcp web:80").to("b:8080").internal())
        .pod("a", "another port", from_pod.clone())
        .answered(DropReason::Refused, &nobody(f, "web > a", from_pod))
        .wire("from outside", from_outside)
        .answered(DropReason::Refused, &f.tcp("web:80 > client:5000").reset(0, 9 + 1 + 26))
        .pod("a", "an echo has nobody to answer", f.echo("a:7 > web"))
        .dropped(DropReason::NoBackend)
}

/// A load balancer's address is nobody else's either: packets for its other ports would go around between node and router.
fn announced(f: Family) -> Scenario {
    let (from_pod, from_outside) = (f.tcp("a:40000 > vip:81").syn(), f.udp("client:5000 > vip:81"));
    let established = f.tcp("client:5001 > vip:81");
    scenario(f, "a load balancer's address, and not a port of its service")
        .with(service("tcp vip:80").to("b:8080"))
        .pod("a", "from a pod", from_pod)
        .answered(DropReason::Refused, &f.tcp("vip:81 > a:40000").reset(0, 9 + 1 + 26))
        .xdp("from outside, which is not for XDP", from_outside.clone())
        .passes()
        .wire("from outside", from_outside.clone())
        .answered(DropReason::Refused, &nobody(f, "vip > client", from_outside))
        .wire("a connection that nobody knows", established.clone())
        .answered(DropReason::Refused, &f.tcp("vip:81 > client:5001").reset(8, 0))
        .wire("an end of none", established.clone().flags(tcp_flag::FIN))
        .answered(DropReason::Refused, &f.tcp("vip:81 > client:5001").reset(0, 9 + 1 + 26))
        .wire("a reset is answered by none", established.rst())
        .dropped(DropReason::NoBackend)
        .wire("an echo from outside has nobody to answer", f.echo("client:7 > vip"))
        .dropped(DropReason::NoBackend)
        .pod("a", "nor has one from a pod", f.echo("a:7 > vip"))
        .dropped(DropReason::NoBackend)
        .wire("its own port", f.tcp("client:5000 > vip:80").syn())
        .delivered(f.tcp("client:5000 > b:8080").syn())
        .flows(&[
            "tcp client:5000 > vip:80 => client:5000 > b:8080 new destination #1",
            "tcp b:8080 > client:5000 => vip:80 > client:5000 new reply source #1",
        ])
}

fn from_the_node(f: Family) -> Scenario {
    let (tcp, udp) = (f.tcp("node:40000 > vip:81").syn(), f.udp("node:40000 > web:54"));
    scenario(f, "a process of the node asks for a port that no service has")
        .host("by TCP", tcp)
        .answered(DropReason::Refused, &f.tcp("vip:81 > node:40000").reset(0, 9 + 1 + 26))
        .host("by UDP", udp.clone())
        .answered(DropReason::Refused, &nobody(f, "web > node", udp))
        .host("what is begun is not asked about again", f.tcp("node:40000 > vip:81"))
        .passes()
        .host("an echo has nobody to answer", f.echo("node:7 > vip"))
        .dropped(DropReason::NoBackend)
        .host("elsewhere", f.udp("node:40000 > outside:53"))
        .passes()
}

fn outside(f: Family) -> Scenario {
    let frame = f.tcp("client:5000 > lb:80").syn();
    scenario(f, "a load balancer's address without backends")
        .with(service("tcp lb:80"))
        .xdp("XDP leaves it to the next hook", frame.clone())
        .passes()
        .wire("which tells the client", frame)
        .answered(DropReason::Refused, &f.tcp("lb:80 > client:5000").reset(0, 9 + 1 + 26))
}

fn local(f: Family) -> Scenario {
    let frame = f.udp("client:5000 > lb:53").without_checksum();
    scenario(f, "an entry for the outside without backends, where no other node has one")
        .with(service("udp lb:53").to("b:8080").split())
        .with(service("udp lb:53").external())
        .wire("the client is told", frame.clone())
        .answered(DropReason::Refused, &nobody(f, "lb > client", frame))
}

fn untold(f: Family) -> Scenario {
    let long = f.udp("a:40000 > web:53").body(&[7; 40]);
    scenario(f, "a client that cannot be told")
        .with(service("udp web:53"))
        .with(service("sctp web:9000"))
        .pod("a", "SCTP", f.sctp("a:40000 > web:9000"))
        .dropped(DropReason::NoBackend)
        .pod("a", "options, or a header between", f.udp("a:40000 > web:53").options(1).extension(proto::DESTINATION, 0))
        .dropped(DropReason::NoBackend)
        .pod("a", "a first piece", long.clone().piece(9, 0, 16))
        .dropped(DropReason::NoBackend)
        .pod("a", "and a later one", long.piece(9, 16, 16))
        .dropped(DropReason::NoBackend)
}
