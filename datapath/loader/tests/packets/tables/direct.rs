//! A backend on another node answers the client itself: the first node says for which service the packet came.

use ichor_datapath_types::DropReason;

use crate::cluster::{Setting, service};
use crate::frame::Frame;
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    let mut all = vec![
        tcp(f),
        tcp_silent(f),
        tcp_forgotten(f),
        udp(f),
        by_xdp(f),
        here(f),
        tcp_told(f),
        tcp_told_late(f),
        tcp_half_forgotten(f),
        udp_told(f),
        node_port_told(f),
        not_a_service(f),
        not_here(f),
        too_big(f),
        pieces(f),
        pieces_later(f),
        pieces_told(f),
    ];
    if f == Family::V6 {
        all.push(another_version(f));
    }
    all
}

fn tcp(f: Family) -> Scenario {
    scenario(f, "a client's connection to a backend elsewhere")
        .setting(Setting::Direct)
        .with(service("tcp lb:80").to("far:8080"))
        .wire("the first packet says for which service it is", f.tcp("client:5000 > lb:80").syn())
        .sent(f.tcp("client:5000 > far:8080").syn().told("lb:80"))
        .flows(&["tcp client:5000 > lb:80 => client:5000 > far:8080 new destination direct #1"])
        .wire("so it does when it is repeated", f.tcp("client:5000 > lb:80").syn())
        .sent(f.tcp("client:5000 > far:8080").syn().told("lb:80"))
        .wire("later ones need not", f.tcp("client:5000 > lb:80"))
        .sent(f.tcp("client:5000 > far:8080"))
        .flows(&["tcp client:5000 > lb:80 => client:5000 > far:8080 established destination direct #1"])
        .pod("a", "a pod's connection is the usual one", f.tcp("a:40000 > lb:80").syn())
        .sent(f.tcp("a:40000 > far:8080").syn())
        .flows(&[
            "tcp a:40000 > lb:80 => a:40000 > far:8080 new destination #1",
            "tcp far:8080 > a:40000 => lb:80 > a:40000 new reply source #1",
        ])
}

fn tcp_silent(f: Family) -> Scenario {
    let full = if f == Family::V4 { 1460 } else { 1440 };
    scenario(f, "a client goes on after a silence, in which the backend's node may have forgotten the connection")
        .setting(Setting::Direct)
        .with(service("tcp lb:80").to("far:8080"))
        .wire("the first packet", f.tcp("client:5000 > lb:80").syn())
        .sent(f.tcp("client:5000 > far:8080").syn().told("lb:80"))
        .flows(&["tcp client:5000 > lb:80 => client:5000 > far:8080 new destination direct #1"])
        .wire("the next says nothing", f.tcp("client:5000 > lb:80"))
        .sent(f.tcp("client:5000 > far:8080"))
        .flows(&["tcp client:5000 > lb:80 => client:5000 > far:8080 established destination direct #1"])
        .wire("after a silence it says for which service it is", f.tcp("client:5000 > lb:80"))
        .after(2)
        .sent(f.tcp("client:5000 > far:8080").told("lb:80"))
        .wire("once", f.tcp("client:5000 > lb:80"))
        .sent(f.tcp("client:5000 > far:8080"))
        .xdp("so it does in XDP", f.tcp("client:5000 > lb:80"))
        .after(100)
        .sent(f.tcp("client:5000 > far:8080").told("lb:80"))
        .wire("where there is room", f.tcp("client:5000 > lb:80").body(&vec![b'x'; full]))
        .after(2)
        .sent(f.tcp("client:5000 > far:8080").body(&vec![b'x'; full]))
        .pod("a", "a pod's connection", f.tcp("a:40000 > lb:80").syn())
        .sent(f.tcp("a:40000 > far:8080").syn())
        .flows(&[
            "tcp a:40000 > lb:80 => a:40000 > far:8080 new destination #1",
            "tcp far:8080 > a:40000 => lb:80 > a:40000 new reply source #1",
        ])
        .pod("a", "which is not answered directly", f.tcp("a:40000 > lb:80"))
        .after(100)
        .sent(f.tcp("a:40000 > far:8080"))
        .flows(&["tcp a:40000 > lb:80 => a:40000 > far:8080 established destination #1"])
}

