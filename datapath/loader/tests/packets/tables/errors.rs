//! Errors of ICMP about packets that were translated: they go where the packet came from, and tell about it as it was.

use ichor_datapath_types::{DropReason, proto};

use crate::cluster::service;
use crate::frame::Frame;
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    vec![
        hidden_tcp(f),
        hidden_udp(f),
        hidden_echo(f),
        service_elsewhere(f),
        service_here(f),
        pieces(f),
        between(f),
        the_node(f),
        unknown(f),
    ]
}

fn unreachable(f: Family, text: &str, about: &Frame) -> Frame {
    f.error(if f == Family::V4 { (3, 3) } else { (1, 4) }, [0; 4], text, about)
}

fn expired(f: Family, text: &str, about: &Frame) -> Frame {
    f.error(if f == Family::V4 { (11, 0) } else { (3, 0) }, [0; 4], text, about)
}

fn too_big(f: Family, text: &str, about: &Frame) -> Frame {
    f.error(if f == Family::V4 { (3, 4) } else { (2, 0) }, [0, 0, 0x05, 0x14], text, about)
}

fn bad_parameter(f: Family, text: &str, about: &Frame) -> Frame {
    f.error(if f == Family::V4 { (12, 0) } else { (4, 0) }, [0, 0, 0, 9], text, about)
}

/// As much of a packet as an error must tell of, which is less than TCP's checksum.
fn begin(frame: Frame) -> Frame {
    let headers = if frame.destination().is_ipv4() { 20 } else { 40 };
    frame.cut(14 + headers + 8)
}

fn hidden_tcp(f: Family) -> Scenario {
    let (inside, outside) = (begin(f.tcp("a:40000 > outside:443").syn()), begin(f.tcp("node:61000 > outside:443").syn()));
    scenario(f, "errors about a hidden pod's connection")
        .pod("a", "the connection", f.tcp("a:40000 > outside:443").syn())
        .sent(f.tcp("node:61000 > outside:443").syn())
        .flows(&[
            "tcp a:40000 > outside:443 => node:61000 > outside:443 new source",
            "tcp outside:443 > node:61000 => outside:443 > a:40000 new reply destination",
        ])
        .wire("a router says that it went too far", expired(f, "router > node", &outside))
        .delivered(expired(f, "router > a", &inside))
        .wire("a router says that it is too big", too_big(f, "router > node", &outside))
        .delivered(too_big(f, "router > a", &inside))
        .wire("the peer says that nobody listens", unreachable(f, "outside > node", &outside))
        .delivered(unreachable(f, "outside > a", &inside))
        .wire("the peer says that a header is wrong", bad_parameter(f, "outside > node", &outside))
        .delivered(bad_parameter(f, "outside > a", &inside))
        .xdp("XDP leaves them", expired(f, "router > node", &outside))
        .passes()
        .wire("one on its last hop is the kernel's", expired(f, "router > node", &outside).ttl(1))
        .passes()
}

fn hidden_udp(f: Family) -> Scenario {
    let (inside, outside) = (f.udp("a:40000 > outside:53"), f.udp("node:61000 > outside:53"));
    let inside = inside.sum_of(&outside);
    let (answer, answer_outside) = (f.udp("outside:53 > a:40000"), f.udp("outside:53 > node:61000"));
    let answer_outside = answer_outside.sum_of(&answer);
    scenario(f, "errors about a hidden pod's question and its answer")
        .pod("a", "the question", f.udp("a:40000 > outside:53"))
        .sent(f.udp("node:61000 > outside:53"))
        .flows(&[
            "udp a:40000 > outside:53 => node:61000 > outside:53 established source",
            "udp outside:53 > node:61000 => outside:53 > a:40000 new reply destination",
        ])
        .wire("nobody listens", unreachable(f, "outside > node", &outside))
        .delivered(unreachable(f, "outside > a", &inside))
        .pod("a", "the pod does not listen any more, and stays hidden", unreachable(f, "a > outside", &answer))
        .sent(unreachable(f, "node > outside", &answer_outside))
        .pod("b", "another pod cannot say so", unreachable(f, "a > outside", &answer))
        .dropped(DropReason::SpoofedSource)
}

fn hidden_echo(f: Family) -> Scenario {
    let outside = f.echo("node:61000 > outside");
    let inside = f.echo("a:77 > outside").sum_of(&outside);
    scenario(f, "errors about a hidden pod's echo")
        .pod("a", "the echo", f.echo("a:77 > outside"))
        .sent(f.echo("node:61000 > outside"))
        .flows(&[
            "echo a:77 > outside:77 => node:61000 > outside:61000 established source",
            "echo outside:61000 > node:61000 => outside:77 > a:77 new reply destination",
        ])
        .wire("it went too far, as a trace wants to know", expired(f, "router > node", &outside))
        .delivered(expired(f, "router > a", &inside))
}

fn service_elsewhere(f: Family) -> Scenario {
    let (asked, sent) = (f.udp("a:40000 > web:53").without_checksum(), f.udp("a:40000 > far:53").without_checksum());
    scenario(f, "errors about a pod's question to a service")
        .with(service("udp web:53").to("far:53"))
        .pod("a", "the question", asked.clone())
        .sent(sent.clone())
        .flows(&[
            "udp a:40000 > web:53 => a:40000 > far:53 established destination #1",
            "udp far:53 > a:40000 => web:53 > a:40000 new reply source #1",
        ])
        .wire("the backend speaks as the service", unreachable(f, "far > a", &sent))
        .delivered(unreachable(f, "web > a", &asked))
        .wire("a router on the way as itself", expired(f, "node2 > a", &sent))
        .delivered(expired(f, "node2 > a", &asked))
        .wire("options of the error do not matter", unreachable(f, "far > a", &sent).options(2).extension(proto::HOP_BY_HOP, 0))
        .delivered(unreachable(f, "web > a", &asked).options(2).extension(proto::HOP_BY_HOP, 0))
}

