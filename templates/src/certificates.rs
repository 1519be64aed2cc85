//! Certificates for the gateways: the issuer, the wildcard certificate, and the hand-out to devices outside.

use std::collections::BTreeMap;

use ichor_config::Cluster;
use ichor_config::model::{Challenge, Export};
use serde::Serialize;

use crate::component::Component;
use crate::dns;
use crate::engine::{Error, Template, template};
use crate::gateways;
use crate::part::{Part, Scope};
use crate::secrets::WantedSecret;
use crate::workload;

const ISSUER: Template = template!("certificates/cluster-issuer.yaml.j2");
const CERTIFICATE: Template = template!("certificates/certificate.yaml.j2");
const EXPORT: Template = template!("certificates/export.yaml.j2");

pub(crate) const PART: Part = Part { templates: &[ISSUER, CERTIFICATE, EXPORT], components, wanted, ..Part::NONE };

/// The name of the certificate and of the Secret that holds it.
const SECRET: &str = "wildcard-tls";
/// The name of the issuer.
const ISSUER_NAME: &str = "acme";
/// The namespace in which cert-manager looks for the Secrets of issuers without a namespace of their own.
pub(crate) const CERT_MANAGER: &str = "cert-manager";
const TOKEN_SECRET: &str = "cloudflare-api-token";
const TOKEN_KEY: &str = "api-token";
/// The label on the pods of the export.
pub(crate) const EXPORT_NAME: &str = "certificate-export";

#[derive(Debug, Serialize)]
struct IssuerContext {
    name: &'static str,
    server: String,
    email: Option<String>,
    /// The Secret and key of the Cloudflare token; without it, HTTP through the gateway below.
    token: Option<(&'static str, &'static str)>,
    gateway: &'static str,
    gateway_namespace: String,
    listener: &'static str,
}

#[derive(Debug, Serialize)]
struct CertificateContext {
    name: &'static str,
    namespace: String,
    names: Vec<String>,
    issuer: &'static str,
}

#[derive(Debug, Serialize)]
struct ExportContext {
    name: &'static str,
    namespace: String,
    secret: &'static str,
    image: String,
    args: Vec<String>,
    schedule: String,
    labels: BTreeMap<String, String>,
}

/// The Secret with the gateways' certificate, if there is one.
pub(crate) fn secret(cluster: &Cluster) -> Option<&'static str> {
    (!names(cluster).is_empty()).then_some(SECRET)
}

/// Whether cert-manager answers challenges by pods behind the external gateway.
pub(crate) fn answers_over_http(cluster: &Cluster) -> bool {
    secret(cluster).is_some() && *cluster.certificates.challenge == Challenge::Http
}

/// The hand-out of the certificate, if there is one.
pub(crate) fn export(cluster: &Cluster) -> Option<&Export> {
    cluster.certificates.export.as_ref().filter(|_| secret(cluster).is_some())
}

/// The names of the certificate: as written, or else the domain, everything below it, and the gateways' other names.
fn names(cluster: &Cluster) -> Vec<String> {
    if !*cluster.certificates.enabled {
        return Vec::new();
    }
    let mut names: Vec<String> = cluster.certificates.names.iter().map(|name| name.to_string()).collect();
    if names.is_empty() {
        if let Some(domain) = cluster.dns.domain.as_ref() {
            names = vec![domain.to_string(), format!("*.{domain}")];
        }
        for name in gateways::written_hostnames(cluster) {
            if !names.iter().any(|known| covers(known, &name)) {
                names.push(name);
            }
        }
    }
    // An answer over HTTP proves one name, never a wildcard.
    names.retain(|name| *cluster.certificates.challenge != Challenge::Http || !name.starts_with("*."));
    names
}

/// Whether a certificate for one name, or a listener of it, also serves another.
pub(crate) fn covers(name: &str, other: &str) -> bool {
    let below = |suffix: &str| other.split_once('.').is_some_and(|(_, rest)| rest == suffix);
    name == other || name.strip_prefix("*.").is_some_and(below)
}

fn components(scope: Scope<'_>) -> Result<Vec<Component>, Error> {
    let names = names(scope.cluster);
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let issuer = issuer(scope)?;
    let namespace = gateways::namespace(scope.cluster);
    let mut certificates = Component::new("certificates", &namespace);
    certificates.configures = true;
    certificates.needs = vec![issuer.name.clone()];
    let context = CertificateContext { name: SECRET, namespace: namespace.clone(), names, issuer: ISSUER_NAME };
    certificates.file("certificate.yaml", scope.engine.render(CERTIFICATE, &context)?);
    if let Some(export) = export(scope.cluster) {
        let context = ExportContext {
            name: EXPORT_NAME,
            namespace,
            secret: SECRET,
            image: export.image.to_string(),
            args: export.args.iter().map(|arg| arg.to_string()).collect(),
            schedule: export.schedule.to_string(),
            labels: export_labels(export),
        };
        certificates.file("export.yaml", scope.engine.render(EXPORT, &context)?);
    }
    Ok(vec![issuer, certificates])
}

/// The user's labels, and ours: policies find the pods by them.
fn export_labels(export: &Export) -> BTreeMap<String, String> {
    let mut labels: BTreeMap<_, _> = export.labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    labels.insert("app.kubernetes.io/name".to_owned(), EXPORT_NAME.to_owned());
    labels.insert("app.kubernetes.io/part-of".to_owned(), "ichor".to_owned());
    labels
}

fn issuer(scope: Scope<'_>) -> Result<Component, Error> {
    let certificates = &scope.cluster.certificates;
    let by_dns = *certificates.challenge == Challenge::Cloudflare;
    let context = IssuerContext {
        name: ISSUER_NAME,
        server: certificates.server.to_string(),
        email: certificates.email.as_ref().map(ToString::to_string),
        token: by_dns.then_some((TOKEN_SECRET, TOKEN_KEY)),
        gateway: gateways::EXTERNAL,
        gateway_namespace: gateways::namespace(scope.cluster),
        listener: gateways::HTTP_LISTENER,
    };
    let mut component = Component::new("cluster-issuer", CERT_MANAGER);
    component.configures = true;
    component.file("cluster-issuer.yaml", scope.engine.render(ISSUER, &context)?);
    if by_dns {
        let token = scope.secrets.get(dns::CLOUDFLARE_TOKEN);
        workload::add_single_secret(scope, &mut component, TOKEN_SECRET, CERT_MANAGER, (TOKEN_KEY, token))?;
    }
    Ok(component)
}

fn wanted(cluster: &Cluster) -> Vec<WantedSecret> {
    let by_dns = secret(cluster).is_some() && *cluster.certificates.challenge == Challenge::Cloudflare;
    by_dns.then(dns::wanted_token).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_wildcard_serves_one_label() {
        assert!(covers("*.example.org", "a.example.org"));
        assert!(covers("*.example.org", "*.example.org"));
        assert!(!covers("*.example.org", "example.org"));
        assert!(!covers("*.example.org", "b.a.example.org"));
        assert!(!covers("*.example.org", "*.a.example.org"));
        assert!(!covers("example.org", "a.example.org"));
    }
}
