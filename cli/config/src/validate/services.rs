//! Gateways, names, and certificates.

use ichor_yaml::Span;

use super::place::quoted;
use super::{Check, Fields, check};
use crate::diagnostic::{Diagnostic, Diagnostics, Path};
use crate::field::Spanned;
use crate::model::{Challenge, Gateway, Hostname, List, Spec};

const HOSTNAMES: Fields = &["gateways.internal.hostnames", "gateways.external.hostnames", "gateways.extra.hostnames"];
const CERTIFICATES: Fields = &["certificates.enabled", "certificates.names", "dns.domain"];

pub(super) const CHECKS: &[Check] = &[
    check(gateways_are_served, &[&["gateways"]]),
    check(gateways_keep_their_names, &[&["gateways.extra.name"]]),
    check(redirects_lead_somewhere, &[&["gateways", "certificates.enabled"]]),
    check(split_dns_has_what_it_answers, &[&["dns.domain", "dns.split.is_on", "gateways.internal.is_on"]]),
    check(tunnel_has_an_end, &[&["dns.domain", "dns.tunnel", "gateways.external.is_on", "gateways.external.hostnames"]]),
    check(external_dns_has_records, &[&["dns.domain", "dns.external_dns", "gateways.external.is_on"]]),
    check(domain_is_not_the_clusters_own, &[&["dns.domain", "talos.cluster_domain"]]),
    check(certificates_have_names, &[CERTIFICATES]),
    check(certificates_cover_the_gateways, &[CERTIFICATES, HOSTNAMES]),
    check(public_servers_sign_public_names, &[CERTIFICATES, &["certificates.server"]]),
    check(challenge_can_be_met, &[CERTIFICATES, &["certificates.challenge", "gateways.external.is_on"]]),
    check(mail_is_an_address, &[&["certificates.email"]]),
    check(certificate_settings_are_used, &[&["certificates"]]),
    check(schedule_is_of_cron, &[&["certificates.export"]]),
];

/// A gateway, wherever it is written.
struct Listed<'a> {
    name: &'a str,
    path: &'a Path,
    span: Span,
    hostnames: &'a Spanned<List<Hostname>>,
    https_redirect: &'a Spanned<bool>,
}

fn gateways(spec: &Spec) -> Vec<Listed<'_>> {
    let own = [("internal", &spec.gateways.internal), ("external", &spec.gateways.external)];
    let own = own.into_iter().filter_map(|(name, place)| {
        let Gateway { hostnames, https_redirect, .. } = place.as_ref()?;
        Some(Listed { name, path: &place.at, span: place.span, hostnames, https_redirect })
    });
    let extra = spec.gateways.extra.iter().map(|place| Listed {
        name: place.name.as_str(),
        path: &place.at,
        span: place.span,
        hostnames: &place.hostnames,
        https_redirect: &place.https_redirect,
    });
    own.chain(extra).collect()
}

/// The names of the objects of the internal and the external gateway, by which routes find them.
const OWN_NAMES: [&str; 2] = ["envoy-internal", "envoy-external"];

fn gateways_keep_their_names(spec: &Spec, out: &mut Diagnostics) {
    for gateway in spec.gateways.extra.iter().filter(|gateway| OWN_NAMES.contains(&gateway.name.as_str())) {
        let key = gateway.name.as_str().trim_start_matches("envoy-");
        let mistake = gateway.name.mistake(format!("`{}` is the name of the gateway below `gateways.{key}`", gateway.name));
        out.push(mistake.help(format!("choose another name, or write this gateway as `gateways.{key}`")));
    }
}

fn gateways_are_served(spec: &Spec, out: &mut Diagnostics) {
    if *spec.gateways.enabled {
        return;
    }
    for gateway in gateways(spec) {
        let message = format!("gateway `{}` is listed, and gateways are off", gateway.name);
        let mistake = Diagnostic::new(gateway.path, gateway.span, message).help("remove `enabled: false`, or the gateway");
        out.push(mistake.also(spec.gateways.enabled.span, "off here"));
    }
}

fn redirects_lead_somewhere(spec: &Spec, out: &mut Diagnostics) {
    if *spec.certificates.enabled {
        return;
    }
    for gateway in gateways(spec).into_iter().filter(|gateway| gateway.https_redirect.written && **gateway.https_redirect) {
        let message = format!("gateway `{}` sends clients on to HTTPS, and there is no certificate for it", gateway.name);
        let help = "write `enabled: true` below `certificates`, or `https_redirect: false`";
        out.push(gateway.https_redirect.mistake(message).warning().help(help));
    }
}

