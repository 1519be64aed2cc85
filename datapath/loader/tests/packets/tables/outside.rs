//! Clients from outside: node ports and addresses of load balancers.

use crate::cluster::service;
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    vec![
        node_port_here(f),
        udp_here(f),
        node_port_elsewhere(f),
        balancer_elsewhere(f),
        by_xdp(f),
        udp_by_xdp(f),
        xdp_leaves_what_is_here(f),
        node_itself(f),
        neighbour_unknown(f),
        no_route(f),
        transit(f),
    ]
}

fn node_port_here(f: Family) -> Scenario {
    scenario(f, "a node port with its backend here")
        .with(service("tcp node:30080").to("b:8080"))
        .wire("the backend sees the client", f.tcp("client:5000 > node:30080").syn())
        .delivered(f.tcp("client:5000 > b:8080").syn())
        .flows(&[
            "tcp client:5000 > node:30080 => client:5000 > b:8080 new destination #1",
            "tcp b:8080 > client:5000 => node:30080 > client:5000 new reply source #1",
        ])
        .pod("b", "the answer comes from the node port", f.tcp("b:8080 > client:5000").syn_ack())
        .sent(f.tcp("node:30080 > client:5000").syn_ack())
        .flows(&["tcp b:8080 > client:5000 => node:30080 > client:5000 established reply source #1"])
        .wire("more", f.tcp("client:5000 > node:30080"))
        .delivered(f.tcp("client:5000 > b:8080"))
        .flows(&["tcp client:5000 > node:30080 => client:5000 > b:8080 established destination #1"])
        .wire("the node's other ports are the node's", f.tcp("client:5000 > node:30081").syn())
        .passes()
        .pod("a", "a pod may use the node port, too", f.tcp("a:40000 > node:30080").syn())
        .delivered(f.tcp("a:40000 > b:8080").syn())
        .flows(&[
            "tcp a:40000 > node:30080 => a:40000 > b:8080 new destination #1",
            "tcp b:8080 > a:40000 => node:30080 > a:40000 new reply source #1",
        ])
}

fn udp_here(f: Family) -> Scenario {
    scenario(f, "a load balancer's address with its backend here, by UDP")
        .with(service("udp lb:53").to("b:5353"))
        .wire("the question", f.udp("client:5000 > lb:53"))
        .delivered(f.udp("client:5000 > b:5353"))
        .flows(&[
            "udp client:5000 > lb:53 => client:5000 > b:5353 established destination #1",
            "udp b:5353 > client:5000 => lb:53 > client:5000 new reply source #1",
        ])
        .pod("b", "the answer", f.udp("b:5353 > client:5000"))
        .sent(f.udp("lb:53 > client:5000"))
        .flows(&["udp b:5353 > client:5000 => lb:53 > client:5000 established reply source #1"])
}

fn node_port_elsewhere(f: Family) -> Scenario {
    scenario(f, "a node port with its backend on another node")
        .with(service("tcp node:30080").to("far:8080"))
        .wire("the node stands between", f.tcp("client:5000 > node:30080").syn())
        .sent(f.tcp("node:61000 > far:8080").syn())
        .flows(&[
            "tcp client:5000 > node:30080 => node:61000 > far:8080 new source destination #1",
            "tcp far:8080 > node:61000 => node:30080 > client:5000 new reply source destination #1",
        ])
        .wire("so the answer comes back here", f.tcp("far:8080 > node:61000").syn_ack())
        .sent(f.tcp("node:30080 > client:5000").syn_ack())
        .flows(&["tcp far:8080 > node:61000 => node:30080 > client:5000 established reply source destination #1"])
        .marked("on its way out it is left alone", f.tcp("node:30080 > client:5000").syn_ack())
        .passes()
        .wire("more", f.tcp("client:5000 > node:30080"))
        .sent(f.tcp("node:61000 > far:8080"))
        .flows(&["tcp client:5000 > node:30080 => node:61000 > far:8080 established source destination #1"])
}

