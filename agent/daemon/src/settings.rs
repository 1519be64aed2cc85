//! What the programs are told when they are loaded, from the node's own object, its interfaces and the configuration.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ichor_agent_apply::{Link, Netlink};
use ichor_agent_state::{Host, Snapshot};
use ichor_datapath_types::{Addr, Config, feature};
use ipnet::IpNet;

use crate::config::{AgentConfig, Mode};
use crate::fault::Fault;

/// Of the ports that a peer may talk to: above those that the kernel gives to processes.
const FIRST_PORT: u16 = 61000;
const LAST_PORT: u16 = 65535;

/// The node as the datapath sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) uplink: Link,
    /// What is on the uplink's own link.
    pub(crate) networks: Vec<IpNet>,
    pub(crate) v4: Option<Ipv4Addr>,
    pub(crate) v6: Option<Ipv6Addr>,
    pub(crate) mtu: u16,
}

impl Settings {
    pub(crate) fn find(netlink: &mut Netlink, snapshot: &Snapshot, name: &str, config: &AgentConfig) -> Result<Self, Fault> {
        let Some(node) = snapshot.nodes().get(name) else {
            return Err(Fault::new(format!("waiting: there is no Node {name} among the objects")));
        };
        let Some((uplink, networks)) = netlink.uplink(&node.addresses)? else {
            let addresses: Vec<_> = node.addresses.iter().map(ToString::to_string).collect();
            return Err(Fault::new(format!("waiting: no interface has an address of the Node {name} ({})", addresses.join(", "))));
        };
        let on_uplink = |address: &&IpAddr| networks.iter().any(|network| network.addr() == **address);
        let own: Vec<_> = node.addresses.iter().filter(on_uplink).collect();
        let v4 = own.iter().find_map(|address| if let IpAddr::V4(v4) = address { Some(*v4) } else { None });
        let v6 = own.iter().find_map(|address| if let IpAddr::V6(v6) = address { Some(*v6) } else { None });
        let largest = u16::try_from(uplink.mtu).unwrap_or(u16::MAX);
        let mtu = config.mtu.unwrap_or(largest);
        if mtu > largest {
            return Err(Fault::new(format!(
                "routing.mtu is {mtu}, and the uplink {} takes {largest}: lower the one or raise the other",
                uplink.name
            )));
        }
        let mac = [[0, 1], [2, 3], [4, 5]]
            .map(|places| u16::from_ne_bytes(places.map(|place: usize| uplink.mac.get(place).copied().unwrap_or(0))));
        let Addr(node_v6) = v6.map(Addr::from).unwrap_or_default();
        let config = Config {
            features: features(config, v4.is_some(), v6.is_some()),
            uplink: uplink.index,
            node_v4: v4.map_or(0, |v4| Addr::from(v4).v4()),
            node_v6,
            first_port: FIRST_PORT,
            last_port: LAST_PORT,
            mtu,
            pad: 0,
            mac,
            pad2: 0,
        };
        Ok(Self { config, uplink, networks, v4, v6, mtu })
    }
}

fn features(config: &AgentConfig, v4: bool, v6: bool) -> u32 {
    let direct = match config.mode {
        Mode::Dsr => feature::DIRECT_TCP | feature::DIRECT_UDP,
        Mode::Hybrid => feature::DIRECT_TCP,
        Mode::Snat => 0,
    };
    let of = |there: bool, family: u32, masquerade: u32| match (there, config.masquerade) {
        (true, true) => family | masquerade,
        (true, false) => family,
        (false, _) => 0,
    };
    direct | of(v4, feature::IPV4, feature::MASQUERADE_V4) | of(v6, feature::IPV6, feature::MASQUERADE_V6)
}

/// What only the machine itself knows about the node: `ours` are the ends of pods' cables.
pub(crate) fn host(netlink: &mut Netlink, name: &str, config: &AgentConfig, ours: &BTreeSet<u32>) -> Result<Host, Fault> {
    let loopback = netlink.links()?.get("lo").map(|link| link.index);
    let reachable = |address: &IpAddr| match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
    };
    let addresses = netlink.addresses()?.into_iter();
    let foreign = addresses.filter(|(index, _)| Some(*index) != loopback && !ours.contains(index));
    Ok(Host {
        name: name.to_owned(),
        addresses: foreign.map(|(_, network)| network.addr()).filter(reachable).collect(),
        algorithm: config.algorithm,
        not_masqueraded: config.not_masqueraded.clone(),
        services: config.services.clone(),
        cluster_pool: config.cluster_pool,
        no_external_ips: !config.external_ips,
    })
}
