//! Pools: what their blocks hold, and what must not be in them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ichor_yaml::Span;

use super::place::{HOSTS, Held, LANS, Owner, held, lans};
use super::{Check, Fields, check};
use crate::cluster::{Block, Family};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::field::{Cidr, Spanned};
use crate::model::{Pool, Spec};

/// The fields that [`offers`] reads.
pub(super) const BLOCKS: Fields = &["pools.cidrs", "pools.ranges", "pools.allow_first_last", "pools.name"];
/// The fields that say who announces a pool.
pub(super) const ANNOUNCERS: Fields = &["pools.announce", "pools.name", "l2.enabled", "bgp.is_on"];

pub(super) const CHECKS: &[Check] = &[
    check(blocks_exist, &[BLOCKS]),
    check(ranges_go_upwards, &[&["pools.ranges"]]),
    check(ends_belong_to_prefixes, &[BLOCKS]),
    check(subnet_ends_are_left_out, &[BLOCKS, LANS]),
    check(hosts_are_left_out, &[BLOCKS, HOSTS]),
    check(blocks_lie_wholly_in_a_network, &[BLOCKS, LANS]),
    check(families_are_those_of_the_cluster, &[BLOCKS, &["network.pod_cidrs"]]),
    check(labels_name_their_pool, &[&["pools.service_selector", "pools.name"]]),
    check(every_family_is_offered, &[BLOCKS, ANNOUNCERS, &["pools.disabled", "pools.service_selector", "network.pod_cidrs"]]),
];

/// A block of a pool, with its place and the addresses that it gives away.
pub(super) struct Offer<'a> {
    pub(super) pool: &'a Spanned<Pool>,
    pub(super) written: Written<'a>,
    /// All addresses.
    pub(super) whole: Block,
    /// What is left without the first and last address of a prefix.
    pub(super) usable: Block,
}

/// How a block was written.
#[derive(Clone, Copy)]
pub(super) enum Written<'a> {
    Cidr(&'a Spanned<Cidr>),
    Range(&'a Spanned<crate::model::Range>),
}

impl Offer<'_> {
    pub(super) fn mistake(&self, message: String) -> Diagnostic {
        match self.written {
            Written::Cidr(cidr) => cidr.mistake(message),
            Written::Range(range) => range.mistake(message),
        }
    }

    pub(super) fn place(&self) -> Span {
        match self.written {
            Written::Cidr(cidr) => cidr.span,
            Written::Range(range) => range.span,
        }
    }

    pub(super) fn words(&self) -> String {
        match self.written {
            Written::Cidr(cidr) => cidr.to_string(),
            Written::Range(range) => format!("{} to {}", range.start, range.stop),
        }
    }
}

/// Every block of every pool that makes sense.
pub(super) fn offers(spec: &Spec) -> Vec<Offer<'_>> {
    spec.pools.iter().flat_map(offers_of).collect()
}

fn offers_of(pool: &Spanned<Pool>) -> Vec<Offer<'_>> {
    let cidrs = pool.cidrs.iter().map(|cidr| {
        let whole = Block::Cidr(cidr.0);
        let (first, last) = whole.bounds();
        let few = cidr.0.prefix_len() + 1 >= cidr.0.max_prefix_len();
        let usable = if few || *pool.allow_first_last { whole } else { Block::Range(step(first, 1), step(last, -1)) };
        Offer { pool, written: Written::Cidr(cidr), whole, usable }
    });
    let ranges = pool.ranges.iter().filter(|range| runs_upwards(range.start.0, range.stop.0)).map(|range| {
        let whole = Block::Range(range.start.0, range.stop.0);
        Offer { pool, written: Written::Range(range), whole, usable: whole }
    });
    cidrs.chain(ranges).collect()
}

fn runs_upwards(start: IpAddr, stop: IpAddr) -> bool {
    start.is_ipv4() == stop.is_ipv4() && start <= stop
}

