//! Who may use a service from outside, and by which nodes.

use ichor_datapath_types::DropReason;

use crate::cluster::service;
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    vec![source_ranges(f), two_ranges(f), local(f), local_elsewhere(f), without_entry(f), backend_gone(f), backend_gone_outside(f)]
}

fn source_ranges(f: Family) -> Scenario {
    let range = if f == Family::V4 { "client/25" } else { "client/48" };
    scenario(f, "a service for the clients of one range")
        .with(service("tcp lb:80").to("b:8080").only_for(range))
        .wire("a client in it", f.tcp("client:5000 > lb:80").syn())
        .delivered(f.tcp("client:5000 > b:8080").syn())
        .flows(&[
            "tcp client:5000 > lb:80 => client:5000 > b:8080 new destination #1",
            "tcp b:8080 > client:5000 => lb:80 > client:5000 new reply source #1",
        ])
        .wire("a client just outside of it", f.tcp("client2:5000 > lb:80").syn())
        .dropped(DropReason::SourceRange)
        .wire("a client far from it", f.tcp("outside:5000 > lb:80").syn())
        .dropped(DropReason::SourceRange)
        .xdp("it does not get past XDP", f.tcp("outside:5000 > lb:80").syn())
        .dropped(DropReason::SourceRange)
        .pod("a", "a pod is not from outside", f.tcp("a:40000 > lb:80").syn())
        .delivered(f.tcp("a:40000 > b:8080").syn())
        .flows(&[
            "tcp a:40000 > lb:80 => a:40000 > b:8080 new destination #1",
            "tcp b:8080 > a:40000 => lb:80 > a:40000 new reply source #1",
        ])
}

fn two_ranges(f: Family) -> Scenario {
    scenario(f, "ranges belong to one service each")
        .with(service("udp lb:53").to("b:5353").only_for("client/32").only_for("outside/32"))
        .with(service("udp lb2:53").to("b:5353").only_for("client2/32"))
        .wire("the second range of the first", f.udp("outside:5000 > lb:53"))
        .delivered(f.udp("outside:5000 > b:5353"))
        .flows(&[
            "udp outside:5000 > lb:53 => outside:5000 > b:5353 established destination #1",
            "udp b:5353 > outside:5000 => lb:53 > outside:5000 new reply source #1",
        ])
        .wire("which says nothing about the other", f.udp("router:5000 > lb2:53"))
        .dropped(DropReason::SourceRange)
}

fn local(f: Family) -> Scenario {
    scenario(f, "an external policy of Local, with a backend here and one elsewhere")
        .with(service("tcp lb:80").to("far:8080").split())
        .with(service("tcp lb:80").to("b:8080").external())
        .wire("a client from outside reaches the one here", f.tcp("client:5000 > lb:80").syn())
        .delivered(f.tcp("client:5000 > b:8080").syn())
        .flows(&[
            "tcp client:5000 > lb:80 => client:5000 > b:8080 new destination #2",
            "tcp b:8080 > client:5000 => lb:80 > client:5000 new reply source #2",
        ])
        .xdp("which is not for XDP", f.tcp("client2:5000 > lb:80").syn())
        .passes()
        .pod("a", "a pod may reach the other", f.tcp("a:40000 > lb:80").syn())
        .sent(f.tcp("a:40000 > far:8080").syn())
        .flows(&[
            "tcp a:40000 > lb:80 => a:40000 > far:8080 new destination #1",
            "tcp far:8080 > a:40000 => lb:80 > a:40000 new reply source #1",
        ])
}

fn local_elsewhere(f: Family) -> Scenario {
    scenario(f, "an external policy of Local, with no backend here")
        .with(service("tcp lb:80").to("far:8080").split())
        .with(service("tcp lb:80").external().silent())
        .wire("a client from outside is not answered", f.tcp("client:5000 > lb:80").syn())
        .dropped(DropReason::NoLocalBackend)
        .xdp("nor by XDP", f.tcp("client:5000 > lb:80").syn())
        .dropped(DropReason::NoLocalBackend)
        .pod("a", "a pod is", f.tcp("a:40000 > lb:80").syn())
        .sent(f.tcp("a:40000 > far:8080").syn())
        .flows(&[
            "tcp a:40000 > lb:80 => a:40000 > far:8080 new destination #1",
            "tcp far:8080 > a:40000 => lb:80 > a:40000 new reply source #1",
        ])
}

fn without_entry(f: Family) -> Scenario {
    scenario(f, "a service that says it has another entry, and has none")
        .with(service("tcp lb:80").to("b:8080").split())
        .wire("is no service to the outside", f.tcp("client:5000 > lb:80").syn())
        .passes()
        .xdp("nor in XDP", f.tcp("client:5000 > lb:80").syn())
        .passes()
}

fn backend_gone(f: Family) -> Scenario {
    scenario(f, "the chosen backend is not in its table")
        .with(service("tcp web:80").to("b:8080").but_gone())
        .with(service("udp web:80").by_chance().to("far:8080").but_gone())
        .pod("a", "chosen by the flow", f.tcp("a:40000 > web:80").syn())
        .dropped(DropReason::BackendGone)
        .pod("a", "chosen by chance", f.udp("a:40000 > web:80"))
        .dropped(DropReason::BackendGone)
}

fn backend_gone_outside(f: Family) -> Scenario {
    scenario(f, "the chosen backend is not in its table, for clients from outside")
        .with(service("tcp lb:80").to("far:8080").but_gone())
        .wire("on the wire", f.tcp("client:5000 > lb:80").syn())
        .dropped(DropReason::BackendGone)
        .xdp("in XDP", f.tcp("client:5000 > lb:80").syn())
        .dropped(DropReason::BackendGone)
}
