//! Every address of the file, with the words for who has it.

use std::net::IpAddr;

use ichor_yaml::Span;
use ipnet::IpNet;

use super::Fields;
use crate::cluster::{Family, first_host};
use crate::diagnostic::{Diagnostic, Path};
use crate::field::{Address, Spanned};
use crate::model::{List, Spec};

/// The fields that [`held`] reads, the addresses of Services aside.
pub(super) const HOSTS: Fields = &[
    "nodes.name",
    "nodes.addresses",
    "nodes.extra_interfaces.addresses",
    "talos.vip",
    "talos.nameservers",
    "network.gateways",
    "network.node_cidrs",
    "bgp.routers.addresses",
    "bgp.routers.name",
    "bgp.floating_next_hop",
];

/// The fields that [`pinned`] reads.
pub(super) const PINNED: Fields = &[
    "gateways.internal.addresses",
    "gateways.external.addresses",
    "gateways.extra.addresses",
    "gateways.extra.name",
    "dns.split.addresses",
];

/// The fields that [`lans`] reads.
pub(super) const LANS: Fields = &["network.node_cidrs", "nodes.extra_interfaces"];

/// What kind of thing has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Node,
    Interface,
    Vip,
    Gateway,
    Router,
    Nameserver,
    NextHop,
    Service,
}

/// An address and who has it.
#[derive(Debug)]
pub(super) struct Held<'a> {
    pub(super) owner: Owner,
    pub(super) ip: IpAddr,
    /// Who has it, in words.
    pub(super) holder: String,
    pub(super) path: &'a Path,
    pub(super) span: Span,
    /// Whether it stands in the file, or follows from something that does.
    pub(super) written: bool,
}

impl<'a> Held<'a> {
    fn new(owner: Owner, holder: &str, address: &'a Spanned<Address>) -> Self {
        Self { owner, ip: address.0, holder: holder.to_owned(), path: &address.at, span: address.span, written: true }
    }

    pub(super) fn mistake(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.path, self.span, message)
    }
}

/// Every address of the file that a host has.
pub(super) fn held(spec: &Spec) -> Vec<Held<'_>> {
    let mut all = Vec::new();
    for node in spec.nodes.iter() {
        let holder = format!("node `{}`", node.name);
        all.extend(node.addresses.iter().map(|address| Held::new(Owner::Node, &holder, address)));
        let extra = node.extra_interfaces.iter().flat_map(|interface| interface.addresses.iter());
        all.extend(extra.map(|address| Held::new(Owner::Interface, &format!("another interface of {holder}"), &address.address)));
    }
    if let Some(vip) = *spec.talos.vip {
        let (path, span) = (&spec.talos.vip.at, spec.talos.vip.span);
        all.push(Held { owner: Owner::Vip, ip: vip.0, holder: "the VIP".into(), path, span, written: true });
    }
    all.extend(default_gateways(spec));
    if let Some(bgp) = spec.bgp() {
        for router in bgp.routers.iter() {
            all.extend(router.addresses.iter().map(|address| Held::new(Owner::Router, &format!("router `{}`", router.name), address)));
        }
        let hops = bgp.floating_next_hop.iter().flat_map(|hop| hop.addresses.iter());
        all.extend(hops.map(|address| Held::new(Owner::NextHop, "the floating next hop", address)));
    }
    all.extend(spec.talos.nameservers.iter().map(|address| Held::new(Owner::Nameserver, "a name server", address)));
    for (holder, addresses) in pinned(spec) {
        all.extend(addresses.iter().map(|address| Held::new(Owner::Service, &holder, address)));
    }
    all
}

/// The default gateways, as written or as they follow from the node networks.
fn default_gateways(spec: &Spec) -> Vec<Held<'_>> {
    let mut all: Vec<_> = spec.network.gateways.iter().map(|address| Held::new(Owner::Gateway, "the default gateway", address)).collect();
    for cidr in spec.network.node_cidrs.iter() {
        let family = Family::of_net(cidr.0);
        if all.iter().any(|held| Family::of(held.ip) == family) {
            continue;
        }
        if let Some(ip) = first_host(cidr.0) {
            let holder = format!("the default gateway (the first address of {cidr})");
            all.push(Held { owner: Owner::Gateway, ip, holder, path: &cidr.at, span: cidr.span, written: false });
        }
    }
    all
}

/// The lists of addresses that our own Services are pinned to, each with the words for who has it.
pub(super) fn pinned(spec: &Spec) -> Vec<(String, &Spanned<List<Address>>)> {
    let gateways = [("internal", &spec.gateways.internal), ("external", &spec.gateways.external)];
    let own = gateways.into_iter().filter_map(|(name, gateway)| Some((name, &gateway.as_ref()?.addresses)));
    let extra = spec.gateways.extra.iter().map(|gateway| (gateway.name.as_str(), &gateway.addresses));
    let mut all: Vec<_> = own.chain(extra).map(|(name, addresses)| (format!("gateway `{name}`"), addresses)).collect();
    all.extend(spec.dns.split.iter().map(|split| ("split DNS".to_owned(), &split.addresses)));
    all
}

/// The networks that nodes have an address in.
pub(super) fn lans(spec: &Spec) -> Vec<IpNet> {
    let extra = spec.nodes.iter().flat_map(|node| node.extra_interfaces.iter()).flat_map(|interface| interface.addresses.iter());
    let mut all: Vec<_> = spec.network.node_cidrs.iter().map(|cidr| cidr.0).chain(extra.map(|address| address.subnet.0)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether some node may be in a network that this file does not name.
pub(super) fn has_unknown_lans(spec: &Spec) -> bool {
    spec.nodes.iter().flat_map(|node| node.extra_interfaces.iter()).any(|interface| *interface.dhcp)
}

/// Words in backticks, as a list.
pub(super) fn quoted<T: std::fmt::Display>(words: impl IntoIterator<Item = T>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