fn split_dns_has_what_it_answers(spec: &Spec, out: &mut Diagnostics) {
    let split = &spec.dns.split;
    if split.is_none() {
        return;
    }
    if spec.dns.domain.is_none() {
        let message = "split DNS is on, and it is not said for which domain it answers";
        out.push(split.mistake(message).help("write `domain:` below `dns`, such as `home.example.org`"));
    }
    if spec.gateways.internal.is_none() {
        let message = "split DNS answers with the internal gateway's address, and there is no internal gateway";
        out.push(split.mistake(message).help("write `gateways.internal` with its `addresses`, or remove `split`"));
    }
}

fn tunnel_has_an_end(spec: &Spec, out: &mut Diagnostics) {
    let Some(tunnel) = &*spec.dns.tunnel else { return };
    match &*spec.gateways.external {
        None => {
            let message = "the tunnel ends at the external gateway, and there is no external gateway";
            out.push(spec.dns.tunnel.mistake(message).help("write `gateways.external` with its `addresses`, or remove `tunnel`"));
        }
        Some(external) if spec.dns.domain.is_none() && external.hostnames.is_empty() => {
            let message = "it is not said which names come through the tunnel";
            out.push(spec.dns.tunnel.mistake(message).help("write `domain:` below `dns`, or `hostnames` at the external gateway"));
        }
        Some(_) => {}
    }
    let id = tunnel.id.as_str();
    let lengths: Vec<_> = id.split('-').map(str::len).collect();
    if lengths != [8, 4, 4, 4, 12] || !id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
        let help = "copy it from `cloudflared tunnel list`; it looks like `0f0e0d0c-1234-4abc-8def-001122334455`";
        out.push(tunnel.id.mistake("this is not the id of a tunnel").help(help));
    }
}

fn external_dns_has_records(spec: &Spec, out: &mut Diagnostics) {
    let setting = &spec.dns.external_dns;
    if !**setting {
        return;
    }
    if spec.dns.domain.is_none() {
        let message = "external-dns is on, and it is not said for which domain";
        out.push(setting.mistake(message).help("write `domain:` below `dns`, such as `home.example.org`"));
    }
    if spec.gateways.external.is_none() {
        let message = "external-dns keeps the records of the external gateway, and there is none";
        out.push(setting.mistake(message).warning().help("write `gateways.external` with its `addresses`, or remove `external_dns`"));
    }
}

fn domain_is_not_the_clusters_own(spec: &Spec, out: &mut Diagnostics) {
    let Some(domain) = &*spec.dns.domain else { return };
    let inside = spec.talos.cluster_domain.as_str();
    if domain.as_str() == inside || domain.as_str().ends_with(&format!(".{inside}")) {
        let message = format!("`{domain}` belongs to the cluster's own names (`{inside}`), which only pods can ask for");
        let mistake = spec.dns.domain.mistake(message).help("choose a domain that you own, such as `home.example.org`");
        out.push(mistake.also(spec.talos.cluster_domain.span, "the cluster's domain"));
    } else if domain.as_str() == "local" || domain.as_str().ends_with(".local") {
        let message = "many machines ask for names below `.local` by multicast, and never ask a DNS server";
        out.push(spec.dns.domain.mistake(message).warning().help("choose a domain that you own, or one below `home.arpa`"));
    }
}

/// The names that the certificate will have.
fn certified(spec: &Spec) -> Vec<String> {
    let names = &spec.certificates.names;
    match &*spec.dns.domain {
        Some(domain) if names.is_empty() => vec![domain.to_string(), format!("*.{domain}")],
        _ => names.iter().map(ToString::to_string).collect(),
    }
}

fn certificates_have_names(spec: &Spec, out: &mut Diagnostics) {
    if *spec.certificates.enabled && certified(spec).is_empty() {
        let message = "it is not said which names the certificate is for";
        out.push(spec.certificates.enabled.mistake(message).help("write `domain:` below `dns`, or `names` here"));
    }
}

fn covers(name: &str, wanted: &str) -> bool {
    name == wanted || name.strip_prefix("*.").is_some_and(|parent| wanted.split_once('.').is_some_and(|(_, rest)| rest == parent))
}

fn certificates_cover_the_gateways(spec: &Spec, out: &mut Diagnostics) {
    let names = certified(spec);
    if !*spec.certificates.enabled || names.is_empty() {
        return;
    }
    for hostname in gateways(spec).into_iter().flat_map(|gateway| gateway.hostnames.iter()) {
        if !names.iter().any(|name| covers(name, hostname.as_str())) {
            out.push(
                hostname
                    .mistake(format!("the certificate is not for `{hostname}`, but for {}", quoted(&names)))
                    .warning()
                    .help("add this name to `names` below `certificates`; `*` stands for one label only")
                    .also(spec.certificates.names.span, "the names"),
            );
        }
    }
}

