//! Gateways for HTTP: the class, each gateway with its listeners, and the redirect from HTTP to HTTPS.

use std::net::IpAddr;

use ichor_config::Cluster;
use ichor_config::model::{Gateway, Hostname, List};
use serde::Serialize;

use crate::agent;
use crate::certificates;
use crate::component::Component;
use crate::crds;
use crate::engine::{Error, Template, template};
use crate::part::{Part, Scope};
use crate::tunnel;

const CLASS: Template = template!("gateways/gateway-class.yaml.j2");
const GATEWAY: Template = template!("gateways/gateway.yaml.j2");
const REDIRECT: Template = template!("gateways/https-redirect.yaml.j2");
const ROUTE: Template = template!("gateways/route.yaml.j2");

pub(crate) const PART: Part = Part { templates: &[CLASS, GATEWAY, REDIRECT, ROUTE], components, ..Part::NONE };

/// The names that routes in existing repositories attach to.
pub(crate) const INTERNAL: &str = "envoy-internal";
pub(crate) const EXTERNAL: &str = "envoy-external";
/// The listener for plain HTTP.
pub(crate) const HTTP_LISTENER: &str = "http";
const CLASS_NAME: &str = "ichor";

/// The component of the gateways, and the one of their class.
pub(crate) const NAME: &str = "gateways";
const CLASS_COMPONENT: &str = "gateway-class";

#[derive(Debug, Serialize)]
struct ClassContext {
    name: &'static str,
}

#[derive(Debug, Serialize)]
struct GatewayContext {
    name: String,
    namespace: String,
    class: &'static str,
    /// Where external-dns lets public names point, if not at the gateway's own addresses.
    public_target: Option<String>,
    addresses: Vec<String>,
    listeners: Vec<Listener>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Listener {
    name: String,
    port: u16,
    protocol: &'static str,
    hostname: Option<String>,
    /// The Secret with certificate and key.
    certificate: Option<&'static str>,
    /// Whose routes may attach: `All` namespaces', or those of the `Same`.
    from: &'static str,
}

#[derive(Debug, Serialize)]
struct RedirectContext {
    namespace: String,
    gateways: Vec<String>,
    listener: &'static str,
}

#[derive(Debug, Serialize)]
struct RouteContext<'a> {
    name: &'a str,
    namespace: &'a str,
    hostname: &'a str,
    port: u16,
    gateway: &'static str,
    gateway_namespace: String,
}

/// The namespace of the gateways and their companions.
pub(crate) fn namespace(cluster: &Cluster) -> String {
    cluster.gateways.namespace.to_string()
}

/// The gateway for clients outside, if there is one.
pub(crate) fn external(cluster: &Cluster) -> Option<&Gateway> {
    cluster.gateways.external.as_ref().filter(|_| *cluster.gateways.enabled)
}

/// The DNS names of a gateway: as written, or else the domain and everything below it. Wildcards come first.
pub(crate) fn hostnames(cluster: &Cluster, written: &List<Hostname>) -> Vec<String> {
    let mut names: Vec<_> = written.iter().map(|name| name.to_string()).collect();
    if let Some(domain) = cluster.dns.domain.as_ref().filter(|_| names.is_empty()) {
        names = vec![format!("*.{domain}"), domain.to_string()];
    }
    names.sort_by_key(|name| !name.starts_with("*."));
    names.dedup();
    names
}

/// The names that every gateway's own list adds to the domain's.
pub(crate) fn written_hostnames(cluster: &Cluster) -> Vec<String> {
    described(cluster).iter().flat_map(|gateway| gateway.hostnames.iter().map(|name| name.to_string())).collect()
}

/// The addresses of all gateways.
pub(crate) fn addresses(cluster: &Cluster) -> Vec<IpAddr> {
    described(cluster).into_iter().flat_map(|gateway| gateway.addresses).collect()
}

/// Where people find one of the cluster's own applications, if the internal gateway serves such a name.
pub(crate) fn internal_name(cluster: &Cluster, application: &str) -> Option<String> {
    let gateway = cluster.gateways.internal.as_ref().filter(|_| *cluster.gateways.enabled)?;
    let served = hostnames(cluster, &gateway.hostnames);
    // Without a certificate there is one listener, which takes every name.
    let takes = |name: &String| certificates::secret(cluster).is_none() || served.iter().any(|own| certificates::covers(own, name));
    let domain = cluster.dns.domain.as_ref().map(ToString::to_string);
    let wildcards = served.iter().filter_map(|name| name.strip_prefix("*.")).map(str::to_owned);
    domain.into_iter().chain(wildcards).map(|domain| format!("{application}.{domain}")).find(takes)
}

/// The same as a URL.
pub(crate) fn internal_url(cluster: &Cluster, application: &str) -> Option<String> {
    let scheme = if certificates::secret(cluster).is_some() { "https" } else { "http" };
    internal_name(cluster, application).map(|name| format!("{scheme}://{name}"))
}