fn tcp_forgotten(f: Family) -> Scenario {
    scenario(f, "a client goes on with a connection that this node has forgotten")
        .setting(Setting::Direct)
        .with(service("tcp lb:80").to("far:8080"))
        .wire("the backend's node may have, too", f.tcp("client:5000 > lb:80"))
        .sent(f.tcp("client:5000 > far:8080").told("lb:80"))
        .flows(&["tcp client:5000 > lb:80 => client:5000 > far:8080 established destination direct #1"])
        .wire("what follows says nothing", f.tcp("client:5000 > lb:80"))
        .sent(f.tcp("client:5000 > far:8080"))
}

fn udp(f: Family) -> Scenario {
    scenario(f, "a client's questions to a backend elsewhere")
        .setting(Setting::Direct)
        .with(service("udp lb:53").to("far:5353"))
        .wire("the first", f.udp("client:5000 > lb:53"))
        .sent(f.udp("client:5000 > far:5353").told("lb:53"))
        .flows(&["udp client:5000 > lb:53 => client:5000 > far:5353 established destination direct #1"])
        .wire("nobody knows whether it arrived, so the next says it, too", f.udp("client:5000 > lb:53").body(b"x"))
        .sent(f.udp("client:5000 > far:5353").body(b"x").told("lb:53"))
        .wire("without a checksum", f.udp("client:5000 > lb:53").without_checksum())
        .sent(f.udp("client:5000 > far:5353").without_checksum().told("lb:53"))
}

fn by_xdp(f: Family) -> Scenario {
    scenario(f, "a client's packets turn in XDP")
        .setting(Setting::Direct)
        .with(service("tcp lb:80").to("far:8080"))
        .with(service("udp lb:53").to("far:5353"))
        .xdp("the first packet of a connection", f.tcp("client:5000 > lb:80").syn())
        .sent(f.tcp("client:5000 > far:8080").syn().told("lb:80"))
        .flows(&["tcp client:5000 > lb:80 => client:5000 > far:8080 new destination direct #1"])
        .xdp("a later one", f.tcp("client:5000 > lb:80").fin())
        .sent(f.tcp("client:5000 > far:8080").fin())
        .flows(&["tcp client:5000 > lb:80 => client:5000 > far:8080 closing destination direct #1"])
        .xdp("a question", f.udp("client:5000 > lb:53"))
        .sent(f.udp("client:5000 > far:5353").told("lb:53"))
        .flows(&["udp client:5000 > lb:53 => client:5000 > far:5353 established destination direct #2"])
}

fn here(f: Family) -> Scenario {
    scenario(f, "a client's connection to a backend here, which needs nothing said")
        .setting(Setting::Direct)
        .with(service("tcp lb:80").to("b:8080"))
        .wire("the first packet", f.tcp("client:5000 > lb:80").syn())
        .delivered(f.tcp("client:5000 > b:8080").syn())
        .flows(&[
            "tcp client:5000 > lb:80 => client:5000 > b:8080 new destination #1",
            "tcp b:8080 > client:5000 => lb:80 > client:5000 new reply source #1",
        ])
}

fn tcp_told(f: Family) -> Scenario {
    scenario(f, "another node sends a client's connection here")
        .with(service("tcp lb:80").to("far:8080"))
        .xdp("XDP leaves it", f.tcp("client:5000 > b:8080").syn().told("lb:80"))
        .passes()
        .wire("what is said is taken out again", f.tcp("client:5000 > b:8080").syn().told("lb:80"))
        .delivered(f.tcp("client:5000 > b:8080").syn())
        .flows(&[
            "tcp client:5000 > b:8080 => client:5000 > b:8080 new told",
            "tcp b:8080 > client:5000 => lb:80 > client:5000 new reply source",
        ])
        .pod("b", "the backend answers as the service", f.tcp("b:8080 > client:5000").syn_ack())
        .sent(f.tcp("lb:80 > client:5000").syn_ack())
        .flows(&["tcp b:8080 > client:5000 => lb:80 > client:5000 established reply source"])
        .wire("a later packet says nothing", f.tcp("client:5000 > b:8080"))
        .delivered(f.tcp("client:5000 > b:8080"))
        .flows(&["tcp client:5000 > b:8080 => client:5000 > b:8080 established told"])
        .pod("a", "what a pod says is no node's word", f.tcp("a:40000 > b:8080").syn().told("lb:80"))
        .delivered(f.tcp("a:40000 > b:8080").syn().told("lb:80"))
}

