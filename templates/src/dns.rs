//! Names: a DNS server for the local network, and records outside.

use ichor_config::model::SplitDns;
use ichor_config::{Cluster, Family};
use serde::Serialize;

use crate::component::Component;
use crate::engine::{Error, Template, template};
use crate::gateways;
use crate::images;
use crate::part::{Part, Scope};
use crate::secrets::{SecretOrigin, WantedSecret};
use crate::tunnel;
use crate::workload::{Config, ConfigFile, LoadBalancer, Port, Probe, Resources, Right, Service, ServicePort, Workload};

const COREFILE: Template = template!("dns/Corefile.j2");

pub(crate) const PART: Part = Part { templates: &[COREFILE], components, wanted, ..Part::NONE };

/// The secret of everyone who writes records at Cloudflare.
pub(crate) const CLOUDFLARE_TOKEN: &str = "cloudflare.token";

pub(crate) const K8S_GATEWAY: &str = "k8s-gateway";
pub(crate) const EXTERNAL_DNS: &str = "external-dns";
pub(crate) const DNS_PORT: u16 = 1053;
pub(crate) const DNS_METRICS_PORT: u16 = 9153;
pub(crate) const EXTERNAL_DNS_PORT: u16 = 7979;

/// The plugin refuses a longer time to live.
const LONGEST_TTL_S: i64 = 3600;
/// The prefix that manifests in existing repositories use; newer versions of external-dns have another by default.
const ANNOTATION_PREFIX: &str = "external-dns.alpha.kubernetes.io/";

const WATCH: &[&str] = &["get", "list", "watch"];

#[derive(Debug, Serialize)]
struct CorefileContext<'a> {
    port: u16,
    metrics_port: u16,
    domain: &'a str,
    apex: String,
    ttl_s: i64,
}

/// The wish for the token; everyone who needs it says the same.
pub(crate) fn wanted_token() -> WantedSecret {
    WantedSecret {
        name: CLOUDFLARE_TOKEN.to_owned(),
        origin: SecretOrigin::Given,
        purpose: "writes DNS records at Cloudflare: an API token with the rights Zone/Read and DNS/Edit on your zone".to_owned(),
    }
}

/// The domain and settings of the DNS server for the local network, if there is one.
pub(crate) fn split(cluster: &Cluster) -> Option<(&str, &SplitDns)> {
    Some((cluster.dns.domain.as_ref()?.as_str(), cluster.dns.split.as_ref()?))
}

/// The domain of which external-dns keeps the records, if it does.
pub(crate) fn external(cluster: &Cluster) -> Option<&str> {
    let wanted = *cluster.dns.external_dns && gateways::external(cluster).is_some();
    cluster.dns.domain.as_ref().filter(|_| wanted).map(|domain| domain.as_str())
}

fn components(scope: Scope<'_>) -> Result<Vec<Component>, Error> {
    let mut components = Vec::new();
    let namespace = gateways::namespace(scope.cluster);
    if let Some((domain, settings)) = split(scope.cluster) {
        let mut component = Component::new("split-dns", &namespace);
        component.needs.push(gateways::NAME.to_owned());
        k8s_gateway(scope, domain, settings)?.add_to(scope, &mut component)?;
        components.push(component);
    }
    if let Some(domain) = external(scope.cluster) {
        let mut component = Component::new(EXTERNAL_DNS, &namespace);
        component.needs.push(gateways::NAME.to_owned());
        external_dns(scope, domain).add_to(scope, &mut component)?;
        components.push(component);
    }
    Ok(components)
}

