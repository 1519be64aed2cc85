//! The router's end of every BGP session: FRR (UniFi's included) and BIRD 2.
//!
//! Both are laid out from one [`RouterContext`], so that the two ends of a session cannot differ, nor one router
//! from another. A route-map that is named is defined, and only the cluster's own prefixes pass it.

mod accept;

use ichor_config::model::{Router, RouterKind, SessionKind};
use ichor_config::{Cluster, Family, Spanned};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::engine::{Engine, Error, Template, template};
use crate::part::Part;
use crate::secrets::{SecretOrigin, SecretText, Secrets, WantedSecret};
use crate::tree::{Content, Tree};
use accept::{Accepted, accepted};

const FRR: Template = template!("router/frr.conf.j2");
const BIRD: Template = template!("router/bird.conf.j2");

pub(crate) const PART: Part =
    Part { templates: &[FRR, BIRD], files: |scope, tree| files(scope.engine, scope.cluster, scope.secrets, tree), wanted, ..Part::NONE };

/// Everything that a router needs to know about the cluster.
#[derive(Debug, Serialize)]
struct RouterContext {
    cluster: String,
    file: &'static str,
    unifi: bool,
    asn: i64,
    node_asn: i64,
    router_id: Option<String>,
    ebgp: bool,
    hold_time_s: i64,
    keepalive_time_s: i64,
    connect_retry_time_s: i64,
    graceful_restart: bool,
    graceful_restart_time_s: i64,
    ecmp_max_paths: i64,
    password: Option<String>,
    bfd: Option<BfdContext>,
    /// Set when the router is more than one hop away.
    multihop: Option<i64>,
    ttl_security_hops: Option<i64>,
    extended_next_hop: bool,
    /// The sessions, by the family of their addresses.
    groups: Vec<PeerGroup>,
    /// The families of routes that they carry.
    families: Vec<AddressFamily>,
    extra: Vec<String>,
}

/// The sessions over one family of addresses.
#[derive(Debug, Serialize)]
struct PeerGroup {
    name: &'static str,
    family: &'static str,
    router_address: String,
    neighbours: Vec<Neighbour>,
    /// The families of routes that these sessions carry.
    carries: Vec<&'static str>,
}

/// One family of routes.
#[derive(Debug, Serialize)]
struct AddressFamily {
    /// `ipv4` or `ipv6`.
    name: &'static str,
    /// FRR's word for it in prefix lists and matches.
    keyword: &'static str,
    list: &'static str,
    sequence: usize,
    accepted: Vec<Accepted>,
    activated: Vec<&'static str>,
    /// FRR would activate IPv4 by itself where nobody says otherwise.
    deactivated: Vec<&'static str>,
}

/// A node as the router sees it.
#[derive(Debug, Serialize)]
struct Neighbour {
    name: String,
    /// The name in the form that BIRD's grammar has for symbols.
    symbol: String,
    address: String,
}

/// Intervals of BFD in both routers' unit.
#[derive(Debug, Serialize)]
struct BfdContext {
    transmit_interval_ms: i64,
    receive_interval_ms: i64,
    detect_multiplier: i64,
    /// What is left of a packet's TTL on its way from a node, where that is more than one hop.
    minimum_ttl: Option<i64>,
}

/// The file of each router, into `tree`.
fn files(engine: &Engine, cluster: &Cluster, secrets: &Secrets, tree: &mut Tree) -> Result<(), Error> {
    let routers = cluster.bgp().map(|bgp| bgp.routers.as_slice()).unwrap_or_default();
    for router in routers {
        // A password that is still at hand stays out of a file in clear.
        let password = secrets.get(&password_name(router)).filter(|_| *router.md5);
        if *router.md5 && password.is_none() {
            // Without its password the file would be refused by every node: leave it out until there is one.
            continue;
        }
        let context = context(cluster, router, password);
        let text = match *router.kind {
            RouterKind::Unifi | RouterKind::Frr => engine.render(FRR, &context)?,
            RouterKind::Bird => engine.render(BIRD, &context)?,
        };
        let content = if *router.md5 { Content::Secret(SecretText::new(text)) } else { Content::Clear(text) };
        tree.insert(path(router), content).map_err(|path| Error::Clash { path })?;
    }
    Ok(())
}

/// The passwords of all sessions that are signed.
fn wanted(cluster: &Cluster) -> Vec<WantedSecret> {
    let routers = cluster.bgp().map(|bgp| bgp.routers.as_slice()).unwrap_or_default();
    let signed = routers.iter().filter(|router| *router.md5);
    signed
        .map(|router| WantedSecret {
            name: password_name(router),
            // FRR takes up to 80 characters, TCP MD5 as well.
            origin: SecretOrigin::Generated { length: 32 },
            purpose: format!("signs the BGP sessions with the router `{}`", *router.name),
        })
        .collect()
}

/// The name of a router's password among the secrets.
pub(crate) fn password_name(router: &Router) -> String {
    format!("bgp.{}", *router.name)
}

fn path(router: &Router) -> String {
    // `sops` goes by the last extension and takes `.conf` for binary, which keeps every byte.
    let sealed = if *router.md5 { ".sops" } else { "" };
    match *router.kind {
        RouterKind::Unifi => format!("unifi/bgp{sealed}.conf"),
        RouterKind::Frr => format!("frr/{}{sealed}.conf", *router.name),
        RouterKind::Bird => format!("bird/{}{sealed}.conf", *router.name),
    }
}