/// A datagram in pieces is too big for a hop, whichever piece of it.
fn pieces(f: Family) -> Scenario {
    let piece = |frame: Frame, from| frame.piece(5, from, 32);
    let answered = f.udp("lb:53 > client:5000").body(&[7; 64]);
    let answer = f.udp("b:5353 > client:5000").body(&[7; 64]).sum_of(&answered);
    scenario(f, "errors about pieces")
        .with(service("udp lb:53").to("b:5353"))
        .wire("the question", f.udp("client:5000 > lb:53"))
        .delivered(f.udp("client:5000 > b:5353"))
        .flows(&[
            "udp client:5000 > lb:53 => client:5000 > b:5353 established destination #1",
            "udp b:5353 > client:5000 => lb:53 > client:5000 new reply source #1",
        ])
        .wire("the first piece of the answer is too big", too_big(f, "router > lb", &piece(answered.clone(), 0)))
        .delivered(too_big(f, "router > b", &piece(answer, 0)))
        .wire("a later one tells nobody anything", too_big(f, "router > lb", &piece(answered, 32)))
        .passes()
}

fn service_here(f: Family) -> Scenario {
    let (asked, sent) = (f.udp("a:40000 > web:53").without_checksum(), f.udp("a:40000 > b:5353").without_checksum());
    scenario(f, "errors of a backend on this node")
        .with(service("udp web:53").to("b:5353"))
        .pod("a", "the question", asked.clone())
        .delivered(sent.clone())
        .flows(&[
            "udp a:40000 > web:53 => a:40000 > b:5353 established destination #1",
            "udp b:5353 > a:40000 => web:53 > a:40000 new reply source #1",
        ])
        .pod("b", "nobody listens", unreachable(f, "b > a", &sent))
        .delivered(unreachable(f, "web > a", &asked))
}

fn between(f: Family) -> Scenario {
    let (asked, sent) = (f.udp("client:5000 > lb:53").without_checksum(), f.udp("node:61000 > far:5353").without_checksum());
    scenario(f, "errors that come to the node between a client and a backend")
        .with(service("udp lb:53").to("far:5353"))
        .wire("the question", asked.clone())
        .sent(sent.clone())
        .flows(&[
            "udp client:5000 > lb:53 => node:61000 > far:5353 established source destination #1",
            "udp far:5353 > node:61000 => lb:53 > client:5000 new reply source destination #1",
        ])
        .wire("nobody listens: the backend speaks as the service", unreachable(f, "far > node", &sent))
        .sent(unreachable(f, "lb > client", &asked))
        .xdp("so it does in XDP", unreachable(f, "far > node", &sent))
        .sent(unreachable(f, "lb > client", &asked))
        .xdp("a router on the way, in XDP", too_big(f, "node2 > node", &sent))
        .sent(too_big(f, "node2 > client", &asked))
}

fn the_node(f: Family) -> Scenario {
    let (asked, sent) = (f.tcp("client:5000 > node:30443"), f.tcp("client:5000 > node:6443"));
    let (answer, answered) = (f.tcp("node:6443 > client:5000"), f.tcp("node:30443 > client:5000"));
    scenario(f, "errors about a node port in the node's own network")
        .with(service("tcp node:30443").to("node:6443"))
        .wire("the connection", asked.clone())
        .rewritten(&sent)
        .flows(&[
            "tcp client:5000 > node:30443 => client:5000 > node:6443 established destination #1",
            "tcp node:6443 > client:5000 => node:30443 > client:5000 new reply source #1",
        ])
        .wire("about an answer of the node", expired(f, "router > node", &begin(answered)))
        .rewritten(&expired(f, "router > node", &begin(answer)))
        .host("the node's own, about the question", unreachable(f, "node > client", &begin(sent)))
        .rewritten(&unreachable(f, "node > client", &begin(asked)))
}

fn unknown(f: Family) -> Scenario {
    let headers = if f == Family::V4 { 20 } else { 40 };
    let about = f.udp("node:61000 > outside:53");
    scenario(f, "errors about nothing that is known")
        .wire("no such flow", expired(f, "router > node", &about))
        .passes()
        .xdp("nor in XDP", expired(f, "router > node", &about))
        .passes()
        .wire("less than ports", expired(f, "router > node", &about.clone().cut(14 + headers + 3)))
        .passes()
        .wire("less than a header", expired(f, "router > node", &about.clone().cut(14 + headers - 1)))
        .passes()
        .wire("another version", expired(f, "router > node", &about.clone().byte(14, 0x35)))
        .passes()
        .wire("a later piece", expired(f, "router > node", &about.body(&[9; 64]).piece(9, 16, 16)))
        .passes()
        .wire("a protocol without ports", expired(f, "router > node", &f.protocol(47, "node > outside")))
        .passes()
        .pod("a", "a pod's", unreachable(f, "a > far", &f.udp("far:1 > a:1")))
        .passes()
}
