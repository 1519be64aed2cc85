//! Reading a bundle back: from our own file, or one that `talosctl gen secrets` wrote.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ichor_yaml::{Node, Span};

use super::{AtRestKey, Authority, SecretsBundle};
use crate::secret::Secret;

const CERTIFICATE: &str = "CERTIFICATE";
const KEY_LABELS: [&str; 4] = ["RSA PRIVATE KEY", "EC PRIVATE KEY", "ED25519 PRIVATE KEY", "PRIVATE KEY"];

/// What is wrong with a bundle, and where; it never shows a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleError {
    /// Line and column, counted from one.
    pub position: (usize, usize),
    pub message: String,
}

impl BundleError {
    fn at(span: Span, message: impl Into<String>) -> Self {
        Self { position: (span.start.line, span.start.column), message: message.into() }
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.position;
        write!(f, "{line}:{column}: {}", self.message)
    }
}

impl std::error::Error for BundleError {}

impl SecretsBundle {
    /// Reads the format of `talosctl gen secrets`.
    pub fn parse(text: &str) -> Result<Self, BundleError> {
        let root = ichor_yaml::parse_one(text).map_err(|error| BundleError::at(error.span, error.message))?;
        Ok(Self {
            cluster_id: secret(&root, "cluster", "id")?,
            cluster_secret: secret(&root, "cluster", "secret")?,
            bootstrap_token: token(&root, "secrets", "bootstraptoken")?,
            at_rest: at_rest(&root)?,
            trustd_token: token(&root, "trustdinfo", "token")?,
            etcd: authority(&root, "etcd")?,
            kubernetes: authority(&root, "k8s")?,
            aggregator: authority(&root, "k8saggregator")?,
            os: authority(&root, "os")?,
            service_account: Secret::new(pem(&root, "k8sserviceaccount", "key", &KEY_LABELS)?),
        })
    }
}

fn at_rest(root: &Node) -> Result<AtRestKey, BundleError> {
    let has = |key| root.at(&["secrets", key]).is_some_and(|node| !node.is_null());
    match (has("secretboxencryptionsecret"), has("aescbcencryptionsecret")) {
        (true, false) => Ok(AtRestKey::Secretbox(secret(root, "secrets", "secretboxencryptionsecret")?)),
        (false, true) => Ok(AtRestKey::AesCbc(secret(root, "secrets", "aescbcencryptionsecret")?)),
        (true, true) => {
            Err(BundleError::at(place(root, &["secrets"]), "`secrets` has two keys for encryption at rest; keep the one the cluster uses"))
        }
        (false, false) => Err(BundleError::at(
            place(root, &["secrets"]),
            "`secrets.secretboxencryptionsecret` is missing; is this file a secrets bundle?",
        )),
    }
}

fn secret(root: &Node, section: &str, key: &str) -> Result<Secret, BundleError> {
    text(root, &[section, key]).map(Secret::new)
}

fn token(root: &Node, section: &str, key: &str) -> Result<Secret, BundleError> {
    let value = text(root, &[section, key])?;
    let (id, rest) = value.split_once('.').unwrap_or_default();
    let fits = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if fits(id, 6) && fits(rest, 16) {
        return Ok(Secret::new(value));
    }
    let message = format!("`{section}.{key}` is not a token: six characters, a dot, sixteen characters, all of a-z and 0-9");
    Err(BundleError::at(place(root, &[section, key]), message))
}

fn authority(root: &Node, name: &str) -> Result<Authority, BundleError> {
    let certificate = pem(root, name, "crt", &[CERTIFICATE])?;
    Ok(Authority { certificate, key: Secret::new(pem(root, name, "key", &KEY_LABELS)?) })
}

fn pem(root: &Node, name: &str, part: &str, labels: &[&str]) -> Result<String, BundleError> {
    let path = ["certs", name, part];
    let wrong = |what: &str| BundleError::at(place(root, &path), format!("`certs.{name}.{part}` {what}"));
    let bytes = STANDARD.decode(text(root, &path)?).map_err(|_| wrong("is not base64"))?;
    let pem = String::from_utf8(bytes).map_err(|_| wrong("is not PEM inside its base64"))?;
    let has = |label: &&str| pem.starts_with(&format!("-----BEGIN {label}-----\n")) && pem.contains(&format!("\n-----END {label}-----"));
    if labels.iter().any(has) { Ok(pem) } else { Err(wrong(&format!("is not PEM of the type {}", labels.join(" or ")))) }
}

fn text<'a>(root: &'a Node, path: &[&str]) -> Result<&'a str, BundleError> {
    let name = path.join(".");
    let Some(node) = root.at(path) else {
        return Err(BundleError::at(place(root, path), format!("`{name}` is missing; is this file a secrets bundle?")));
    };
    match node.as_str() {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(BundleError::at(node.span, format!("`{name}` is not a text"))),
    }
}

/// Where the path leads, or the deepest place on it that exists.
fn place(root: &Node, path: &[&str]) -> Span {
    let mut node = root;
    for key in path {
        match node.get(key) {
            Some(next) => node = next,
            None => break,
        }
    }
    node.span
}
