//! Who announces a pool, and whether that reaches anyone.

use super::place::{LANS, has_unknown_lans, lans, quoted};
use super::pools::{ANNOUNCERS, BLOCKS, offers};
use super::{Check, check};
use crate::cluster::Block;
use crate::diagnostic::Diagnostics;
use crate::model::{Announcer, Spec};

pub(super) const CHECKS: &[Check] = &[
    check(both_must_be_said, &[ANNOUNCERS]),
    check(somebody_announces, &[ANNOUNCERS]),
    check(announcers_are_on, &[ANNOUNCERS]),
    check(announcers_have_pools, &[ANNOUNCERS, &["bgp.advertise"]]),
    check(l2_reaches_its_pools, &[ANNOUNCERS, BLOCKS, LANS]),
    check(bgp_announces_its_pools, &[ANNOUNCERS, &["bgp.advertise"]]),
    check(selected_nodes_exist, &[&["l2.enabled", "l2.node_selector", "bgp.node_selector", "nodes.labels", "nodes.role", "nodes.name"]]),
    check(external_ips_are_served, &[&["l2.external_ips", "bgp.advertise", "network.external_ips"]]),
    check(l2_settings_are_used, &[&["l2", "bgp.is_on"]]),
];

fn both_must_be_said(spec: &Spec, out: &mut Diagnostics) {
    if !spec.l2_enabled() || spec.bgp().is_none() {
        return;
    }
    for pool in spec.pools.iter().filter(|pool| pool.announce.is_none()) {
        out.push(
            pool.name
                .mistake(format!("L2 and BGP are both on, and pool `{}` does not say who announces it", pool.name))
                .help("write `announce: [bgp]`, `announce: [l2]`, or `announce: [l2, bgp]` if both is meant")
                .also(spec.l2.enabled.span, "L2 is on")
                .also(spec.bgp.span, "BGP is on"),
        );
    }
}

fn somebody_announces(spec: &Spec, out: &mut Diagnostics) {
    for pool in spec.pools.iter().filter(|pool| spec.announcers(pool).is_empty()) {
        if pool.announce.is_some() {
            let message = format!("nobody announces pool `{}`: only hosts with a route of their own reach its addresses", pool.name);
            out.push(pool.announce.mistake(message).warning().help("write `announce: [bgp]` or `announce: [l2]`"));
        } else {
            let message = format!("nobody announces pool `{}`: L2 is off, and there is no BGP", pool.name);
            let help = "remove `l2.enabled: false`, add a `bgp` section, or write `announce: []` if your routers have static routes";
            out.push(pool.name.mistake(message).help(help).also(spec.l2.enabled.span, "L2 is off"));
        }
    }
}

fn announcers_are_on(spec: &Spec, out: &mut Diagnostics) {
    for announcer in spec.pools.iter().filter_map(|pool| pool.announce.as_ref()).flatten() {
        match **announcer {
            Announcer::Bgp if spec.bgp().is_none() => {
                let help = "add a `bgp` section with `node_asn` and `routers`, or take `bgp` out of this list";
                out.push(announcer.mistake("BGP is to announce this pool, and BGP is off").help(help));
            }
            Announcer::L2 if !spec.l2_enabled() => {
                let help = "write `l2: { enabled: true }`, or take `l2` out of this list";
                let mistake = announcer.mistake("L2 is to announce this pool, and L2 is off").help(help);
                let (span, why) =
                    if spec.l2.enabled.written { (spec.l2.enabled.span, "off here") } else { (spec.bgp.span, "off by default beside BGP") };
                out.push(mistake.also(span, why));
            }
            _ => {}
        }
    }
    for pool in spec.pools.iter() {
        let list = pool.announce.iter().flatten();
        let (all, different) = (list.clone().count(), spec.announcers(pool).len());
        if all > different {
            out.push(pool.announce.mistake("the same announcer stands here twice").warning().help("write each one once"));
        }
    }
}

fn announcers_have_pools(spec: &Spec, out: &mut Diagnostics) {
    let has = |announcer| spec.pools.iter().any(|pool| spec.announcers(pool).contains(&announcer));
    if let Some(bgp) = spec.bgp()
        && *bgp.advertise.load_balancer_ips
        && !has(Announcer::Bgp)
    {
        let message = "BGP is on, and there is no pool for it to announce";
        out.push(spec.bgp.mistake(message).warning().help("add a pool, or `announce: [bgp]` to one"));
    }
    if spec.l2.enabled.written && spec.l2_enabled() && !has(Announcer::L2) {
        let message = "L2 is on, and there is no pool for it to announce";
        out.push(spec.l2.enabled.mistake(message).warning().help("add a pool, or `announce: [l2]` to one"));
    }
}

