//! The BGP objects: who speaks with whom, how, and what is advertised.

use std::collections::{BTreeMap, BTreeSet};

use ichor_config::model::{Announcer, Bgp, Router};
use ichor_config::{Cluster, Family};
use serde::Serialize;

use super::announce::{Services, plain, services};
use super::failover::NEXT_HOP;
use crate::component::Component;
use crate::engine::{Error, Template, template};
use crate::part::Scope;
use crate::router::password_name;

pub(super) const CLUSTER_CONFIG: Template = template!("network/bgp.yaml.j2");
pub(super) const SECRET: Template = template!("network/bgp-password.yaml.j2");

/// The name of the Secret with the password of a session.
const PASSWORD: &str = "bgp-peer-password";

#[derive(Debug, Serialize)]
struct BgpContext {
    node_labels: BTreeMap<String, String>,
    node_asn: i64,
    /// Absent when the nodes only call.
    local_port: Option<i64>,
    sessions: Vec<SessionContext>,
    advertisements: Vec<AdvertisementContext>,
}

/// The session with one address of one router, the same from every node.
#[derive(Debug, Serialize)]
struct SessionContext {
    name: String,
    config: String,
    asn: i64,
    address: String,
    hold_time_s: i64,
    keepalive_time_s: i64,
    connect_retry_time_s: i64,
    /// Seconds, where it is on.
    graceful_restart_time_s: Option<i64>,
    /// Hops, where the router is further away than one.
    multihop: Option<i64>,
    password_secret: Option<String>,
    bfd_profile: Option<String>,
    floating_next_hop: Option<&'static str>,
    /// The families of routes.
    families: Vec<&'static str>,
    /// The labels of the advertisements that it carries.
    advertise: BTreeMap<&'static str, String>,
}

#[derive(Debug, Serialize)]
struct AdvertisementContext {
    name: String,
    labels: BTreeMap<&'static str, String>,
    sources: Vec<SourceContext>,
    attributes: Option<AttributesContext>,
}

/// Where routes come from: addresses of Services, or else the pods of each node.
#[derive(Debug, Default, Serialize)]
struct SourceContext {
    services: Option<Services>,
    addresses: Vec<&'static str>,
    aggregation_v4: Option<i64>,
    aggregation_v6: Option<i64>,
}

/// What is said about every route to a router.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct AttributesContext {
    standard: BTreeSet<String>,
    well_known: BTreeSet<String>,
    large: BTreeSet<String>,
    local_preference: Option<i64>,
}

#[derive(Debug, Serialize)]
struct PasswordContext<'a> {
    name: String,
    password: &'a str,
}

/// Adds the BGP objects and the passwords of the sessions.
pub(super) fn files(scope: Scope<'_>, component: &mut Component) -> Result<(), Error> {
    let Some(bgp) = scope.cluster.bgp() else { return Ok(()) };
    component.file("bgp.yaml", scope.engine.render(CLUSTER_CONFIG, &context(scope.cluster, bgp))?);
    for (index, router) in bgp.routers.iter().enumerate().filter(|(_, router)| *router.md5) {
        if let Some(password) = scope.secrets.get(&password_name(router)) {
            let context = PasswordContext { name: named(PASSWORD, index, router), password: password.expose() };
            component.secret_file(format!("{}.sops.yaml", context.name), scope.engine.render(SECRET, &context)?);
        }
    }
    Ok(())
}

/// The Secrets with the passwords of the sessions.
pub(crate) fn password_secrets(cluster: &Cluster) -> Vec<String> {
    let routers = cluster.bgp().map(|bgp| bgp.routers.as_slice()).unwrap_or_default();
    let signed = routers.iter().enumerate().filter(|(_, router)| *router.md5);
    signed.map(|(index, router)| named(PASSWORD, index, router)).collect()
}

/// The first router's objects have the plain name, so that a second one changes nothing about the first.
fn named(name: &str, index: usize, router: &Router) -> String {
    if index == 0 { name.to_owned() } else { format!("{name}-{}", *router.name) }
}

