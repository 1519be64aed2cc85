//! Pods go outside behind their node.

use ichor_datapath_types::DropReason;

use crate::cluster::{Setting, service};
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    vec![
        tcp(f),
        udp(f),
        echo(f),
        exclusions(f),
        unmasked(f),
        refused_route(f),
        one_port(f),
        first_taken(f),
        last_taken(f),
        question_spent(f),
        connection_spent(f),
        lasting(f),
        shared(f),
        host(f),
    ]
}

fn tcp(f: Family) -> Scenario {
    scenario(f, "a pod's connection to the outside")
        .pod("a", "it begins with the node's address", f.tcp("a:40000 > outside:443").syn())
        .sent(f.tcp("node:61000 > outside:443").syn())
        .flows(&[
            "tcp a:40000 > outside:443 => node:61000 > outside:443 new source",
            "tcp outside:443 > node:61000 => outside:443 > a:40000 new reply destination",
        ])
        .marked("it is not changed again on its way out", f.tcp("node:61000 > outside:443").syn())
        .passes()
        .xdp("XDP leaves the answer", f.tcp("outside:443 > node:61000").syn_ack())
        .passes()
        .flows(&["tcp outside:443 > node:61000 => outside:443 > a:40000 established reply destination"])
        .wire("the next hook gives it to the pod", f.tcp("outside:443 > node:61000").syn_ack())
        .delivered(f.tcp("outside:443 > a:40000").syn_ack())
        .pod("a", "more", f.tcp("a:40000 > outside:443"))
        .sent(f.tcp("node:61000 > outside:443"))
        .flows(&["tcp a:40000 > outside:443 => node:61000 > outside:443 established source"])
        .wire("another's packet to the same port is the node's", f.tcp("outside2:443 > node:61000"))
        .passes()
}

fn udp(f: Family) -> Scenario {
    scenario(f, "a pod's question to the outside")
        .pod("b", "the question", f.udp("b:5353 > outside:53"))
        .sent(f.udp("node:61000 > outside:53"))
        .flows(&[
            "udp b:5353 > outside:53 => node:61000 > outside:53 established source",
            "udp outside:53 > node:61000 => outside:53 > b:5353 new reply destination",
        ])
        .wire("the answer", f.udp("outside:53 > node:61000"))
        .delivered(f.udp("outside:53 > b:5353"))
        .flows(&["udp outside:53 > node:61000 => outside:53 > b:5353 established reply destination"])
}

fn echo(f: Family) -> Scenario {
    scenario(f, "a pod's echo to the outside")
        .pod("a", "its identifier is changed as a port would be", f.echo("a:77 > outside"))
        .sent(f.echo("node:61000 > outside"))
        .flows(&[
            "echo a:77 > outside:77 => node:61000 > outside:61000 established source",
            "echo outside:61000 > node:61000 => outside:77 > a:77 new reply destination",
        ])
        .wire("and back in the answer", f.echo_reply("outside:61000 > node"))
        .delivered(f.echo_reply("outside:77 > a"))
        .flows(&["echo outside:61000 > node:61000 => outside:77 > a:77 established reply destination"])
        .pod("a", "once more", f.echo("a:77 > outside").body(b"abc"))
        .sent(f.echo("node:61000 > outside").body(b"abc"))
        .wire("an answer to nobody", f.echo_reply("outside:61001 > node"))
        .passes()
        .pod("b", "the identifier is taken", f.echo("b:78 > outside"))
        .dropped(DropReason::NoPort)
}

fn exclusions(f: Family) -> Scenario {
    scenario(f, "what pods are not hidden from")
        .pod("a", "a pod elsewhere", f.tcp("a:40000 > far:80").syn())
        .sent(f.tcp("a:40000 > far:80").syn())
        .pod("a", "another node", f.udp("a:40000 > node2:53"))
        .sent(f.udp("a:40000 > node2:53"))
        .pod("a", "the node's own name server", f.udp("a:40000 > dns:53"))
        .left_to_kernel(f.udp("a:40000 > dns:53"))
        .pod("a", "a protocol without ports cannot be hidden", f.protocol(47, "a > outside"))
        .passes()
}

fn unmasked(f: Family) -> Scenario {
    scenario(f, "nobody is hidden where that is turned off")
        .setting(Setting::Unmasked)
        .with(service("tcp lb:80").to("far:8080"))
        .pod("a", "to the outside", f.tcp("a:40000 > outside:443").syn())
        .sent(f.tcp("a:40000 > outside:443").syn())
        .wire("the answer", f.tcp("outside:443 > a:40000").syn_ack())
        .delivered(f.tcp("outside:443 > a:40000").syn_ack())
        .pod("a", "an echo", f.echo("a:77 > outside"))
        .sent(f.echo("a:77 > outside"))
        .pod("a", "SCTP", f.sctp("a:40000 > outside:9000"))
        .sent(f.sctp("a:40000 > outside:9000"))
        .wire("a balanced connection still is", f.tcp("client:5000 > lb:80").syn())
        .sent(f.tcp("node:61000 > far:8080").syn())
        .flows(&[
            "tcp client:5000 > lb:80 => node:61000 > far:8080 new source destination #1",
            "tcp far:8080 > node:61000 => lb:80 > client:5000 new reply source destination #1",
        ])
}