/// The address so many steps away, or the end of all addresses.
fn step(ip: IpAddr, by: i8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits().saturating_add_signed(by.into())).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits().saturating_add_signed(by.into())).into(),
    }
}

fn blocks_exist(spec: &Spec, out: &mut Diagnostics) {
    for pool in spec.pools.iter().filter(|pool| pool.cidrs.is_empty() && pool.ranges.is_empty()) {
        let help = "write `cidrs: [192.168.10.0/24]`, or `ranges` with `start` and `stop`";
        out.push(pool.name.mistake(format!("pool `{}` has no addresses", pool.name)).help(help));
    }
}

fn ranges_go_upwards(spec: &Spec, out: &mut Diagnostics) {
    for range in spec.pools.iter().flat_map(|pool| pool.ranges.iter()) {
        let (start, stop) = (&range.start, &range.stop);
        if start.0.is_ipv4() != stop.0.is_ipv4() {
            let help = format!("write a range for each family; one that starts at {start} stops at an {} address", Family::of(start.0));
            out.push(
                stop.mistake(format!("{start} and {stop} are of different families")).help(help).also(start.span, "the first address"),
            );
        } else if start.0 > stop.0 {
            let help = format!("write `start: {stop}` and `stop: {start}`");
            out.push(
                stop.mistake(format!("the range stops at {stop}, before it starts at {start}"))
                    .help(help)
                    .also(start.span, "the first address"),
            );
        }
    }
}

fn ends_belong_to_prefixes(spec: &Spec, out: &mut Diagnostics) {
    for pool in spec.pools.iter().filter(|pool| *pool.allow_first_last && pool.cidrs.is_empty() && !pool.ranges.is_empty()) {
        out.push(
            pool.allow_first_last
                .mistake(format!("this does nothing: pool `{}` has ranges only, and all of a range is given away", pool.name))
                .warning()
                .help("remove it"),
        );
    }
}

fn subnet_ends_are_left_out(spec: &Spec, out: &mut Diagnostics) {
    for net in lans(spec).into_iter().filter(|net| net.prefix_len() + 1 < net.max_prefix_len()) {
        let ends = [(net.network(), "names the network itself", 1), (net.broadcast(), "means everyone in it", -1)];
        let ends = ends.into_iter().filter(|(ip, ..)| ip.is_ipv4() || *ip == net.network());
        for (ip, what, back) in ends {
            for offer in offers(spec).into_iter().filter(|offer| offer.usable.contains(ip)) {
                let help = match offer.written {
                    Written::Range(range) if range.stop.0 == ip => format!("write `stop: {}`", step(ip, back)),
                    Written::Range(range) if range.start.0 == ip => format!("write `start: {}`", step(ip, back)),
                    Written::Range(_) => "end the range before it".to_owned(),
                    Written::Cidr(_) if *offer.pool.allow_first_last => "remove `allow_first_last`".to_owned(),
                    Written::Cidr(_) => "write the block as a range that leaves it out".to_owned(),
                };
                out.push(offer.mistake(format!("pool `{}` holds {ip}, which {what}: {net}", offer.pool.name)).help(help));
            }
        }
    }
}

fn hosts_are_left_out(spec: &Spec, out: &mut Diagnostics) {
    let hosts: Vec<_> = held(spec).into_iter().filter(|held| !matches!(held.owner, Owner::Service | Owner::Nameserver)).collect();
    for offer in offers(spec) {
        let inside: Vec<&Held<'_>> = hosts.iter().filter(|held| offer.usable.contains(held.ip)).collect();
        let Some(first) = inside.first() else { continue };
        // A router is often also the default gateway: one host, told once.
        let mut ips: Vec<_> = inside.iter().map(|held| held.ip).collect();
        ips.sort_unstable();
        ips.dedup();
        let more = match ips.len() {
            1 => String::new(),
            count => format!(", and {} more", count - 1),
        };
        let message = format!("pool `{}` holds the address of {} ({}){more}", offer.pool.name, first.holder, first.ip);
        let help = "leave out what hosts have: give the pool `ranges` before and behind it, or a prefix of its own";
        let mistake = inside
            .iter()
            .filter(|held| held.written)
            .fold(offer.mistake(message), |mistake, held| mistake.also(held.span, held.holder.as_str()));
        out.push(mistake.help(help));
    }
}

