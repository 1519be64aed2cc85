//! Packets in pieces: only the first has ports.

use ichor_datapath_types::{DropReason, proto};

use crate::cluster::{Setting, service};
use crate::frame::Frame;
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

const LONG: &[u8] = b"forty bytes of text, which is five eights";

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    let mut all = vec![service_here(f), hidden(f), echo(f), by_xdp(f), unknown(f), unknown_unmasked(f), tcp(f), whole(f)];
    if f == Family::V6 {
        all.push(behind_extensions(f));
    }
    all
}

/// The pieces of a packet: with ports, without, and the last.
fn pieces(frame: &Frame) -> [Frame; 3] {
    let frame = frame.clone().body(LONG);
    [frame.clone().piece(9, 0, 16), frame.clone().piece(9, 16, 16), frame.piece(9, 32, 999)]
}

fn service_here(f: Family) -> Scenario {
    let [first, second, third] = pieces(&f.udp("a:40000 > web:53"));
    let [to_first, to_second, to_third] = pieces(&f.udp("a:40000 > b:5353"));
    let [answer, more, last] = pieces(&f.udp("b:5353 > a:40000"));
    let [to_answer, to_more, to_last] = pieces(&f.udp("web:53 > a:40000"));
    scenario(f, "a service is asked in pieces")
        .with(service("udp web:53").to("b:5353"))
        .pod("a", "the first piece has the ports", first)
        .delivered(to_first)
        .flows(&[
            "udp a:40000 > web:53 => a:40000 > b:5353 established destination #1",
            "udp b:5353 > a:40000 => web:53 > a:40000 new reply source #1",
        ])
        .pod("a", "the second follows it", second)
        .delivered(to_second)
        .pod("a", "so does the last", third)
        .delivered(to_third)
        .pod("b", "the answer begins", answer)
        .delivered(to_answer)
        .flows(&["udp b:5353 > a:40000 => web:53 > a:40000 established reply source #1"])
        .pod("b", "out of order", last)
        .delivered(to_last)
        .pod("b", "the middle", more)
        .delivered(to_more)
}

fn hidden(f: Family) -> Scenario {
    let [first, second, _] = pieces(&f.udp("a:40000 > outside:53"));
    let [to_first, to_second, _] = pieces(&f.udp("node:61000 > outside:53"));
    let [answer, more, last] = pieces(&f.udp("outside:53 > node:61000"));
    let [to_answer, to_more, to_last] = pieces(&f.udp("outside:53 > a:40000"));
    scenario(f, "a pod talks to the outside in pieces")
        .pod("a", "the first piece gets a port", first)
        .sent(to_first)
        .flows(&[
            "udp a:40000 > outside:53 => node:61000 > outside:53 established source",
            "udp outside:53 > node:61000 => outside:53 > a:40000 new reply destination",
        ])
        .pod("a", "the second gets the address", second)
        .sent(to_second)
        .wire("the answer begins", answer)
        .delivered(to_answer)
        .flows(&["udp outside:53 > node:61000 => outside:53 > a:40000 established reply destination"])
        .wire("it goes on", more)
        .delivered(to_more)
        .xdp("XDP leaves pieces as it leaves the rest", last.clone())
        .passes()
        .wire("it ends", last)
        .delivered(to_last)
}

fn echo(f: Family) -> Scenario {
    let [first, second, _] = pieces(&f.echo("a:77 > outside"));
    let [to_first, to_second, _] = pieces(&f.echo("node:61000 > outside"));
    scenario(f, "an echo in pieces")
        .pod("a", "the first piece has the identifier", first)
        .sent(to_first)
        .flows(&[
            "echo a:77 > outside:77 => node:61000 > outside:61000 established source",
            "echo outside:61000 > node:61000 => outside:77 > a:77 new reply destination",
        ])
        .pod("a", "the second has not", second)
        .sent(to_second)
}

fn by_xdp(f: Family) -> Scenario {
    let [first, second, third] = pieces(&f.udp("client:5000 > lb:53"));
    let [to_first, to_second, to_third] = pieces(&f.udp("node:61000 > far:5353"));
    scenario(f, "a packet in pieces passes through")
        .with(service("udp lb:53").to("far:5353"))
        .xdp("the first piece", first)
        .sent(to_first)
        .flows(&[
            "udp client:5000 > lb:53 => node:61000 > far:5353 established source destination #1",
            "udp far:5353 > node:61000 => lb:53 > client:5000 new reply source destination #1",
        ])
        .xdp("the second", second)
        .sent(to_second)
        .wire("the last, by the other hook", third)
        .sent(to_third)
}

