//! Headers of every form.

use ichor_datapath_types::{DropReason, proto};

use crate::cluster::service;
use crate::frame::Frame;
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    let mut all = vec![udp_sums(f), last_hop(f), no_ip(f), icmp(f)];
    match f {
        Family::V4 => all.extend([options(f), bad_v4(f)]),
        Family::V6 => all.extend([extensions(f), kinds_of_extensions(f), too_many(f), bad_v6(f)]),
    }
    all
}

const SERVED: [&str; 2] =
    ["tcp a:40000 > web:80 => a:40000 > b:8080 established destination #1", "tcp b:8080 > a:40000 => web:80 > a:40000 new reply source #1"];

fn udp_sums(f: Family) -> Scenario {
    let special = f.udp("a:40000 > web:53").summing_to_zero();
    let bytes = special.bytes();
    let body = &bytes[bytes.len() - 2..];
    // What the service's address becomes decides about the sum.
    let zero_afterwards = f.udp("a:40000 > b:5353").summing_to_zero();
    let zero_bytes = zero_afterwards.bytes();
    let zero_body = &zero_bytes[zero_bytes.len() - 2..];
    scenario(f, "the checksum of UDP")
        .with(service("udp web:53").to("b:5353"))
        .pod("a", "one that is absent stays so", f.udp("a:40000 > web:53").without_checksum())
        .delivered(f.udp("a:40000 > b:5353").without_checksum())
        .flows(&[
            "udp a:40000 > web:53 => a:40000 > b:5353 established destination #1",
            "udp b:5353 > a:40000 => web:53 > a:40000 new reply source #1",
        ])
        .pod("a", "one that is zero comes written otherwise", special)
        .delivered(f.udp("a:40000 > b:5353").body(body))
        .pod("a", "one that becomes zero is written otherwise", f.udp("a:40000 > web:53").body(zero_body))
        .delivered(zero_afterwards)
        .pod("b", "absent in the answer, too", f.udp("b:5353 > a:40000").without_checksum())
        .delivered(f.udp("web:53 > a:40000").without_checksum())
        .flows(&["udp b:5353 > a:40000 => web:53 > a:40000 established reply source #1"])
}

fn last_hop(f: Family) -> Scenario {
    scenario(f, "a packet that may not be forwarded again is the kernel's")
        .with(service("tcp web:80").to("b:8080"))
        .with(service("tcp node:30443").to("node:6443"))
        .pod("a", "to a service, but its flow begins", f.tcp("a:40000 > web:80").ttl(1))
        .passes()
        .flows(&SERVED)
        .pod("a", "with no hop at all", f.tcp("a:40000 > web:80").ttl(0))
        .passes()
        .pod("a", "with one hop to spare", f.tcp("a:40000 > web:80").ttl(2))
        .delivered(f.tcp("a:40000 > b:8080").ttl(2))
        .pod("a", "to a pod here", f.udp("a:1 > b:1").ttl(1))
        .passes()
        .pod("a", "to a pod elsewhere", f.udp("a:1 > far:1").ttl(1))
        .passes()
        .wire("from the wire to a pod", f.udp("client:1 > a:1").ttl(1))
        .passes()
        .flows(&["udp client:1 > a:1 => client:1 > a:1 established", "udp a:1 > client:1 => a:1 > client:1 new reply"])
        .wire("to the node itself it need not be forwarded", f.tcp("client:5000 > node:30443").ttl(1).syn())
        .rewritten(&f.tcp("client:5000 > node:6443").ttl(1).syn())
        .flows(&[
            "tcp client:5000 > node:30443 => client:5000 > node:6443 new destination #2",
            "tcp node:6443 > client:5000 => node:30443 > client:5000 new reply source #2",
        ])
        .pod("a", "with all hops", f.tcp("a:40000 > web:80").ttl(255))
        .delivered(f.tcp("a:40000 > b:8080").ttl(255))
}

