//! Which endpoints of a service answer: readiness, locality and topology, as kube-proxy sees them.

use std::collections::{BTreeMap, BTreeSet};

use crate::backend::BackendAddr;
use crate::name::Name;
use crate::object::{Protocol, SliceEndpoint};
use crate::snapshot::Snapshot;

/// The endpoints of one port of a service, in one family.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    /// Who answers where it does not matter on which node.
    pub(crate) cluster: Vec<BackendAddr>,
    /// Who answers of those on this node.
    pub(crate) local: Vec<BackendAddr>,
    /// Somebody answers on some node.
    pub(crate) any: bool,
    /// Whose connections go on, whether they get new ones or not.
    pub(crate) kept: BTreeSet<BackendAddr>,
}

pub(crate) fn select(snapshot: &Snapshot, service: &Name, port: &str, protocol: Protocol, v4: bool) -> Selection {
    let endpoints = endpoints(snapshot, service, port, protocol, v4);
    let pick = |wanted: &dyn Fn(&SliceEndpoint) -> bool| -> Vec<BackendAddr> {
        endpoints.iter().filter(|(_, endpoint)| wanted(endpoint)).map(|(addr, _)| *addr).collect()
    };
    let draining = |endpoint: &SliceEndpoint| !endpoint.ready && endpoint.serving && endpoint.terminating;
    let here = |endpoint: &SliceEndpoint| snapshot.is_own_node(endpoint.node.as_deref());
    let hint = hint(snapshot, endpoints.values().copied());
    let near = |endpoint: &SliceEndpoint| match hint {
        Hint::None => true,
        Hint::Node(node) => endpoint.node_hints.iter().any(|name| name == node),
        Hint::Zone(zone) => endpoint.zone_hints.iter().any(|name| name == zone),
    };
    // Who is about to go answers only where nobody else does; the two lists decide that each for itself.
    let or = |first: Vec<_>, second: &dyn Fn() -> Vec<BackendAddr>| if first.is_empty() { second() } else { first };
    let cluster = or(pick(&|endpoint| endpoint.ready && near(endpoint)), &|| pick(&draining));
    let local = or(pick(&|endpoint| endpoint.ready && here(endpoint)), &|| pick(&|endpoint| draining(endpoint) && here(endpoint)));
    // A connection outlives a failed readiness probe; kube-proxy makes an exception of what knows no connections.
    let kept = pick(&|endpoint| protocol != Protocol::Udp || endpoint.ready || endpoint.serving);
    Selection { any: !(cluster.is_empty() && local.is_empty()), cluster, local, kept: kept.into_iter().collect() }
}

/// Which addresses on this node are ready, over all ports.
pub(crate) fn ready_here(snapshot: &Snapshot, service: &Name) -> BTreeSet<std::net::IpAddr> {
    let endpoints = snapshot.slices_of(service).flat_map(|slice| &slice.endpoints);
    endpoints.filter(|endpoint| endpoint.ready && snapshot.is_own_node(endpoint.node.as_deref())).map(|endpoint| endpoint.address).collect()
}

fn endpoints<'a>(
    snapshot: &'a Snapshot,
    service: &Name,
    port: &str,
    protocol: Protocol,
    v4: bool,
) -> BTreeMap<BackendAddr, &'a SliceEndpoint> {
    let mut found: BTreeMap<BackendAddr, &SliceEndpoint> = BTreeMap::new();
    for slice in snapshot.slices_of(service) {
        for number in slice.ports.iter().filter(|slice_port| slice_port.name == port && slice_port.protocol == protocol) {
            for endpoint in slice.endpoints.iter().filter(|endpoint| endpoint.address.is_ipv4() == v4) {
                let place = found.entry(BackendAddr { addr: endpoint.address, port: number.port }).or_insert(endpoint);
                // While an endpoint moves from one slice to another it is in both.
                if standing(endpoint) > standing(place) {
                    *place = endpoint;
                }
            }
        }
    }
    found
}

fn standing(endpoint: &SliceEndpoint) -> (bool, bool, bool) {
    (endpoint.node.is_some(), endpoint.ready, endpoint.serving)
}

#[derive(Clone, Copy)]
enum Hint<'a> {
    None,
    Node(&'a str),
    Zone(&'a str),
}

/// Hints count only when every ready endpoint has one, and one of them is for here.
fn hint<'a, 'b>(snapshot: &'a Snapshot, endpoints: impl Iterator<Item = &'b SliceEndpoint> + Clone) -> Hint<'a> {
    let ready = endpoints.filter(|endpoint| endpoint.ready);
    let all_and_one = |hints: fn(&SliceEndpoint) -> &[String], name: &str| {
        ready.clone().all(|endpoint| !hints(endpoint).is_empty())
            && ready.clone().any(|endpoint| hints(endpoint).iter().any(|hint| hint == name))
    };
    let node = snapshot.own_name();
    if all_and_one(|endpoint| &endpoint.node_hints, node) {
        return Hint::Node(node);
    }
    match snapshot.own_zone() {
        Some(zone) if all_and_one(|endpoint| &endpoint.zone_hints, zone) => Hint::Zone(zone),
        _ => Hint::None,
    }
}