fn balancer_elsewhere(f: Family) -> Scenario {
    scenario(f, "a load balancer's address with its backend on another node, by UDP")
        .with(service("udp lb:53").to("far:5353"))
        .wire("the question", f.udp("client:5000 > lb:53"))
        .sent(f.udp("node:61000 > far:5353"))
        .flows(&[
            "udp client:5000 > lb:53 => node:61000 > far:5353 established source destination #1",
            "udp far:5353 > node:61000 => lb:53 > client:5000 new reply source destination #1",
        ])
        .wire("the answer", f.udp("far:5353 > node:61000"))
        .sent(f.udp("lb:53 > client:5000"))
        .flows(&["udp far:5353 > node:61000 => lb:53 > client:5000 established reply source destination #1"])
        .pod("a", "a pod needs no disguise for it", f.udp("a:40000 > lb:53"))
        .sent(f.udp("a:40000 > far:5353"))
        .flows(&[
            "udp a:40000 > lb:53 => a:40000 > far:5353 established destination #1",
            "udp far:5353 > a:40000 => lb:53 > a:40000 new reply source #1",
        ])
}

fn by_xdp(f: Family) -> Scenario {
    scenario(f, "what only passes through turns in XDP, by TCP")
        .with(service("tcp lb:80").to("far:8080"))
        .xdp("the connection begins", f.tcp("client:5000 > lb:80").syn())
        .sent(f.tcp("node:61000 > far:8080").syn())
        .flows(&[
            "tcp client:5000 > lb:80 => node:61000 > far:8080 new source destination #1",
            "tcp far:8080 > node:61000 => lb:80 > client:5000 new reply source destination #1",
        ])
        .xdp("the answer", f.tcp("far:8080 > node:61000").syn_ack())
        .sent(f.tcp("lb:80 > client:5000").syn_ack())
        .flows(&["tcp far:8080 > node:61000 => lb:80 > client:5000 established reply source destination #1"])
        .xdp("more", f.tcp("client:5000 > lb:80"))
        .sent(f.tcp("node:61000 > far:8080"))
        .flows(&["tcp client:5000 > lb:80 => node:61000 > far:8080 established source destination #1"])
        .wire("without XDP, the same flow goes on", f.tcp("client:5000 > lb:80").fin())
        .sent(f.tcp("node:61000 > far:8080").fin())
        .flows(&["tcp client:5000 > lb:80 => node:61000 > far:8080 closing source destination #1"])
}

fn udp_by_xdp(f: Family) -> Scenario {
    scenario(f, "what only passes through turns in XDP, by UDP")
        .with(service("udp lb:53").to("far:5353"))
        .xdp("the question", f.udp("client:5000 > lb:53"))
        .sent(f.udp("node:61000 > far:5353"))
        .flows(&[
            "udp client:5000 > lb:53 => node:61000 > far:5353 established source destination #1",
            "udp far:5353 > node:61000 => lb:53 > client:5000 new reply source destination #1",
        ])
        .xdp("the answer", f.udp("far:5353 > node:61000").body(b"x"))
        .sent(f.udp("lb:53 > client:5000").body(b"x"))
        .flows(&["udp far:5353 > node:61000 => lb:53 > client:5000 established reply source destination #1"])
        .xdp("a checksum that comes out as zero", f.udp("client:5000 > lb:53").summing_to_zero())
        .sent(f.udp("node:61000 > far:5353").body(&body_of(&f.udp("client:5000 > lb:53").summing_to_zero())))
}

fn body_of(frame: &crate::frame::Frame) -> Vec<u8> {
    frame.bytes().split_off(frame.bytes().len() - 2)
}

fn xdp_leaves_what_is_here(f: Family) -> Scenario {
    scenario(f, "XDP leaves what is for this node to the next hook")
        .with(service("tcp lb:80").to("b:8080"))
        .xdp("a backend here: no flow is begun", f.tcp("client:5000 > lb:80").syn())
        .passes()
        .wire("the next hook does", f.tcp("client:5000 > lb:80").syn())
        .delivered(f.tcp("client:5000 > b:8080").syn())
        .flows(&[
            "tcp client:5000 > lb:80 => client:5000 > b:8080 new destination #1",
            "tcp b:8080 > client:5000 => lb:80 > client:5000 new reply source #1",
        ])
        .xdp("nor is a known flow changed in XDP", f.tcp("client:5000 > lb:80"))
        .passes()
        .flows(&["tcp client:5000 > lb:80 => client:5000 > b:8080 established destination #1"])
        .xdp("what is for a pod", f.udp("far:1000 > a:1000"))
        .passes()
        .xdp("what is for the node", f.tcp("client:5000 > node:22").syn())
        .passes()
}

