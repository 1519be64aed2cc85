//! Where pods are known under their own addresses, and where only services are.

use std::net::IpAddr;

use ichor_datapath_types::{Addr, Prefix, PrefixKey, prefix_flag};
use ipnet::IpNet;

use crate::snapshot::Snapshot;

/// How many bits stand before an IPv4 address in its IPv6 form.
const BEFORE_V4: u32 = 96;

pub(crate) fn prefixes(snapshot: &Snapshot) -> Vec<(PrefixKey, Prefix)> {
    let pods = snapshot.nodes().keys().flat_map(|name| snapshot.pod_cidrs(name).iter().copied());
    let nodes = snapshot.nodes().values().flat_map(|node| node.addresses.iter().copied().map(IpNet::from));
    let own = snapshot.own_addresses().iter().copied().map(IpNet::from);
    let named = snapshot.host().not_masqueraded.iter().map(IpNet::trunc);
    let of = |flags| move |prefix| (key(prefix), Prefix { identity: 0, flags });
    let kept = pods.chain(named).map(of(prefix_flag::NOT_MASQUERADED));
    let of_nodes = nodes.chain(own).map(of(prefix_flag::NOT_MASQUERADED | prefix_flag::NODE));
    let services = snapshot.host().services.iter().map(IpNet::trunc).chain(snapshot.announced().map(IpNet::from));
    let of_services = services.map(of(prefix_flag::NOT_MASQUERADED | prefix_flag::SERVICE));
    // A node's own address may be a service's, too, and the node's own servers are there as well.
    kept.chain(of_services).chain(of_nodes).collect()
}

fn key(prefix: IpNet) -> PrefixKey {
    PrefixKey { prefix_bits: bits(prefix), addr: Addr::from(prefix.network()) }
}

/// How long a prefix is among the addresses of both families.
pub(crate) fn bits(prefix: IpNet) -> u32 {
    let before = if matches!(prefix.addr(), IpAddr::V4(_)) { BEFORE_V4 } else { 0 };
    before + u32::from(prefix.prefix_len())
}
