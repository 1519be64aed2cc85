//! A pod sends from its own addresses.

use ichor_datapath_types::{DropReason, proto};

use crate::cluster::service;
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    let mut all = vec![sources(f), flows(f)];
    match f {
        Family::V4 => all.push(link_v4(f)),
        Family::V6 => all.extend([neighbours(f), no_neighbours(f)]),
    }
    all
}

fn sources(f: Family) -> Scenario {
    scenario(f, "sources that are not the pod's own")
        .pod("a", "another pod's", f.udp("b:1000 > far:53"))
        .dropped(DropReason::SpoofedSource)
        .pod("b", "another pod's, the other way around", f.udp("a:1000 > far:53"))
        .dropped(DropReason::SpoofedSource)
        .pod("a", "a pod's elsewhere", f.tcp("far:1000 > b:53").syn())
        .dropped(DropReason::SpoofedSource)
        .pod("a", "the node's", f.tcp("node:1000 > b:53").syn())
        .dropped(DropReason::SpoofedSource)
        .pod("a", "a service's", f.tcp("web:80 > b:53"))
        .dropped(DropReason::SpoofedSource)
        .pod("a", "somebody's outside", f.echo("outside:1 > b"))
        .dropped(DropReason::SpoofedSource)
        .pod("a", "nobody's", f.udp("nobody:68 > everybody:67"))
        .dropped(DropReason::SpoofedSource)
        .pod("a", "that of a pod that is gone", f.protocol(47, "gone > b"))
        .dropped(DropReason::SpoofedSource)
        .pod("a", "its own", f.udp("a:1000 > far:53"))
        .sent(f.udp("a:1000 > far:53"))
        .wire("on the wire, sources are not ours to judge", f.udp("outside:1000 > a:53"))
        .delivered(f.udp("outside:1000 > a:53"))
        .flows(&["udp outside:1000 > a:53 => outside:1000 > a:53 established", "udp a:53 > outside:1000 => a:53 > outside:1000 new reply"])
}

fn flows(f: Family) -> Scenario {
    scenario(f, "a known flow does not help")
        .with(service("tcp web:80").to("far:8080"))
        .pod("a", "the pod's connection", f.tcp("a:40000 > web:80").syn())
        .sent(f.tcp("a:40000 > far:8080").syn())
        .flows(&[
            "tcp a:40000 > web:80 => a:40000 > far:8080 new destination #1",
            "tcp far:8080 > a:40000 => web:80 > a:40000 new reply source #1",
        ])
        .pod("b", "another pod cannot talk in it", f.tcp("a:40000 > web:80"))
        .dropped(DropReason::SpoofedSource)
        .pod("b", "nor end it", f.tcp("a:40000 > web:80").rst())
        .dropped(DropReason::SpoofedSource)
}

fn link_v4(f: Family) -> Scenario {
    scenario(f, "addresses of the link")
        .pod("a", "no discovery is told from the rest in this family", f.icmp(135, "linklocal > neighbours"))
        .dropped(DropReason::SpoofedSource)
        .pod("a", "nor is anything else", f.udp("linklocal:1 > a:1"))
        .dropped(DropReason::SpoofedSource)
}

fn neighbours(f: Family) -> Scenario {
    scenario(f, "a pod asks for its neighbours")
        .pod("a", "with an address of the link", f.icmp(135, "linklocal > neighbours"))
        .passes()
        .pod("a", "with none", f.icmp(135, "nobody > neighbours"))
        .passes()
        .pod("a", "it answers", f.icmp(136, "linklocal > node"))
        .passes()
        .pod("a", "it asks for routers", f.icmp(133, "linklocal > routers"))
        .passes()
        .pod("a", "behind an extension header", f.icmp(133, "linklocal > routers").extension(proto::HOP_BY_HOP, 0))
        .passes()
        .pod("a", "it says which groups it is in", f.icmp(143, "linklocal > routers").extension(proto::HOP_BY_HOP, 0))
        .passes()
        .pod("a", "and in the older form", f.icmp(131, "linklocal > routers").extension(proto::HOP_BY_HOP, 0))
        .passes()
        .pod("a", "with its own address", f.icmp(135, "a > neighbours"))
        .passes()
        .wire("the wire's are the kernel's", f.icmp(135, "router > neighbours"))
        .passes()
        .host("as are the node's", f.icmp(135, "node > neighbours"))
        .passes()
        .xdp("and XDP's", f.icmp(136, "router > node"))
        .passes()
}

fn no_neighbours(f: Family) -> Scenario {
    scenario(f, "what only looks like asking for neighbours")
        .pod("a", "the number below", f.icmp(129, "linklocal > neighbours"))
        .dropped(DropReason::SpoofedSource)
        .pod("a", "the number above, which redirects", f.icmp(137, "linklocal > neighbours"))
        .dropped(DropReason::SpoofedSource)
        .pod("a", "an echo from the link", f.echo("linklocal:1 > b"))
        .dropped(DropReason::SpoofedSource)
        .pod("a", "UDP from the link", f.udp("linklocal:1 > b:135"))
        .dropped(DropReason::SpoofedSource)
        .pod("a", "a header that is cut", f.icmp(135, "linklocal > neighbours").cut(54 + 7))
        .dropped(DropReason::SpoofedSource)
}