/// Domains below which no public authority signs anything.
const HOME_ONLY: [&str; 9] = ["arpa", "home", "internal", "intranet", "lan", "local", "localhost", "private", "test"];

fn public_servers_sign_public_names(spec: &Spec, out: &mut Diagnostics) {
    let certificates = &spec.certificates;
    if !*certificates.enabled || !certificates.server.as_str().contains("letsencrypt.org") {
        return;
    }
    let tell = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or_default();
        (HOME_ONLY.contains(&last) || !name.trim_start_matches("*.").contains('.'))
            .then(|| format!("Let's Encrypt signs no names below `.{last}`"))
    };
    let help = "take a domain that you own, or write the `server` of an ACME authority of your own below `certificates`";
    if certificates.names.is_empty()
        && let Some(message) = spec.dns.domain.as_ref().and_then(|domain| tell(domain.as_str()))
    {
        out.push(spec.dns.domain.mistake(message).help(help).also(certificates.enabled.span, "certificates are on"));
    }
    for (name, message) in certificates.names.iter().filter_map(|name| Some((name, tell(name.as_str())?))) {
        out.push(name.mistake(message).help(help));
    }
}

fn challenge_can_be_met(spec: &Spec, out: &mut Diagnostics) {
    let certificates = &spec.certificates;
    if !*certificates.enabled || *certificates.challenge != Challenge::Http {
        return;
    }
    if certificates.names.is_empty() && spec.dns.domain.is_some() {
        let message = "over HTTP no wildcard name can be proven, and without `names` there would be one";
        out.push(certificates.challenge.mistake(message).help("write each name into `names`, or `challenge: cloudflare`"));
    }
    for name in certificates.names.iter().filter(|name| name.as_str().starts_with("*.")) {
        let message = format!("`{name}` cannot be proven over HTTP: a wildcard name needs a record in DNS");
        let mistake = name.mistake(message).help("write each name by itself, or `challenge: cloudflare`");
        out.push(mistake.also(certificates.challenge.span, "over HTTP"));
    }
    if spec.gateways.external.is_none() {
        let message = "the ACME server asks over HTTP at the external gateway, and there is none";
        out.push(
            certificates.challenge.mistake(message).help("write `gateways.external` with its `addresses`, or `challenge: cloudflare`"),
        );
    }
}

fn mail_is_an_address(spec: &Spec, out: &mut Diagnostics) {
    let email = &spec.certificates.email;
    let is_address = |text: &str| {
        text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !text.contains(char::is_whitespace))
    };
    if email.as_ref().is_some_and(|text| !is_address(text.as_str())) {
        out.push(email.mistake("this is not a mail address").help("write `NAME@DOMAIN`, or remove the line"));
    }
}

fn certificate_settings_are_used(spec: &Spec, out: &mut Diagnostics) {
    let certificates = &spec.certificates;
    if *certificates.enabled {
        return;
    }
    if certificates.export.is_some() {
        let message = "a certificate is to be handed out, and certificates are off";
        out.push(certificates.export.mistake(message).help("write `enabled: true` below `certificates`, or remove `export`"));
    }
    if !certificates.enabled.written && (certificates.names.written || certificates.email.written || certificates.challenge.written) {
        let message = "these settings do nothing: certificates are off by default";
        out.push(certificates.mistake(message).warning().help("add `enabled: true`"));
    }
}

fn schedule_is_of_cron(spec: &Spec, out: &mut Diagnostics) {
    let Some(export) = &*spec.certificates.export else { return };
    let text = export.schedule.as_str();
    let fields: Vec<_> = text.split_whitespace().collect();
    let limits = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)];
    let number = |text: &str, (low, high): (u32, u32)| text.parse::<u32>().is_ok_and(|number| (low..=high).contains(&number));
    let part = |part: &str, limit| {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let in_range =
            range == "*" || number(range, limit) || range.split_once('-').is_some_and(|(a, b)| number(a, limit) && number(b, limit));
        in_range && step.is_none_or(|step| number(step, (1, 59)))
    };
    let fits = fields.len() == limits.len() && fields.iter().zip(limits).all(|(field, limit)| field.split(',').all(|one| part(one, limit)));
    let named = ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"].contains(&text);
    if !fits && !named {
        let help = "write minute, hour, day, month and weekday in numbers, such as `17 3 * * *` for 3:17 every night, or `@daily`";
        out.push(export.schedule.mistake(format!("`{text}` is not a schedule")).help(help));
    }
}