fn no_ip(f: Family) -> Scenario {
    let other = |kind: [u8; 2]| f.udp("a:1 > b:1").byte(12, kind[0]).byte(13, kind[1]);
    scenario(f, "frames of other protocols go on")
        .pod("a", "ARP from a pod", other([0x08, 0x06]))
        .passes()
        .wire("ARP from the wire", other([0x08, 0x06]))
        .passes()
        .xdp("ARP in XDP", other([0x08, 0x06]))
        .passes()
        .host("a spanning tree, from the node", other([0x00, 0x26]))
        .passes()
        .wire("a VLAN's", other([0x81, 0x00]))
        .passes()
}

fn icmp(f: Family) -> Scenario {
    let kind = if f == Family::V4 { 13 } else { 140 };
    scenario(f, "ICMP that is no echo")
        .wire("to the node", f.icmp(kind, "client > node"))
        .passes()
        .xdp("in XDP", f.icmp(kind, "client > node"))
        .passes()
        .pod("a", "from a pod to another", f.icmp(kind, "a > b"))
        .passes()
        .pod("a", "with a header that is cut", f.icmp(kind, "a > b").cut(if f == Family::V4 { 41 } else { 61 }))
        .dropped(DropReason::Truncated)
        .pod("a", "an echo with a header that is cut", f.echo("a:1 > b").cut(if f == Family::V4 { 41 } else { 61 }))
        .dropped(DropReason::Truncated)
        .pod("a", "an echo with nothing but a header", f.echo("a:1 > b").body(b""))
        .delivered(f.echo("a:1 > b").body(b""))
}

type Shape = fn(Frame) -> Frame;

fn served(f: Family, title: &'static str, rows: &[(&'static str, Shape)]) -> Scenario {
    let mut all = scenario(f, title).with(service("tcp web:80").to("b:8080"));
    for (number, (what, shape)) in rows.iter().enumerate() {
        all = all.pod("a", what, shape(f.tcp("a:40000 > web:80"))).delivered(shape(f.tcp("a:40000 > b:8080")));
        if number == 0 {
            all = all.flows(&SERVED);
        }
    }
    all
}

fn options(f: Family) -> Scenario {
    served(
        f,
        "IPv4 options",
        &[
            ("none", |frame| frame),
            ("one word", |frame| frame.options(1)),
            ("two words", |frame| frame.options(2)),
            ("three words", |frame| frame.options(3)),
            ("nine words", |frame| frame.options(9)),
            ("ten words, which is all there is room for", |frame| frame.options(10)),
        ],
    )
    .pod("a", "UDP behind options", f.udp("a:40000 > outside:53").options(4))
    .sent(f.udp("node:61000 > outside:53").options(4))
    .flows(&[
        "udp a:40000 > outside:53 => node:61000 > outside:53 established source",
        "udp outside:53 > node:61000 => outside:53 > a:40000 new reply destination",
    ])
    .pod("a", "options that reach behind the end", f.tcp("a:40000 > web:80").body(b"").byte(14, 0x4f))
    .dropped(DropReason::Truncated)
}

fn bad_v4(f: Family) -> Scenario {
    let frame = || f.tcp("a:40000 > b:80");
    scenario(f, "headers that contradict themselves")
        .pod("a", "shorter than a header is", frame().byte(14, 0x44))
        .dropped(DropReason::BadHeader)
        .pod("a", "no length at all", frame().byte(14, 0x40))
        .dropped(DropReason::BadHeader)
        .pod("a", "another version", frame().byte(14, 0x65))
        .dropped(DropReason::BadHeader)
        .wire("another version, from the wire", frame().byte(14, 0x05))
        .dropped(DropReason::BadHeader)
        .xdp("in XDP", frame().byte(14, 0x44))
        .dropped(DropReason::BadHeader)
        .host("from the node", frame().byte(14, 0x44))
        .dropped(DropReason::BadHeader)
}

