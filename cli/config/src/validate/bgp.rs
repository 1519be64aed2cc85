//! BGP as a whole: what it needs, AS numbers, what is announced.

use super::place::{LANS, lans, quoted};
use super::pools::{ANNOUNCERS, BLOCKS, offers};
use super::{Check, check};
use crate::cluster::{Block, Family};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::field::Spanned;
use crate::model::{Announcer, Asn, Bgp, Router, SessionKind, Spec};

pub(super) const CHECKS: &[Check] = &[
    check(has_routers, &[&["bgp.routers.asn", "bgp.routers.addresses"]]),
    check(section_is_not_empty, &[&["bgp.is_on"]]),
    check(as_numbers_can_be_used, &[&["bgp.node_asn", "bgp.routers.asn"]]),
    check(as_numbers_fit_the_session, &[&["bgp.node_asn", "bgp.routers.asn", "bgp.routers.session", "bgp.routers.name"]]),
    check(router_addresses, &[&["bgp.routers.addresses", "bgp.routers.name"]]),
    check(speakers_have_the_family, &[&["bgp.routers.addresses", "bgp.node_selector", "nodes"]]),
    check(router_ids, &[&["bgp.routers.addresses", "bgp.routers.router_id", "bgp.routers.name"]]),
    check(routers_carry_the_pools, &[ANNOUNCERS, BLOCKS, &["bgp.routers.addresses", "bgp.routers.extended_next_hop"]]),
    check(aggregates_stay_in_their_pools, &[ANNOUNCERS, BLOCKS, LANS, &["bgp.advertise"]]),
];

/// What a person must write to have BGP, for every place where one of it is missing.
const NEEDS: &str =
    "BGP needs `node_asn` and `routers`, and each router its `addresses` and `asn`; to turn BGP off, remove the whole `bgp` section";

/// Says what all of BGP needs where one part of it is missing.
pub(crate) fn explain_missing(diagnostic: &mut Diagnostic) {
    let needed = ["bgp.node_asn", "bgp.routers", "bgp.routers.addresses", "bgp.routers.asn"];
    if diagnostic.message.ends_with(" is missing") && needed.contains(&diagnostic.path.without_indices().as_str()) {
        diagnostic.help = Some(NEEDS.into());
    }
}

fn has_routers(spec: &Spec, out: &mut Diagnostics) {
    if let Some(bgp) = spec.bgp()
        && bgp.routers.is_empty()
    {
        out.push(bgp.routers.mistake("BGP is on and has no router to speak with").help(NEEDS));
    }
}

fn section_is_not_empty(spec: &Spec, out: &mut Diagnostics) {
    if spec.bgp.written && spec.bgp.is_none() {
        out.push(spec.bgp.mistake("there is nothing below `bgp`, so BGP is off").warning().help(NEEDS));
    }
}

fn as_numbers(bgp: &Bgp) -> impl Iterator<Item = &Spanned<Asn>> {
    std::iter::once(&bgp.node_asn).chain(bgp.routers.iter().map(|router| &router.asn))
}

fn as_numbers_can_be_used(spec: &Spec, out: &mut Diagnostics) {
    for asn in spec.bgp().into_iter().flat_map(as_numbers) {
        let number = asn.get();
        let help = "take one of 64512 to 65534 or of 4200000000 to 4294967294, which are free for such use";
        let what = match number {
            23456 => "stands for AS numbers that an old router cannot write",
            65535 | 4_294_967_295 => "is reserved, and routers refuse it",
            64512..=65534 | 4_200_000_000..=4_294_967_294 => continue,
            64496..=64511 | 65536..=65551 => {
                out.push(asn.mistake(format!("AS number {number} is meant for examples in documents")).warning().help(help));
                continue;
            }
            _ => {
                let message = format!("AS number {number} is a public one, which belongs to somebody");
                out.push(asn.mistake(message).warning().help(format!("if it is not yours, {help}")));
                continue;
            }
        };
        out.push(asn.mistake(format!("AS number {number} {what}")).help(help));
    }
}

