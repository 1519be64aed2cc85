//! Prefixes: families, overlaps, and ranges that belong to nobody.

use std::net::IpAddr;

use ichor_yaml::Span;
use ipnet::IpNet;

use super::{Check, Fields, check};
use crate::cluster::{Block, Family};
use crate::diagnostic::{Diagnostic, Diagnostics, Path};
use crate::field::{Cidr, Spanned};
use crate::model::{List, Spec};

const CIDRS: Fields = &["network.node_cidrs", "network.pod_cidrs", "network.service_cidrs"];

pub(super) const CHECKS: &[Check] = &[
    check(one_of_each_family, &[CIDRS]),
    check(services_follow_pods, &[&["network.pod_cidrs", "network.service_cidrs"]]),
    check(nodes_carry_pods, &[&["network.pod_cidrs", "network.node_cidrs"]]),
    check(nothing_reserved, &[CIDRS]),
    check(nothing_reserved_in_pools, &[&["pools.cidrs", "pools.ranges"]]),
    check(no_overlaps, &[CIDRS]),
    check(no_overlaps_with_pools, &[CIDRS, &["pools.cidrs", "pools.ranges", "pools.name"]]),
    check(no_overlaps_with_interfaces, &[CIDRS, &["nodes.extra_interfaces.addresses", "nodes.name"]]),
    check(pods_hide_nothing, &[&["network.pod_cidrs", "network.service_cidrs"]]),
];

/// What no network of ours can be part of.
const RESERVED: [(&str, &str); 9] = [
    ("0.0.0.0/8", "addresses without a host"),
    ("127.0.0.0/8", "loopback addresses, which never leave a machine"),
    ("169.254.0.0/16", "link-local addresses; Talos answers DNS at 169.254.116.108"),
    ("224.0.0.0/4", "multicast addresses"),
    ("240.0.0.0/4", "addresses that are reserved"),
    ("::/8", "loopback and other special addresses"),
    ("fe80::/10", "link-local addresses"),
    ("fec0::/10", "addresses that are no longer in use"),
    ("ff00::/8", "multicast addresses"),
];

/// Prefixes that hide nothing on the internet when pods use them.
const PRIVATE: [&str; 6] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7"];

/// What a range of addresses may not be used for, if it touches one of the reserved ones.
pub(super) fn reserved(block: Block) -> Option<(&'static str, &'static str)> {
    RESERVED.into_iter().find(|(net, _)| net.parse().is_ok_and(|net| block.overlaps(Block::Cidr(net))))
}