fn tcp_told_late(f: Family) -> Scenario {
    scenario(f, "another node sends more of a connection that this one has forgotten")
        .with(service("tcp lb:80").to("far:8080"))
        .wire("it says for which service", f.tcp("client:5000 > b:8080").told("lb:80"))
        .delivered(f.tcp("client:5000 > b:8080"))
        .flows(&[
            "tcp client:5000 > b:8080 => client:5000 > b:8080 established told",
            "tcp b:8080 > client:5000 => lb:80 > client:5000 new reply source",
        ])
        .wire("again, which is known", f.tcp("client:5000 > b:8080").told("lb:80"))
        .delivered(f.tcp("client:5000 > b:8080"))
        .pod("b", "the backend goes on as the service", f.tcp("b:8080 > client:5000"))
        .sent(f.tcp("lb:80 > client:5000"))
        .flows(&["tcp b:8080 > client:5000 => lb:80 > client:5000 established reply source"])
}

fn tcp_half_forgotten(f: Family) -> Scenario {
    scenario(f, "this node remembers the answers of a connection, and not what began it")
        .taken("tcp b:8080 > client:5000 => lb:80 > client:5000")
        .wire("more of it changes nothing about its answers", f.tcp("client:5000 > b:8080"))
        .delivered(f.tcp("client:5000 > b:8080"))
        .wire("what begins is another connection", f.tcp("client:5000 > b:8080").syn())
        .delivered(f.tcp("client:61000 > b:8080").syn())
        .flows(&[
            "tcp client:5000 > b:8080 => client:61000 > b:8080 new source",
            "tcp b:8080 > client:61000 => b:8080 > client:5000 new reply destination",
        ])
}

fn udp_told(f: Family) -> Scenario {
    scenario(f, "another node sends a client's questions here")
        .with(service("udp lb:53").to("far:5353"))
        .wire("the first", f.udp("client:5000 > b:5353").told("lb:53"))
        .delivered(f.udp("client:5000 > b:5353"))
        .flows(&[
            "udp client:5000 > b:5353 => client:5000 > b:5353 established told",
            "udp b:5353 > client:5000 => lb:53 > client:5000 new reply source",
        ])
        .wire("the second says it again", f.udp("client:5000 > b:5353").body(b"x").told("lb:53"))
        .delivered(f.udp("client:5000 > b:5353").body(b"x"))
        .pod("b", "the answer", f.udp("b:5353 > client:5000"))
        .sent(f.udp("lb:53 > client:5000"))
        .flows(&["udp b:5353 > client:5000 => lb:53 > client:5000 established reply source"])
}

fn node_port_told(f: Family) -> Scenario {
    scenario(f, "another node sends here what came to its own node port")
        .with(service("tcp node:30080").to("b:8080"))
        .wire("which is a port of this node, too", f.tcp("client:5000 > b:8080").syn().told("node2:30080"))
        .delivered(f.tcp("client:5000 > b:8080").syn())
        .flows(&[
            "tcp client:5000 > b:8080 => client:5000 > b:8080 new told",
            "tcp b:8080 > client:5000 => node2:30080 > client:5000 new reply source",
        ])
        .pod("b", "the backend answers as the other node", f.tcp("b:8080 > client:5000").syn_ack())
        .sent(f.tcp("node2:30080 > client:5000").syn_ack())
        .flows(&["tcp b:8080 > client:5000 => node2:30080 > client:5000 established reply source"])
        .wire("another port of it is no service", f.tcp("client:5001 > b:8080").syn().told("node2:30081"))
        .dropped(DropReason::NotAService)
}

fn not_a_service(f: Family) -> Scenario {
    scenario(f, "another machine speaks for a service that there is not")
        .with(service("tcp lb:80").to("b:8080"))
        .wire("another address", f.tcp("client:5000 > b:8080").syn().told("outside:80"))
        .dropped(DropReason::NotAService)
        .wire("another port", f.tcp("client:5000 > b:8080").syn().told("lb:81"))
        .dropped(DropReason::NotAService)
        .wire("another protocol", f.udp("client:5000 > b:8080").told("lb:80"))
        .dropped(DropReason::NotAService)
}

fn not_here(f: Family) -> Scenario {
    scenario(f, "something is said that this node has no use for")
        .with(service("tcp lb:80").to("b:8080"))
        .wire("to somebody else", f.tcp("client:5000 > outside:80").syn().told("lb:80"))
        .passes()
}