fn context(cluster: &Cluster, bgp: &Bgp) -> BgpContext {
    let attributes: Vec<_> = bgp.routers.iter().map(|router| attributes(router)).collect();
    // Routers that are told the same share one advertisement.
    let apart = attributes.windows(2).any(|pair| matches!(pair, [a, b] if a != b));
    let labels = |router: Option<&Router>| {
        let mut labels = BTreeMap::from([("advertise", "bgp".to_owned())]);
        if let Some(router) = router.filter(|_| apart) {
            labels.insert("ichor.dev/router", router.name.to_string());
        }
        labels
    };
    let mut sessions = Vec::new();
    let mut advertisements = Vec::new();
    for (index, (router, attributes)) in bgp.routers.iter().zip(attributes).enumerate() {
        let advertise = labels(Some(router));
        sessions.extend(Family::BOTH.into_iter().filter_map(|family| session(bgp, index, router, family, &advertise)));
        if apart || index == 0 {
            let name = if apart { named("bgp-advertisement-config", index, router) } else { "bgp-advertisement-config".to_owned() };
            advertisements.extend(advertisement(cluster, bgp, name, advertise, attributes));
        }
    }
    let port = bgp.local_port.get();
    BgpContext {
        node_labels: plain(&bgp.node_selector.match_labels),
        node_asn: bgp.node_asn.get(),
        local_port: (port > 0).then_some(port),
        sessions,
        advertisements,
    }
}

fn session(bgp: &Bgp, index: usize, router: &Router, family: Family, advertise: &BTreeMap<&'static str, String>) -> Option<SessionContext> {
    let suffix = if family == Family::V4 { "v4" } else { "v6" };
    let hops = router.max_hops.get();
    Some(SessionContext {
        name: format!("{}-{suffix}", *router.name),
        config: format!("{}-{suffix}", named("bgp-peer-config", index, router)),
        asn: router.asn.get(),
        address: router.address(family)?.to_string(),
        hold_time_s: router.hold_time_s.get(),
        keepalive_time_s: router.keepalive_time_s.get(),
        connect_retry_time_s: router.connect_retry_time_s.get(),
        graceful_restart_time_s: router.graceful_restart.then(|| router.graceful_restart_time_s.get()),
        multihop: (hops > 1).then_some(hops),
        password_secret: router.md5.then(|| named(PASSWORD, index, router)),
        bfd_profile: router.bfd.as_ref().map(|_| router.name.to_string()),
        floating_next_hop: bgp.floating_next_hop.as_ref().map(|_| NEXT_HOP),
        families: match family {
            Family::V4 => vec!["ipv4"],
            // RFC 8950: IPv4 routes also travel over IPv6 sessions.
            Family::V6 if *router.extended_next_hop => vec!["ipv4", "ipv6"],
            Family::V6 => vec!["ipv6"],
        },
        advertise: advertise.clone(),
    })
}

fn advertisement(
    cluster: &Cluster,
    bgp: &Bgp,
    name: String,
    labels: BTreeMap<&'static str, String>,
    attributes: AttributesContext,
) -> Option<AdvertisementContext> {
    let sources = sources(cluster, bgp);
    let attributes = Some(attributes).filter(|attributes| *attributes != AttributesContext::default());
    (!sources.is_empty()).then_some(AdvertisementContext { name, labels, sources, attributes })
}

fn sources(cluster: &Cluster, bgp: &Bgp) -> Vec<SourceContext> {
    let what = &bgp.advertise;
    let addresses = [(*what.load_balancer_ips, "LoadBalancerIP"), (*what.external_ips, "ExternalIP"), (*what.cluster_ips, "ClusterIP")];
    let addresses: Vec<_> = addresses.into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect();
    let services = if addresses.is_empty() { Vec::new() } else { services(cluster, Announcer::Bgp) };
    let mut sources: Vec<_> = services
        .into_iter()
        .map(|services| SourceContext {
            services: Some(services),
            addresses: addresses.clone(),
            // A prefix as long as the address is no aggregate.
            aggregation_v4: what.aggregation_v4.as_ref().map(|length| length.get()).filter(|length| *length < 32),
            aggregation_v6: what.aggregation_v6.as_ref().map(|length| length.get()).filter(|length| *length < 128),
        })
        .collect();
    if *what.pod_cidrs {
        sources.push(SourceContext::default());
    }
    sources
}

fn attributes(router: &Router) -> AttributesContext {
    let mut attributes =
        AttributesContext { local_preference: router.local_preference.as_ref().map(|value| value.get()), ..AttributesContext::default() };
    for community in router.communities.iter() {
        let text = match community.as_str() {
            // The registry's names, where the API has older ones for the same value.
            "graceful-shutdown" => "planned-shut".to_owned(),
            "local-as" => "no-export-subconfed".to_owned(),
            other => other.to_owned(),
        };
        let kind = match text.matches(':').count() {
            0 => &mut attributes.well_known,
            1 => &mut attributes.standard,
            _ => &mut attributes.large,
        };
        kind.insert(text);
    }
    attributes
}