fn refused_route(f: Family) -> Scenario {
    scenario(f, "a pod asks for what the node's routes refuse")
        .pod("a", "the kernel is left to say so", f.tcp("a:40000 > void:80").syn())
        .left_to_kernel(f.tcp("node:61000 > void:80").syn())
        .flows(&[
            "tcp a:40000 > void:80 => node:61000 > void:80 new source",
            "tcp void:80 > node:61000 => void:80 > a:40000 new reply destination",
        ])
}

fn one_port(f: Family) -> Scenario {
    scenario(f, "the node has one port for all pods")
        .pod("a", "the first pod gets it", f.tcp("a:40000 > outside:443").syn())
        .sent(f.tcp("node:61000 > outside:443").syn())
        .flows(&[
            "tcp a:40000 > outside:443 => node:61000 > outside:443 new source",
            "tcp outside:443 > node:61000 => outside:443 > a:40000 new reply destination",
        ])
        .pod("b", "the second does not", f.tcp("b:40000 > outside:443").syn())
        .dropped(DropReason::NoPort)
        .pod("a", "nor does the first for a second connection", f.tcp("a:40001 > outside:443").syn())
        .dropped(DropReason::NoPort)
        .pod("b", "towards another peer it is free", f.tcp("b:40000 > outside2:443").syn())
        .sent(f.tcp("node:61000 > outside2:443").syn())
        .flows(&[
            "tcp b:40000 > outside2:443 => node:61000 > outside2:443 new source",
            "tcp outside2:443 > node:61000 => outside2:443 > b:40000 new reply destination",
        ])
        .pod("b", "and so it is for another protocol", f.udp("b:40000 > outside:443"))
        .sent(f.udp("node:61000 > outside:443"))
        .flows(&[
            "udp b:40000 > outside:443 => node:61000 > outside:443 established source",
            "udp outside:443 > node:61000 => outside:443 > b:40000 new reply destination",
        ])
        .pod("a", "the first connection goes on", f.tcp("a:40000 > outside:443"))
        .sent(f.tcp("node:61000 > outside:443"))
        .flows(&["tcp a:40000 > outside:443 => node:61000 > outside:443 established source"])
}

fn first_taken(f: Family) -> Scenario {
    scenario(f, "the first of two ports is taken")
        .setting(Setting::TwoPorts)
        .taken("tcp outside:443 > node:61000")
        .pod("a", "the second is found, wherever the search began", f.tcp("a:40000 > outside:443").syn())
        .sent(f.tcp("node:61001 > outside:443").syn())
        .flows(&[
            "tcp a:40000 > outside:443 => node:61001 > outside:443 new source",
            "tcp outside:443 > node:61001 => outside:443 > a:40000 new reply destination",
        ])
        .pod("b", "now both are", f.tcp("b:40000 > outside:443").syn())
        .dropped(DropReason::NoPort)
}

fn last_taken(f: Family) -> Scenario {
    scenario(f, "the last of two ports is taken")
        .setting(Setting::TwoPorts)
        .taken("udp outside:53 > node:61001")
        .pod("a", "the first is found, around the end", f.udp("a:40000 > outside:53"))
        .sent(f.udp("node:61000 > outside:53"))
        .flows(&[
            "udp a:40000 > outside:53 => node:61000 > outside:53 established source",
            "udp outside:53 > node:61000 => outside:53 > a:40000 new reply destination",
        ])
}

fn question_spent(f: Family) -> Scenario {
    scenario(f, "the only port is that of a question")
        .pod("a", "the question", f.udp("a:40000 > outside:53"))
        .sent(f.udp("node:61000 > outside:53"))
        .flows(&[
            "udp a:40000 > outside:53 => node:61000 > outside:53 established source",
            "udp outside:53 > node:61000 => outside:53 > a:40000 new reply destination",
        ])
        .pod("b", "it may still be answered", f.udp("b:40000 > outside:53"))
        .dropped(DropReason::NoPort)
        .pod("b", "by now it was, or it never will be", f.udp("b:40000 > outside:53"))
        .after(4)
        .sent(f.udp("node:61000 > outside:53"))
        .flows(&[
            "udp a:40000 > outside:53 => node:61000 > outside:53 reset source",
            "udp b:40000 > outside:53 => node:61000 > outside:53 established source",
            "udp outside:53 > node:61000 => outside:53 > b:40000 new reply destination",
        ])
        .pod("a", "who had it before does not get the answers any more", f.udp("a:40000 > outside:53"))
        .dropped(DropReason::NoPort)
        .wire("an answer", f.udp("outside:53 > node:61000"))
        .delivered(f.udp("outside:53 > b:40000"))
        .flows(&["udp outside:53 > node:61000 => outside:53 > b:40000 established reply destination"])
}