/// Adds the route by which the internal gateway reaches the Service of an application.
pub(crate) fn add_route(scope: Scope<'_>, component: &mut Component, application: &str, port: u16) -> Result<(), Error> {
    let Some(hostname) = internal_name(scope.cluster, application) else { return Ok(()) };
    let context = RouteContext {
        name: application,
        namespace: &component.namespace,
        hostname: &hostname,
        port,
        gateway: INTERNAL,
        gateway_namespace: namespace(scope.cluster),
    };
    let text = scope.engine.render(ROUTE, &context)?;
    component.file("route.yaml", text);
    component.needs.push(NAME.to_owned());
    Ok(())
}

/// A gateway as the cluster describes it, whichever of the three keys it stands under.
struct Described<'a> {
    name: String,
    addresses: Vec<IpAddr>,
    hostnames: &'a List<Hostname>,
    https_redirect: bool,
}

fn described(cluster: &Cluster) -> Vec<Described<'_>> {
    let gateways = &cluster.gateways;
    let fixed = [(INTERNAL, gateways.internal.as_ref()), (EXTERNAL, gateways.external.as_ref())];
    let fixed = fixed.into_iter().filter_map(|(name, gateway)| {
        gateway.map(|gateway| (name.to_owned(), &gateway.addresses, &gateway.hostnames, &gateway.https_redirect))
    });
    let extra = gateways.extra.iter().map(|it| (it.name.to_string(), &it.addresses, &it.hostnames, &it.https_redirect));
    fixed
        .chain(extra)
        .filter(|_| *gateways.enabled)
        .map(|(name, addresses, hostnames, redirect)| Described {
            name,
            addresses: addresses.iter().map(|address| address.0).collect(),
            hostnames,
            https_redirect: **redirect,
        })
        .collect()
}

fn components(scope: Scope<'_>) -> Result<Vec<Component>, Error> {
    if !*scope.cluster.gateways.enabled {
        return Ok(Vec::new());
    }
    let mut class = Component::new(CLASS_COMPONENT, "kube-system");
    class.configures = true;
    class.needs = [crds::GATEWAY_API, agent::NAME].map(str::to_owned).into();
    class.file("gateway-class.yaml", scope.engine.render(CLASS, &ClassContext { name: CLASS_NAME })?);

    let namespace = namespace(scope.cluster);
    let secret = certificates::secret(scope.cluster);
    let mut gateways = Component::new(NAME, &namespace);
    gateways.configures = true;
    gateways.needs = vec![CLASS_COMPONENT.to_owned()];
    let mut redirected = Vec::new();
    for Described { name, addresses, hostnames: written, https_redirect } in described(scope.cluster) {
        let redirect = https_redirect && secret.is_some();
        let context = GatewayContext {
            namespace: namespace.clone(),
            class: CLASS_NAME,
            public_target: (name == EXTERNAL).then(|| tunnel::public_target(scope.cluster)).flatten(),
            addresses: addresses.iter().map(ToString::to_string).collect(),
            listeners: listeners(&hostnames(scope.cluster, written), secret, redirect),
            name,
        };
        gateways.file(format!("gateway-{}.yaml", context.name), scope.engine.render(GATEWAY, &context)?);
        redirected.extend(redirect.then_some(context.name));
    }
    if !redirected.is_empty() {
        let context = RedirectContext { namespace, gateways: redirected, listener: HTTP_LISTENER };
        gateways.file("https-redirect.yaml", scope.engine.render(REDIRECT, &context)?);
    }
    Ok(vec![class, gateways])
}

/// HTTP once, and HTTPS once for each name. Where HTTP only redirects, nobody else's routes may attach to it.
fn listeners(hostnames: &[String], certificate: Option<&'static str>, redirect: bool) -> Vec<Listener> {
    let from = if redirect { "Same" } else { "All" };
    let mut all = vec![Listener { name: HTTP_LISTENER.to_owned(), port: 80, protocol: "HTTP", hostname: None, certificate: None, from }];
    if certificate.is_some() {
        all.extend(hostnames.iter().enumerate().map(|(index, hostname)| Listener {
            name: if index == 0 { "https".to_owned() } else { format!("https-{}", index + 1) },
            port: 443,
            protocol: "HTTPS",
            hostname: Some(hostname.clone()),
            certificate,
            from: "All",
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_certificate_plain_http_serves_everyone() {
        let listeners = listeners(&["*.example.org".into()], None, false);
        assert_eq!(listeners.iter().map(|it| (it.name.as_str(), it.from)).collect::<Vec<_>>(), [("http", "All")]);
    }

    #[test]
    fn each_name_has_its_listener_and_the_first_one_the_name_that_routes_know() {
        let listeners = listeners(&["*.example.org".into(), "example.org".into()], Some("tls"), true);
        let seen: Vec<_> = listeners.iter().map(|it| (it.name.as_str(), it.hostname.as_deref(), it.from)).collect();
        assert_eq!(seen, [("http", None, "Same"), ("https", Some("*.example.org"), "All"), ("https-2", Some("example.org"), "All")]);
    }
}
