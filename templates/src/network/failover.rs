//! Finding and bridging the loss of a node faster than BGP's own timers do.

use std::collections::{BTreeMap, BTreeSet};

use ichor_config::{Cluster, Family};
use serde::Serialize;

use super::announce::plain;
use crate::component::Component;
use crate::engine::{Error, Template, template};
use crate::part::Scope;
use crate::router::minimum_bfd_ttl;

pub(super) const BFD_PROFILES: Template = template!("network/bfd.yaml.j2");
pub(super) const FLOATING_NEXT_HOP: Template = template!("network/floating-next-hop.yaml.j2");

/// The name of the one object that there can be.
pub(super) const NEXT_HOP: &str = "next-hop";

#[derive(Debug, Serialize)]
struct ProfilesContext {
    profiles: Vec<ProfileContext>,
}

#[derive(Debug, Serialize)]
struct ProfileContext {
    name: String,
    transmit_interval_ms: i64,
    receive_interval_ms: i64,
    detect_multiplier: i64,
    /// Only where the router is further away than one hop.
    minimum_ttl: Option<i64>,
}

#[derive(Debug, Serialize)]
struct NextHopContext {
    name: &'static str,
    ipv4: Option<String>,
    ipv6: Option<String>,
    interfaces: BTreeSet<String>,
    node_labels: BTreeMap<String, String>,
}

/// Adds the BFD profiles and the floating next hop, where there are any.
pub(super) fn files(scope: Scope<'_>, component: &mut Component) -> Result<(), Error> {
    let profiles = profiles(scope.cluster);
    if !profiles.is_empty() {
        component.file("bfd.yaml", scope.engine.render(BFD_PROFILES, &ProfilesContext { profiles })?);
    }
    if let Some(context) = next_hop(scope.cluster) {
        component.file("floating-next-hop.yaml", scope.engine.render(FLOATING_NEXT_HOP, &context)?);
    }
    Ok(())
}

fn profiles(cluster: &Cluster) -> Vec<ProfileContext> {
    let routers = cluster.bgp().map(|bgp| bgp.routers.as_slice()).unwrap_or_default();
    let profile = routers.iter().filter_map(|router| {
        let bfd = router.bfd.as_ref()?;
        Some(ProfileContext {
            name: router.name.to_string(),
            transmit_interval_ms: bfd.transmit_interval_ms.get(),
            receive_interval_ms: bfd.receive_interval_ms.get(),
            detect_multiplier: bfd.detect_multiplier.get(),
            minimum_ttl: minimum_bfd_ttl(router),
        })
    });
    profile.collect()
}

fn next_hop(cluster: &Cluster) -> Option<NextHopContext> {
    let bgp = cluster.bgp()?;
    let next_hop = bgp.floating_next_hop.as_ref()?;
    let address = |family| next_hop.addresses.iter().map(|address| address.0).find(|ip| Family::of(*ip) == family);
    Some(NextHopContext {
        name: NEXT_HOP,
        ipv4: address(Family::V4).map(|ip| ip.to_string()),
        ipv6: address(Family::V6).map(|ip| ip.to_string()),
        interfaces: interfaces(cluster),
        node_labels: plain(&bgp.node_selector.match_labels),
    })
}

/// The interfaces on the node network: those for L2, or else the names in `nodes`, or else what Linux calls wired links.
fn interfaces(cluster: &Cluster) -> BTreeSet<String> {
    if !cluster.l2.interfaces.is_empty() {
        return cluster.l2.interfaces.iter().map(ToString::to_string).collect();
    }
    let pattern = |name: &str| format!("^{}$", name.replace('.', "\\."));
    let named = cluster.nodes.iter().map(|node| {
        let name = node.interface.alias.as_ref().or(node.interface.name.as_ref())?;
        let vlan = node.interface.vlan.as_ref().map(|vlan| format!(".{vlan}")).unwrap_or_default();
        Some(pattern(&format!("{}{vlan}", name.as_str())))
    });
    let wired = || Some("^(en|eth|bond)".to_owned());
    named.filter_map(|name| name.or_else(wired)).collect()
}
