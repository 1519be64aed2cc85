//! Who is who: one name stands for a machine's address in both families.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ichor_datapath_types::Addr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    V4,
    V6,
}

/// The uplink of this node, and the hosts' ends of its pods' cables.
pub(crate) const UPLINK: u32 = 10;
pub(crate) const UPLINK_MAC: Mac = [2, 0, 0, 0, 0, 0x0b];
pub(crate) const ROUTER_MAC: Mac = [2, 0, 0, 0, 0, 0x01];
pub(crate) const NODE2_MAC: Mac = [2, 0, 0, 0, 0, 0x0c];
/// The pods here: name, interface.
pub(crate) const PODS: [(&str, u32); 2] = [("a", 21), ("b", 22)];

pub(crate) type Mac = [u8; 6];

const NAMES: [(&str, [u8; 4], &str); 26] = [
    ("a", [10, 244, 1, 5], "fd00:244:1::5"),
    ("b", [10, 244, 1, 6], "fd00:244:1::6"),
    // Once a pod here, now nobody.
    ("gone", [10, 244, 1, 99], "fd00:244:1::99"),
    // Pods of the other node.
    ("far", [10, 244, 2, 7], "fd00:244:2::7"),
    ("far2", [10, 244, 2, 8], "fd00:244:2::8"),
    ("far3", [10, 244, 2, 9], "fd00:244:2::9"),
    ("node", [10, 0, 0, 11], "fd00:10::11"),
    ("node2", [10, 0, 0, 12], "fd00:10::12"),
    ("router", [10, 0, 0, 1], "fd00:10::1"),
    // On the node's LAN, but nobody knows its MAC.
    ("stranger", [10, 0, 0, 77], "fd00:10::77"),
    // Behind the router.
    ("client", [192, 0, 2, 10], "2001:db8::10"),
    ("client2", [192, 0, 2, 200], "2001:db8:ffff::200"),
    ("outside", [198, 51, 100, 20], "2001:db8:51::20"),
    ("outside2", [198, 51, 100, 21], "2001:db8:51::21"),
    // The kernel has a route that refuses it.
    ("void", [198, 18, 0, 1], "2001:db8:dead::1"),
    // An address of the node that pods must reach as they are (Talos' host DNS).
    ("dns", [169, 254, 116, 108], "fd00:fe::108"),
    // Services.
    ("web", [10, 96, 0, 10], "fd00:96::10"),
    ("api", [10, 96, 0, 11], "fd00:96::11"),
    ("lb", [203, 0, 113, 80], "2001:db8:80::80"),
    ("lb2", [203, 0, 113, 81], "2001:db8:80::81"),
    // Of a load balancer, known as nobody else's.
    ("vip", [203, 0, 113, 90], "2001:db8:90::90"),
    ("linklocal", [169, 254, 7, 7], "fe80::7"),
    ("nobody", [0, 0, 0, 0], "::"),
    ("everybody", [224, 0, 0, 1], "ff02::1"),
    ("neighbours", [224, 0, 0, 22], "ff02::1:ff00:1"),
    ("routers", [224, 0, 0, 2], "ff02::2"),
];

impl Family {
    pub(crate) const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The address behind a name; other text is an address itself.
    pub(crate) fn address(self, text: &str) -> IpAddr {
        let named = NAMES.iter().find(|(name, ..)| *name == text);
        match (self, named) {
            (Self::V4, Some((_, octets, _))) => Ipv4Addr::from(*octets).into(),
            (Self::V6, Some((_, _, v6))) => v6.parse::<Ipv6Addr>().unwrap().into(),
            (_, None) => text.parse().unwrap_or_else(|_| panic!("{text} is neither a name nor an address")),
        }
    }

    /// An address and a port, "web:80"; the port may be missing, and an IPv6 address stands in brackets.
    pub(crate) fn end(self, text: &str) -> (IpAddr, u16) {
        let (address, port) = match text.rsplit_once(':') {
            Some((address, port)) if !port.ends_with(']') => (address, port.parse().unwrap_or_else(|_| panic!("the port of {text}"))),
            _ => (text, 0),
        };
        (self.address(address.trim_start_matches('[').trim_end_matches(']')), port)
    }

    /// Two ends, "a:40000 > web:80".
    pub(crate) fn ends(self, text: &str) -> [(IpAddr, u16); 2] {
        let (source, destination) = text.split_once(" > ").unwrap_or_else(|| panic!("{text} has no ` > `"));
        [self.end(source), self.end(destination)]
    }
}

/// The name of an address, as tables are printed.
pub(crate) fn name(addr: Addr) -> String {
    let address = IpAddr::from(addr);
    let family = if address.is_ipv4() { Family::V4 } else { Family::V6 };
    let named = NAMES.iter().find(|(name, ..)| family.address(name) == address);
    named.map_or_else(|| address.to_string(), |(name, ..)| (*name).to_string())
}

/// The pod's end of a cable.
pub(crate) fn pod_mac(interface: u32) -> Mac {
    [2, 0, 0, 1, 0, u8::try_from(interface).unwrap()]
}

/// The host's end of it.
pub(crate) fn host_mac(interface: u32) -> Mac {
    [2, 0, 0, 2, 0, u8::try_from(interface).unwrap()]
}

pub(crate) fn interface_of(pod: &str) -> u32 {
    PODS.iter().find(|(name, _)| *name == pod).map_or_else(|| panic!("{pod} is no pod here"), |(_, interface)| *interface)
}
