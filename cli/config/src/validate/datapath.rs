//! Packet sizes, ports, routes between nodes, source addresses.

use super::{Check, check};
use crate::cluster::{Block, Family};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::field::Spanned;
use crate::model::{LoadBalancerMode, Node, Spec};

const MTU: &[&str] = &["network.mtu", "nodes.interface.mtu", "nodes.name"];

pub(super) const CHECKS: &[Check] = &[
    check(pods_fit_the_interfaces, &[MTU]),
    check(interfaces_agree, &[MTU]),
    check(ipv6_fits_beside_the_option, &[MTU, &["network.load_balancer.mode", "network.pod_cidrs"]]),
    check(ports_are_free, &[&["network.healthz_port", "bgp.local_port"]]),
    check(pods_are_reached, &[&["network.direct_node_routes", "bgp.advertise", "bgp.is_on", "nodes.name"]]),
    check(pods_reach_the_outside, &[&["network.masquerade", "bgp.advertise", "bgp.is_on", "network.pod_cidrs"]]),
];

/// What an interface carries unless told otherwise.
const USUAL_MTU: i64 = 1500;
/// Every IPv6 link carries this much.
const SMALLEST_IPV6: i64 = 1280;
/// The extension header that tells the backend the address of the Service.
const IPV6_OPTION: i64 = 24;

fn carried(node: &Node) -> i64 {
    node.interface.mtu.map_or(USUAL_MTU, |mtu| mtu.get())
}

fn pods_fit_the_interfaces(spec: &Spec, out: &mut Diagnostics) {
    let Some(mtu) = *spec.network.mtu else { return };
    let small: Vec<_> = spec.nodes.iter().filter(|node| carried(node) < mtu.get()).collect();
    let Some(first) = small.iter().min_by_key(|node| carried(node)) else { return };
    let message =
        format!("packets between pods are up to {mtu} bytes and the interface of node `{}` carries {}", first.name, carried(first));
    let written = first.interface.mtu.is_some();
    let why = if written { String::new() } else { format!(" ({USUAL_MTU} is usual)") };
    let (span, label) = if written { (first.interface.mtu.span, "carries less") } else { (first.interface.span, "carries the usual size") };
    let mistake = spec.network.mtu.mistake(format!("{message}{why}"));
    out.push(
        mistake
            .help(format!(
                "write `mtu: {}` here, or `mtu: {mtu}` at the `interface` of each node, if all switches carry it",
                carried(first)
            ))
            .also(span, label),
    );
}

fn interfaces_agree(spec: &Spec, out: &mut Diagnostics) {
    let Some(first) = spec.nodes.first() else { return };
    if let Some(other) = spec.nodes.iter().find(|node| carried(node) != carried(first)).filter(|_| spec.network.mtu.is_none()) {
        let (a, b) = (carried(first), carried(other));
        let message = format!("the interface of node `{}` carries {b} bytes and the one of node `{}` {a}", other.name, first.name);
        let (at, also) = if other.interface.mtu.is_some() { (other, first) } else { (first, other) };
        let help = format!("write the same `mtu` everywhere, or `mtu: {}` below `network`", a.min(b));
        out.push(at.interface.mtu.mistake(message).warning().help(help).also(also.interface.span, format!("node `{}`", also.name)));
    }
}

fn ipv6_fits_beside_the_option(spec: &Spec, out: &mut Diagnostics) {
    let mode = &spec.network.load_balancer.mode;
    if **mode != LoadBalancerMode::Dsr || !spec.families().contains(&Family::V6) {
        return;
    }
    let needed = SMALLEST_IPV6 + IPV6_OPTION;
    let settings = spec.nodes.iter().map(|node| &node.interface.mtu).chain([&spec.network.mtu]);
    for mtu in settings.filter(|mtu| mtu.is_some_and(|mtu| mtu.get() < needed)) {
        out.push(
            mtu.mistake(format!("direct return adds {IPV6_OPTION} bytes to IPv6 packets, and {SMALLEST_IPV6} bytes must pass beside them"))
                .help(format!("write {needed} or more, or `mode: snat` below `network.load_balancer`"))
                .also(mode.span, if mode.written { "direct return" } else { "direct return is the default" }),
        );
    }
}

