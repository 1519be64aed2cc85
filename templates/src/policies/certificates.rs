//! cert-manager.

use ichor_agent_api::policy::{Entity, PortProtocol};
use ichor_config::Cluster;

use super::Set;
use super::policy::{Pods, Policy, both};
use crate::certificates::CERT_MANAGER;

const METRICS: u16 = 9402;

pub(super) fn set(cluster: &Cluster) -> Option<Set> {
    let policy = |name, label, description| {
        let pods = Pods::named(CERT_MANAGER, &[label]);
        Policy::new(name, pods, description).resolves().calls_api().scraped(cluster, METRICS)
    };
    let controller =
        policy("cert-manager", "cert-manager", "cert-manager asks the ACME server, the DNS provider, and whether its answers are seen")
            // It asks the zone's own servers whether a record is there, and its gateway whether an answer is.
            .reach_entities([Entity::World], both(53).into_iter().chain([80, 443, acme_port(cluster)].map(PortProtocol::tcp)))
            .calls_gateways(cluster);
    let webhook = policy("cert-manager-webhook", "webhook", "The API server asks the webhook about every object of cert-manager")
        .called_by_api(10250);
    let injector = policy("cert-manager-cainjector", "cainjector", "The injector writes authorities into webhooks' objects");
    (*cluster.certificates.enabled).then(|| Set {
        name: "policies-cert-manager",
        namespace: CERT_MANAGER.to_owned(),
        policies: vec![controller, webhook, injector],
    })
}

/// The port of the ACME server's URL.
fn acme_port(cluster: &Cluster) -> u16 {
    let url = cluster.certificates.server.as_str();
    let authority = url.trim_start_matches("https://").split('/').next().unwrap_or_default();
    authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(443)
}