fn unknown(f: Family) -> Scenario {
    let later = |frame: Frame| frame.body(LONG).piece(9, 16, 16);
    let [first, second, _] = pieces(&f.udp("a:40000 > outside:53"));
    let [to_first, _, _] = pieces(&f.udp("node:61000 > outside:53"));
    scenario(f, "a later piece without its first")
        .with(service("udp web:53").to("b:5353"))
        .with(service("udp lb:53").to("far:5353"))
        .pod("a", "to a service", later(f.udp("a:40000 > web:53")))
        .dropped(DropReason::FragmentUnknown)
        .pod("a", "to the outside: its address must not be seen", second.clone())
        .dropped(DropReason::FragmentUnknown)
        .pod("a", "to a pod elsewhere it may", later(f.udp("a:40000 > far:53")))
        .passes()
        .wire("to a service, from outside", later(f.udp("client:5000 > lb:53")))
        .passes()
        .xdp("to a service, from outside, in XDP", later(f.udp("client:5000 > lb:53")))
        .passes()
        .pod("a", "its first piece comes late", first)
        .sent(to_first)
        .flows(&[
            "udp a:40000 > outside:53 => node:61000 > outside:53 established source",
            "udp outside:53 > node:61000 => outside:53 > a:40000 new reply destination",
        ])
        .pod("a", "a piece of another packet is still unknown", f.udp("a:40000 > outside:53").body(LONG).piece(10, 16, 16))
        .dropped(DropReason::FragmentUnknown)
        .pod("a", "as is one of another protocol", later(f.tcp("a:40000 > outside:53")))
        .dropped(DropReason::FragmentUnknown)
        .pod("a", "from another's address it is not even looked for", later(f.udp("b:40000 > outside:53")))
        .dropped(DropReason::SpoofedSource)
}

fn unknown_unmasked(f: Family) -> Scenario {
    scenario(f, "a later piece without its first, where nobody is hidden")
        .setting(Setting::Unmasked)
        .pod("a", "to the outside", f.udp("a:40000 > outside:53").body(LONG).piece(9, 16, 16))
        .passes()
}

fn tcp(f: Family) -> Scenario {
    let [first, second, _] = pieces(&f.tcp("a:40000 > web:80").fin());
    let begin = |frame: &Frame| frame.clone().body(LONG).piece(9, 0, 24);
    let whole = f.tcp("a:40000 > web:80").fin();
    let rest = |frame: Frame| frame.body(LONG).piece(9, 24, 99);
    scenario(f, "TCP in pieces")
        .with(service("tcp web:80").to("b:8080"))
        .pod("a", "a first piece without a whole header", first)
        .dropped(DropReason::Truncated)
        .pod("a", "and what follows it", second)
        .dropped(DropReason::FragmentUnknown)
        .pod("a", "a last word in pieces", begin(&whole))
        .delivered(begin(&f.tcp("a:40000 > b:8080").fin()))
        .flows(&[
            "tcp a:40000 > web:80 => a:40000 > b:8080 closing destination #1",
            "tcp b:8080 > a:40000 => web:80 > a:40000 new reply source #1",
        ])
        .pod("a", "its second piece does not open the connection again", rest(whole))
        .delivered(rest(f.tcp("a:40000 > b:8080").fin()))
}

fn whole(f: Family) -> Scenario {
    scenario(f, "a packet of one piece")
        .with(service("udp web:53").to("b:5353"))
        .pod("a", "is whole", f.udp("a:40000 > web:53").piece(9, 0, 999))
        .delivered(f.udp("a:40000 > b:5353").piece(9, 0, 999))
        .flows(&[
            "udp a:40000 > web:53 => a:40000 > b:5353 established destination #1",
            "udp b:5353 > a:40000 => web:53 > a:40000 new reply source #1",
        ])
}

fn behind_extensions(f: Family) -> Scenario {
    let [first, second, _] = pieces(&f.udp("a:40000 > web:53").extension(proto::HOP_BY_HOP, 0).extension(proto::ROUTING, 1));
    let [to_first, to_second, _] = pieces(&f.udp("a:40000 > b:5353").extension(proto::HOP_BY_HOP, 0).extension(proto::ROUTING, 1));
    scenario(f, "pieces behind extension headers")
        .with(service("udp web:53").to("b:5353"))
        .pod("a", "the first", first)
        .delivered(to_first)
        .flows(&[
            "udp a:40000 > web:53 => a:40000 > b:5353 established destination #1",
            "udp b:5353 > a:40000 => web:53 > a:40000 new reply source #1",
        ])
        .pod("a", "the second", second)
        .delivered(to_second)
}
