//! What may stand only once: addresses, names, MACs.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;

use ichor_yaml::Span;

use super::place::{HOSTS, Held, Owner, PINNED, held};
use super::{Check, check};
use crate::diagnostic::{Diagnostic, Diagnostics, Path};
use crate::field::Spanned;
use crate::model::Spec;

pub(super) const CHECKS: &[Check] = &[
    check(one_holder_of_each_address, &[HOSTS, PINNED]),
    check(node_names, &[&["nodes.name"]]),
    check(pool_names, &[&["pools.name"]]),
    check(router_names, &[&["bgp.routers.name"]]),
    check(gateway_names, &[&["gateways.extra.name"]]),
    check(mac_addresses, &[&["nodes.interface.mac", "nodes.extra_interfaces.mac"]]),
    check(machine_ids, &[&["nodes.uuid"]]),
    check(taints, &[&["nodes.taints"]]),
    check(registries, &[&["talos.registry_mirrors"]]),
    check(recipients, &[&["secrets.recipients"]]),
];

fn one_holder_of_each_address(spec: &Spec, out: &mut Diagnostics) {
    let mut holders: BTreeMap<IpAddr, Vec<Held<'_>>> = BTreeMap::new();
    for second in held(spec) {
        let before = holders.entry(second.ip).or_default();
        // One other is enough to say what is wrong.
        if let Some(first) = before.iter().find(|first| !may_share(first, &second)) {
            // The one that was written is the one that can be mended.
            let (at, other) = if second.written { (&second, first) } else { (first, &second) };
            let mistake = at.mistake(format!("{} has the same address as {}: {}", at.holder, other.holder, at.ip));
            let help = if other.written {
                "give one of the two another address"
            } else {
                "write the real gateway's address into `network.gateways`, or give this one another address"
            };
            out.push(mistake.help(help).also(other.span, other.holder.as_str()));
        }
        before.push(second);
    }
}

/// A router is often also the default gateway and the name server; and name servers may run anywhere.
fn may_share(a: &Held<'_>, b: &Held<'_>) -> bool {
    let is = |owner| a.owner == owner || b.owner == owner;
    a.owner != b.owner && (is(Owner::Nameserver) || (is(Owner::Router) && is(Owner::Gateway)))
}

/// One thing of a list, by what must be its own.
struct Item<'a> {
    text: String,
    path: &'a Path,
    span: Span,
}

fn item<T: Display>(at: &Spanned<T>) -> Item<'_> {
    Item { text: at.value.to_string(), path: &at.at, span: at.span }
}

fn tell<'a>(items: impl IntoIterator<Item = Item<'a>>, message: impl Fn(&str) -> String, help: &str, out: &mut Diagnostics) {
    let mut seen: BTreeMap<String, Span> = BTreeMap::new();
    for item in items {
        match seen.get(&item.text) {
            Some(first) => {
                out.push(Diagnostic::new(item.path, item.span, message(&item.text)).help(help).also(*first, "first here"));
            }
            None => drop(seen.insert(item.text, item.span)),
        }
    }
}

fn node_names(spec: &Spec, out: &mut Diagnostics) {
    let names = spec.nodes.iter().map(|node| item(&node.name));
    tell(names, |name| format!("a second node is called `{name}`"), "give each machine a host name of its own", out);
}

fn pool_names(spec: &Spec, out: &mut Diagnostics) {
    let names = spec.pools.iter().map(|pool| item(&pool.name));
    tell(
        names,
        |name| format!("a second pool is called `{name}`"),
        "give each pool a name of its own, or put the blocks of both into one",
        out,
    );
}

fn router_names(spec: &Spec, out: &mut Diagnostics) {
    let names = spec.bgp().into_iter().flat_map(|bgp| bgp.routers.iter()).map(|router| item(&router.name));
    let help = "write a `name` of its own for each router: objects and files are named after it";
    tell(names, |name| format!("a second router is called `{name}`"), help, out);
}

fn gateway_names(spec: &Spec, out: &mut Diagnostics) {
    let names = || spec.gateways.extra.iter().map(|gateway| &gateway.name);
    tell(names().map(item), |name| format!("a second gateway is called `{name}`"), "give each gateway a name of its own", out);
    for name in names().filter(|name| ["internal", "external"].contains(&name.as_str())) {
        let help = format!("write this gateway as `gateways.{name}`, or choose another name");
        out.push(name.mistake(format!("the name `{name}` belongs to a gateway with a key of its own")).help(help));
    }
}

fn mac_addresses(spec: &Spec, out: &mut Diagnostics) {
    let macs = spec.nodes.iter().flat_map(|node| {
        let extra = node.extra_interfaces.iter().map(|interface| &interface.mac);
        std::iter::once(&node.interface.mac).chain(extra)
    });
    let items = macs.filter_map(|mac| Some(Item { text: mac.as_ref()?.to_string(), path: &mac.at, span: mac.span }));
    tell(
        items,
        |mac| format!("a second interface has the MAC address {mac}"),
        "copy the MAC address from each machine's own label or BIOS",
        out,
    );
}

fn machine_ids(spec: &Spec, out: &mut Diagnostics) {
    let ids = spec.nodes.iter().map(|node| &node.uuid);
    let items = ids.filter_map(|uuid| Some(Item { text: uuid.as_ref()?.to_string(), path: &uuid.at, span: uuid.span }));
    tell(items, |uuid| format!("a second machine has the UUID {uuid}"), "copy each machine's own from `omnictl get machines`", out);
}

fn taints(spec: &Spec, out: &mut Diagnostics) {
    for node in spec.nodes.iter() {
        let items = node.taints.iter().map(|taint| Item {
            text: format!("{}:{}", taint.key.value, taint.effect.value),
            path: &taint.at,
            span: taint.span,
        });
        tell(items, |taint| format!("node `{}` has the taint {taint} twice", node.name.value), "keep one of the two", out);
    }
}

fn registries(spec: &Spec, out: &mut Diagnostics) {
    let names = spec.talos.registry_mirrors.iter().map(|mirror| item(&mirror.registry));
    tell(
        names,
        |name| format!("the mirrors of `{name}` stand in two places"),
        "put all its endpoints into one list, in the order in which they are asked",
        out,
    );
}

fn recipients(spec: &Spec, out: &mut Diagnostics) {
    let recipients = &spec.secrets.recipients;
    if recipients.is_empty() {
        let help = "run `age-keygen -o age.key` and write the public key that it prints: `recipients: [age1…]`";
        out.push(recipients.mistake("nobody could read the encrypted secrets").help(help));
    }
    tell(recipients.iter().map(item), |_| "the same public key stands here twice".into(), "remove one of the two", out);
}
