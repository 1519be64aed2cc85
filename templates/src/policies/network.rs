//! The gateways' namespace: what takes requests in, and what tells the world where.

use ichor_agent_api::policy::{Entity, PortProtocol};
use ichor_config::Cluster;

use super::Set;
use super::policy::{Pods, Policy, both, envoy};
use crate::{certificates, dns, gateways, tunnel};

const CONTROLLER: &str = "envoy-gateway";

pub(super) fn set(cluster: &Cluster) -> Set {
    let namespace = gateways::namespace(cluster);
    let mut policies = Vec::new();
    if *cluster.gateways.enabled {
        policies.extend([proxies(cluster, &namespace), controller(cluster, &namespace)]);
    }
    if tunnel::tunnel(cluster).is_some() {
        policies.push(cloudflare_tunnel(cluster, &namespace));
    }
    if dns::external(cluster).is_some() {
        policies.push(external_dns(cluster, &namespace));
    }
    if dns::split(cluster).is_some() {
        policies.push(k8s_gateway(cluster, &namespace));
    }
    if certificates::export(cluster).is_some() {
        policies.push(certificate_export(&namespace));
    }
    if certificates::answers_over_http(cluster) {
        policies.push(challenge_answers(cluster, &namespace));
    }
    Set { name: "policies-network", namespace, policies }
}

fn controller_pods(namespace: &str) -> Pods {
    Pods::labelled(namespace, "control-plane", &[CONTROLLER])
}

/// An Envoy Gateway's proxies, where one runs beside ichor's own gateways.
fn proxies(cluster: &Cluster, namespace: &str) -> Policy {
    Policy::new("envoy", envoy(cluster), "Proxies take requests from anywhere and hand them to any pod")
        .resolves()
        .accept_entities([Entity::Cluster, Entity::World], [])
        .reach_entities([Entity::Cluster], [])
        .reach_pods(&controller_pods(namespace), [18000, 18001, 18002].map(PortProtocol::tcp))
        .reach_entities([Entity::World], [PortProtocol::tcp(443)])
}

fn controller(cluster: &Cluster, namespace: &str) -> Policy {
    Policy::new("envoy-gateway", controller_pods(namespace), "The controller tells its proxies what to do")
        .resolves()
        .calls_api()
        .called_by_api(9443)
        .accept_pods(&envoy(cluster), [18000, 18001, 18002].map(PortProtocol::tcp))
        .scraped(cluster, 19001)
}

fn cloudflare_tunnel(cluster: &Cluster, namespace: &str) -> Policy {
    const EDGE: u16 = 7844;
    Policy::new(
        "cloudflare-tunnel",
        Pods::named(namespace, &[tunnel::NAME]),
        "The tunnel calls out and hands requests to the external gateway",
    )
    .resolves()
    .scraped(cluster, tunnel::METRICS_PORT)
    .reach_entities([Entity::World], both(EDGE).into_iter().chain([PortProtocol::tcp(443)]))
    .calls_gateways(cluster)
}

fn external_dns(cluster: &Cluster, namespace: &str) -> Policy {
    Policy::new("external-dns", Pods::named(namespace, &[dns::EXTERNAL_DNS]), "external-dns writes records at the provider")
        .resolves()
        .calls_api()
        .scraped(cluster, dns::EXTERNAL_DNS_PORT)
        .reach_entities([Entity::World], [PortProtocol::tcp(443)])
}

fn k8s_gateway(cluster: &Cluster, namespace: &str) -> Policy {
    Policy::new("k8s-gateway", Pods::named(namespace, &[dns::K8S_GATEWAY]), "The DNS server answers the local network and the cluster")
        .resolves()
        .calls_api()
        .accept_entities([Entity::Cluster, Entity::World], both(dns::DNS_PORT))
        .scraped(cluster, dns::DNS_METRICS_PORT)
}

fn certificate_export(namespace: &str) -> Policy {
    let pods = Pods::named(namespace, &[certificates::EXPORT_NAME]);
    Policy::new("certificate-export", pods, "The export hands the certificate to a device outside, in whatever way that takes it")
        .resolves()
        .reach_entities([Entity::World], [])
}

fn challenge_answers(cluster: &Cluster, namespace: &str) -> Policy {
    let pods = Pods::labelled(namespace, "acme.cert-manager.io/http01-solver", &["true"]);
    Policy::new("acme-http01", pods, "Answers to the ACME server come through the external gateway").behind_gateways(cluster, 8089)
}
