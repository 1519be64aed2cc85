//! A pod that may send only so much.

use ichor_datapath_types::{DropReason, Pace};

use crate::cluster::service;
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

/// All that was sent is gone, and nothing takes any time.
const FREE: Pace = Pace { next_ns: 0, byte_time: 0, longest_ns: 0 };
/// So much waits that it takes years.
const FULL: Pace = Pace { next_ns: 1 << 62, byte_time: 1 << Pace::FRACTION_BITS, longest_ns: 100_000_000 };

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    vec![within(f), beyond(f), elsewhere(f), others(f)]
}

fn within(f: Family) -> Scenario {
    scenario(f, "a limited pod that has sent little")
        .limited("a", Some(FREE))
        .with(service("tcp web:80").to("b:8080"))
        .pod("a", "to another node", f.udp("a:1000 > far:53"))
        .sent(f.udp("a:1000 > far:53"))
        .pod("a", "to a pod here, by the cable's queue", f.udp("a:1000 > b:53"))
        .delivered(f.udp("a:1000 > b:53"))
        .by_queue()
        .pod("a", "to a service's backend here", f.tcp("a:40000 > web:80").syn())
        .delivered(f.tcp("a:40000 > b:8080").syn())
        .by_queue()
        .flows(&[
            "tcp a:40000 > web:80 => a:40000 > b:8080 new destination #1",
            "tcp b:8080 > a:40000 => web:80 > a:40000 new reply source #1",
        ])
        .pod("b", "answers are not limited", f.tcp("b:8080 > a:40000").syn_ack())
        .delivered(f.tcp("web:80 > a:40000").syn_ack())
        .flows(&["tcp b:8080 > a:40000 => web:80 > a:40000 established reply source #1"])
        .pod("a", "to the node", f.udp("a:1000 > node:53"))
        .passes()
}

fn beyond(f: Family) -> Scenario {
    scenario(f, "a limited pod that has sent too much")
        .limited("a", Some(FULL))
        .pod("a", "to another node", f.udp("a:1000 > far:53"))
        .sent(f.udp("a:1000 > far:53"))
        .but_dropped(DropReason::OverLimit)
        .pod("a", "to a pod here", f.udp("a:1000 > b:53"))
        .delivered(f.udp("a:1000 > b:53"))
        .by_queue()
        .but_dropped(DropReason::OverLimit)
        .pod("a", "to the node, where nothing could wait", f.udp("a:1000 > node:53"))
        .but_dropped(DropReason::OverLimit)
        .pod("a", "what has no ports, too", f.protocol(47, "a > far"))
        .but_dropped(DropReason::OverLimit)
        .pod("a", "what is not its own is dropped for that", f.udp("b:1000 > far:53"))
        .dropped(DropReason::SpoofedSource)
        .pod("b", "another pod may go on", f.udp("b:1000 > far:53"))
        .sent(f.udp("b:1000 > far:53"))
        .pod("b", "also to this one", f.udp("b:1000 > a:53"))
        .delivered(f.udp("b:1000 > a:53"))
        .host_to("a", "as may the node", f.udp("node:1000 > a:53"))
        .passes()
}

fn elsewhere(f: Family) -> Scenario {
    scenario(f, "a limited pod whose limit is not kept here")
        .limited("a", None)
        .pod("a", "to another node", f.udp("a:1000 > far:53"))
        .sent(f.udp("a:1000 > far:53"))
        .pod("a", "to a pod here", f.udp("a:1000 > b:53"))
        .delivered(f.udp("a:1000 > b:53"))
        .by_queue()
}

fn others(f: Family) -> Scenario {
    scenario(f, "two limited pods")
        .limited("a", Some(FULL))
        .limited("b", Some(FREE))
        .pod("b", "each has its own limit", f.udp("b:1000 > a:53"))
        .delivered(f.udp("b:1000 > a:53"))
        .by_queue()
        .pod("a", "and no other one's", f.udp("a:1000 > b:53"))
        .delivered(f.udp("a:1000 > b:53"))
        .by_queue()
        .but_dropped(DropReason::OverLimit)
}