fn node_itself(f: Family) -> Scenario {
    scenario(f, "a node port with its backend in the node's own network")
        .with(service("tcp node:30443").to("node:6443"))
        .xdp("XDP leaves it", f.tcp("client:5000 > node:30443").syn())
        .passes()
        .wire("it goes on to the node's processes", f.tcp("client:5000 > node:30443").syn())
        .rewritten(&f.tcp("client:5000 > node:6443").syn())
        .flows(&[
            "tcp client:5000 > node:30443 => client:5000 > node:6443 new destination #1",
            "tcp node:6443 > client:5000 => node:30443 > client:5000 new reply source #1",
        ])
        .host("whose answer is changed on its way out", f.tcp("node:6443 > client:5000").syn_ack())
        .rewritten(&f.tcp("node:30443 > client:5000").syn_ack())
        .flows(&["tcp node:6443 > client:5000 => node:30443 > client:5000 established reply source #1"])
        .host("a process' own connection is not", f.tcp("node:6443 > client2:5000"))
        .passes()
        .host("and it finds no services here: its socket did", f.tcp("node:50000 > node:30443").syn())
        .passes()
}

fn neighbour_unknown(f: Family) -> Scenario {
    scenario(f, "a backend whose MAC is not known yet")
        .with(service("tcp lb:80").to("stranger:80"))
        .xdp("XDP cannot wait for it", f.tcp("client:5000 > lb:80").syn())
        .passes()
        .flows(&[
            "tcp client:5000 > lb:80 => node:61000 > stranger:80 new source destination #1",
            "tcp stranger:80 > node:61000 => lb:80 > client:5000 new reply source destination #1",
        ])
        .wire("traffic control can, and goes on with the same flow", f.tcp("client:5000 > lb:80").syn())
        .waits_for_neighbour(f.tcp("node:61000 > stranger:80").syn())
}

fn no_route(f: Family) -> Scenario {
    scenario(f, "a backend that the node's routes refuse")
        .with(service("udp lb:80").to("void:80"))
        .wire("the kernel is left to say so", f.udp("client:5000 > lb:80"))
        .left_to_kernel(f.udp("node:61000 > void:80"))
        .flows(&[
            "udp client:5000 > lb:80 => node:61000 > void:80 established source destination #1",
            "udp void:80 > node:61000 => lb:80 > client:5000 new reply source destination #1",
        ])
        .xdp("XDP does not touch it", f.udp("client:5000 > lb:80"))
        .passes()
}

fn transit(f: Family) -> Scenario {
    scenario(f, "packets from outside that are none of the datapath's business")
        .with(service("tcp web:80").to("b:8080").internal())
        .wire("to somebody else", f.tcp("client:5000 > outside:80").syn())
        .passes()
        .xdp("to somebody else, in XDP", f.tcp("client:5000 > outside:80").syn())
        .passes()
        .xdp("nor in XDP", f.tcp("client:5000 > web:80").syn())
        .passes()
        .wire("an echo to the node", f.echo("client:7 > node"))
        .passes()
        .wire("an echo to a pod", f.echo("client:7 > a"))
        .delivered(f.echo("client:7 > a"))
        .flows(&["echo client:7 > a:7 => client:7 > a:7 established", "echo a:7 > client:7 => a:7 > client:7 new reply"])
        .wire("a protocol without ports", f.protocol(47, "client > a"))
        .passes()
        .xdp("a protocol without ports, in XDP", f.protocol(47, "client > a"))
        .passes()
        .host("a protocol without ports, from the node", f.protocol(89, "node > node2"))
        .passes()
        .wire("a port of the node's own that nobody uses", f.tcp("outside:443 > node:61000"))
        .passes()
}
