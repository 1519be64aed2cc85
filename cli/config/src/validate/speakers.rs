//! The nodes that speak BGP, and the next hops that survivors take over.

use ichor_talos_config::bgp_speaker;

use super::patches::{DOCUMENTS, documents_of};
use super::{Check, check};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Spec;

const SPEAKERS: &[&str] = &["bgp.is_on", "bgp.node_selector", "nodes.name", "nodes.role", "nodes.labels"];

pub(super) const CHECKS: &[Check] = &[
    check(one_speaker_on_a_node, &[SPEAKERS, DOCUMENTS, &["nodes.quirks"]]),
    check(native_speaker_exists, &[&["versions.talos", "nodes.quirks"]]),
    check(next_hops_are_free_and_near, &[&["bgp.floating_next_hop", "network.node_cidrs"]]),
    check(next_hops_are_needed, &[&["bgp.floating_next_hop", "bgp.routers.bfd", "bgp.routers.kind"]]),
];

/// The first Talos with a BGP speaker of its own.
const NATIVE_SINCE: (u64, u64, u64) = (1, 14, 0);

fn one_speaker_on_a_node(spec: &Spec, out: &mut Diagnostics) {
    let Some(bgp) = spec.bgp() else { return };
    let help = "leave the node out by `bgp.node_selector`, or turn the other speaker off: two cannot share its address and port 179";
    for node in spec.speakers() {
        if *node.quirks.native_bgp {
            let message = format!("Talos' own BGP speaker runs on node `{}`, and ichor's does too", node.name);
            out.push(
                node.quirks.native_bgp.mistake(message).help(help).also(bgp.node_selector.match_labels.span, "the nodes that speak BGP"),
            );
        }
        for document in documents_of(spec, node) {
            let Some(span) = bgp_speaker(std::slice::from_ref(document.tree)) else { continue };
            let message = format!("this patch starts another BGP speaker on node `{}`, and ichor's runs there too", node.name);
            out.push(Diagnostic::new(&document.path, span, message).help(help).also(spec.bgp.span, "ichor's BGP"));
        }
    }
}

fn native_speaker_exists(spec: &Spec, out: &mut Diagnostics) {
    for quirk in spec.nodes.iter().map(|node| &node.quirks.native_bgp).filter(|quirk| ***quirk) {
        if spec.versions.talos.numbers() < NATIVE_SINCE {
            let message = format!("Talos {} has no BGP speaker of its own; 1.14 is the first that has", spec.versions.talos.tag());
            out.push(quirk.mistake(message).help("remove `native_bgp`").also(spec.versions.talos.span, "the version"));
        }
    }
}

fn next_hops_are_free_and_near(spec: &Spec, out: &mut Diagnostics) {
    let Some(hop) = spec.bgp().and_then(|bgp| bgp.floating_next_hop.as_ref()) else { return };
    if hop.addresses.is_empty() {
        let help = "write free addresses of the node network, or remove `floating_next_hop`";
        out.push(hop.addresses.mistake("there is no address that could be taken over").help(help));
    }
    for address in hop.addresses.iter().filter(|address| spec.node_subnet_of(address.0).is_none()) {
        out.push(
            address
                .mistake(format!("{address} is in no node network: the router could not reach this next hop"))
                .help("choose a free address of the node network, outside of every pool")
                .also(spec.network.node_cidrs.span, "the nodes' networks"),
        );
    }
}

fn next_hops_are_needed(spec: &Spec, out: &mut Diagnostics) {
    let Some(bgp) = spec.bgp().filter(|bgp| bgp.floating_next_hop.is_some()) else { return };
    if !bgp.routers.is_empty() && bgp.routers.iter().all(|router| router.bfd.is_some()) {
        let message = "every router runs BFD, which finds a dead node by itself";
        out.push(
            bgp.floating_next_hop.mistake(message).warning().help("remove `floating_next_hop`, or `bfd` at the routers that have none"),
        );
    }
}
