//! Interfaces, addresses and routes, by `ip -batch`: one short-lived process for each namespace does all of it, the lines
//! can be repeated by hand, and no second netlink library is linked.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::process::Command;

use ipnet::IpNet;

use crate::error::Error;
use crate::object::PodAddresses;
use crate::place::Place;
use crate::topology::{CLIENT, LAN, Node, ROUTER, Topology};
use crate::{namespace, process};

/// The kernel settings of a machine that forwards packets, as Talos has them.
pub(crate) const FORWARDS: [(&str, &str); 10] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    // Connections, not machines, are spread over the nodes.
    ("net/ipv4/fib_multipath_hash_policy", "1"),
    ("net/ipv6/fib_multipath_hash_policy", "1"),
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/ipv6/conf/default/forwarding", "1"),
    ("net/ipv6/conf/default/accept_ra", "0"),
    // Nobody else is on this LAN, and looking for somebody takes a second.
    ("net/ipv6/conf/all/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
];

pub(crate) const ENDS: [(&str, &str); 3] =
    [("net/ipv6/conf/default/accept_ra", "0"), ("net/ipv6/conf/all/accept_dad", "0"), ("net/ipv6/conf/default/accept_dad", "0")];

/// The switch with the router on it, and the client behind the router.
pub(crate) fn lan(place: &Place, topology: &Topology) -> Result<(), Error> {
    let mtu = topology.mtu();
    let (router, client) = (place.namespace(ROUTER), place.namespace(CLIENT));
    batch(
        &place.namespace(LAN),
        &format!(
            "link set lo up\nlink add lan type bridge stp_state 0 forward_delay 0 mcast_snooping 0\nlink set lan up\n\
             link add router mtu {mtu} type veth peer name lan mtu {mtu} netns {router}\nlink set router master lan up\n"
        ),
    )?;
    batch(
        &router,
        &format!("link set lo up\nlink set lan up\nlink add outside type veth peer name eth0 netns {client}\nlink set outside up\n"),
    )
}

/// The cable of a node: one end on the switch, the other its `eth0`.
pub(crate) fn node(place: &Place, topology: &Topology, node: &Node) -> Result<(), Error> {
    let (lan, namespace, port) = (place.namespace(LAN), place.namespace(&node.name), port(topology, &node.name));
    let (mac, mtu) = (&node.mac, node.mtu);
    batch(
        &lan,
        &format!(
            "link add {port} mtu {mtu} type veth peer name eth0 address {mac} mtu {mtu} netns {namespace}\nlink set {port} master lan up\n"
        ),
    )?;
    if node.xdp {
        // A network card delivers frames with complete checksums and sends those that XDP returns to it. A veth does the one
        // only without offload at its far end, and the other only if there is a program too.
        namespace::complete_checksums(&lan, &port)?;
        let pass = place.bpffs().join("pass");
        if !pass.exists() {
            namespace::pin_pass(&pass)?;
        }
        batch(&lan, &format!("link set {port} xdpdrv pinned {}\n", pass.display()))?;
    }
    batch(&namespace, &end("eth0", &node.addresses, &node.gateways))
}

/// The addresses and routes of the router and of the client. The pools' routes are what the nodes will announce by BGP.
pub(crate) fn router_and_client(place: &Place, topology: &Topology) -> Result<(), Error> {
    let mut lines = String::new();
    for address in &topology.router {
        add_address(&mut lines, address, "lan");
    }
    for outside in &topology.outside {
        add_address(&mut lines, &outside.router, "outside");
    }
    batch(&place.namespace(ROUTER), &lines)?;
    let addresses: Vec<_> = topology.outside.iter().map(|outside| outside.client).collect();
    let gateways: Vec<_> = topology.outside.iter().map(|outside| outside.router.addr()).collect();
    batch(&place.namespace(CLIENT), &end("eth0", &addresses, &gateways))
}

/// The router's routes to pods and services, for the nodes that are there.
pub(crate) fn routes(place: &Place, topology: &Topology, pods: &PodAddresses, is_there: impl Fn(&str) -> bool) -> Result<(), Error> {
    let nodes: Vec<_> = topology.nodes.iter().filter(|node| is_there(&node.name)).collect();
    let mut lines = String::new();
    let mut route = |prefix: IpNet, nodes: &[&Node]| {
        let hops: Vec<_> = nodes.iter().filter_map(|node| node.address(ichor_config::Family::of_net(prefix))).collect();
        replace_route(&mut lines, prefix, &hops);
    };
    for node in &nodes {
        node.pod_cidrs.iter().for_each(|prefix| route(*prefix, &[node]));
    }
    topology.pools.iter().for_each(|prefix| route(*prefix, &nodes));
    for service in &topology.services {
        let has_pod = |node: &&&Node| node.pods.iter().any(|pod| service.pods.contains(&pod.name) && pods.contains_key(&pod.name));
        let local: Vec<_> = nodes.iter().filter(has_pod).copied().collect();
        let hops = if service.local.is_some() { &local } else { &nodes };
        service.announced().for_each(|address| route(IpNet::from(address), hops));
    }
    batch(&place.namespace(ROUTER), &lines)
}

/// Plugs a node's cable in or out, at the switch.
pub(crate) fn plug(place: &Place, topology: &Topology, node: &str, state: &str) -> Result<(), Error> {
    batch(&place.namespace(LAN), &format!("link set {} {state}\n", port(topology, node)))
}

/// Takes a node's cable away, both ends of it; the kernel would do it too, but only some time after the namespace is gone.
pub(crate) fn cut(place: &Place, topology: &Topology, node: &str) -> Result<(), Error> {
    let port = port(topology, node);
    let lan = place.namespace(LAN);
    let there = process::finish(ip(&lan, &["-br", "link"]), "`ip link`", b"")?;
    let is_it = |line: &str| line.split(['@', ' ']).next() == Some(&port);
    if String::from_utf8_lossy(&there).lines().any(is_it) { batch(&lan, &format!("link delete {port}\n")) } else { Ok(()) }
}

/// The name of a node's port on the switch: names of interfaces are short, and those of nodes need not be.
fn port(topology: &Topology, node: &str) -> String {
    let index = topology.nodes.iter().position(|other| other.name == node).unwrap_or_default();
    format!("port{}", index + 1)
}

fn end(interface: &str, addresses: &[IpNet], gateways: &[IpAddr]) -> String {
    let mut lines = format!("link set lo up\nlink set {interface} up\n");
    for address in addresses {
        add_address(&mut lines, address, interface);
    }
    for gateway in gateways {
        let _ = writeln!(lines, "route add default via {gateway}");
    }
    lines
}

fn add_address(lines: &mut String, address: &IpNet, interface: &str) {
    let nodad = if address.addr().is_ipv6() { " nodad" } else { "" };
    let _ = writeln!(lines, "address add {address} dev {interface}{nodad}");
}

fn replace_route(lines: &mut String, prefix: IpNet, hops: &[IpAddr]) {
    let _ = match hops {
        [] => writeln!(lines, "route replace unreachable {prefix}"),
        [hop] => writeln!(lines, "route replace {prefix} via {hop}"),
        hops => {
            let hops: String = hops.iter().map(|hop| format!(" nexthop via {hop}")).collect();
            writeln!(lines, "route replace {prefix}{hops}")
        }
    };
}

fn batch(namespace: &str, lines: &str) -> Result<(), Error> {
    process::finish(ip(namespace, &["-batch", "-"]), &format!("`ip` in `{namespace}`"), lines.as_bytes()).map(drop)
}

fn ip(namespace: &str, words: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(["-n", namespace]).args(words);
    command
}