fn bad_v6(f: Family) -> Scenario {
    let frame = || f.tcp("a:40000 > b:80");
    scenario(f, "headers that contradict themselves")
        .pod("a", "another version", frame().byte(14, 0x40))
        .dropped(DropReason::BadHeader)
        .wire("another version, from the wire", frame().byte(14, 0x70))
        .dropped(DropReason::BadHeader)
        .xdp("in XDP", frame().byte(14, 0x00))
        .dropped(DropReason::BadHeader)
        .host("from the node", frame().byte(14, 0xe0))
        .dropped(DropReason::BadHeader)
}

fn extensions(f: Family) -> Scenario {
    served(
        f,
        "extension headers, as many as are followed",
        &[
            ("none", |frame| frame),
            ("one", |frame| frame.extension(proto::HOP_BY_HOP, 0)),
            ("two", |frame| frame.extension(proto::HOP_BY_HOP, 0).extension(proto::DESTINATION, 2)),
            ("three", |frame| frame.extension(proto::HOP_BY_HOP, 0).extension(proto::DESTINATION, 1).extension(proto::ROUTING, 0)),
            ("four", |frame| {
                frame
                    .extension(proto::HOP_BY_HOP, 0)
                    .extension(proto::DESTINATION, 3)
                    .extension(proto::ROUTING, 1)
                    .extension(proto::DESTINATION, 0)
            }),
            ("a long one", |frame| frame.extension(proto::DESTINATION, 31)),
        ],
    )
}

fn kinds_of_extensions(f: Family) -> Scenario {
    scenario(f, "what is not followed has no ports")
        .with(service("tcp web:80").to("b:8080"))
        .pod("a", "nothing behind the header", f.protocol(proto::NO_NEXT, "a > far"))
        .passes()
        .pod("a", "authentication", f.tcp("a:40000 > far:80").extension(proto::AUTHENTICATION, 2))
        .passes()
        .pod("a", "UDP behind a header", f.udp("a:40000 > outside:53").extension(proto::DESTINATION, 0))
        .sent(f.udp("node:61000 > outside:53").extension(proto::DESTINATION, 0))
        .flows(&[
            "udp a:40000 > outside:53 => node:61000 > outside:53 established source",
            "udp outside:53 > node:61000 => outside:53 > a:40000 new reply destination",
        ])
        .pod("a", "an echo behind a header", f.echo("a:7 > outside").extension(proto::HOP_BY_HOP, 0))
        .sent(f.echo("node:61000 > outside").extension(proto::HOP_BY_HOP, 0))
        .flows(&[
            "echo a:7 > outside:7 => node:61000 > outside:61000 established source",
            "echo outside:61000 > node:61000 => outside:7 > a:7 new reply destination",
        ])
        .pod("a", "a header that reaches behind the end", f.tcp("a:40000 > web:80").extension(proto::DESTINATION, 0).byte(55, 20))
        .dropped(DropReason::Truncated)
        .pod("a", "a chain that ends with the frame", f.tcp("a:40000 > web:80").extension(proto::DESTINATION, 0).cut(54))
        .dropped(DropReason::Truncated)
}

fn too_many(f: Family) -> Scenario {
    let chain = |frame: Frame, length: usize| (0..length).fold(frame, |frame, _| frame.extension(proto::DESTINATION, 0));
    scenario(f, "more extension headers than are followed")
        .with(service("tcp lb:80").to("far:8080"))
        .pod("a", "five", chain(f.tcp("a:40000 > far:80"), 5))
        .dropped(DropReason::ExtensionHeaders)
        .pod("a", "six", chain(f.tcp("a:40000 > far:80"), 6))
        .dropped(DropReason::ExtensionHeaders)
        .wire("five from the wire", chain(f.tcp("client:5000 > lb:80"), 5))
        .dropped(DropReason::ExtensionHeaders)
        .xdp("five in XDP", chain(f.tcp("client:5000 > lb:80"), 5))
        .dropped(DropReason::ExtensionHeaders)
        .host("five from the node", chain(f.tcp("node:5000 > outside:80"), 5))
        .dropped(DropReason::ExtensionHeaders)
        .pod("a", "four and a fragment's", chain(f.tcp("a:40000 > far:80"), 4).piece(9, 0, 24))
        .dropped(DropReason::ExtensionHeaders)
}