fn k8s_gateway(scope: Scope<'_>, domain: &str, settings: &SplitDns) -> Result<Workload, Error> {
    let namespace = gateways::namespace(scope.cluster);
    let context = CorefileContext {
        port: DNS_PORT,
        metrics_port: DNS_METRICS_PORT,
        domain,
        apex: format!("{K8S_GATEWAY}.{namespace}"),
        ttl_s: settings.ttl_s.get().min(LONGEST_TTL_S),
    };
    let corefile = ConfigFile { name: "Corefile", text: scope.engine.render(COREFILE, &context)? };
    let probe = Probe::Http { path: "/health", port: 8080 };
    let mut workload = Workload::new(K8S_GATEWAY, namespace, images::K8S_GATEWAY, 65532, probe, Resources::new("10m", "32Mi", "128Mi"));
    workload.ready = Probe::Http { path: "/ready", port: 8181 };
    workload.replicas = 2;
    workload.args = ["-conf", "/etc/coredns/Corefile"].map(str::to_owned).into();
    workload.config = Some(Config::new("/etc/coredns", vec![corefile]));
    workload.metrics = Some("metrics");
    workload.rights = vec![
        Right { group: "", resources: &["namespaces", "services"], verbs: WATCH },
        Right { group: "apiextensions.k8s.io", resources: &["customresourcedefinitions"], verbs: WATCH },
        Right { group: "discovery.k8s.io", resources: &["endpointslices"], verbs: WATCH },
        // It answers nothing before it has read all kinds that it finds, which ListenerSets are among.
        Right {
            group: "gateway.networking.k8s.io",
            resources: &["gatewayclasses", "gateways", "grpcroutes", "httproutes", "listenersets"],
            verbs: WATCH,
        },
    ];
    workload.ports = [("dns-udp", DNS_PORT, "UDP"), ("dns-tcp", DNS_PORT, "TCP"), ("metrics", DNS_METRICS_PORT, "TCP")]
        .map(|(name, port, protocol)| Port { name, port, protocol })
        .into();
    workload.service = Some(Service {
        ports: [("dns-udp", "UDP"), ("dns-tcp", "TCP")]
            .map(|(name, protocol)| ServicePort { name, port: 53, target: name, protocol })
            .into(),
        load_balancer: Some(load_balancer(settings)),
    });
    Ok(workload)
}

fn load_balancer(settings: &SplitDns) -> LoadBalancer {
    let addresses: Vec<_> = settings.addresses.iter().map(|address| address.0).collect();
    let has = |family| addresses.iter().any(|ip| Family::of(*ip) == family);
    let (family_policy, family) = match (has(Family::V4), has(Family::V6)) {
        (true, true) => ("PreferDualStack", None),
        (false, true) => ("SingleStack", Some("IPv6")),
        (_, false) => ("SingleStack", Some("IPv4")),
    };
    let addresses = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    LoadBalancer { addresses, family_policy, family }
}

fn external_dns(scope: Scope<'_>, domain: &str) -> Workload {
    let namespace = gateways::namespace(scope.cluster);
    let probe = Probe::Http { path: "/healthz", port: EXTERNAL_DNS_PORT };
    let mut args = vec![
        "--provider=cloudflare".to_owned(),
        "--source=gateway-httproute".to_owned(),
        format!("--gateway-namespace={namespace}"),
        format!("--gateway-name={}", gateways::EXTERNAL),
        format!("--domain-filter={domain}"),
        format!("--annotation-prefix={ANNOTATION_PREFIX}"),
        // It removes only what its own TXT records say that it made.
        "--policy=sync".to_owned(),
        "--registry=txt".to_owned(),
        format!("--txt-owner-id={}", *scope.cluster.name),
        "--txt-prefix=k8s.".to_owned(),
        "--events".to_owned(),
    ];
    if tunnel::public_target(scope.cluster).is_some() {
        // Names of tunnels mean something only to Cloudflare's own proxies.
        args.push("--cloudflare-proxied".to_owned());
    }
    let mut workload = Workload::new(EXTERNAL_DNS, namespace, images::EXTERNAL_DNS, 65532, probe, Resources::new("10m", "64Mi", "256Mi"))
        .secret("CF_API_TOKEN", scope.secrets.get(CLOUDFLARE_TOKEN).cloned());
    workload.alone = true;
    workload.args = args;
    workload.metrics = Some("http");
    workload.ports = vec![Port { name: "http", port: EXTERNAL_DNS_PORT, protocol: "TCP" }];
    workload.rights = vec![
        Right { group: "", resources: &["namespaces"], verbs: WATCH },
        Right { group: "gateway.networking.k8s.io", resources: &["gateways", "httproutes"], verbs: WATCH },
    ];
    workload
}

fn wanted(cluster: &Cluster) -> Vec<WantedSecret> {
    external(cluster).map(|_| wanted_token()).into_iter().collect()
}
