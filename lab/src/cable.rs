//! Interfaces, addresses and routes, by netlink.

use std::net::IpAddr;
use std::os::fd::AsFd as _;

use ichor_agent_apply::{End, Error as Refusal, Netlink};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::error::{Error, reason};
use crate::namespace;
use crate::object::PodAddresses;
use crate::place::Place;
use crate::topology::{CLIENT, LAN, MTU, Node, ROUTER, Topology};

/// The switch, in the namespace of the LAN.
const SWITCH: &str = "lan";

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
    let (lan, router) = (place.namespace(LAN), place.namespace(ROUTER));
    let (in_router, in_client) = (namespace::open(&router)?, namespace::open(&place.namespace(CLIENT))?);
    within(&lan, |netlink| {
        turn_on(netlink, "lo")?;
        netlink.make_switch(SWITCH)?;
        turn_on(netlink, SWITCH)?;
        netlink.make_pair(end(ROUTER), end("lan"), topology.mtu(), in_router.as_fd())?;
        plug_in(netlink, ROUTER)
    })?;
    within(&router, |netlink| {
        turn_on(netlink, "lo")?;
        turn_on(netlink, "lan")?;
        netlink.make_pair(end("outside"), end("eth0"), MTU, in_client.as_fd())?;
        turn_on(netlink, "outside")
    })
}

/// The cable of a node: one end on the switch, the other its `eth0`.
pub(crate) fn node(place: &Place, topology: &Topology, node: &Node) -> Result<(), Error> {
    let (lan, namespace, port) = (place.namespace(LAN), place.namespace(&node.name), port(topology, &node.name));
    let in_node = namespace::open(&namespace)?;
    within(&lan, |netlink| {
        netlink.make_pair(end(&port), End { mac: Some(node.mac), ..end("eth0") }, node.mtu, in_node.as_fd())?;
        plug_in(netlink, &port)
    })?;
    if node.xdp {
        // A network card delivers frames with complete checksums and sends those that XDP returns to it. A veth does the one
        // only without offload at its far end, and the other only if there is a program too.
        namespace::complete_checksums(&lan, &port)?;
        let pass = namespace::load_pass()?;
        within(&lan, |netlink| {
            let port = netlink.link(&port)?;
            netlink.attach_xdp(&port, pass.as_fd())
        })?;
    }
    machine(&namespace, &node.addresses, &node.gateways)
}

/// The addresses and routes of the router and of the client. The pools' routes are what the nodes will announce by BGP.
pub(crate) fn router_and_client(place: &Place, topology: &Topology) -> Result<(), Error> {
    let outside: Vec<_> = topology.outside.iter().map(|outside| outside.router).collect();
    within(&place.namespace(ROUTER), |netlink| {
        add_addresses(netlink, "lan", &topology.router)?;
        add_addresses(netlink, "outside", &outside)
    })?;
    let addresses: Vec<_> = topology.outside.iter().map(|outside| outside.client).collect();
    let gateways: Vec<_> = outside.iter().map(IpNet::addr).collect();
    machine(&place.namespace(CLIENT), &addresses, &gateways)
}

/// The router's routes to pods and services, for the nodes that are there.
pub(crate) fn routes(place: &Place, topology: &Topology, pods: &PodAddresses, is_there: impl Fn(&str) -> bool) -> Result<(), Error> {
    let nodes: Vec<_> = topology.nodes.iter().filter(|node| is_there(&node.name)).collect();
    let mut routes = Vec::new();
    let mut route = |prefix: IpNet, nodes: &[&Node]| {
        let hops: Vec<_> = nodes.iter().filter_map(|node| node.address(ichor_config::Family::of_net(prefix))).collect();
        routes.push((prefix, hops));
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
    within(&place.namespace(ROUTER), |netlink| routes.iter().try_for_each(|(prefix, hops)| netlink.spread(*prefix, hops)))
}

/// Plugs a node's cable in, at the switch.
pub(crate) fn plug(place: &Place, topology: &Topology, node: &str) -> Result<(), Error> {
    within(&place.namespace(LAN), |netlink| turn_on(netlink, &port(topology, node)))
}

/// Plugs it out there.
pub(crate) fn unplug(place: &Place, topology: &Topology, node: &str) -> Result<(), Error> {
    within(&place.namespace(LAN), |netlink| {
        let port = netlink.link(&port(topology, node))?;
        netlink.set_down(&port)
    })
}

/// Takes a node's cable away, both ends of it; the kernel would do it too, but only some time after the namespace is gone.
pub(crate) fn cut(place: &Place, topology: &Topology, node: &str) -> Result<(), Error> {
    within(&place.namespace(LAN), |netlink| netlink.remove_link(&port(topology, node)))
}

/// The name of a node's port on the switch: names of interfaces are short, and those of nodes need not be.
fn port(topology: &Topology, node: &str) -> String {
    let index = topology.nodes.iter().position(|other| other.name == node).unwrap_or_default();
    format!("port{}", index + 1)
}

/// What a machine has with one interface, which is there.
fn machine(namespace: &str, addresses: &[IpNet], gateways: &[IpAddr]) -> Result<(), Error> {
    within(namespace, |netlink| {
        turn_on(netlink, "lo")?;
        turn_on(netlink, "eth0")?;
        add_addresses(netlink, "eth0", addresses)?;
        let all = |gateway: &IpAddr| if gateway.is_ipv4() { IpNet::from(Ipv4Net::default()) } else { Ipv6Net::default().into() };
        gateways.iter().try_for_each(|gateway| netlink.spread(all(gateway), &[*gateway]))
    })
}

fn end(name: &str) -> End<'_> {
    End { name, mac: None }
}

fn turn_on(netlink: &mut Netlink, interface: &str) -> Result<(), Refusal> {
    let link = netlink.link(interface)?;
    netlink.set_up(&link)
}

fn plug_in(netlink: &mut Netlink, port: &str) -> Result<(), Refusal> {
    let (port, switch) = (netlink.link(port)?, netlink.link(SWITCH)?);
    netlink.plug_in(&port, &switch)?;
    netlink.set_up(&port)
}

fn add_addresses(netlink: &mut Netlink, interface: &str, addresses: &[IpNet]) -> Result<(), Refusal> {
    let link = netlink.link(interface)?;
    addresses.iter().try_for_each(|address| netlink.add_address(&link, *address))
}

/// Changes the network of a namespace.
fn within(namespace: &str, change: impl FnOnce(&mut Netlink) -> Result<(), Refusal>) -> Result<(), Error> {
    let mut netlink = namespace::netlink(namespace)?;
    let wrong = |error| Error::new(format!("cannot lay the cables of the network namespace `{namespace}`: {}", reason(&error)));
    change(&mut netlink).map_err(wrong)
}
