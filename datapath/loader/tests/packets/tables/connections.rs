//! What TCP says about a connection, and new ones with the ports of old ones.

use crate::cluster::service;
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    vec![closes(f), resets(f), begins_again(f), middle(f), backwards(f), past_the_service(f), refused_by_backend(f)]
}

/// A connection of a pod that has begun.
fn begun(f: Family, title: &'static str) -> Scenario {
    scenario(f, title)
        .with(service("tcp web:80").to("b:8080"))
        .pod("a", "the connection begins", f.tcp("a:40000 > web:80").syn())
        .delivered(f.tcp("a:40000 > b:8080").syn())
        .flows(&[
            "tcp a:40000 > web:80 => a:40000 > b:8080 new destination #1",
            "tcp b:8080 > a:40000 => web:80 > a:40000 new reply source #1",
        ])
}

fn closes(f: Family) -> Scenario {
    begun(f, "a connection ends")
        .pod("a", "the pod's last word", f.tcp("a:40000 > web:80").fin())
        .delivered(f.tcp("a:40000 > b:8080").fin())
        .flows(&["tcp a:40000 > web:80 => a:40000 > b:8080 closing destination #1"])
        .pod("b", "the backend still talks", f.tcp("b:8080 > a:40000"))
        .delivered(f.tcp("web:80 > a:40000"))
        .flows(&["tcp b:8080 > a:40000 => web:80 > a:40000 established reply source #1"])
        .pod("a", "the pod confirms, which is no new word", f.tcp("a:40000 > web:80"))
        .delivered(f.tcp("a:40000 > b:8080"))
        .pod("b", "the backend's last word", f.tcp("b:8080 > a:40000").fin())
        .delivered(f.tcp("web:80 > a:40000").fin())
        .flows(&["tcp b:8080 > a:40000 => web:80 > a:40000 closing reply source #1"])
        .pod("a", "the last confirmation", f.tcp("a:40000 > web:80"))
        .delivered(f.tcp("a:40000 > b:8080"))
        .pod("a", "another connection with the same ports", f.tcp("a:40000 > web:80").syn())
        .delivered(f.tcp("a:40000 > b:8080").syn())
        .flows(&[
            "tcp a:40000 > web:80 => a:40000 > b:8080 new destination #1",
            "tcp b:8080 > a:40000 => web:80 > a:40000 new reply source #1",
        ])
}

fn resets(f: Family) -> Scenario {
    begun(f, "a connection is reset")
        .pod("a", "by the pod", f.tcp("a:40000 > web:80").rst())
        .delivered(f.tcp("a:40000 > b:8080").rst())
        .flows(&["tcp a:40000 > web:80 => a:40000 > b:8080 reset destination #1"])
        .pod("a", "what comes afterwards does not bring it back", f.tcp("a:40000 > web:80").fin())
        .delivered(f.tcp("a:40000 > b:8080").fin())
        .pod("a", "another connection does", f.tcp("a:40000 > web:80").syn())
        .delivered(f.tcp("a:40000 > b:8080").syn())
        .flows(&["tcp a:40000 > web:80 => a:40000 > b:8080 new destination #1"])
}

fn begins_again(f: Family) -> Scenario {
    begun(f, "a first packet is repeated")
        .pod("a", "as long as nothing else came, it is the same connection", f.tcp("a:40000 > web:80").syn())
        .delivered(f.tcp("a:40000 > b:8080").syn())
        .pod("b", "the backend answers", f.tcp("b:8080 > a:40000").syn_ack())
        .delivered(f.tcp("web:80 > a:40000").syn_ack())
        .flows(&["tcp b:8080 > a:40000 => web:80 > a:40000 established reply source #1"])
        .pod("a", "still", f.tcp("a:40000 > web:80").syn())
        .delivered(f.tcp("a:40000 > b:8080").syn())
}

fn middle(f: Family) -> Scenario {
    scenario(f, "a connection that began before the datapath knew of it")
        .with(service("tcp web:80").to("b:8080"))
        .pod("a", "is there from its first packet on", f.tcp("a:40000 > web:80"))
        .delivered(f.tcp("a:40000 > b:8080"))
        .flows(&[
            "tcp a:40000 > web:80 => a:40000 > b:8080 established destination #1",
            "tcp b:8080 > a:40000 => web:80 > a:40000 new reply source #1",
        ])
        .pod("a", "one that ends with its first packet", f.tcp("a:40001 > web:80").fin())
        .delivered(f.tcp("a:40001 > b:8080").fin())
        .flows(&[
            "tcp a:40001 > web:80 => a:40001 > b:8080 closing destination #1",
            "tcp b:8080 > a:40001 => web:80 > a:40001 new reply source #1",
        ])
}

fn backwards(f: Family) -> Scenario {
    begun(f, "the backend's own connection, with the ports of another")
        .pod("b", "the backend answers", f.tcp("b:8080 > a:40000").syn_ack())
        .delivered(f.tcp("web:80 > a:40000").syn_ack())
        .flows(&["tcp b:8080 > a:40000 => web:80 > a:40000 established reply source #1"])
        .pod("b", "a connection to the pod itself is not the service's", f.tcp("b:8080 > a:40000").syn())
        .delivered(f.tcp("b:8080 > a:40000").syn())
}

fn past_the_service(f: Family) -> Scenario {
    begun(f, "a connection to the backend itself, with the ports of one to the service")
        .pod("b", "the backend answers", f.tcp("b:8080 > a:40000").syn_ack())
        .delivered(f.tcp("web:80 > a:40000").syn_ack())
        .flows(&["tcp b:8080 > a:40000 => web:80 > a:40000 established reply source #1"])
        .pod("a", "while the first one lives, answers are its own", f.tcp("a:40000 > b:8080").syn())
        .delivered(f.tcp("a:40000 > b:8080").syn())
        .pod("b", "the backend's last word", f.tcp("b:8080 > a:40000").fin())
        .delivered(f.tcp("web:80 > a:40000").fin())
        .flows(&["tcp b:8080 > a:40000 => web:80 > a:40000 closing reply source #1"])
        .pod("a", "a connection past the service", f.tcp("a:40000 > b:8080").syn())
        .delivered(f.tcp("a:40000 > b:8080").syn())
        .flows(&["tcp a:40000 > b:8080 => a:40000 > b:8080 new", "tcp b:8080 > a:40000 => b:8080 > a:40000 new reply"])
        .pod("b", "is answered by the backend itself", f.tcp("b:8080 > a:40000").syn_ack())
        .delivered(f.tcp("b:8080 > a:40000").syn_ack())
        .flows(&["tcp b:8080 > a:40000 => b:8080 > a:40000 established reply"])
}

fn refused_by_backend(f: Family) -> Scenario {
    begun(f, "the backend refuses")
        .pod("b", "its reset comes from the service", f.tcp("b:8080 > a:40000").rst())
        .delivered(f.tcp("web:80 > a:40000").rst())
        .flows(&["tcp b:8080 > a:40000 => web:80 > a:40000 reset reply source #1"])
}