/// Ports of a node that have an owner already.
const TAKEN: [(i64, &str); 18] = [
    (22, "SSH"),
    (53, "Talos' DNS"),
    (2379, "etcd"),
    (2380, "etcd"),
    (4240, "the health checks between agents"),
    (4244, "the agent's flows"),
    (4245, "the relay"),
    (6443, "the Kubernetes API"),
    (7445, "KubePrism"),
    (9100, "the node exporter"),
    (10248, "the kubelet's health"),
    (10250, "the kubelet"),
    (10255, "the kubelet"),
    (10257, "the controller manager"),
    (10259, "the scheduler"),
    (50000, "the Talos API"),
    (50001, "Talos' trust service"),
    (51820, "KubeSpan"),
];
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30000..=32767;

fn ports_are_free(spec: &Spec, out: &mut Diagnostics) {
    let healthz = &spec.network.healthz_port;
    let tell = |port: i64, mistake: &dyn Fn(String) -> Diagnostic, help: &str, out: &mut Diagnostics| {
        if let Some((_, owner)) = TAKEN.iter().find(|(taken, _)| *taken == port) {
            out.push(mistake(format!("port {port} of a node belongs to {owner}")).help(help));
        } else if NODE_PORTS.contains(&port) {
            out.push(mistake(format!("port {port} is one of those that Services of type NodePort get")).help(help));
        }
    };
    tell(healthz.get(), &|message| healthz.mistake(message), "remove the line for 10256, the port of kube-proxy", out);
    let Some(bgp) = spec.bgp() else { return };
    let listening = &bgp.local_port;
    tell(listening.get(), &|message| listening.mistake(message), "write 179, or remove the line: nodes then only call", out);
    if listening.get() == healthz.get() {
        let mistake =
            listening.mistake(format!("port {} answers health checks already", healthz.get())).help("write 179, or remove the line");
        out.push(mistake.also(healthz.span, "the port of health checks"));
    }
}

fn pods_are_reached(spec: &Spec, out: &mut Diagnostics) {
    let direct = &spec.network.direct_node_routes;
    let announced = spec.bgp().is_some_and(|bgp| *bgp.advertise.pod_cidrs);
    if !**direct && !announced && spec.nodes.len() > 1 {
        out.push(
            direct
                .mistake("no node has a route to the pods of another, and nobody announces one")
                .warning()
                .help("remove the line, or write `pod_cidrs: true` below `bgp.advertise`, unless your routers have static routes"),
        );
    }
}

fn pods_reach_the_outside(spec: &Spec, out: &mut Diagnostics) {
    let masquerade = &spec.network.masquerade;
    let announced = spec.bgp().is_some_and(|bgp| *bgp.advertise.pod_cidrs);
    if !*masquerade.enabled && !announced {
        out.push(
            masquerade
                .enabled
                .mistake("pods use their own addresses outside, and nobody there has a route back to them")
                .warning()
                .help("remove the line, or write `pod_cidrs: true` below `bgp.advertise`, unless your routers have static routes"),
        );
    }
    if !*masquerade.enabled && !masquerade.exclude.is_empty() {
        let mistake = masquerade.exclude.mistake("this does nothing: no packet takes the node's address").warning();
        out.push(mistake.help("remove this list, or `enabled: false`").also(masquerade.enabled.span, "off here"));
    }
    for exclude in masquerade.exclude.iter() {
        excluded(spec, exclude, out);
    }
}

fn excluded(spec: &Spec, exclude: &Spanned<crate::field::Cidr>, out: &mut Diagnostics) {
    let family = Family::of_net(exclude.0);
    if exclude.0.prefix_len() == 0 {
        let message = format!("{exclude} is everything: no {family} packet would take the node's address");
        out.push(exclude.mistake(message).help("write the networks that have a route back to the pods"));
    } else if !spec.families().is_empty() && !spec.families().contains(&family) {
        out.push(exclude.mistake(format!("this does nothing: pods have no {family} addresses")).warning().help("remove it"));
    } else if let Some(pods) = spec.network.pod_cidrs.iter().find(|pods| Block::Cidr(pods.0).contains(exclude.0.network())) {
        let mistake = exclude.mistake("this does nothing: pods see each other's own addresses anyway").warning();
        out.push(mistake.help("remove it").also(pods.span, "pods"));
    }
}
