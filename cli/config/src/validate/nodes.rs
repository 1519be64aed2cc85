//! The machines: roles, addresses, disks, labels.

use super::place::{HOSTS, LANS, Owner, held, lans, quoted};
use super::{Check, check};
use crate::cluster::Family;
use crate::diagnostic::Diagnostics;
use crate::field::Spanned;
use crate::model::{Node, Role, Spec, TaintEffect};

pub(super) const CHECKS: &[Check] = &[
    check(control_planes, &[&["nodes.role"]]),
    check(addresses_are_in_the_node_network, &[&["nodes.addresses", "nodes.name", "network.node_cidrs"]]),
    check(one_address_of_each_family, &[&["nodes.addresses", "nodes.name"]]),
    check(addresses_of_the_families_of_pods, &[&["nodes.addresses", "nodes.name", "network.pod_cidrs"]]),
    check(addresses_are_hosts, &[HOSTS, LANS]),
    check(one_install_disk, &[&["nodes.install_disk", "nodes.disk_selector", "nodes.name", "talos.install_disk"]]),
    check(names_are_no_groups, &[&["nodes.name"]]),
    check(labels_that_the_kubelet_may_set, &[&["nodes.labels", "nodes.role", "nodes.name"]]),
    check(somewhere_to_run, &[&["nodes.role", "nodes.taints", "nodes.name", "talos.schedule_on_control_planes"]]),
];

fn control_planes(spec: &Spec, out: &mut Diagnostics) {
    let count = spec.control_planes().count();
    if spec.nodes.is_empty() {
        out.push(
            spec.nodes.mistake("there are no nodes").help("write each machine as `- name: …` with `role`, `addresses` and `interface`"),
        );
    } else if count == 0 {
        out.push(spec.nodes.mistake("no node is a control plane").help("write `role: controlplane` at one node, or at three"));
    } else if count.is_multiple_of(2) {
        let message = format!("with {count} control planes the loss of {} stops the cluster, no more than with {}", count / 2, count - 1);
        out.push(spec.nodes.mistake(message).warning().help("use an odd number: etcd needs more than half of them"));
    }
}

fn addresses_are_in_the_node_network(spec: &Spec, out: &mut Diagnostics) {
    let networks = &spec.network.node_cidrs;
    for node in spec.nodes.iter() {
        for address in node.addresses.iter().filter(|address| spec.node_subnet_of(address.0).is_none()) {
            let family = Family::of(address.0);
            let mistake = address.mistake(format!("{address} of node `{}` is in no node network", node.name));
            let network = networks.iter().find(|cidr| Family::of_net(cidr.0) == family);
            out.push(match network {
                Some(network) => mistake
                    .help(format!("choose an address of {network}, or correct `network.node_cidrs`"))
                    .also(network.span, format!("the nodes' {family} network")),
                None => mistake
                    .help(format!("add the {family} prefix of the nodes to `network.node_cidrs`, or take the address out"))
                    .also(networks.span, "the nodes' networks"),
            });
        }
    }
}

fn one_address_of_each_family(spec: &Spec, out: &mut Diagnostics) {
    for node in spec.nodes.iter() {
        if node.addresses.is_empty() {
            let message = format!("node `{}` has no address", node.name);
            out.push(node.addresses.mistake(message).help("write the address that the machine has in the node network"));
        }
        for (index, address) in node.addresses.iter().enumerate() {
            let family = Family::of(address.0);
            if let Some(first) = node.addresses.iter().take(index).find(|other| Family::of(other.0) == family && other.0 != address.0) {
                out.push(
                    address
                        .mistake(format!("node `{}` has a second {family} address", node.name))
                        .help("keep the one of the node network here; others belong to `extra_interfaces`")
                        .also(first.span, "first here"),
                );
            }
        }
    }
}

fn addresses_of_the_families_of_pods(spec: &Spec, out: &mut Diagnostics) {
    for node in spec.nodes.iter().filter(|node| !node.addresses.is_empty()) {
        for cidr in spec.network.pod_cidrs.iter() {
            let family = Family::of_net(cidr.0);
            if node.address(family).is_none() {
                out.push(
                    node.addresses
                        .mistake(format!("node `{}` has no {family} address and pods have: nobody could route to its pods", node.name))
                        .help(format!("add its {family} address, or take the {family} prefix of pods and Services out"))
                        .also(cidr.span, format!("{family} addresses of pods")),
                );
            }
        }
    }
}

/// The first address of a network names it, and the last one of an IPv4 network means everyone in it.
fn addresses_are_hosts(spec: &Spec, out: &mut Diagnostics) {
    let networks: Vec<_> = lans(spec).into_iter().filter(|net| net.prefix_len() + 1 < net.max_prefix_len()).collect();
    for held in held(spec).into_iter().filter(|held| !matches!(held.owner, Owner::Service | Owner::Nameserver)) {
        for net in networks.iter().filter(|net| net.contains(&held.ip)) {
            let what = if held.ip == net.network() {
                "names the network itself"
            } else if held.ip == net.broadcast() && held.ip.is_ipv4() {
                "means everyone in the network"
            } else {
                continue;
            };
            let message = format!("{} ({}) {what}, {net}", held.ip, held.holder);
            out.push(held.mistake(message).help("choose an address between the first and the last one of the network"));
        }
    }
}

