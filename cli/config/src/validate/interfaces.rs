//! Network interfaces of the machines.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{Check, check};
use crate::diagnostic::Diagnostics;
use crate::model::{Acceleration, ExtraInterface, Node, Spec};

pub(super) const CHECKS: &[Check] = &[
    check(can_be_found, &[&["nodes.name", "nodes.interface", "nodes.extra_interfaces"]]),
    check(names_once, &[&["nodes.name", "nodes.interface", "nodes.extra_interfaces"]]),
    check(vlans_can_be_named, &[&["nodes.name", "nodes.interface"]]),
    check(addresses_are_in_their_networks, &[&["nodes.extra_interfaces"]]),
    check(
        announcing_interfaces_exist,
        &[&["nodes.interface", "nodes.extra_interfaces", "nodes.labels", "nodes.role", "nodes.name", "l2", "bgp.is_on"]],
    ),
    check(drivers_take_the_packets, &[&["nodes.name", "nodes.interface", "nodes.quirks", "network.load_balancer"]]),
];

/// What Talos calls the main interface when it is found by its MAC address and has no alias.
const DEFAULT_ALIAS: &str = "lan";
/// The kernel's limit.
const LONGEST_NAME: usize = 15;
/// The largest frame that XDP handles in one page of memory.
const XDP_MTU: i64 = 3498;

fn can_be_found(spec: &Spec, out: &mut Diagnostics) {
    for node in spec.nodes.iter() {
        let interface = &node.interface;
        if interface.mac.is_none() && interface.name.is_none() {
            let message = format!("it is not said which interface of node `{}` carries its addresses", node.name);
            out.push(interface.mistake(message).help("write `mac: …` (the surest way) or `name: …`; `talosctl get links` lists both"));
        } else if interface.alias.is_some() && interface.mac.is_none() {
            let message = "an alias is for an interface that is found by its MAC address; this one has its own name";
            out.push(interface.alias.mistake(message).help("write `mac: …` in place of `name`, or remove the alias"));
        }
        if interface.mac.is_some() && interface.name.is_some() {
            let message = "this does nothing: the interface is found by its MAC address";
            let help = "remove `name`, or write it as `alias` if Talos is to call the interface so";
            out.push(interface.name.mistake(message).warning().help(help).also(interface.mac.span, "its MAC address"));
        }
        for extra in node.extra_interfaces.iter() {
            if extra.mac.is_some() && extra.name.is_none() {
                let message = "an interface that is found by its MAC address needs a name to be called by";
                out.push(extra.mistake(message).help("add a `name` of your choice, such as `name: storage`"));
            }
            if extra.mac.is_none() && extra.name.is_none() {
                let message = format!("it is not said which interface of node `{}` this is", node.name);
                out.push(extra.mistake(message).help("write `mac: …` or `name: …`"));
            }
            if extra.addresses.is_empty() && !*extra.dhcp && extra.mtu.is_none() {
                let message = "this interface gets no address and no setting";
                out.push(extra.mistake(message).warning().help("write `addresses` or `dhcp: true`, or remove it"));
            }
        }
    }
}

/// The names that an interface has or gets, and whether these are all.
fn names(node: &Node) -> (Vec<String>, bool) {
    let interface = &node.interface;
    let mut names = Vec::new();
    let mut complete = interface.name.is_some() || interface.alias.is_some();
    let own = interface.name.iter().chain(interface.alias.iter()).map(ToString::to_string);
    for name in own {
        names.extend(interface.vlan.iter().map(|vlan| format!("{name}.{vlan}")));
        names.push(name);
    }
    let named = |extra: &ExtraInterface| extra.name.as_ref().map(ToString::to_string);
    complete &= node.extra_interfaces.iter().all(|extra| named(extra).is_some());
    names.extend(node.extra_interfaces.iter().filter_map(|extra| named(extra)));
    (names, complete)
}

