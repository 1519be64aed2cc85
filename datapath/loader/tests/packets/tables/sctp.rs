//! SCTP, whose checksum covers its ports and not the addresses.

use ichor_datapath_types::DropReason;

use crate::cluster::service;
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    vec![
        scenario(f, "a service by SCTP whose backend has the same port")
            .with(service("sctp web:9000").to("b:9000"))
            .pod("a", "the association begins", f.sctp("a:40000 > web:9000"))
            .delivered(f.sctp("a:40000 > b:9000"))
            .flows(&[
                "sctp a:40000 > web:9000 => a:40000 > b:9000 established destination #1",
                "sctp b:9000 > a:40000 => web:9000 > a:40000 new reply source #1",
            ])
            .pod("b", "the answer", f.sctp("b:9000 > a:40000"))
            .delivered(f.sctp("web:9000 > a:40000"))
            .flows(&["sctp b:9000 > a:40000 => web:9000 > a:40000 established reply source #1"]),
        scenario(f, "a service by SCTP whose backend has another port")
            .with(service("sctp web:9000").to("b:9001"))
            .with(service("sctp lb:9000").to("far:9001"))
            .pod("a", "cannot be reached from a pod", f.sctp("a:40000 > web:9000"))
            .dropped(DropReason::UnknownTransport)
            .wire("nor from outside", f.sctp("client:5000 > lb:9000"))
            .dropped(DropReason::UnknownTransport)
            .xdp("nor through XDP", f.sctp("client:5000 > lb:9000"))
            .dropped(DropReason::UnknownTransport),
        scenario(f, "SCTP without a service")
            .pod("a", "to a pod here", f.sctp("a:40000 > b:9000"))
            .delivered(f.sctp("a:40000 > b:9000"))
            .pod("a", "to a pod elsewhere", f.sctp("a:40000 > far:9000"))
            .sent(f.sctp("a:40000 > far:9000")),
    ]
}
