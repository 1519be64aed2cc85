//! Interfaces and their addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage, AddressScope};
use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;

use crate::error::Error;
use crate::netlink::{Netlink, Refusal};

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub name: String,
    pub index: u32,
    pub mac: [u8; 6],
    pub mtu: u32,
}

/// Whether packets can pass an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Switched off here.
    Off,
    /// On, and the other end is not.
    None,
    Here,
}

/// One end of a pair of interfaces.
#[derive(Clone, Copy, Debug)]
pub struct End<'e> {
    pub name: &'e str,
    /// None for one that the kernel picks.
    pub mac: Option<[u8; 6]>,
}

impl Netlink {
    /// All interfaces by name.
    pub fn links(&mut self) -> Result<BTreeMap<String, Link>, Error> {
        let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let found = self.list(&request).map_err(|error| Error::new("listing the interfaces", error))?;
        Ok(found.into_iter().filter_map(read_link).map(|link| (link.name.clone(), link)).collect())
    }

    /// The interface of a name, which must be there.
    pub fn link(&mut self, name: &str) -> Result<Link, Error> {
        self.find_link(name)?.ok_or_else(|| Error::new(format!("the interface {name}"), "it is gone"))
    }

    /// The interface of a name.
    pub(crate) fn find_link(&mut self, name: &str) -> Result<Option<Link>, Error> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        match self.ask(RouteNetlinkMessage::GetLink(message)) {
            Err(error) if error.raw_os_error() == Some(Errno::ENODEV as i32) => Ok(None),
            found => Ok(read_link(found.map_err(|error| Error::new(format!("asking for the interface {name}"), error))?)),
        }
    }

    /// Which interfaces have a signal, by their numbers.
    pub fn signals(&mut self) -> Result<BTreeMap<u32, Signal>, Error> {
        let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let found = self.list(&request).map_err(|error| Error::new("listing the interfaces", error))?;
        let signal = |message| {
            let RouteNetlinkMessage::NewLink(LinkMessage { header, .. }) = message else { return None };
            let signal = match (header.flags.contains(LinkFlags::Up), header.flags.contains(LinkFlags::LowerUp)) {
                (false, _) => Signal::Off,
                (true, false) => Signal::None,
                (true, true) => Signal::Here,
            };
            Some((header.index, signal))
        };
        Ok(found.into_iter().filter_map(signal).collect())
    }

    /// All addresses, each with the number of its interface.
    pub fn addresses(&mut self) -> Result<Vec<(u32, IpNet)>, Error> {
        let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        let found = self.list(&request).map_err(|error| Error::new("listing the addresses", error))?;
        Ok(found.into_iter().filter_map(read_address).collect())
    }

    /// The interface that has one of these addresses, and the addresses that it has.
    pub fn uplink(&mut self, node: &[IpAddr]) -> Result<Option<(Link, Vec<IpNet>)>, Error> {
        let addresses = self.addresses()?;
        let Some(index) = node.iter().find_map(|wanted| addresses.iter().find(|(_, net)| net.addr() == *wanted).map(|(index, _)| *index))
        else {
            return Ok(None);
        };
        let own = addresses.into_iter().filter(|(of, _)| *of == index).map(|(_, net)| net).collect();
        Ok(self.links()?.into_values().find(|link| link.index == index).map(|link| (link, own)))
    }

    /// Makes two interfaces, one here and one in another network namespace: what enters the one leaves the other.
    pub fn make_pair(&mut self, here: End<'_>, there: End<'_>, mtu: u32, namespace: BorrowedFd<'_>) -> Result<(), Error> {
        let mut peer = end(there, mtu);
        peer.attributes.push(LinkAttribute::NetNsFd(namespace.as_raw_fd()));
        let mut message = end(here, mtu);
        let data = InfoData::Veth(InfoVeth::Peer(peer));
        message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth), LinkInfo::Data(data)]));
        self.change(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL).map_err(|error| {
            let what = format!("making the interface {} and, as its other end, {}", here.name, there.name);
            if error.raw_os_error() == Some(Errno::EOPNOTSUPP as i32) {
                return Error::new(what, "the kernel has no pairs of interfaces; boot one with CONFIG_VETH");
            }
            Error::new(what, error)
        })
    }

    /// Switches an interface on.
    pub fn set_up(&mut self, link: &Link) -> Result<(), Error> {
        let mut message = link.message();
        message.header.flags = LinkFlags::Up;
        message.header.change_mask = LinkFlags::Up;
        self.set_link(message).map_err(|error| Error::new(format!("switching on the interface {}", link.name), error))
    }

    pub(crate) fn set_link(&mut self, message: LinkMessage) -> Result<(), Refusal> {
        self.change(RouteNetlinkMessage::SetLink(message), 0)
    }

    /// Removes an interface, and with it the other end of its pair; one that is not there is fine.
    pub fn remove_link(&mut self, name: &str) -> Result<(), Error> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        match self.change(RouteNetlinkMessage::DelLink(message), 0) {
            Err(error) if error.raw_os_error() != Some(Errno::ENODEV as i32) => {
                Err(Error::new(format!("removing the interface {name}"), error))
            }
            _ => Ok(()),
        }
    }

    /// Gives an interface an address, which it may have already.
    pub fn add_address(&mut self, link: &Link, net: IpNet) -> Result<(), Error> {
        let mut message = AddressMessage::default();
        message.header.index = link.index;
        message.header.prefix_len = net.prefix_len();
        message.header.family = if net.addr().is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        message.header.scope = AddressScope::Universe;
        if net.addr().is_ipv6() {
            // Nobody else can have it, and a pod must not wait a second for that answer.
            message.header.flags = AddressHeaderFlags::Nodad;
        }
        message.attributes.push(AddressAttribute::Local(net.addr()));
        message.attributes.push(AddressAttribute::Address(net.addr()));
        self.change(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_REPLACE)
            .map_err(|error| Error::new(format!("giving the address {net} to the interface {}", link.name), error))
    }
}

impl Link {
    /// The beginning of what is said about an interface that is there.
    pub(crate) fn message(&self) -> LinkMessage {
        let mut message = LinkMessage::default();
        message.header.index = self.index;
        message
    }
}

fn end(End { name, mac }: End<'_>, mtu: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes = vec![LinkAttribute::IfName(name.to_owned()), LinkAttribute::Mtu(mtu)];
    message.attributes.extend(mac.map(|mac| LinkAttribute::Address(mac.to_vec())));
    message
}

fn read_link(message: RouteNetlinkMessage) -> Option<Link> {
    let RouteNetlinkMessage::NewLink(message) = message else { return None };
    let mut link = Link { name: String::new(), index: message.header.index, mac: [0; 6], mtu: 0 };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Address(mac) => link.mac = mac.try_into().unwrap_or_default(),
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            _ => {}
        }
    }
    Some(link)
}

fn read_address(message: RouteNetlinkMessage) -> Option<(u32, IpNet)> {
    let RouteNetlinkMessage::NewAddress(message) = message else { return None };
    let (mut local, mut other) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(address) => local = Some(*address),
            AddressAttribute::Address(address) => other = Some(*address),
            _ => {}
        }
    }
    // IPv6 has no local one, and on a point-to-point link the other one is the peer's.
    let net = IpNet::new(local.or(other)?, message.header.prefix_len).ok()?;
    Some((message.header.index, net))
}