fn l2_reaches_its_pools(spec: &Spec, out: &mut Diagnostics) {
    let lans = lans(spec);
    for offer in offers(spec) {
        let announcers = spec.announcers(offer.pool);
        let inside = lans.iter().any(|net| offer.whole.overlaps(Block::Cidr(*net)));
        let (l2, bgp) = (announcers.contains(&Announcer::L2), announcers.contains(&Announcer::Bgp));
        let name = &offer.pool.name;
        let networks = || quoted(&lans);
        if l2 && !inside {
            let message = format!(
                "pool `{name}` ({}) is in no network of the nodes ({}), and nobody there asks for it by ARP",
                offer.words(),
                networks()
            );
            let mistake = offer.mistake(message).also(spec.network.node_cidrs.span, "the nodes' networks");
            out.push(if bgp {
                mistake.warning().help("write `announce: [bgp]`: announcing it by ARP does nothing")
            } else if has_unknown_lans(spec) {
                mistake.warning().help("make sure that it is in the network that an interface with `dhcp: true` gets")
            } else {
                mistake.help("take addresses of the node network, or announce the pool by BGP")
            });
        }
        if bgp && !l2 && inside {
            let message = format!(
                "pool `{name}` ({}) is inside the nodes' own network: hosts there ask for it by ARP, and only BGP announces it",
                offer.words()
            );
            out.push(
                offer
                    .mistake(message)
                    .warning()
                    .help("take a network that no host is in, or write `announce: [l2, bgp]` and `l2: { enabled: true }`"),
            );
        }
    }
}

fn bgp_announces_its_pools(spec: &Spec, out: &mut Diagnostics) {
    let Some(bgp) = spec.bgp() else { return };
    let advertise = &bgp.advertise;
    if *advertise.load_balancer_ips {
        return;
    }
    for pool in spec.pools.iter().filter(|pool| spec.announcers(pool) == [Announcer::Bgp]) {
        out.push(
            pool.name
                .mistake(format!("BGP alone is to announce pool `{}`, and announces no addresses of pools", pool.name))
                .help("remove `load_balancer_ips: false` below `bgp.advertise`")
                .also(advertise.load_balancer_ips.span, "off here"),
        );
    }
    if !*advertise.external_ips && !*advertise.cluster_ips && !*advertise.pod_cidrs {
        out.push(advertise.mistake("BGP is on and announces nothing").help("set one of these to `true`, or remove the `bgp` section"));
    }
}

fn selected_nodes_exist(spec: &Spec, out: &mut Diagnostics) {
    if let Some(bgp) = spec.bgp()
        && spec.speakers().is_empty()
        && !spec.nodes.is_empty()
    {
        out.push(
            bgp.node_selector
                .match_labels
                .mistake("no node has these labels, so nobody would speak BGP")
                .help("add the labels to the `labels` of the nodes that speak, or remove `node_selector` for all nodes")
                .also(spec.nodes.span, "the nodes"),
        );
    }
    if spec.l2_enabled() && !spec.nodes.is_empty() && spec.selected(&spec.l2.node_selector).is_empty() {
        out.push(
            spec.l2
                .node_selector
                .match_labels
                .mistake("no node has these labels, as far as this file knows them")
                .warning()
                .help("add the labels to the `labels` of the nodes, or remove `node_selector` for all nodes"),
        );
    }
}

fn external_ips_are_served(spec: &Spec, out: &mut Diagnostics) {
    if *spec.network.external_ips {
        return;
    }
    let bgp = spec.bgp().map(|bgp| &bgp.advertise.external_ips);
    for setting in [Some(&spec.l2.external_ips), bgp].into_iter().flatten().filter(|setting| ***setting) {
        out.push(
            setting
                .mistake("external addresses are announced, and no node serves them")
                .help("remove `external_ips: false` below `network`, or this line")
                .also(spec.network.external_ips.span, "not served"),
        );
    }
}

fn l2_settings_are_used(spec: &Spec, out: &mut Diagnostics) {
    let l2 = &spec.l2;
    if spec.l2_enabled() || !(l2.interfaces.written || l2.node_selector.written || *l2.external_ips) {
        return;
    }
    let why = if l2.enabled.written { (l2.enabled.span, "off here") } else { (spec.bgp.span, "off by default beside BGP") };
    let help = "write `enabled: true` below `l2`, or remove its other keys";
    out.push(l2.mistake("these settings do nothing: L2 announcements are off").warning().help(help).also(why.0, why.1));
}