fn connection_spent(f: Family) -> Scenario {
    scenario(f, "the only port is that of a connection which both sides have closed")
        .pod("a", "the connection", f.tcp("a:40000 > outside:443").syn())
        .sent(f.tcp("node:61000 > outside:443").syn())
        .flows(&[
            "tcp a:40000 > outside:443 => node:61000 > outside:443 new source",
            "tcp outside:443 > node:61000 => outside:443 > a:40000 new reply destination",
        ])
        .pod("b", "nobody gives way to it", f.tcp("b:40000 > outside:443").syn())
        .after(100)
        .dropped(DropReason::NoPort)
        .wire("the other side closes it", f.tcp("outside:443 > node:61000").fin())
        .delivered(f.tcp("outside:443 > a:40000").fin())
        .flows(&["tcp outside:443 > node:61000 => outside:443 > a:40000 closing reply destination"])
        .pod("b", "this side may still have something to say", f.tcp("b:40000 > outside:443").syn())
        .after(100)
        .dropped(DropReason::NoPort)
        .pod("a", "it has not", f.tcp("a:40000 > outside:443").fin())
        .sent(f.tcp("node:61000 > outside:443").fin())
        .flows(&["tcp a:40000 > outside:443 => node:61000 > outside:443 closing source"])
        .pod("b", "just so", f.tcp("b:40000 > outside:443").syn())
        .dropped(DropReason::NoPort)
        .pod("b", "it is silent", f.tcp("b:40000 > outside:443").syn())
        .after(4)
        .sent(f.tcp("node:61000 > outside:443").syn())
        .flows(&[
            "tcp a:40000 > outside:443 => node:61000 > outside:443 reset source",
            "tcp b:40000 > outside:443 => node:61000 > outside:443 new source",
            "tcp outside:443 > node:61000 => outside:443 > b:40000 new reply destination",
        ])
}

fn lasting(f: Family) -> Scenario {
    scenario(f, "the only port is that of datagrams which come again and again")
        .pod("a", "the first", f.udp("a:40000 > outside:53"))
        .sent(f.udp("node:61000 > outside:53"))
        .flows(&[
            "udp a:40000 > outside:53 => node:61000 > outside:53 established source",
            "udp outside:53 > node:61000 => outside:53 > a:40000 new reply destination",
        ])
        .wire("an answer", f.udp("outside:53 > node:61000"))
        .delivered(f.udp("outside:53 > a:40000"))
        .flows(&["udp outside:53 > node:61000 => outside:53 > a:40000 established reply destination"])
        .wire("a later one", f.udp("outside:53 > node:61000"))
        .after(2)
        .delivered(f.udp("outside:53 > a:40000"))
        .flows(&["udp outside:53 > node:61000 => outside:53 > a:40000 lasting reply destination"])
        .pod("b", "the port stays with it", f.udp("b:40000 > outside:53"))
        .after(100)
        .dropped(DropReason::NoPort)
}

fn shared(f: Family) -> Scenario {
    scenario(f, "clients from outside need ports, too")
        .with(service("tcp lb:80").to("far:8080"))
        .wire("the first client gets it", f.tcp("client:5000 > lb:80").syn())
        .sent(f.tcp("node:61000 > far:8080").syn())
        .flows(&[
            "tcp client:5000 > lb:80 => node:61000 > far:8080 new source destination #1",
            "tcp far:8080 > node:61000 => lb:80 > client:5000 new reply source destination #1",
        ])
        .wire("the second does not", f.tcp("client2:5000 > lb:80").syn())
        .dropped(DropReason::NoPort)
        .xdp("nor in XDP", f.tcp("client2:5000 > lb:80").syn())
        .dropped(DropReason::NoPort)
}

fn host(f: Family) -> Scenario {
    scenario(f, "the node's own connections")
        .host("to the outside", f.tcp("node:50000 > outside:443").syn())
        .passes()
        .host("an echo", f.echo("node:7 > outside"))
        .passes()
        .wire("the answer", f.tcp("outside:443 > node:50000").syn_ack())
        .passes()
        .xdp("the answer, in XDP", f.tcp("outside:443 > node:50000").syn_ack())
        .passes()
}