fn context(cluster: &Cluster, router: &Spanned<Router>, password: Option<&SecretText>) -> RouterContext {
    let hops = router.max_hops.get();
    let node_asn = cluster.bgp().map_or(0, |bgp| bgp.node_asn.get());
    let v4_address = router.address(Family::V4).map(|ip| ip.to_string());
    let groups: Vec<_> = Family::BOTH.into_iter().filter_map(|family| group(cluster, router, family)).collect();
    RouterContext {
        cluster: cluster.name.to_string(),
        file: match *router.kind {
            RouterKind::Unifi => "the UniFi console: Settings > Routing > BGP",
            RouterKind::Frr => "FRR's configuration",
            RouterKind::Bird => "BIRD's configuration",
        },
        unifi: *router.kind == RouterKind::Unifi,
        asn: router.asn.get(),
        node_asn,
        router_id: router.router_id.as_ref().map(ToString::to_string).or(v4_address),
        ebgp: *router.session == SessionKind::Ebgp,
        hold_time_s: router.hold_time_s.get(),
        keepalive_time_s: router.keepalive_time_s.get(),
        connect_retry_time_s: router.connect_retry_time_s.get(),
        graceful_restart: *router.graceful_restart,
        graceful_restart_time_s: router.graceful_restart_time_s.get(),
        ecmp_max_paths: router.ecmp_max_paths.get(),
        password: password.map(|text| text.expose().to_owned()),
        bfd: router.bfd.as_ref().map(|bfd| BfdContext {
            transmit_interval_ms: bfd.transmit_interval_ms.get(),
            receive_interval_ms: bfd.receive_interval_ms.get(),
            detect_multiplier: bfd.detect_multiplier.get(),
            minimum_ttl: minimum_bfd_ttl(router),
        }),
        multihop: (hops > 1 && !*router.ttl_security).then_some(hops),
        ttl_security_hops: router.ttl_security.then_some(hops),
        extended_next_hop: *router.extended_next_hop,
        families: Family::BOTH.into_iter().filter_map(|family| address_family(cluster, &groups, family)).collect(),
        groups,
        extra: router.extra.iter().flat_map(|stanza| stanza.lines.iter()).map(ToString::to_string).collect(),
    }
}

/// The TTL that packets of BFD have left at the other end, whichever that is; only where it is further away than one hop.
pub(crate) fn minimum_bfd_ttl(router: &Router) -> Option<i64> {
    let hops = router.max_hops.get();
    // A packet starts with 255, and each router on its way takes one.
    (hops > 1).then(|| 256 - hops)
}

fn group(cluster: &Cluster, router: &Router, family: Family) -> Option<PeerGroup> {
    let router_address = router.address(family)?.to_string();
    let speakers = cluster.speakers();
    let neighbours = speakers.iter().filter_map(|node| {
        let address = node.address(family)?.to_string();
        Some(Neighbour { name: node.name.to_string(), symbol: symbol(node.name.as_str()), address })
    });
    let neighbours: Vec<_> = neighbours.collect();
    let (name, carries) = match family {
        Family::V4 => ("TALOS", vec!["ipv4"]),
        // RFC 8950: IPv4 routes also travel over IPv6 sessions.
        Family::V6 if *router.extended_next_hop => ("TALOS-V6", vec!["ipv4", "ipv6"]),
        Family::V6 => ("TALOS-V6", vec!["ipv6"]),
    };
    (!neighbours.is_empty()).then_some(PeerGroup { name, family: word(family), router_address, neighbours, carries })
}

/// A node's name as BIRD takes it, with no digit in front, and short enough for its 64 characters with what follows.
fn symbol(node: &str) -> String {
    const LONGEST: usize = 40;
    let name = node.replace('-', "_");
    let name = if name.starts_with(|first: char| first.is_ascii_digit()) { format!("node_{name}") } else { name };
    if name.len() <= LONGEST {
        return name;
    }
    let start: String = name.chars().take(LONGEST).collect();
    let hash: String = Sha256::digest(node).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{start}_{hash}")
}

fn address_family(cluster: &Cluster, groups: &[PeerGroup], family: Family) -> Option<AddressFamily> {
    let (activated, rest): (Vec<_>, Vec<_>) = groups.iter().partition(|group| group.carries.contains(&word(family)));
    let names = |groups: Vec<&PeerGroup>| groups.into_iter().map(|group| group.name).collect::<Vec<_>>();
    if activated.is_empty() && (family == Family::V6 || rest.is_empty()) {
        return None;
    }
    let (keyword, list, sequence) = match family {
        Family::V4 => ("ip", "K8S-V4", 10),
        Family::V6 => ("ipv6", "K8S-V6", 20),
    };
    let deactivated = if family == Family::V4 { names(rest) } else { Vec::new() };
    Some(AddressFamily {
        name: word(family),
        keyword,
        list,
        sequence,
        accepted: accepted(cluster, family),
        activated: names(activated),
        deactivated,
    })
}

fn word(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

#[cfg(test)]
mod tests;