fn as_numbers_fit_the_session(spec: &Spec, out: &mut Diagnostics) {
    let Some(bgp) = spec.bgp() else { return };
    for router in bgp.routers.iter() {
        let same = router.asn.value == bgp.node_asn.value;
        let mistake = match *router.session {
            SessionKind::Ebgp if same => router
                .asn
                .mistake(format!("router `{}` has the AS number of the nodes, and its session is between two ASes", router.name))
                .help("give the router or the nodes another AS number, or write `session: ibgp` if they are meant to be in one"),
            SessionKind::Ibgp if !same => router
                .session
                .mistake(format!("the session with router `{}` is inside one AS, and the nodes are in AS {}", router.name, bgp.node_asn))
                .help(format!("write `asn: {}` at the router, or remove `session: ibgp`", bgp.node_asn)),
            _ => continue,
        };
        out.push(mistake.also(bgp.node_asn.span, "the nodes' AS number"));
    }
}

fn router_addresses(spec: &Spec, out: &mut Diagnostics) {
    for router in spec.bgp().into_iter().flat_map(|bgp| bgp.routers.iter()) {
        if router.addresses.is_empty() {
            out.push(
                router.addresses.mistake(format!("router `{}` has no address", router.name)).help("write its address in the node network"),
            );
        }
        for (index, address) in router.addresses.iter().enumerate() {
            let family = Family::of(address.0);
            if let Some(first) = router.addresses.iter().take(index).find(|other| Family::of(other.0) == family && other.0 != address.0) {
                out.push(
                    address
                        .mistake(format!("router `{}` has a second {family} address", router.name))
                        .help("keep one address of each family; a second router gets its own entry in `routers`")
                        .also(first.span, "first here"),
                );
            }
        }
    }
}

fn speakers_have_the_family(spec: &Spec, out: &mut Diagnostics) {
    let speakers = spec.speakers();
    for address in spec.bgp().into_iter().flat_map(|bgp| bgp.routers.iter()).flat_map(|router| router.addresses.iter()) {
        let family = Family::of(address.0);
        let without: Vec<_> = speakers.iter().filter(|node| node.address(family).is_none()).collect();
        if let Some(first) = without.first() {
            out.push(
                address
                    .mistake(format!("{} cannot speak with {address}: no {family} address", quoted(without.iter().map(|node| &node.name))))
                    .help(format!("give these nodes an {family} address, leave them out by `bgp.node_selector`, or take this address out"))
                    .also(first.addresses.span, format!("node `{}`", first.name)),
            );
        }
    }
}

fn router_ids(spec: &Spec, out: &mut Diagnostics) {
    let Some(bgp) = spec.bgp() else { return };
    let id = |router: &Router| router.router_id.map(|id| id.0).or_else(|| router.address(Family::V4));
    for (index, router) in bgp.routers.iter().enumerate() {
        let place = if router.router_id.is_some() { router.router_id.mistake("") } else { router.addresses.mistake("") };
        let tell = |message: String| Diagnostic { message, ..place.clone() };
        match id(router) {
            Some(ip) if ip.is_ipv6() => {
                out.push(
                    tell("a router id has the form of an IPv4 address, on IPv6 networks too".into())
                        .help("write a number that no other router has, such as `router_id: 10.255.0.1`"),
                );
            }
            None if !router.addresses.is_empty() => {
                let message = format!("router `{}` has no IPv4 address that could be its router id", router.name);
                out.push(tell(message).help("write `router_id:` with any IPv4 address that no other router has as its id"));
            }
            mine => {
                if let Some(first) =
                    bgp.routers.iter().take(index).find(|other| mine.is_some() && id(other) == mine && other.addresses != router.addresses)
                {
                    let message = format!("routers `{}` and `{}` have the same router id", first.name, router.name);
                    out.push(tell(message).help("give each one an id of its own").also(first.name.span, "the other router"));
                }
            }
        }
    }
}

