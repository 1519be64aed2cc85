//! The cable of a pod: a pair of interfaces, one end here and one in the pod's network namespace.
//!
//! A pod has no network of its own, only its addresses, and sends everything to a gateway that is no machine: the hardware
//! address of the other end is written down on both sides, so nobody has to ask for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;

use ipnet::IpNet;

use crate::error::Error;
use crate::link::{End, Link};
use crate::namespace::{inside, open};
use crate::netlink::Netlink;
use crate::sysctl;

/// What pods believe to be their router: of the addresses that RFC 3927 keeps back, so no machine ever takes it.
pub const GATEWAY_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 1);
pub const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// How a pod is to be connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cable {
    /// The end here.
    pub host_name: String,
    pub host_mac: [u8; 6],
    /// The end in the pod.
    pub pod_name: String,
    pub pod_mac: [u8; 6],
    pub addresses: Vec<IpAddr>,
    pub mtu: u32,
}

impl Cable {
    fn has_v4(&self) -> bool {
        self.addresses.iter().any(IpAddr::is_ipv4)
    }

    fn has_v6(&self) -> bool {
        self.addresses.iter().any(IpAddr::is_ipv6)
    }

    fn gateways(&self) -> Vec<IpAddr> {
        let v4 = self.has_v4().then_some(IpAddr::V4(GATEWAY_V4));
        let v6 = self.has_v6().then_some(IpAddr::V6(GATEWAY_V6));
        v4.into_iter().chain(v6).collect()
    }
}

/// Lays a cable into the namespace at a path, or what is missing of it. Says which interface the end here is.
pub fn lay(netlink: &mut Netlink, cable: &Cable, namespace: &Path) -> Result<Link, Error> {
    let namespace = open(namespace)?;
    // One way there for all that is to be done there: whoever waits for a thread waits for a processor.
    inside(namespace.as_fd(), || {
        let mut pod = Netlink::open()?;
        lay_pair(netlink, &mut pod, cable, namespace.as_fd())?;
        set_up_pod(&mut pod, cable)
    })??;
    connect(netlink, cable)
}

fn lay_pair(netlink: &mut Netlink, pod: &mut Netlink, cable: &Cable, namespace: BorrowedFd<'_>) -> Result<(), Error> {
    let (there, in_pod) = (netlink.find_link(&cable.host_name)?, pod.find_link(&cable.pod_name)?);
    let (host, pod) = (End { name: &cable.host_name, mac: Some(cable.host_mac) }, End { name: &cable.pod_name, mac: Some(cable.pod_mac) });
    match (there, in_pod) {
        (Some(here), Some(there)) if here.mac == cable.host_mac && there.mac == cable.pod_mac => Ok(()),
        (_, Some(other)) if other.mac != cable.pod_mac => {
            Err(Error::new(format!("the interface {} in the pod", cable.pod_name), "there is one that is not ours"))
        }
        // Half a cable, or one into a namespace that is gone.
        (Some(_), _) => {
            netlink.remove_link(&cable.host_name)?;
            netlink.make_pair(host, pod, cable.mtu, namespace)
        }
        (None, _) => netlink.make_pair(host, pod, cable.mtu, namespace),
    }
}

/// Sets up the end here of a cable that is laid.
fn connect(netlink: &mut Netlink, cable: &Cable) -> Result<Link, Error> {
    let name = &cable.host_name;
    let link = netlink.link(name)?;
    if cable.has_v6() {
        sysctl::set(&format!("ipv6/conf/{name}/disable_ipv6"), "0")?;
        sysctl::set(&format!("ipv6/conf/{name}/accept_ra"), "0")?;
    }
    sysctl::forward(name, cable.has_v4(), cable.has_v6())?;
    netlink.set_up(&link)?;
    for &address in &cable.addresses {
        netlink.set_neighbour(link.index, address, cable.pod_mac)?;
    }
    Ok(link)
}

fn set_up_pod(netlink: &mut Netlink, cable: &Cable) -> Result<(), Error> {
    let links = netlink.links()?;
    let name = &cable.pod_name;
    let link = links.get(name).ok_or_else(|| Error::new(format!("the interface {name} in the pod"), "it is gone"))?;
    if let Some(loopback) = links.get("lo") {
        netlink.set_up(loopback)?;
    }
    if cable.has_v6() {
        sysctl::set(&format!("ipv6/conf/{name}/disable_ipv6"), "0")?;
        sysctl::set(&format!("ipv6/conf/{name}/accept_ra"), "0")?;
    }
    netlink.set_up(link)?;
    for &address in &cable.addresses {
        netlink.add_address(link, IpNet::from(address))?;
    }
    for gateway in cable.gateways() {
        netlink.set_neighbour(link.index, gateway, cable.host_mac)?;
        netlink.set_default_route(link.index, gateway)?;
    }
    Ok(())
}

/// Says whether a cable is as it was laid.
pub fn check(netlink: &mut Netlink, cable: &Cable, namespace: &Path) -> Result<(), Error> {
    if netlink.find_link(&cable.host_name)?.is_none() {
        return Err(Error::new(format!("the node's interface {} of the pod", cable.host_name), "it is gone"));
    }
    let namespace = open(namespace)?;
    let (links, addresses, ways_out) = inside(namespace.as_fd(), || {
        let mut netlink = Netlink::open()?;
        Ok::<_, Error>((netlink.links()?, netlink.addresses()?, netlink.default_routes()?))
    })??;
    let what = || format!("the interface {} in the pod", cable.pod_name);
    let link = links.get(&cable.pod_name).ok_or_else(|| Error::new(what(), "it is gone"))?;
    for address in &cable.addresses {
        if !addresses.iter().any(|(index, net)| *index == link.index && net.addr() == *address) {
            return Err(Error::new(what(), format!("it has lost the address {address}")));
        }
    }
    for gateway in cable.gateways() {
        if !ways_out.contains(&(link.index, gateway)) {
            return Err(Error::new(what(), format!("the default route via {gateway} is gone")));
        }
    }
    Ok(())
}

/// Takes a cable away; one that is not there is fine.
pub fn cut(netlink: &mut Netlink, host_name: &str) -> Result<(), Error> {
    netlink.remove_link(host_name)
}
