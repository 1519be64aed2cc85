//! A client uses one port for several addresses behind which the same backend is: the answers would look the same.

use crate::cluster::{Setting, service};
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    vec![
        pod_then_backend(f),
        backend_then_service(f),
        questions(f),
        two_services(f),
        itself(f),
        told_then_not(f),
        not_then_told(f),
        told_of_another(f),
        host(f),
        told_of_two(f),
        pod_told(f),
    ]
}

fn pod_then_backend(f: Family) -> Scenario {
    scenario(f, "a pod asks a backend itself, from a port from which it asks a service")
        .with(service("tcp lb:80").to("far:8080"))
        .pod("a", "the service", f.tcp("a:40000 > lb:80").syn())
        .sent(f.tcp("a:40000 > far:8080").syn())
        .flows(&[
            "tcp a:40000 > lb:80 => a:40000 > far:8080 new destination #1",
            "tcp far:8080 > a:40000 => lb:80 > a:40000 new reply source #1",
        ])
        .pod("a", "the backend sees another port", f.tcp("a:40000 > far:8080").syn())
        .sent(f.tcp("a:61000 > far:8080").syn())
        .flows(&[
            "tcp a:40000 > far:8080 => a:61000 > far:8080 new source",
            "tcp far:8080 > a:61000 => far:8080 > a:40000 new reply destination",
        ])
        .wire("its answer to that port is its own", f.tcp("far:8080 > a:61000").syn_ack())
        .delivered(f.tcp("far:8080 > a:40000").syn_ack())
        .flows(&["tcp far:8080 > a:61000 => far:8080 > a:40000 established reply destination"])
        .wire("and to the other port the service's", f.tcp("far:8080 > a:40000").syn_ack())
        .delivered(f.tcp("lb:80 > a:40000").syn_ack())
        .flows(&["tcp far:8080 > a:40000 => lb:80 > a:40000 established reply source #1"])
        .pod("a", "more for the backend", f.tcp("a:40000 > far:8080"))
        .sent(f.tcp("a:61000 > far:8080"))
        .flows(&["tcp a:40000 > far:8080 => a:61000 > far:8080 established source"])
        .pod("a", "more for the service", f.tcp("a:40000 > lb:80"))
        .sent(f.tcp("a:40000 > far:8080"))
        .flows(&["tcp a:40000 > lb:80 => a:40000 > far:8080 established destination #1"])
        .pod("a", "another connection to the backend keeps the port", f.tcp("a:40000 > far:8080").syn())
        .sent(f.tcp("a:61000 > far:8080").syn())
        .flows(&[
            "tcp a:40000 > far:8080 => a:61000 > far:8080 new source",
            "tcp far:8080 > a:61000 => far:8080 > a:40000 new reply destination",
        ])
}

fn backend_then_service(f: Family) -> Scenario {
    scenario(f, "a client asks a service from a port from which it asked the backend")
        .setting(Setting::Unmasked)
        .with(service("tcp node:30080").to("b:8080"))
        .wire("the backend: nobody has to remember that", f.tcp("client:5000 > b:8080").syn())
        .delivered(f.tcp("client:5000 > b:8080").syn())
        .wire("the service", f.tcp("client:5000 > node:30080").syn())
        .delivered(f.tcp("client:5000 > b:8080").syn())
        .flows(&[
            "tcp client:5000 > node:30080 => client:5000 > b:8080 new destination #1",
            "tcp b:8080 > client:5000 => node:30080 > client:5000 new reply source #1",
        ])
        .wire("the backend again", f.tcp("client:5000 > b:8080").syn())
        .delivered(f.tcp("client:61000 > b:8080").syn())
        .flows(&[
            "tcp client:5000 > b:8080 => client:61000 > b:8080 new source",
            "tcp b:8080 > client:61000 => b:8080 > client:5000 new reply destination",
        ])
        .pod("b", "answers", f.tcp("b:8080 > client:61000").syn_ack())
        .sent(f.tcp("b:8080 > client:5000").syn_ack())
        .flows(&["tcp b:8080 > client:61000 => b:8080 > client:5000 established reply destination"])
}

fn questions(f: Family) -> Scenario {
    scenario(f, "the same with questions")
        .with(service("udp lb:53").to("far:5353"))
        .pod("a", "the service", f.udp("a:40000 > lb:53"))
        .sent(f.udp("a:40000 > far:5353"))
        .flows(&[
            "udp a:40000 > lb:53 => a:40000 > far:5353 established destination #1",
            "udp far:5353 > a:40000 => lb:53 > a:40000 new reply source #1",
        ])
        .pod("a", "the backend", f.udp("a:40000 > far:5353"))
        .sent(f.udp("a:61000 > far:5353"))
        .flows(&[
            "udp a:40000 > far:5353 => a:61000 > far:5353 established source",
            "udp far:5353 > a:61000 => far:5353 > a:40000 new reply destination",
        ])
        .pod("a", "the backend again", f.udp("a:40000 > far:5353"))
        .sent(f.udp("a:61000 > far:5353"))
        .wire("the answer of the one", f.udp("far:5353 > a:61000"))
        .delivered(f.udp("far:5353 > a:40000"))
        .flows(&["udp far:5353 > a:61000 => far:5353 > a:40000 established reply destination"])
        .wire("and of the other", f.udp("far:5353 > a:40000"))
        .delivered(f.udp("lb:53 > a:40000"))
        .flows(&["udp far:5353 > a:40000 => lb:53 > a:40000 established reply source #1"])
}