fn routers_carry_the_pools(spec: &Spec, out: &mut Diagnostics) {
    let Some(bgp) = spec.bgp() else { return };
    for router in bgp.routers.iter().filter(|router| !router.addresses.is_empty()) {
        let (v4, v6) = (router.address(Family::V4).is_some(), router.address(Family::V6).is_some());
        // RFC 8950 lets a session over IPv6 carry IPv4, and there is nothing for the other way round.
        let carried = |family| if family == Family::V4 { v4 || (v6 && *router.extended_next_hop) } else { v6 };
        let offers = offers(spec);
        let announced = offers.iter().filter(|offer| spec.announcers(offer.pool).contains(&Announcer::Bgp));
        let mut told = Vec::new();
        for offer in announced {
            let family = offer.whole.family();
            if carried(family) || told.contains(&family) {
                continue;
            }
            told.push(family);
            let more = if family == Family::V4 { ", or write `extended_next_hop: true`" } else { "" };
            out.push(
                router
                    .addresses
                    .mistake(format!(
                        "router `{}` has no {family} address, so nothing of pool `{}` is announced to it",
                        router.name, offer.pool.name
                    ))
                    .help(format!("add the router's {family} address{more}, or take the {family} addresses out of the pool"))
                    .also(offer.place(), format!("{family} addresses")),
            );
        }
        if *router.extended_next_hop && (!v6 || v4) {
            let (message, help) = if v6 {
                (
                    "this does nothing: the router has an address of each family, and a session over each",
                    "remove it, or the router's IPv4 address",
                )
            } else {
                (
                    "RFC 8950 announces IPv4 over a session with an IPv6 address, and the router has none",
                    "add the router's IPv6 address, or remove this line",
                )
            };
            let mistake = router.extended_next_hop.mistake(message).help(help).also(router.addresses.span, "its addresses");
            out.push(if v6 { mistake.warning() } else { mistake });
        }
    }
}

fn aggregates_stay_in_their_pools(spec: &Spec, out: &mut Diagnostics) {
    let Some(bgp) = spec.bgp() else { return };
    let v4 = bgp.advertise.aggregation_v4.map(|length| (length.get(), bgp.advertise.aggregation_v4.mistake("")));
    let v6 = bgp.advertise.aggregation_v6.map(|length| (length.get(), bgp.advertise.aggregation_v6.mistake("")));
    for (family, setting) in [(Family::V4, v4), (Family::V6, v6)] {
        let Some((length, place)) = setting else { continue };
        let tell = |message: String| Diagnostic { message, ..place.clone() };
        let length = u8::try_from(length).unwrap_or(u8::MAX);
        let mut used = false;
        for offer in
            offers(spec).iter().filter(|offer| offer.whole.family() == family && spec.announcers(offer.pool).contains(&Announcer::Bgp))
        {
            used = true;
            let (first, last) = offer.whole.bounds();
            let wider = [first, last].into_iter().filter_map(|ip| ipnet::IpNet::new(ip, length).ok()).map(|net| net.trunc());
            for net in wider.filter(|net| !offer.whole.contains(net.network()) || !offer.whole.contains(net.broadcast())) {
                let lan = lans(spec).into_iter().find(|lan| Block::Cidr(*lan).overlaps(Block::Cidr(net)));
                if let Some(lan) = lan {
                    let message = format!("pool `{}` is announced as {net}, and so is {lan}, the network of the nodes", offer.pool.name);
                    out.push(tell(message).help("write a longer prefix length, or remove the line").also(offer.place(), "this block"));
                    break;
                }
            }
        }
        if !used {
            let message = format!("this does nothing: BGP announces no {family} pool");
            out.push(tell(message).warning().help("remove the line"));
        }
    }
}