fn one_install_disk(spec: &Spec, out: &mut Diagnostics) {
    let common = &spec.talos.install_disk;
    for node in spec.nodes.iter() {
        match (&*node.install_disk, &*node.disk_selector) {
            (Some(_), Some(_)) => out.push(
                node.disk_selector
                    .mistake(format!("node `{}` says twice where Talos is installed", node.name))
                    .help("keep `install_disk` or `disk_selector`")
                    .also(node.install_disk.span, "the disk by its path"),
            ),
            (None, None) if common.is_none() => out.push(
                node.mistake(format!("it is not said where Talos is installed on node `{}`", node.name))
                    .help("write `install_disk: /dev/…` here, or once for all nodes below `talos`; `talosctl get disks` lists them"),
            ),
            (None, Some(selector)) => {
                let any = selector.size.is_some() || selector.model.is_some() || selector.serial.is_some();
                if !any && selector.r#type.is_none() && selector.wwid.is_none() && selector.bus_path.is_none() {
                    let message = "an empty selector would take any disk";
                    out.push(
                        node.disk_selector.mistake(message).help("write what the disk is, such as `type: nvme` or `size: \">= 500GB\"`"),
                    );
                }
            }
            _ => {}
        }
    }
    let paths = spec.nodes.iter().map(|node| &node.install_disk).chain([common]);
    for path in paths.filter(|path| path.as_ref().is_some_and(|path| !path.as_str().starts_with("/dev/"))) {
        out.push(
            path.mistake("this is not the path of a disk").help("write `/dev/sda`, `/dev/nvme0n1` or a path below `/dev/disk/by-id/`"),
        );
    }
}

fn names_are_no_groups(spec: &Spec, out: &mut Diagnostics) {
    for node in spec.nodes.iter().filter(|node| ["all", "controlplane", "worker"].contains(&node.name.as_str())) {
        out.push(
            node.name
                .mistake(format!("a node cannot be called `{}`: patches mean a group of nodes by this word", node.name))
                .help("choose another host name, such as `node-1`"),
        );
    }
}

/// Namespaces of labels of which a kubelet may set only those in the second list for its own node.
const GUARDED: [&str; 2] = ["kubernetes.io", "k8s.io"];
const OPEN: [&str; 8] = [
    "kubelet.kubernetes.io",
    "node.kubernetes.io",
    "topology.kubernetes.io",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "kubernetes.io/hostname",
    "beta.kubernetes.io",
    "failure-domain.beta.kubernetes.io",
];
const OWN: [&str; 3] = ["kubernetes.io/os", "kubernetes.io/arch", "kubernetes.io/hostname"];

fn labels_that_the_kubelet_may_set(spec: &Spec, out: &mut Diagnostics) {
    for node in spec.nodes.iter() {
        for (key, value) in node.labels.iter() {
            let namespace = key.as_str().split_once('/').map_or("", |(namespace, _)| namespace);
            let guarded = GUARDED.iter().any(|guarded| namespace == *guarded || namespace.ends_with(&format!(".{guarded}")));
            let open = OPEN.iter().any(|open| *open == key.as_str() || *open == namespace || namespace.ends_with(&format!(".{open}")));
            if OWN.contains(&key.as_str()) {
                let message = format!("the kubelet sets `{key}` itself");
                out.push(value.mistake(message).warning().help("remove this label, or choose another key"));
            } else if *node.role == Role::Worker && guarded && !open {
                out.push(
                    value.mistake(format!("Kubernetes does not let worker `{}` give itself the label `{key}`", node.name)).warning().help(
                        "choose a key outside `kubernetes.io`, such as `example.org/role`, or set this one with `kubectl label node`",
                    ),
                );
            }
        }
    }
}

fn somewhere_to_run(spec: &Spec, out: &mut Diagnostics) {
    let blocked = |node: &Spanned<Node>| node.taints.iter().any(|taint| *taint.effect != TaintEffect::PreferNoSchedule);
    let runs = |node: &&Spanned<Node>| !blocked(node) && (*node.role == Role::Worker || spec.schedules_on_control_planes());
    if spec.nodes.is_empty() || spec.nodes.iter().any(|node| runs(&node)) {
        return;
    }
    let names = quoted(spec.nodes.iter().map(|node| &node.name));
    let place = &spec.talos.schedule_on_control_planes;
    let mistake =
        if place.written { place.mistake("no node runs ordinary pods") } else { spec.nodes.mistake("no node runs ordinary pods") };
    out.push(
        mistake.warning().help(format!("add a worker, or let one of {names} run them: no taint, and `schedule_on_control_planes: true`")),
    );
}
