//! The prefixes that a router takes from the nodes.

use std::net::IpAddr;

use ichor_config::model::Announcer;
use ichor_config::{Block, Cluster, Family};
use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use serde::Serialize;

/// A prefix and the lengths under it that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Prefix {
    net: IpNet,
    shortest: u8,
    longest: u8,
}

/// The same, as templates read it.
#[derive(Debug, Serialize)]
pub(super) struct Accepted {
    sequence: usize,
    prefix: String,
    length: u8,
    shortest: u8,
    longest: u8,
}

/// The cluster's own prefixes of one family: what its pools hold, and what else it was told to advertise.
pub(super) fn accepted(cluster: &Cluster, family: Family) -> Vec<Accepted> {
    let mut prefixes: Vec<_> = prefixes(cluster).into_iter().filter(|prefix| Family::of_net(prefix.net) == family).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    let numbered = prefixes.iter().enumerate().map(|(index, prefix)| Accepted {
        sequence: (index + 1) * 5,
        prefix: prefix.net.to_string(),
        length: prefix.net.prefix_len(),
        shortest: prefix.shortest,
        longest: prefix.longest,
    });
    numbered.collect()
}

fn prefixes(cluster: &Cluster) -> Vec<Prefix> {
    let Some(bgp) = cluster.bgp() else { return Vec::new() };
    let mut prefixes = Vec::new();
    for pool in cluster.pool_blocks() {
        if !cluster.announcers(pool.pool).contains(&Announcer::Bgp) {
            continue;
        }
        for net in pool.blocks.iter().flat_map(|block| nets(*block)) {
            let aggregated = match net {
                IpNet::V4(_) => bgp.advertise.aggregation_v4.as_ref().map(|length| length.get()),
                IpNet::V6(_) => bgp.advertise.aggregation_v6.as_ref().map(|length| length.get()),
            };
            // Aggregation can announce a prefix that is wider than the pool.
            let shortest =
                aggregated.and_then(|length| u8::try_from(length).ok()).map_or(net.prefix_len(), |length| length.min(net.prefix_len()));
            let wide = IpNet::new(net.addr(), shortest).map_or(net, |wide| wide.trunc());
            prefixes.push(Prefix { net: wide, shortest, longest: net.max_prefix_len() });
        }
    }
    if *bgp.advertise.cluster_ips {
        prefixes.extend(cluster.network.service_cidrs.iter().map(|cidr| whole(cidr.0)));
    }
    if *bgp.advertise.pod_cidrs {
        let mask = |net: IpNet| match net {
            IpNet::V4(_) => cluster.network.ipam.ipv4_mask.get(),
            IpNet::V6(_) => cluster.network.ipam.ipv6_mask.get(),
        };
        prefixes.extend(cluster.network.pod_cidrs.iter().map(|cidr| {
            let length = u8::try_from(mask(cidr.0)).unwrap_or(cidr.0.max_prefix_len());
            Prefix { net: cidr.0, shortest: length, longest: length }
        }));
    }
    prefixes
}

fn whole(net: IpNet) -> Prefix {
    Prefix { net, shortest: net.prefix_len(), longest: net.max_prefix_len() }
}

/// The fewest prefixes that hold exactly the addresses of a block.
fn nets(block: Block) -> Vec<IpNet> {
    match block {
        Block::Cidr(net) => vec![net],
        Block::Range(IpAddr::V4(start), IpAddr::V4(stop)) => Ipv4Subnets::new(start, stop, 0).map(IpNet::V4).collect(),
        Block::Range(IpAddr::V6(start), IpAddr::V6(stop)) => Ipv6Subnets::new(start, stop, 0).map(IpNet::V6).collect(),
        Block::Range(..) => Vec::new(),
    }
}
