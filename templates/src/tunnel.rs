//! The tunnel from the internet: pods that only call out, to Cloudflare, and hand requests to the external gateway.

use std::net::IpAddr;

use ichor_config::model::Tunnel;
use ichor_config::{Cluster, Family};
use serde::Serialize;

use crate::certificates;
use crate::component::Component;
use crate::engine::{Error, Template, template};
use crate::gateways;
use crate::images;
use crate::part::{Part, Scope};
use crate::secrets::{SecretOrigin, WantedSecret};
use crate::workload::{Config, ConfigFile, Port, Probe, Resources, Workload, any_address};

const CONFIG: Template = template!("tunnel/config.yaml.j2");

pub(crate) const PART: Part = Part { templates: &[CONFIG], components, wanted, ..Part::NONE };

pub(crate) const NAME: &str = "cloudflare-tunnel";
pub(crate) const METRICS_PORT: u16 = 8080;
const TOKEN: &str = "tunnel.token";

#[derive(Debug, Serialize)]
struct ConfigContext {
    names: Vec<PublicName>,
    service: String,
}

#[derive(Debug, PartialEq, Serialize)]
struct PublicName {
    hostname: String,
    /// The name that the gateway's certificate must prove.
    server_name: Option<String>,
}

/// The tunnel, if there is one and a gateway that it can end at.
pub(crate) fn tunnel(cluster: &Cluster) -> Option<&Tunnel> {
    cluster.dns.tunnel.as_ref().filter(|_| gateways::external(cluster).is_some())
}

/// The name at Cloudflare that public names point at.
pub(crate) fn public_target(cluster: &Cluster) -> Option<String> {
    tunnel(cluster).map(|tunnel| format!("{}.cfargotunnel.com", *tunnel.id))
}

fn components(scope: Scope<'_>) -> Result<Vec<Component>, Error> {
    let (Some(tunnel), Some(gateway)) = (tunnel(scope.cluster), gateways::external(scope.cluster)) else { return Ok(Vec::new()) };
    let Some(address) = gateway.addresses.iter().map(|address| address.0).min_by_key(|ip| Family::of(*ip)) else {
        return Ok(Vec::new());
    };
    let encrypted = certificates::secret(scope.cluster).is_some();
    let names = gateways::hostnames(scope.cluster, &gateway.hostnames);
    let context = ConfigContext {
        names: names.into_iter().map(|hostname| PublicName::new(hostname, encrypted)).collect(),
        service: service(address, encrypted),
    };
    let config = ConfigFile { name: "config.yaml", text: scope.engine.render(CONFIG, &context)? };
    let probe = Probe::Http { path: "/ready", port: METRICS_PORT };
    let resources = Resources::new("10m", "64Mi", "256Mi");
    let mut workload = Workload::new(NAME, gateways::namespace(scope.cluster), images::CLOUDFLARED, 65532, probe, resources)
        .env("TUNNEL_METRICS", format!("{}:{METRICS_PORT}", any_address(scope.cluster)))
        .secret("TUNNEL_TOKEN", scope.secrets.get(TOKEN).cloned());
    workload.replicas = tunnel.replicas.get();
    workload.args = ["tunnel", "--config", "/etc/cloudflared/config.yaml", "run"].map(str::to_owned).into();
    workload.config = Some(Config::new("/etc/cloudflared", vec![config]));
    workload.metrics = Some("metrics");
    workload.ports = vec![Port { name: "metrics", port: METRICS_PORT, protocol: "TCP" }];
    let mut component = Component::new(NAME, gateways::namespace(scope.cluster));
    component.needs.push(gateways::NAME.to_owned());
    workload.add_to(scope, &mut component)?;
    Ok(vec![component])
}

impl PublicName {
    fn new(hostname: String, encrypted: bool) -> Self {
        // The gateway chooses its listener by this name, so below a wildcard any one label will do.
        let server_name = hostname.strip_prefix("*.").map_or_else(|| hostname.clone(), |domain| format!("external.{domain}"));
        Self { hostname, server_name: encrypted.then_some(server_name) }
    }
}

fn service(address: IpAddr, encrypted: bool) -> String {
    let (scheme, port) = if encrypted { ("https", 443) } else { ("http", 80) };
    match address {
        IpAddr::V4(ip) => format!("{scheme}://{ip}:{port}"),
        IpAddr::V6(ip) => format!("{scheme}://[{ip}]:{port}"),
    }
}

fn wanted(cluster: &Cluster) -> Vec<WantedSecret> {
    let wish = |tunnel: &Tunnel| WantedSecret {
        name: TOKEN.to_owned(),
        origin: SecretOrigin::Given,
        purpose: format!("lets the cluster hold its tunnel: the output of `cloudflared tunnel token {}`", *tunnel.id),
    };
    tunnel(cluster).map(wish).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_proved_by_a_name_below_it() {
        let name = |hostname: &str, encrypted| PublicName::new(hostname.to_owned(), encrypted).server_name;
        assert_eq!(name("*.example.org", true).as_deref(), Some("external.example.org"));
        assert_eq!(name("example.org", true).as_deref(), Some("example.org"));
        assert_eq!(name("*.example.org", false), None);
    }

    #[test]
    fn an_address_of_either_family_becomes_a_url() {
        assert_eq!(service("192.0.2.1".parse().unwrap(), true), "https://192.0.2.1:443");
        assert_eq!(service("2001:db8::1".parse().unwrap(), false), "http://[2001:db8::1]:80");
    }
}
