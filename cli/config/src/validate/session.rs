//! One session with a router: timers, authentication, distance, fast failure detection.

use super::place::{LANS, lans};
use super::{Check, check};
use crate::diagnostic::Diagnostics;
use crate::field::Spanned;
use crate::model::{Router, RouterKind, SessionKind, Spec};

pub(super) const CHECKS: &[Check] = &[
    check(keepalive_is_a_third_of_hold, &[&["bgp.routers.hold_time_s", "bgp.routers.keepalive_time_s"]]),
    check(hold_time_survives_load, &[&["bgp.routers.hold_time_s", "bgp.routers.bfd"]]),
    check(graceful_restart, &[&["bgp.routers.graceful_restart", "bgp.routers.graceful_restart_time_s", "bgp.routers.bfd"]]),
    check(local_preference_is_internal, &[&["bgp.routers.local_preference", "bgp.routers.session"]]),
    check(distance, &[LANS, &["bgp.routers.addresses", "bgp.routers.max_hops", "bgp.routers.session", "bgp.routers.name"]]),
    check(ttl_security, &[&["bgp.routers.max_hops", "bgp.routers.ttl_security"]]),
    check(bfd_has_a_partner, &[&["bgp.routers.bfd", "bgp.routers.kind", "bgp.routers.name"]]),
    check(bfd_is_fast_and_calm, &[&["bgp.routers.bfd", "bgp.routers.hold_time_s"]]),
    check(communities_once, &[&["bgp.routers.communities"]]),
];

/// Below this a busy node is easily taken for a dead one.
const CALM_HOLD_S: i64 = 9;
const CALM_DETECTION_MS: i64 = 100;

fn routers(spec: &Spec) -> impl Iterator<Item = &Spanned<Router>> {
    spec.bgp().into_iter().flat_map(|bgp| bgp.routers.iter())
}

fn keepalive_is_a_third_of_hold(spec: &Spec, out: &mut Diagnostics) {
    for router in routers(spec) {
        let (hold, keepalive) = (&router.hold_time_s, &router.keepalive_time_s);
        if keepalive.get() * 3 <= hold.get() {
            continue;
        }
        let message =
            format!("signs of life every {keepalive} s are too few for a hold time of {hold} s: one lost packet may end the session");
        let help = if keepalive.written {
            format!("write `keepalive_time_s: {}` (a third), or `hold_time_s: {}`", hold.get() / 3, keepalive.get() * 3)
        } else {
            format!("add `keepalive_time_s: {}`, a third of it; without it, {keepalive} is the default", hold.get() / 3)
        };
        out.push(if keepalive.written {
            keepalive
                .mistake(message)
                .help(help)
                .also(hold.span, if hold.written { "the hold time" } else { "the hold time is 30 by default" })
        } else {
            hold.mistake(message).help(help)
        });
    }
}

fn hold_time_survives_load(spec: &Spec, out: &mut Diagnostics) {
    for router in routers(spec).filter(|router| router.hold_time_s.get() < CALM_HOLD_S) {
        let hold = &router.hold_time_s;
        let better = match (router.bfd.is_some(), *router.kind) {
            (true, _) => "BFD finds a dead node sooner than this",
            (false, RouterKind::Unifi) => "a `floating_next_hop` takes over sooner than this, without it",
            (false, _) => "`bfd: {}` finds a dead node sooner than this, without it",
        };
        out.push(
            hold.mistake(format!("with a hold time of {hold} s, a session ends when a node is busy for {hold} s, and its routes go away"))
                .warning()
                .help(format!("write `hold_time_s: {CALM_HOLD_S}` and `keepalive_time_s: {}`; {better}", CALM_HOLD_S / 3)),
        );
    }
}

fn graceful_restart(spec: &Spec, out: &mut Diagnostics) {
    for router in routers(spec) {
        let (on, time) = (&router.graceful_restart, &router.graceful_restart_time_s);
        if time.written && !**on {
            out.push(
                time.mistake("this does nothing: graceful restart is off")
                    .warning()
                    .help("add `graceful_restart: true`, or remove the line"),
            );
        }
        if **on && router.bfd.is_some() {
            let message = format!("BFD finds a dead node at once, and graceful restart keeps the routes to it for up to {time} s");
            out.push(on.mistake(message).warning().help("choose one of the two").also(router.bfd.span, "BFD"));
        }
    }
}

