//! A pod asks for a service, packet by packet.

use crate::cluster::service;
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    vec![tcp_here(f), udp_here(f), elsewhere(f), udp_elsewhere(f), itself(f), the_node(f), outside(f), no_service(f)]
}

fn tcp_here(f: Family) -> Scenario {
    scenario(f, "a cluster IP with its backend on this node, by TCP")
        .with(service("tcp web:80").to("b:8080").internal())
        .pod("a", "the connection begins", f.tcp("a:40000 > web:80").syn())
        .delivered(f.tcp("a:40000 > b:8080").syn())
        .flows(&[
            "tcp a:40000 > web:80 => a:40000 > b:8080 new destination #1",
            "tcp b:8080 > a:40000 => web:80 > a:40000 new reply source #1",
        ])
        .pod("b", "the backend answers as the service", f.tcp("b:8080 > a:40000").syn_ack())
        .delivered(f.tcp("web:80 > a:40000").syn_ack())
        .flows(&["tcp b:8080 > a:40000 => web:80 > a:40000 established reply source #1"])
        .pod("a", "the connection is there", f.tcp("a:40000 > web:80"))
        .delivered(f.tcp("a:40000 > b:8080"))
        .flows(&["tcp a:40000 > web:80 => a:40000 > b:8080 established destination #1"])
        .pod("a", "data changes no flow", f.tcp("a:40000 > web:80").body(b"GET / HTTP/1.1\r\n\r\n"))
        .delivered(f.tcp("a:40000 > b:8080").body(b"GET / HTTP/1.1\r\n\r\n"))
        .pod("b", "data of an odd length", f.tcp("b:8080 > a:40000").body(b"hello"))
        .delivered(f.tcp("web:80 > a:40000").body(b"hello"))
        .pod("a", "a packet without data", f.tcp("a:40000 > web:80").body(b""))
        .delivered(f.tcp("a:40000 > b:8080").body(b""))
}

fn udp_here(f: Family) -> Scenario {
    scenario(f, "a cluster IP with its backend on this node, by UDP")
        .with(service("udp web:53").to("b:5353").internal())
        .pod("a", "the question", f.udp("a:40000 > web:53"))
        .delivered(f.udp("a:40000 > b:5353"))
        .flows(&[
            "udp a:40000 > web:53 => a:40000 > b:5353 established destination #1",
            "udp b:5353 > a:40000 => web:53 > a:40000 new reply source #1",
        ])
        .pod("b", "the answer", f.udp("b:5353 > a:40000"))
        .delivered(f.udp("web:53 > a:40000"))
        .flows(&["udp b:5353 > a:40000 => web:53 > a:40000 established reply source #1"])
        .pod("a", "the next question", f.udp("a:40000 > web:53").body(b"?"))
        .delivered(f.udp("a:40000 > b:5353").body(b"?"))
        .pod("a", "TCP on the same port is no service", f.tcp("a:40000 > b:53").syn())
        .delivered(f.tcp("a:40000 > b:53").syn())
}

fn elsewhere(f: Family) -> Scenario {
    scenario(f, "a cluster IP with its backend on another node, by TCP")
        .with(service("tcp web:80").to("far:8080").internal())
        .pod("a", "the connection begins, and the backend sees the pod", f.tcp("a:40000 > web:80").syn())
        .sent(f.tcp("a:40000 > far:8080").syn())
        .flows(&[
            "tcp a:40000 > web:80 => a:40000 > far:8080 new destination #1",
            "tcp far:8080 > a:40000 => web:80 > a:40000 new reply source #1",
        ])
        .xdp("XDP leaves the answer to the next hook", f.tcp("far:8080 > a:40000").syn_ack())
        .passes()
        .flows(&["tcp far:8080 > a:40000 => web:80 > a:40000 established reply source #1"])
        .wire("which makes it the service's", f.tcp("far:8080 > a:40000").syn_ack())
        .delivered(f.tcp("web:80 > a:40000").syn_ack())
        .pod("a", "more", f.tcp("a:40000 > web:80"))
        .sent(f.tcp("a:40000 > far:8080"))
        .flows(&["tcp a:40000 > web:80 => a:40000 > far:8080 established destination #1"])
}

fn udp_elsewhere(f: Family) -> Scenario {
    scenario(f, "a cluster IP with its backend on another node, by UDP")
        .with(service("udp web:53").to("far:53").internal())
        .pod("a", "the question keeps its port", f.udp("a:40000 > web:53"))
        .sent(f.udp("a:40000 > far:53"))
        .flows(&[
            "udp a:40000 > web:53 => a:40000 > far:53 established destination #1",
            "udp far:53 > a:40000 => web:53 > a:40000 new reply source #1",
        ])
        .pod("b", "another pod has a flow of its own", f.udp("b:40000 > web:53"))
        .sent(f.udp("b:40000 > far:53"))
        .flows(&[
            "udp b:40000 > web:53 => b:40000 > far:53 established destination #1",
            "udp far:53 > b:40000 => web:53 > b:40000 new reply source #1",
        ])
        .wire("the answer", f.udp("far:53 > a:40000"))
        .delivered(f.udp("web:53 > a:40000"))
        .flows(&["udp far:53 > a:40000 => web:53 > a:40000 established reply source #1"])
        .wire("what only looks like an answer", f.udp("far2:53 > a:40000"))
        .delivered(f.udp("far2:53 > a:40000"))
}