/// The packet that is told about, as much of it as is said.
fn too_big(f: Family) -> Scenario {
    let (fits, mtu, head) = if f == Family::V4 { (1460, 1488_u16, 14 + 20 + 8) } else { (1428, 1476, 14 + 40 + 8) };
    let question = |size: usize| f.udp("client:5000 > lb:53").body(&vec![b'x'; size]);
    let [high, low] = mtu.to_be_bytes();
    let kind = if f == Family::V4 { (3, 4) } else { (2, 0) };
    let error = |about: Frame| f.error(kind, [0, 0, high, low], "lb > client", &about.cut(head));
    scenario(f, "there is no room to say it")
        .setting(Setting::Direct)
        .with(service("udp lb:53").to("far:5353"))
        .wire("a question that just fits", question(fits))
        .sent(f.udp("client:5000 > far:5353").body(&vec![b'x'; fits]).told("lb:53"))
        .flows(&["udp client:5000 > lb:53 => client:5000 > far:5353 established destination direct #1"])
        .wire("one that does not: the client is told", question(fits + 1))
        .answered(DropReason::TooBig, &error(question(fits + 1)))
        .xdp("which XDP leaves to the next hook", question(fits + 1))
        .passes()
        .wire("with options there is nobody to tell", question(fits + 1).options(1).extension(ichor_datapath_types::proto::DESTINATION, 0))
        .dropped(DropReason::TooBig)
}

/// A packet in three pieces: its first and its second.
fn two_of(f: Family, text: &str) -> [Frame; 2] {
    let frame = f.udp(text).body(&[b'x'; 64]);
    [frame.clone().piece(3, 0, 24), frame.piece(3, 24, 24)]
}

fn pieces(f: Family) -> Scenario {
    let [first, second] = two_of(f, "client:5000 > lb:53");
    let [to_first, to_second] = two_of(f, "node:61000 > far:5353");
    scenario(f, "a question in pieces to a backend elsewhere is not answered directly")
        .setting(Setting::Direct)
        .with(service("udp lb:53").to("far:5353"))
        .wire("a full first piece has no room to say for which service it is", first)
        .sent(to_first)
        .flows(&[
            "udp client:5000 > lb:53 => node:61000 > far:5353 established source destination #1",
            "udp far:5353 > node:61000 => lb:53 > client:5000 new reply source destination #1",
        ])
        .wire("the second", second)
        .sent(to_second)
}

fn pieces_later(f: Family) -> Scenario {
    let [first, second] = two_of(f, "client:5000 > lb:53");
    let [to_first, to_second] = two_of(f, "node:61000 > far:5353");
    let small = f.udp("client:5000 > lb:53");
    scenario(f, "a client that was answered directly asks for more than a packet holds")
        .setting(Setting::Direct)
        .with(service("udp lb:53").to("far:5353"))
        .wire("small", small.clone())
        .sent(f.udp("client:5000 > far:5353").told("lb:53"))
        .flows(&["udp client:5000 > lb:53 => client:5000 > far:5353 established destination direct #1"])
        .wire("a first piece", first)
        .sent(to_first)
        .flows(&[
            "udp client:5000 > lb:53 => node:61000 > far:5353 established source destination #1",
            "udp far:5353 > node:61000 => lb:53 > client:5000 new reply source destination #1",
        ])
        .wire("a second", second)
        .sent(to_second)
        .wire("from now on all of it goes the same way", small)
        .sent(f.udp("node:61000 > far:5353"))
}

fn pieces_told(f: Family) -> Scenario {
    let [first, second] = two_of(f, "client:5000 > b:5353");
    scenario(f, "another node sends a question in pieces here")
        .with(service("udp lb:53").to("far:5353"))
        .wire("what is said is taken out of the first", first.clone().told("lb:53"))
        .delivered(first)
        .flows(&[
            "udp client:5000 > b:5353 => client:5000 > b:5353 established told",
            "udp b:5353 > client:5000 => lb:53 > client:5000 new reply source",
        ])
        .wire("the second", second.clone())
        .delivered(second)
}

fn another_version(f: Family) -> Scenario {
    const VERSION: usize = 14 + 40 + 4;
    scenario(f, "another node speaks a later version")
        .with(service("tcp lb:80").to("far:8080"))
        .wire("it is not understood, and stays", f.tcp("client:5000 > b:8080").syn().told("lb:80").byte(VERSION, 2))
        .delivered(f.tcp("client:5000 > b:8080").syn().told("lb:80").byte(VERSION, 2))
        .flows(&["tcp client:5000 > b:8080 => client:5000 > b:8080 new", "tcp b:8080 > client:5000 => b:8080 > client:5000 new reply"])
}