fn local_preference_is_internal(spec: &Spec, out: &mut Diagnostics) {
    for router in routers(spec).filter(|router| router.local_preference.is_some() && *router.session == SessionKind::Ebgp) {
        out.push(
            router
                .local_preference
                .mistake("local preference is only told inside one AS, and this session is between two")
                .help("remove the line, or use `communities` that the router turns into a preference"),
        );
    }
}

fn distance(spec: &Spec, out: &mut Diagnostics) {
    let lans = lans(spec);
    for router in routers(spec).filter(|router| *router.session == SessionKind::Ebgp) {
        let hops = &router.max_hops;
        let is_far = |address: &&Spanned<crate::field::Address>| !lans.iter().any(|lan| lan.contains(&address.0));
        if let Some(far) = router.addresses.iter().find(is_far).filter(|_| hops.get() == 1) {
            out.push(
                far.mistake(format!(
                    "{far} of router `{}` is in no network of the nodes, and the session may not cross a router",
                    router.name
                ))
                .help("write the router's address in the node network, or `max_hops: 2`")
                .also(spec.network.node_cidrs.span, "the nodes' networks"),
            );
        }
        if hops.get() > 1 && !router.addresses.is_empty() && !router.addresses.iter().any(|address| is_far(&address)) {
            let message =
                format!("router `{}` is in the network of the nodes, and sessions from {hops} hops away are accepted", router.name);
            out.push(hops.mistake(message).warning().help("remove `max_hops`"));
        }
    }
    for router in routers(spec).filter(|router| *router.session == SessionKind::Ibgp && router.max_hops.written) {
        out.push(
            router.max_hops.mistake("this does nothing: a session inside one AS may be of any length").warning().help("remove `max_hops`"),
        );
    }
}

fn ttl_security(spec: &Spec, out: &mut Diagnostics) {
    for router in routers(spec).filter(|router| *router.ttl_security && router.max_hops.get() > 1) {
        out.push(
            router
                .ttl_security
                .mistake("TTL security takes packets from the next hop only, and this router may be further away")
                .help("remove `ttl_security`, or `max_hops`")
                .also(router.max_hops.span, "further away"),
        );
    }
}

fn bfd_has_a_partner(spec: &Spec, out: &mut Diagnostics) {
    for router in routers(spec).filter(|router| router.bfd.is_some() && *router.kind == RouterKind::Unifi) {
        out.push(
            router
                .bfd
                .mistake(format!("router `{}` is a UniFi gateway, which runs BGP without bfdd: BFD would never come up", router.name))
                .help("remove `bfd`, and write `floating_next_hop` with free addresses of the node network below `bgp`: surviving nodes take them over")
                .also(router.kind.span, if router.kind.written { "UniFi" } else { "UniFi by default" }),
        );
    }
}

fn bfd_is_fast_and_calm(spec: &Spec, out: &mut Diagnostics) {
    for router in routers(spec) {
        let Some(bfd) = &*router.bfd else { continue };
        let detection = bfd.transmit_interval_ms.get().max(bfd.receive_interval_ms.get()) * bfd.detect_multiplier.get();
        if detection >= router.hold_time_s.get() * 1000 {
            let message = format!("BFD takes {detection} ms to find a dead node, and the hold time does it in {} s", router.hold_time_s);
            out.push(
                router
                    .bfd
                    .mistake(message)
                    .warning()
                    .help("write shorter intervals, such as `transmit_interval_ms: 300` and `receive_interval_ms: 300`"),
            );
        } else if detection < CALM_DETECTION_MS {
            let message = format!("a pause of {detection} ms is taken for a dead node");
            out.push(router.bfd.mistake(message).warning().help("write intervals of 50 ms or more with `detect_multiplier: 3`"));
        }
    }
}

fn communities_once(spec: &Spec, out: &mut Diagnostics) {
    for router in routers(spec) {
        for (index, community) in router.communities.iter().enumerate() {
            if let Some(first) = router.communities.iter().take(index).find(|other| other.value == community.value) {
                let mistake = community.mistake(format!("community {community} stands here twice")).warning();
                out.push(mistake.help("remove one of the two").also(first.span, "first here"));
            }
        }
    }
}