fn itself(f: Family) -> Scenario {
    scenario(f, "a pod reaches itself through a service")
        .with(service("tcp web:80").to("a:8080"))
        .pod("a", "it comes from the service's address", f.tcp("a:40000 > web:80").syn())
        .delivered(f.tcp("web:40000 > a:8080").syn())
        .flows(&[
            "tcp a:40000 > web:80 => web:40000 > a:8080 new source destination #1",
            "tcp a:8080 > web:40000 => web:80 > a:40000 new reply source destination #1",
        ])
        .pod("a", "so that the answer comes by here", f.tcp("a:8080 > web:40000").syn_ack())
        .delivered(f.tcp("web:80 > a:40000").syn_ack())
        .flows(&["tcp a:8080 > web:40000 => web:80 > a:40000 established reply source destination #1"])
        .pod("b", "another pod is not disguised", f.tcp("b:40000 > web:80").syn())
        .delivered(f.tcp("b:40000 > a:8080").syn())
        .flows(&[
            "tcp b:40000 > web:80 => b:40000 > a:8080 new destination #1",
            "tcp a:8080 > b:40000 => web:80 > b:40000 new reply source #1",
        ])
}

fn the_node(f: Family) -> Scenario {
    scenario(f, "a cluster IP with its backend in the node's own network")
        .with(service("tcp web:443").to("node:6443"))
        .pod("a", "it goes on to the node's processes", f.tcp("a:40000 > web:443").syn())
        .rewritten(&f.tcp("a:40000 > node:6443").syn())
        .flows(&[
            "tcp a:40000 > web:443 => a:40000 > node:6443 new destination #1",
            "tcp node:6443 > a:40000 => web:443 > a:40000 new reply source #1",
        ])
        .pod("a", "as does the next packet", f.tcp("a:40000 > web:443"))
        .rewritten(&f.tcp("a:40000 > node:6443"))
        .flows(&["tcp a:40000 > web:443 => a:40000 > node:6443 established destination #1"])
}

fn outside(f: Family) -> Scenario {
    scenario(f, "a cluster IP with its backend outside of the cluster")
        .with(service("tcp web:443").to("outside:8443"))
        .pod("a", "it goes out behind the node", f.tcp("a:40000 > web:443").syn())
        .sent(f.tcp("node:61000 > outside:8443").syn())
        .flows(&[
            "tcp a:40000 > web:443 => node:61000 > outside:8443 new source destination #1",
            "tcp outside:8443 > node:61000 => web:443 > a:40000 new reply source destination #1",
        ])
        .wire("the answer", f.tcp("outside:8443 > node:61000").syn_ack())
        .delivered(f.tcp("web:443 > a:40000").syn_ack())
        .flows(&["tcp outside:8443 > node:61000 => web:443 > a:40000 established reply source destination #1"])
        .pod("a", "more", f.tcp("a:40000 > web:443"))
        .sent(f.tcp("node:61000 > outside:8443"))
        .flows(&["tcp a:40000 > web:443 => node:61000 > outside:8443 established source destination #1"])
}

fn no_service(f: Family) -> Scenario {
    scenario(f, "no service is asked")
        .pod("a", "to a pod here", f.tcp("a:40000 > b:8080").syn())
        .delivered(f.tcp("a:40000 > b:8080").syn())
        .pod("a", "an echo to a pod here", f.echo("a:77 > b"))
        .delivered(f.echo("a:77 > b"))
        .pod("a", "to a pod elsewhere", f.udp("a:40000 > far:8080"))
        .sent(f.udp("a:40000 > far:8080"))
        .pod("a", "an echo to a pod elsewhere", f.echo("a:77 > far"))
        .sent(f.echo("a:77 > far"))
        .pod("a", "to the node", f.tcp("a:40000 > node:10250").syn())
        .passes()
        .pod("a", "to another node", f.tcp("a:40000 > node2:10250").syn())
        .sent(f.tcp("a:40000 > node2:10250").syn())
        .pod("a", "to a machine of the LAN whose MAC is not known yet", f.tcp("a:40000 > stranger:80").syn())
        .waits_for_neighbour(f.tcp("a:40000 > stranger:80").syn())
        .wire("from a pod elsewhere", f.tcp("far:40000 > a:8080").syn())
        .delivered(f.tcp("far:40000 > a:8080").syn())
        .xdp("which is not for XDP", f.tcp("far:40000 > a:8080").syn())
        .passes()
}