fn lists(spec: &Spec) -> [(&'static str, &Spanned<List<Cidr>>); 3] {
    let network = &spec.network;
    [("the nodes", &network.node_cidrs), ("pods", &network.pod_cidrs), ("Services", &network.service_cidrs)]
}

fn one_of_each_family(spec: &Spec, out: &mut Diagnostics) {
    for (whose, list) in lists(spec) {
        if list.is_empty() {
            out.push(
                list.mistake(format!("there is no prefix for {whose}"))
                    .help("write one prefix, or one of each family: `[10.0.0.0/16, \"fd00::/64\"]`"),
            );
        }
        for (index, cidr) in list.iter().enumerate() {
            let family = Family::of_net(cidr.0);
            if let Some(first) = list.iter().take(index).find(|other| Family::of_net(other.0) == family) {
                out.push(
                    cidr.mistake(format!("a second {family} prefix for {whose}"))
                        .help("keep one prefix of each family; a shorter prefix length makes one that is large enough")
                        .also(first.span, "first here"),
                );
            }
        }
    }
}

fn families(list: &List<Cidr>) -> Vec<Family> {
    list.iter().map(|cidr| Family::of_net(cidr.0)).collect()
}

fn services_follow_pods(spec: &Spec, out: &mut Diagnostics) {
    let (pods, services) = (&spec.network.pod_cidrs, &spec.network.service_cidrs);
    let (of_pods, of_services) = (families(pods), families(services));
    let same_set = of_pods.iter().all(|family| of_services.contains(family)) && of_services.iter().all(|family| of_pods.contains(family));
    if of_pods.is_empty() || of_services.is_empty() || of_pods == of_services {
        return;
    }
    let mistake = if same_set {
        let wanted = of_pods.iter().filter_map(|family| services.iter().find(|cidr| Family::of_net(cidr.0) == *family));
        let wanted: Vec<_> = wanted.map(|cidr| format!("\"{cidr}\"")).collect();
        services
            .mistake("the families of Services stand in another order than those of pods, and the first one is preferred")
            .help(format!("write `service_cidrs: [{}]`", wanted.join(", ")))
    } else {
        let missing = Family::BOTH.into_iter().find(|family| of_pods.contains(family) != of_services.contains(family));
        let (family, longer, shorter) = match missing {
            Some(family) if of_pods.contains(&family) => (family, "pods", "Services"),
            Some(family) => (family, "Services", "pods"),
            None => return,
        };
        services
            .mistake(format!("{longer} have an {family} prefix and {shorter} have none"))
            .help(format!("add an {family} prefix for {shorter}, or take the one of {longer} out"))
    };
    out.push(mistake.also(pods.span, "pods"));
}

fn nodes_carry_pods(spec: &Spec, out: &mut Diagnostics) {
    let nodes = &spec.network.node_cidrs;
    for cidr in spec.network.pod_cidrs.iter() {
        let family = Family::of_net(cidr.0);
        if !nodes.is_empty() && !families(nodes).contains(&family) {
            out.push(
                cidr.mistake(format!("pods have {family} addresses and the nodes have no {family} network to route them over"))
                    .help(format!("add the nodes' {family} prefix to `node_cidrs`, or take this prefix out"))
                    .also(nodes.span, "the nodes' networks"),
            );
        }
    }
}

fn nothing_reserved(spec: &Spec, out: &mut Diagnostics) {
    for (whose, list) in lists(spec) {
        for cidr in list.iter() {
            if let Some((net, what)) = reserved(Block::Cidr(cidr.0)) {
                out.push(cidr.mistake(format!("{whose} cannot have {what} ({net})")).help(match free(spec, cidr.0) {
                    Some(free) => format!("choose a private prefix; {free} is free"),
                    None => "choose a private prefix".into(),
                }));
            }
        }
    }
}

fn nothing_reserved_in_pools(spec: &Spec, out: &mut Diagnostics) {
    for named in pool_prefixes(spec) {
        if let Some((net, what)) = reserved(named.block) {
            out.push(named.mistake(format!("{} holds {what} ({net})", named.what)).help("choose addresses that hosts can have"));
        }
    }
}

/// A stretch of addresses that is used for something.
struct Named<'a> {
    what: String,
    block: Block,
    path: &'a Path,
    span: Span,
}

impl Named<'_> {
    fn mistake(&self, message: String) -> Diagnostic {
        Diagnostic::new(self.path, self.span, message)
    }
}

fn named<'a>(what: &str, cidr: &'a Spanned<Cidr>) -> Named<'a> {
    Named { what: what.into(), block: Block::Cidr(cidr.0), path: &cidr.at, span: cidr.span }
}

fn pool_prefixes(spec: &Spec) -> Vec<Named<'_>> {
    let mut all = Vec::new();
    for pool in spec.pools.iter() {
        let what = format!("pool `{}`", pool.name);
        all.extend(pool.cidrs.iter().map(|cidr| named(&what, cidr)));
        let ranges = pool.ranges.iter().filter(|range| range.start.0.is_ipv4() == range.stop.0.is_ipv4() && range.start.0 <= range.stop.0);
        all.extend(ranges.map(|range| {
            let block = Block::Range(range.start.0, range.stop.0);
            Named { what: what.clone(), block, path: &range.at, span: range.span }
        }));
    }
    all
}

fn cluster_prefixes(spec: &Spec) -> Vec<Named<'_>> {
    lists(spec).into_iter().flat_map(|(whose, list)| list.iter().map(move |cidr| named(whose, cidr))).collect()
}