fn names_once(spec: &Spec, out: &mut Diagnostics) {
    for node in spec.nodes.iter() {
        let interface = &node.interface;
        let own = if interface.mac.is_some() { &interface.alias } else { &interface.name };
        let mut seen = BTreeMap::new();
        if interface.mac.is_some() && interface.alias.is_none() {
            seen.insert(DEFAULT_ALIAS, interface.span);
        }
        for name in std::iter::once(own).chain(node.extra_interfaces.iter().map(|extra| &extra.name)) {
            let Some(text) = name.as_ref().map(|text| text.as_str()) else { continue };
            if let Some(first) = seen.insert(text, name.span) {
                let message = format!("node `{}` has two interfaces called `{text}`", node.name);
                out.push(name.mistake(message).help("write each interface once, by its own name or MAC address").also(first, "first here"));
            }
        }
    }
}

fn vlans_can_be_named(spec: &Spec, out: &mut Diagnostics) {
    for node in spec.nodes.iter() {
        let interface = &node.interface;
        let name = if interface.mac.is_some() { interface.alias.as_ref() } else { interface.name.as_ref() };
        let (Some(vlan), Some(name)) = (*interface.vlan, name) else { continue };
        let whole = format!("{name}.{vlan}");
        if whole.len() > LONGEST_NAME {
            out.push(
                interface
                    .vlan
                    .mistake(format!("the VLAN's interface would be called `{whole}`, and {LONGEST_NAME} characters are the most"))
                    .help("write `mac: …` in place of the name, and a short `alias`"),
            );
        }
    }
}

fn addresses_are_in_their_networks(spec: &Spec, out: &mut Diagnostics) {
    for address in spec.nodes.iter().flat_map(|node| node.extra_interfaces.iter()).flat_map(|extra| extra.addresses.iter()) {
        if !address.subnet.0.contains(&address.address.0) {
            let length = if address.address.0.is_ipv4() { 24 } else { 64 };
            let likely = IpNet::new(address.address.0, length).map_or_else(|_| String::new(), |net| format!(", such as `{}`", net.trunc()));
            out.push(
                address
                    .subnet
                    .mistake(format!("{} is not in {}", address.address, address.subnet))
                    .help(format!("write the network that the address is in{likely}"))
                    .also(address.address.span, "the address"),
            );
        }
    }
}

fn announcing_interfaces_exist(spec: &Spec, out: &mut Diagnostics) {
    let patterns = &spec.l2.interfaces;
    if !spec.l2_enabled() || patterns.is_empty() {
        return;
    }
    let expressions: Vec<_> = patterns.iter().filter_map(|pattern| regex_lite::Regex::new(pattern.as_str()).ok()).collect();
    for node in spec.selected(&spec.l2.node_selector) {
        let (names, complete) = names(node);
        if !complete || names.iter().any(|name| expressions.iter().any(|expression| expression.is_match(name))) {
            continue;
        }
        out.push(
            patterns
                .mistake(format!(
                    "no interface of node `{}` that is known here is matched: it has {}",
                    node.name,
                    super::place::quoted(&names)
                ))
                .warning()
                .help("add an expression that matches it, such as `^en.*`, or remove `interfaces` to announce on all")
                .also(node.interface.span, format!("node `{}`", node.name)),
        );
    }
}

fn drivers_take_the_packets(spec: &Spec, out: &mut Diagnostics) {
    for node in spec.nodes.iter().filter(|node| spec.acceleration(node) == Acceleration::Native) {
        let setting = &spec.network.load_balancer.acceleration;
        let (place, span) = if node.quirks.acceleration.is_some() {
            (&node.quirks.acceleration.at, node.quirks.acceleration.span)
        } else {
            (&setting.at, setting.span)
        };
        let tell = |message: String, also| {
            crate::diagnostic::Diagnostic::new(place, span, message)
                .help("write `best-effort`, or `disabled` in the `quirks` of this node")
                .also(also, format!("node `{}`", node.name))
        };
        if node.interface.vlan.is_some() {
            let message =
                format!("node `{}` has its addresses on a VLAN, and no driver handles packets before the VLAN is known", node.name);
            out.push(tell(message, node.interface.vlan.span));
        }
        if node.interface.mtu.is_some_and(|mtu| mtu.get() > XDP_MTU) {
            let message = format!("node `{}` sends packets larger than {XDP_MTU} bytes, which many drivers do not handle early", node.name);
            out.push(tell(message, node.interface.mtu.span).warning());
        }
    }
}