fn two_services(f: Family) -> Scenario {
    scenario(f, "two services have the same backend")
        .with(service("tcp lb:80").to("b:8080"))
        .with(service("tcp web:80").to("b:8080"))
        .pod("a", "the first", f.tcp("a:40000 > lb:80").syn())
        .delivered(f.tcp("a:40000 > b:8080").syn())
        .flows(&[
            "tcp a:40000 > lb:80 => a:40000 > b:8080 new destination #1",
            "tcp b:8080 > a:40000 => lb:80 > a:40000 new reply source #1",
        ])
        .pod("a", "the second", f.tcp("a:40000 > web:80").syn())
        .delivered(f.tcp("a:61000 > b:8080").syn())
        .flows(&[
            "tcp a:40000 > web:80 => a:61000 > b:8080 new source destination #1",
            "tcp b:8080 > a:61000 => web:80 > a:40000 new reply source destination #1",
        ])
        .pod("b", "each has its own answers", f.tcp("b:8080 > a:61000").syn_ack())
        .delivered(f.tcp("web:80 > a:40000").syn_ack())
        .flows(&["tcp b:8080 > a:61000 => web:80 > a:40000 established reply source destination #1"])
        .pod("b", "the first's", f.tcp("b:8080 > a:40000").syn_ack())
        .delivered(f.tcp("lb:80 > a:40000").syn_ack())
        .flows(&["tcp b:8080 > a:40000 => lb:80 > a:40000 established reply source #1"])
}

fn itself(f: Family) -> Scenario {
    scenario(f, "a pod's answers to questions begin nothing")
        .with(service("udp lb:53").to("b:5353"))
        .pod("a", "a question", f.udp("a:40000 > b:5353"))
        .delivered(f.udp("a:40000 > b:5353"))
        .pod("b", "its answer", f.udp("b:5353 > a:40000"))
        .delivered(f.udp("b:5353 > a:40000"))
}

fn told_then_not(f: Family) -> Scenario {
    scenario(f, "a client asks a backend itself, after another node sent it here")
        .setting(Setting::Unmasked)
        .with(service("udp lb:53").to("b:5353"))
        .wire("sent by the other node", f.udp("client:5000 > b:5353").told("lb:53"))
        .delivered(f.udp("client:5000 > b:5353"))
        .flows(&[
            "udp client:5000 > b:5353 => client:5000 > b:5353 established told",
            "udp b:5353 > client:5000 => lb:53 > client:5000 new reply source",
        ])
        .wire("by itself", f.udp("client:5000 > b:5353"))
        .delivered(f.udp("client:61000 > b:5353"))
        .flows(&[
            "udp client:5000 > b:5353 => client:61000 > b:5353 established source",
            "udp b:5353 > client:61000 => b:5353 > client:5000 new reply destination",
        ])
        .pod("b", "the answer to that", f.udp("b:5353 > client:61000"))
        .sent(f.udp("b:5353 > client:5000"))
        .flows(&["udp b:5353 > client:61000 => b:5353 > client:5000 established reply destination"])
        .wire("by itself once more", f.udp("client:5000 > b:5353"))
        .delivered(f.udp("client:61000 > b:5353"))
}

fn not_then_told(f: Family) -> Scenario {
    scenario(f, "another node sends a client here who has a connection by a port of this node")
        .setting(Setting::Unmasked)
        .with(service("tcp node:30080").to("b:8080"))
        .with(service("tcp lb:80").to("b:8080"))
        .wire("the node's port", f.tcp("client:5000 > node:30080").syn())
        .delivered(f.tcp("client:5000 > b:8080").syn())
        .flows(&[
            "tcp client:5000 > node:30080 => client:5000 > b:8080 new destination #1",
            "tcp b:8080 > client:5000 => node:30080 > client:5000 new reply source #1",
        ])
        .wire("by the other node", f.tcp("client:5000 > b:8080").syn().told("lb:80"))
        .delivered(f.tcp("client:61000 > b:8080").syn())
        .flows(&[
            "tcp client:5000 > b:8080 => client:61000 > b:8080 new source told",
            "tcp b:8080 > client:61000 => lb:80 > client:5000 new reply source destination",
        ])
        .wire("which says it again", f.tcp("client:5000 > b:8080").syn().told("lb:80"))
        .delivered(f.tcp("client:61000 > b:8080").syn())
        .pod("b", "each has its own answers", f.tcp("b:8080 > client:61000").syn_ack())
        .sent(f.tcp("lb:80 > client:5000").syn_ack())
        .flows(&["tcp b:8080 > client:61000 => lb:80 > client:5000 established reply source destination"])
        .pod("b", "the node port's", f.tcp("b:8080 > client:5000").syn_ack())
        .sent(f.tcp("node:30080 > client:5000").syn_ack())
        .flows(&["tcp b:8080 > client:5000 => node:30080 > client:5000 established reply source #1"])
}

