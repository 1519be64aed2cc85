//! Rows for defects that were found after the tables were there.

use ichor_datapath_types::{DropReason, proto};

use crate::cluster::{Setting, service};
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    let mut all = vec![
        scenario(f, "a connection from outside straight to a pod")
            .wire("it begins", f.tcp("client:5000 > a:8080").syn())
            .delivered(f.tcp("client:5000 > a:8080").syn())
            .flows(&["tcp client:5000 > a:8080 => client:5000 > a:8080 new", "tcp a:8080 > client:5000 => a:8080 > client:5000 new reply"])
            .pod("a", "the pod's answer comes from the pod", f.tcp("a:8080 > client:5000").syn_ack())
            .sent(f.tcp("a:8080 > client:5000").syn_ack())
            .flows(&["tcp a:8080 > client:5000 => a:8080 > client:5000 established reply"])
            .wire("an echo", f.echo("client:5 > a"))
            .delivered(f.echo("client:5 > a"))
            .flows(&["echo client:5 > a:5 => client:5 > a:5 established", "echo a:5 > client:5 => a:5 > client:5 new reply"])
            .pod("a", "its answer", f.echo_reply("a:5 > client"))
            .sent(f.echo_reply("a:5 > client"))
            .flows(&["echo a:5 > client:5 => a:5 > client:5 established reply"]),
        scenario(f, "SCTP is hidden without another port, or not at all")
            .pod("a", "x", f.sctp("a:40000 > outside:9000"))
            .sent(f.sctp("node:40000 > outside:9000"))
            .flows(&[
                "sctp a:40000 > outside:9000 => node:40000 > outside:9000 established source",
                "sctp outside:9000 > node:40000 => outside:9000 > a:40000 new reply destination",
            ]),
        scenario(f, "a finished connection gives its port back to the same pod and ports")
            .pod("a", "begins", f.tcp("a:40000 > outside:443").syn())
            .sent(f.tcp("node:61000 > outside:443").syn())
            .flows(&[
                "tcp a:40000 > outside:443 => node:61000 > outside:443 new source",
                "tcp outside:443 > node:61000 => outside:443 > a:40000 new reply destination",
            ])
            .pod("a", "ends", f.tcp("a:40000 > outside:443").fin())
            .sent(f.tcp("node:61000 > outside:443").fin())
            .flows(&["tcp a:40000 > outside:443 => node:61000 > outside:443 closing source"])
            .wire("ends", f.tcp("outside:443 > node:61000").fin())
            .delivered(f.tcp("outside:443 > a:40000").fin())
            .flows(&["tcp outside:443 > node:61000 => outside:443 > a:40000 closing reply destination"])
            .pod("a", "begins again", f.tcp("a:40000 > outside:443").syn())
            .sent(f.tcp("node:61000 > outside:443").syn())
            .flows(&[
                "tcp a:40000 > outside:443 => node:61000 > outside:443 new source",
                "tcp outside:443 > node:61000 => outside:443 > a:40000 new reply destination",
            ]),
    ];
    all.extend(of_direct_answers(f));
    all
}

fn of_direct_answers(f: Family) -> Vec<Scenario> {
    let mut all = vec![
        scenario(f, "SCTP is never answered directly, for it would not be told for which service it came")
            .setting(Setting::Direct)
            .with(service("sctp lb:9000").to("far:9000"))
            .wire("x", f.sctp("client:5000 > lb:9000"))
            .sent(f.sctp("node:5000 > far:9000"))
            .flows(&[
                "sctp client:5000 > lb:9000 => node:5000 > far:9000 established source destination #1",
                "sctp far:9000 > node:5000 => lb:9000 > client:5000 new reply source destination #1",
            ]),
        scenario(f, "direct, to a backend in the other node's own network")
            .with(service("tcp lb:443").to("node:6443"))
            .wire("what is said is taken out", f.tcp("client:5000 > node:6443").syn().told("lb:443"))
            .rewritten(&f.tcp("client:5000 > node:6443").syn())
            .flows(&[
                "tcp client:5000 > node:6443 => client:5000 > node:6443 new told",
                "tcp node:6443 > client:5000 => lb:443 > client:5000 new reply source",
            ])
            .host("the answer", f.tcp("node:6443 > client:5000").syn_ack())
            .rewritten(&f.tcp("lb:443 > client:5000").syn_ack())
            .flows(&["tcp node:6443 > client:5000 => lb:443 > client:5000 established reply source"]),
        scenario(f, "what is sent to a group, or on a link, is not hidden and not routed")
            .pod("a", "x", f.udp("a:5353 > everybody:5353"))
            .passes(),
        scenario(f, "a node's own packet is never answered as too big")
            .setting(Setting::Direct)
            .with(service("udp lb:53").to("far:53"))
            .wire("a martian", f.udp("node:5000 > lb:53"))
            .sent(f.udp("node:5000 > far:53").told("lb:53"))
            .flows(&["udp node:5000 > lb:53 => node:5000 > far:53 established destination direct #1"])
            .host("the node's own", f.udp("node:5000 > lb:53").body(&[1; 1470]))
            .rewritten(&f.udp("node:5000 > far:53").body(&[1; 1470])),
    ];
    if f == Family::V4 {
        all.push(
            scenario(f, "direct, with so many options that there is no room for one more")
                .setting(Setting::Direct)
                .with(service("tcp lb:80").to("far:8080"))
                .wire("x", f.tcp("client:5000 > lb:80").syn().options(8))
                .dropped(DropReason::NoRoomToTell)
                .flows(&["tcp client:5000 > lb:80 => client:5000 > far:8080 new destination direct #1"]),
        );
    } else {
        all.push(
            scenario(f, "direct: hop-by-hop options stay in front (RFC 8200, 4.1), so nothing is said")
                .setting(Setting::Direct)
                .with(service("tcp lb:80").to("far:8080"))
                .wire("x", f.tcp("client:5000 > lb:80").syn().extension(proto::HOP_BY_HOP, 0))
                .dropped(DropReason::NoRoomToTell)
                .flows(&["tcp client:5000 > lb:80 => client:5000 > far:8080 new destination direct #1"]),
        );
    }
    all
}