fn blocks_lie_wholly_in_a_network(spec: &Spec, out: &mut Diagnostics) {
    for offer in offers(spec) {
        let (first, last) = offer.whole.bounds();
        for net in lans(spec).into_iter().filter(|net| offer.whole.overlaps(Block::Cidr(*net))) {
            if !net.contains(&first) || !net.contains(&last) {
                let message = format!("pool `{}` ({}) is partly inside {net}, a network of the nodes", offer.pool.name, offer.words());
                let help = "keep the whole block inside it (announced by ARP and NDP) or outside it (announced by BGP)";
                out.push(offer.mistake(message).help(help));
            }
        }
    }
}

fn families_are_those_of_the_cluster(spec: &Spec, out: &mut Diagnostics) {
    let families = spec.families();
    for offer in offers(spec) {
        let family = offer.whole.family();
        if !families.is_empty() && !families.contains(&family) {
            let message = format!("pool `{}` has {family} addresses, and Services of this cluster have none", offer.pool.name);
            let help =
                format!("take the block out, or make the cluster dual-stack: add {family} prefixes to `pod_cidrs` and `service_cidrs`");
            out.push(offer.mistake(message).help(help).also(spec.network.pod_cidrs.span, "the families of the cluster"));
        }
    }
}

/// Many believe that this label chooses a pool by its name. It is a label like any other.
const POOL_LABEL: &str = "io.cilium/lb-ipam-pool";

fn labels_name_their_pool(spec: &Spec, out: &mut Diagnostics) {
    for pool in spec.pools.iter() {
        let label = pool.service_selector.iter().find(|(key, _)| key.as_str() == POOL_LABEL).map(|(_, value)| value);
        if let Some(label) = label.filter(|label| label.as_str() != pool.name.as_str()) {
            let message = format!("Services with this label seem to ask for pool `{label}`, and get addresses of pool `{}`", pool.name);
            let help = format!("write `{POOL_LABEL}: {}`: nothing but this selector gives the label a meaning", pool.name);
            out.push(label.mistake(message).warning().help(help).also(pool.name.span, "this pool"));
        }
    }
}

fn every_family_is_offered(spec: &Spec, out: &mut Diagnostics) {
    if !spec.is_dual_stack() {
        return;
    }
    let kind = |pool: &Pool| {
        let labels: Vec<_> = pool.service_selector.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        (labels, spec.announcers(pool))
    };
    let pools: Vec<_> = spec.pools.iter().filter(|pool| !*pool.disabled).collect();
    let offers: Vec<_> = offers(spec).into_iter().filter(|offer| !*offer.pool.disabled).collect();
    for (index, pool) in pools.iter().enumerate() {
        let offered = |family| offers.iter().any(|offer| kind(offer.pool) == kind(pool) && offer.whole.family() == family);
        let is_first = pools.iter().take(index).all(|other| kind(other) != kind(pool));
        let none = Family::BOTH.into_iter().all(|family| !offered(family));
        for family in Family::BOTH.into_iter().filter(|family| is_first && !none && !offered(*family)) {
            out.push(
                pool.name
                    .mistake(format!(
                        "pool `{}` has no {family} addresses, and Services of this dual-stack cluster ask for both families",
                        pool.name
                    ))
                    .help(format!("add an {family} prefix to its `cidrs`, or a second pool with the same selector and announcers"))
                    .also(spec.network.pod_cidrs.span, "both families"),
            );
        }
    }
}
