//! Routes: ours carry a mark, and nobody else's are touched.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteNextHop, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;

use crate::error::Error;
use crate::netlink::{Netlink, Refusal};

/// The protocol number that routes of ours carry; no routing daemon has it.
pub const PROTOCOL: u8 = 196;

/// A route of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    pub destination: IpNet,
    pub via: Option<IpAddr>,
    /// None where nothing is to be reached.
    pub interface: Option<u32>,
    /// The address that the node's own packets have.
    pub source: Option<IpAddr>,
}

impl Netlink {
    /// Makes our routes these. Says of each that could not be set why.
    pub fn set_routes(&mut self, wanted: &BTreeSet<Route>) -> Result<Vec<Error>, Error> {
        let there = self.routes()?;
        let mut failed = Vec::new();
        for route in there.difference(wanted) {
            match self.change(RouteNetlinkMessage::DelRoute(message(route, true)), 0) {
                // The kernel takes routes away with their interface.
                Err(error) if !is(&error, Errno::ESRCH) && !is(&error, Errno::ENODEV) => {
                    failed.push(Error::new(format!("removing the route to {}", route.destination), error));
                }
                _ => {}
            }
        }
        for route in wanted.difference(&there) {
            if let Err(error) = self.change(RouteNetlinkMessage::NewRoute(message(route, true)), NLM_F_CREATE | NLM_F_EXCL) {
                let what = format!("setting the route to {}", route.destination);
                failed.push(if is(&error, Errno::EEXIST) {
                    Error::new(what, "there is one that is not ours; remove it, or leave this network to it by `directNodeRoutes: false`")
                } else {
                    Error::new(what, error)
                });
            }
        }
        Ok(failed)
    }

    /// Our routes.
    pub fn routes(&mut self) -> Result<BTreeSet<Route>, Error> {
        Ok(self.all_routes()?.into_iter().filter_map(read).collect())
    }

    /// Each default route's interface and gateway, whoever made it.
    pub(crate) fn default_routes(&mut self) -> Result<BTreeSet<(u32, IpAddr)>, Error> {
        let mut found = BTreeSet::new();
        for message in self.all_routes()? {
            if let RouteNetlinkMessage::NewRoute(message) = message
                && message.header.destination_prefix_length == 0
            {
                let interface = message
                    .attributes
                    .iter()
                    .find_map(|attribute| if let RouteAttribute::Oif(index) = attribute { Some(*index) } else { None });
                let via = message
                    .attributes
                    .iter()
                    .find_map(|attribute| if let RouteAttribute::Gateway(via) = attribute { plain(via) } else { None });
                found.extend(interface.zip(via));
            }
        }
        Ok(found)
    }

    fn all_routes(&mut self) -> Result<Vec<RouteNetlinkMessage>, Error> {
        let mut found = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut request = RouteMessage::default();
            request.header.address_family = family;
            found.extend(self.list(&RouteNetlinkMessage::GetRoute(request)).map_err(|error| Error::new("listing the routes", error))?);
        }
        Ok(found)
    }

    /// Spreads what goes to a network over machines that are reached through interfaces here; without one nothing of it is
    /// to be reached. It takes the place of the route that there was and is, unlike ours, nobody's.
    pub fn spread(&mut self, destination: IpNet, machines: &[IpAddr]) -> Result<(), Error> {
        let mut message = message(&Route { destination, via: None, interface: None, source: None }, false);
        let via = |machine: &IpAddr| RouteAttribute::Gateway(address(*machine));
        let hop = |machine| {
            let mut hop = RouteNextHop::default();
            hop.attributes = vec![via(machine)];
            hop
        };
        let ways = match machines {
            [] => None,
            [machine] => Some(via(machine)),
            machines => Some(RouteAttribute::MultiPath(machines.iter().map(hop).collect())),
        };
        if let Some(ways) = ways {
            message.header.kind = RouteType::Unicast;
            message.attributes.push(ways);
        }
        self.change(RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE | NLM_F_REPLACE).map_err(|error| {
            let machines: Vec<_> = machines.iter().map(ToString::to_string).collect();
            let way = if machines.is_empty() { "nowhere".to_owned() } else { machines.join(" and ") };
            Error::new(format!("setting the route to {destination} via {way}"), error)
        })
    }

    /// The way out of a pod.
    pub(crate) fn set_default_route(&mut self, interface: u32, via: IpAddr) -> Result<(), Error> {
        let any: IpAddr = if via.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let destination = IpNet::new(any, 0).unwrap_or_default();
        let route = Route { destination, via: Some(via), interface: Some(interface), source: None };
        let mut message = message(&route, false);
        message.header.flags = RouteFlags::Onlink;
        match self.change(RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE | NLM_F_EXCL) {
            Err(error) if !is(&error, Errno::EEXIST) => Err(Error::new(format!("setting the default route via {via}"), error)),
            _ => Ok(()),
        }
    }
}

fn is(error: &Refusal, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}

fn address(address: IpAddr) -> RouteAddress {
    match address {
        IpAddr::V4(v4) => RouteAddress::Inet(v4),
        IpAddr::V6(v6) => RouteAddress::Inet6(v6),
    }
}

fn message(route: &Route, ours: bool) -> RouteMessage {
    let Route { destination, via, interface, source } = *route;
    let mut message = RouteMessage::default();
    let is_v4 = destination.addr().is_ipv4();
    message.header = RouteHeader {
        address_family: if is_v4 { AddressFamily::Inet } else { AddressFamily::Inet6 },
        destination_prefix_length: destination.prefix_len(),
        table: RouteHeader::RT_TABLE_MAIN,
        protocol: if ours { RouteProtocol::Other(PROTOCOL) } else { RouteProtocol::Boot },
        scope: if is_v4 && via.is_none() && interface.is_some() { RouteScope::Link } else { RouteScope::Universe },
        kind: if interface.is_some() { RouteType::Unicast } else { RouteType::Unreachable },
        ..RouteHeader::default()
    };
    if destination.prefix_len() > 0 {
        message.attributes.push(RouteAttribute::Destination(address(destination.network())));
    }
    message.attributes.extend(via.map(|via| RouteAttribute::Gateway(address(via))));
    message.attributes.extend(interface.map(RouteAttribute::Oif));
    message.attributes.extend(source.map(|source| RouteAttribute::PrefSource(address(source))));
    message
}

fn read(message: RouteNetlinkMessage) -> Option<Route> {
    let RouteNetlinkMessage::NewRoute(message) = message else { return None };
    let header = message.header;
    if header.protocol != RouteProtocol::Other(PROTOCOL) || header.table != RouteHeader::RT_TABLE_MAIN {
        return None;
    }
    let (mut destination, mut via, mut interface, mut source) = (None, None, None, None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => destination = plain(address),
            RouteAttribute::Gateway(address) => via = plain(address),
            RouteAttribute::Oif(index) => interface = Some(*index),
            RouteAttribute::PrefSource(address) => source = plain(address),
            _ => {}
        }
    }
    // IPv6 names the loopback interface where nothing is to be reached.
    let interface = interface.filter(|_| header.kind == RouteType::Unicast);
    Some(Route { destination: IpNet::new(destination?, header.destination_prefix_length).ok()?, via, interface, source })
}

fn plain(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some(IpAddr::V4(*v4)),
        RouteAddress::Inet6(v6) => Some(IpAddr::V6(*v6)),
        _ => None,
    }
}
