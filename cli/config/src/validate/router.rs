//! What runs on the router, and what else stands in its configuration.

use super::place::HOSTS;
use super::{Check, check};
use crate::diagnostic::Diagnostics;
use crate::field::Spanned;
use crate::lock::LOCK;
use crate::model::{Router, RouterKind, Spec};

const VERSION: &[&str] = &["bgp.routers.kind", "bgp.routers.version", "bgp.routers.model", "bgp.routers.name"];

pub(super) const CHECKS: &[Check] = &[
    check(one_unifi_configuration, &[&["bgp.routers.kind"]]),
    check(software_can_do_it, &[VERSION]),
    check(models_are_of_unifi, &[VERSION]),
    check(other_lines_hold_no_secret, &[&["bgp.routers.extra"]]),
    check(other_lines_are_of_bgp, &[&["bgp.routers.extra", "bgp.routers.kind"]]),
    check(other_lines_stay_in_their_place, &[HOSTS, &["bgp.routers.extra"]]),
];

fn routers(spec: &Spec) -> impl Iterator<Item = &Spanned<Router>> {
    spec.bgp().into_iter().flat_map(|bgp| bgp.routers.iter())
}

fn one_unifi_configuration(spec: &Spec, out: &mut Diagnostics) {
    let unifi: Vec<_> = routers(spec).filter(|router| *router.kind == RouterKind::Unifi).collect();
    let Some((first, others)) = unifi.split_first() else { return };
    for other in others {
        let mistake =
            if other.kind.written { other.kind.mistake("a second UniFi gateway") } else { other.mistake("a second UniFi gateway") };
        let help = "write `kind: frr` or `kind: bird` for a router that is none; the spare of a pair has the address of the first, and is not listed";
        out.push(mistake.help(format!("a UniFi site has one BGP configuration: {help}")).also(first.name.span, "first here"));
    }
}

fn software_can_do_it(spec: &Spec, out: &mut Diagnostics) {
    for router in routers(spec) {
        let Some(version) = &*router.version else { continue };
        let model = router.model.as_ref().map_or("", |model| model.as_str());
        match *router.kind {
            RouterKind::Unifi if version.numbers() < LOCK.unifi(model) => {
                let (major, minor, patch) = LOCK.unifi(model);
                let message = format!("router `{}` runs UniFi OS {version}, and BGP came with {major}.{minor}.{patch}", router.name);
                let help = "update the gateway and correct `version`; until then, remove the `bgp` section and announce the pools by L2";
                out.push(router.version.mistake(message).help(help));
            }
            RouterKind::Bird if version.numbers().0 != LOCK.bird_major => {
                let message = format!("router `{}` runs BIRD {version}, and its file is written for BIRD {}", router.name, LOCK.bird_major);
                let mistake = router.version.mistake(message);
                let help = format!("run BIRD {} on the router, and correct `version`", LOCK.bird_major);
                out.push(if version.numbers().0 > LOCK.bird_major { mistake.warning() } else { mistake }.help(help));
            }
            _ => {}
        }
    }
}

fn models_are_of_unifi(spec: &Spec, out: &mut Diagnostics) {
    for router in routers(spec).filter(|router| router.model.is_some() && *router.kind != RouterKind::Unifi) {
        let message = format!("this does nothing: the model matters for a UniFi gateway, and this router runs {}", router.kind);
        out.push(router.model.mistake(message).warning().help("remove it, or write `kind: unifi`").also(router.kind.span, "its kind"));
    }
}

fn other_lines_hold_no_secret(spec: &Spec, out: &mut Diagnostics) {
    for line in routers(spec).flat_map(|router| router.extra.iter()).flat_map(|extra| extra.lines.iter()) {
        let words: Vec<_> = line.as_str().split_whitespace().map(str::to_ascii_lowercase).collect();
        if words.iter().any(|word| word.trim_matches(|c: char| !c.is_alphanumeric()) == "password") {
            out.push(
                line.mistake("a password stands in clear text in a file that Git tracks")
                    .help("take the line out and keep it on the router alone; if it was ever pushed, choose a new password"),
            );
        }
    }
}

/// What FRR's lines below `router bgp` begin with.
const OF_BGP: [&str; 18] = [
    "address-family",
    "aggregate-address",
    "bgp",
    "bmp",
    "coalesce-time",
    "distance",
    "exit-address-family",
    "maximum-paths",
    "neighbor",
    "network",
    "no",
    "read-quanta",
    "redistribute",
    "segment-routing",
    "table-map",
    "timers",
    "update-delay",
    "write-quanta",
];

fn other_lines_are_of_bgp(spec: &Spec, out: &mut Diagnostics) {
    for router in routers(spec).filter(|router| !router.extra.is_empty()) {
        if *router.kind == RouterKind::Bird {
            let message = "in BIRD each neighbour is a protocol of its own, and needs no place in the rendered file";
            let help = "remove this, and keep the protocols of others in a file that `bird.conf` includes";
            out.push(router.extra.mistake(message).help(help).also(router.kind.span, "BIRD"));
            continue;
        }
        for line in router.extra.iter().flat_map(|extra| extra.lines.iter()) {
            let first = line.as_str().split_whitespace().next().unwrap_or_default();
            if !OF_BGP.contains(&first) && !ENDS_THE_BLOCK.contains(&first) {
                let message = format!("no line of FRR below `router bgp` begins with `{first}`");
                out.push(
                    line.mistake(message)
                        .help("write the line as `show running-config` has it, such as `neighbor 192.168.1.20 remote-as 64600`"),
                );
            }
        }
    }
}

/// Lines that would end the block that these are put into.
const ENDS_THE_BLOCK: [&str; 6] = ["router", "exit", "end", "!", "}", "protocol"];

fn other_lines_stay_in_their_place(spec: &Spec, out: &mut Diagnostics) {
    for line in routers(spec).flat_map(|router| router.extra.iter()).flat_map(|extra| extra.lines.iter()) {
        let mut words = line.as_str().split_whitespace();
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if ENDS_THE_BLOCK.contains(&first) {
            out.push(
                line.mistake(format!("`{first}` would end the block that this line is put into"))
                    .help("write only lines that stand below `router bgp`, such as `neighbor 192.168.1.20 remote-as 64600`"),
            );
        }
        let node = spec.nodes.iter().find(|node| node.addresses.iter().any(|address| second == address.to_string()));
        if let Some(node) = node.filter(|_| first == "neighbor") {
            out.push(
                line.mistake(format!("{second} is node `{}`, whose lines are rendered", node.name))
                    .help("take the line out: what the session needs is written at the router, such as `hold_time_s`")
                    .also(node.addresses.span, "the node"),
            );
        }
    }
}
