//! Secrets that stand in clear text in a file that Git tracks.

use super::patches::{DOCUMENTS, documents, scalars};
use super::{Check, check};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Spec;

pub(super) const CHECKS: &[Check] = &[
    check(patches_hold_no_secrets, &[DOCUMENTS]),
    check(urls_hold_no_secrets, &[&["talos.registry_mirrors", "certificates.server"]]),
    check(arguments_hold_no_secrets, &[&["certificates.export"]]),
];

/// Secrets of a cluster that ichor makes itself.
const MADE_BY_US: [&str; 4] = ["token", "secret", "aescbcEncryptionSecret", "secretboxEncryptionSecret"];
/// Secrets that a person has from somewhere else.
const GIVEN: [&str; 11] = [
    "password",
    "passphrase",
    "privateKey",
    "presharedKey",
    "preSharedKey",
    "identityToken",
    "accessToken",
    "authKey",
    "clientSecret",
    "apiKey",
    "auth",
];
const KEY_MARKS: [&str; 2] = ["PRIVATE KEY-----", "AGE-SECRET-KEY-"];
/// `-----BEGIN `, and what follows it in certificates and public keys, in base64.
const BEGIN: &str = "LS0tLS1CRUdJTiB";
const PUBLIC: [&str; 2] = ["DRVJU", "QVUJM"];
/// Names of environment variables and arguments that carry secrets end like this.
const SECRET_ENDINGS: [&str; 6] = ["password", "passwd", "token", "secret", "authkey", "apikey"];

const LEAKED: &str = "if it was ever pushed, make a new one";

fn patches_hold_no_secrets(spec: &Spec, out: &mut Diagnostics) {
    for document in documents(spec) {
        scalars(document.tree, &document.path, &mut |key, tree, path, siblings| {
            let Some(text) = tree.as_str().filter(|text| !text.is_empty()) else { return };
            let is_key_of_certificate = key == "key" && siblings.contains(&"crt");
            let help = if MADE_BY_US.contains(&key) || is_key_of_certificate || is_private_key(text) {
                format!("delete it: ichor makes the secrets of the cluster itself and keeps them encrypted; {LEAKED}")
            } else if GIVEN.contains(&key) || is_secret_assignment(text) || (ends_like_a_secret(key) && key.contains('_')) {
                format!("take it out of this file, and give it to the machine with `talosctl patch` from an encrypted one; {LEAKED}")
            } else {
                return;
            };
            out.push(Diagnostic::new(path, tree.span, "a secret stands in clear text in a file that Git tracks").help(help));
        });
    }
}

fn is_private_key(text: &str) -> bool {
    let encoded = text.split_once(BEGIN).is_some_and(|(_, rest)| !PUBLIC.iter().any(|public| rest.starts_with(public)));
    encoded || KEY_MARKS.iter().any(|mark| text.contains(mark))
}

/// Whether a text is `NAME=VALUE` or `--name=value` with the name of a secret.
fn is_secret_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, value)| {
        !value.is_empty() && !value.starts_with(['$', '/']) && !name.contains(char::is_whitespace) && ends_like_a_secret(name)
    })
}

pub(crate) fn ends_like_a_secret(name: &str) -> bool {
    let name: String = name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect();
    SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn has_password(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    host.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

fn urls_hold_no_secrets(spec: &Spec, out: &mut Diagnostics) {
    let endpoints = spec.talos.registry_mirrors.iter().flat_map(|mirror| mirror.endpoints.iter());
    let mirrors = endpoints.filter(|endpoint| has_password(endpoint.as_str())).map(|endpoint| endpoint.mistake(""));
    let server = Some(&spec.certificates.server).filter(|server| has_password(server.as_str())).map(|server| server.mistake(""));
    for place in mirrors.chain(server) {
        let message = "a password stands in clear text in a URL, in a file that Git tracks".to_owned();
        out.push(Diagnostic { message, ..place }.help(format!("take `USER:PASSWORD@` out; {LEAKED}")));
    }
}

fn arguments_hold_no_secrets(spec: &Spec, out: &mut Diagnostics) {
    let arguments = spec.certificates.export.iter().flat_map(|export| export.args.iter());
    for argument in arguments.filter(|argument| is_secret_assignment(argument.as_str())) {
        out.push(
            argument
                .mistake("a secret stands in clear text in a file that Git tracks")
                .help(format!("let the image read it from a Secret of your own, and name a file here; {LEAKED}")),
        );
    }
}