/// A private prefix of the same length that nothing in the file uses.
fn free(spec: &Spec, like: IpNet) -> Option<IpNet> {
    let used: Vec<_> = cluster_prefixes(spec).into_iter().chain(pool_prefixes(spec)).map(|named| named.block).collect();
    let home: IpNet = if like.addr().is_ipv4() { "10.0.0.0/8" } else { "fd00::/8" }.parse().ok()?;
    let length = like.prefix_len().max(home.prefix_len());
    home.subnets(length).ok()?.take(4096).find(|net| !used.iter().any(|block| block.overlaps(Block::Cidr(*net))))
}

fn no_overlaps(spec: &Spec, out: &mut Diagnostics) {
    let all = cluster_prefixes(spec);
    for (index, second) in all.iter().enumerate() {
        for first in all.iter().take(index).filter(|first| first.what != second.what && first.block.overlaps(second.block)) {
            let Block::Cidr(net) = second.block else { continue };
            let help = match free(spec, net) {
                Some(free) => format!("choose another prefix for one of them; {free} is free"),
                None => "choose another prefix for one of them".into(),
            };
            out.push(second.mistake(overlap(second, first)).help(help).also(first.span, first.what.as_str()));
        }
    }
}

fn overlap(second: &Named<'_>, first: &Named<'_>) -> String {
    let bounds = |block: Block| match block {
        Block::Cidr(net) => net.to_string(),
        Block::Range(start, stop) => format!("{start} to {stop}"),
    };
    format!("{} ({}) and {} ({}) overlap", second.what, bounds(second.block), first.what, bounds(first.block))
}

fn no_overlaps_with_pools(spec: &Spec, out: &mut Diagnostics) {
    let pools = pool_prefixes(spec);
    let inside: Vec<_> = cluster_prefixes(spec).into_iter().filter(|prefix| prefix.what != "the nodes").collect();
    for (index, second) in pools.iter().enumerate() {
        for first in inside.iter().filter(|first| first.block.overlaps(second.block)) {
            let help = "take addresses for the pool that nothing inside the cluster has";
            out.push(second.mistake(overlap(second, first)).help(help).also(first.span, first.what.as_str()));
        }
        for first in pools.iter().take(index).filter(|first| first.block.overlaps(second.block)) {
            let help = "take the common addresses out of one of the two: an address can be given away once only";
            out.push(second.mistake(overlap(second, first)).help(help).also(first.span, first.what.as_str()));
        }
    }
}

fn no_overlaps_with_interfaces(spec: &Spec, out: &mut Diagnostics) {
    let all = cluster_prefixes(spec);
    for node in spec.nodes.iter() {
        for address in node.extra_interfaces.iter().flat_map(|interface| interface.addresses.iter()) {
            let second = named(&format!("another interface of node `{}`", node.name), &address.subnet);
            for first in all.iter().filter(|first| first.block.overlaps(second.block)) {
                let mistake = second.mistake(overlap(&second, first)).also(first.span, first.what.as_str());
                out.push(if first.what == "the nodes" {
                    mistake.warning().help(
                        "give this interface a network of its own: with two interfaces in one network, answers leave by the wrong one",
                    )
                } else {
                    mistake.help("choose another prefix inside the cluster, or another network for this interface")
                });
            }
        }
    }
}

fn pods_hide_nothing(spec: &Spec, out: &mut Diagnostics) {
    let private = |ip: IpAddr| PRIVATE.iter().any(|net| net.parse::<IpNet>().is_ok_and(|net| net.contains(&ip)));
    for (whose, list) in lists(spec).into_iter().skip(1) {
        let public = list.iter().filter(|cidr| cidr.0.addr().is_ipv4() && reserved(Block::Cidr(cidr.0)).is_none());
        for cidr in public.filter(|cidr| !private(cidr.0.network()) || !private(cidr.0.broadcast())) {
            out.push(
                cidr.mistake(format!("{whose} have public addresses: the hosts on the internet that own them cannot be reached any more"))
                    .warning()
                    .help("choose a prefix inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"),
            );
        }
    }
}