fn told_of_another(f: Family) -> Scenario {
    scenario(f, "another node sends a client here for one service, then for another")
        .with(service("udp lb:53").to("b:5353"))
        .with(service("udp web:53").to("b:5353"))
        .wire("for the first", f.udp("client:5000 > b:5353").told("lb:53"))
        .delivered(f.udp("client:5000 > b:5353"))
        .flows(&[
            "udp client:5000 > b:5353 => client:5000 > b:5353 established told",
            "udp b:5353 > client:5000 => lb:53 > client:5000 new reply source",
        ])
        .wire("for the second", f.udp("client:5000 > b:5353").told("web:53"))
        .delivered(f.udp("client:5000 > b:5353"))
        .flows(&["udp b:5353 > client:5000 => web:53 > client:5000 new reply source"])
        .pod("b", "who is answered as the second", f.udp("b:5353 > client:5000"))
        .sent(f.udp("web:53 > client:5000"))
        .flows(&["udp b:5353 > client:5000 => web:53 > client:5000 established reply source"])
}

fn host(f: Family) -> Scenario {
    scenario(f, "a process of the node asks a pod itself, after another node sent its questions here")
        .with(service("udp lb:53").to("b:5353"))
        .wire("by the other node", f.udp("node:40000 > b:5353").told("lb:53"))
        .delivered(f.udp("node:40000 > b:5353"))
        .flows(&[
            "udp node:40000 > b:5353 => node:40000 > b:5353 established told",
            "udp b:5353 > node:40000 => lb:53 > node:40000 new reply source",
        ])
        .host_to("b", "by itself", f.udp("node:40000 > b:5353"))
        .rewritten(&f.udp("node:61000 > b:5353"))
        .flows(&[
            "udp node:40000 > b:5353 => node:61000 > b:5353 established source",
            "udp b:5353 > node:61000 => b:5353 > node:40000 new reply destination",
        ])
        .pod("b", "the answer to that", f.udp("b:5353 > node:61000"))
        .rewritten(&f.udp("b:5353 > node:40000"))
        .flows(&["udp b:5353 > node:61000 => b:5353 > node:40000 established reply destination"])
        .host_to("a", "what has one meaning only is left alone", f.tcp("node:40000 > a:8080").syn())
        .passes()
}

fn told_of_two(f: Family) -> Scenario {
    scenario(f, "another node sends a client here for two services, beside a port of this node")
        .with(service("udp node:30080").to("b:5353"))
        .with(service("udp lb:53").to("b:5353"))
        .with(service("udp web:53").to("b:5353"))
        .wire("the node's port", f.udp("client:5000 > node:30080"))
        .delivered(f.udp("client:5000 > b:5353"))
        .flows(&[
            "udp client:5000 > node:30080 => client:5000 > b:5353 established destination #1",
            "udp b:5353 > client:5000 => node:30080 > client:5000 new reply source #1",
        ])
        .wire("for the first", f.udp("client:5000 > b:5353").told("lb:53"))
        .delivered(f.udp("client:61000 > b:5353"))
        .flows(&[
            "udp client:5000 > b:5353 => client:61000 > b:5353 established source told",
            "udp b:5353 > client:61000 => lb:53 > client:5000 new reply source destination",
        ])
        .wire("for the second", f.udp("client:5000 > b:5353").told("web:53"))
        .delivered(f.udp("client:61000 > b:5353"))
        .flows(&["udp b:5353 > client:61000 => web:53 > client:5000 new reply source destination"])
        .pod("b", "the second's answer", f.udp("b:5353 > client:61000"))
        .sent(f.udp("web:53 > client:5000"))
        .flows(&["udp b:5353 > client:61000 => web:53 > client:5000 established reply source destination"])
        .pod("b", "the node port's", f.udp("b:5353 > client:5000"))
        .sent(f.udp("node:30080 > client:5000"))
        .flows(&["udp b:5353 > client:5000 => node:30080 > client:5000 established reply source #1"])
}

fn pod_told(f: Family) -> Scenario {
    scenario(f, "a pod asks another here, by another node and itself")
        .with(service("udp lb:53").to("b:5353"))
        .wire("what comes back from the other node", f.udp("a:40000 > b:5353").told("lb:53"))
        .delivered(f.udp("a:40000 > b:5353"))
        .flows(&["udp a:40000 > b:5353 => a:40000 > b:5353 established told", "udp b:5353 > a:40000 => lb:53 > a:40000 new reply source"])
        .pod("a", "by itself", f.udp("a:40000 > b:5353"))
        .delivered(f.udp("a:61000 > b:5353"))
        .flows(&[
            "udp a:40000 > b:5353 => a:61000 > b:5353 established source",
            "udp b:5353 > a:61000 => b:5353 > a:40000 new reply destination",
        ])
        .pod("b", "its answer", f.udp("b:5353 > a:61000"))
        .delivered(f.udp("b:5353 > a:40000"))
        .flows(&["udp b:5353 > a:61000 => b:5353 > a:40000 established reply destination"])
}
