//! The routes that the node should have.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ichor_agent_apply::Route;
use ichor_agent_state::Snapshot;
use ipnet::IpNet;

use crate::settings::Settings;
use crate::store::Store;

/// To pods here, to the pods of nodes on the same link, and nowhere for addresses of this node that no pod has. Beside
/// them, what cannot be reached and why.
pub(crate) fn wanted(snapshot: &Snapshot, own: &str, settings: &Settings, direct: bool, store: &Store) -> (BTreeSet<Route>, Vec<String>) {
    let (mut routes, mut problems) = (BTreeSet::new(), Vec::new());
    for stored in store.entries().values() {
        let route = |address: &IpAddr| Route {
            destination: IpNet::from(*address),
            via: None,
            interface: Some(stored.interface),
            source: settings.v4.filter(|_| address.is_ipv4()).map(IpAddr::V4),
        };
        routes.extend(stored.cable.addresses.iter().map(route));
    }
    for (name, node) in snapshot.nodes() {
        for network in snapshot.pod_cidrs(name) {
            let destination = network.trunc();
            if name == own {
                routes.insert(Route { destination, via: None, interface: None, source: None });
                continue;
            }
            if !direct {
                continue;
            }
            let is_near = |address: &&IpAddr| settings.networks.iter().any(|near| near.contains(*address) && near.addr() != **address);
            match node.addresses.iter().filter(|address| address.is_ipv4() == network.addr().is_ipv4()).find(is_near) {
                Some(via) => drop(routes.insert(Route { destination, via: Some(*via), interface: Some(settings.uplink.index), source: None })),
                None => problems.push(format!(
                    "Node {name}: no address on the link of {} to reach its pods in {network}; set `directNodeRoutes: false` if a router does",
                    settings.uplink.name
                )),
            }
        }
    }
    (routes, problems)
}
