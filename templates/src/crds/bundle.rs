//! A release of the Gateway API in ichor's own order and spelling.
//!
//! A release comes as one file, as many, or out of a Go module, with comments, statuses and keys in any order. All of
//! them have the same canonical text: one YAML document for each object with sorted keys, sorted by kind and name. The
//! lock names the SHA-256 of that text, and the text is what a cache keeps, so that a render need not parse it again.

use std::fmt;

use ichor_yaml::{Layout, Map, Node, Value};
use sha2::{Digest, Sha256};

/// The kinds of a release. An admission policy forbids to go back to an older release, until it is removed.
const KINDS: [(&str, &str); 3] =
    [("CustomResourceDefinition", ""), ("ValidatingAdmissionPolicy", "policy-"), ("ValidatingAdmissionPolicyBinding", "policy-binding-")];
const SEPARATOR: &str = "---\n";

/// A release of the Gateway API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayApiBundle {
    text: String,
    /// A file name for each document, in their order.
    names: Vec<String>,
}

/// Why something is not a release of the Gateway API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// A file is not YAML; its place in the list, counted from one.
    NotYaml { file: usize, reason: String },
    /// An object that has no place in a release.
    Stranger { kind: String, name: String },
    /// The same object twice.
    Twice { kind: String, name: String },
    /// Nothing at all.
    Empty,
    /// The text is not the one that the lock names.
    Mismatch { expected: String, found: String },
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYaml { file, reason } => write!(f, "file {file} of the Gateway API's release is not YAML: {reason}"),
            Self::Stranger { kind, name } => {
                write!(
                    f,
                    "`{kind}/{name}` does not belong to the Gateway API's standard channel; give the files of config/crd/standard or standard-install.yaml"
                )
            }
            Self::Twice { kind, name } => write!(f, "`{kind}/{name}` is there twice; give either the one file of the release or its many"),
            Self::Empty => write!(f, "there is no object of the Gateway API in the given files"),
            Self::Mismatch { expected, found } => write!(
                f,
                "this is not the release that was tested: its objects have the SHA-256 {found}, and the lock names {expected}; fetch the version that `versions.gateway_api` names"
            ),
        }
    }
}

impl std::error::Error for BundleError {}

impl GatewayApiBundle {
    /// Reads a release in any packaging and holds it against the hash that the lock names for it.
    pub fn from_release<'a>(files: impl IntoIterator<Item = &'a str>, sha256: &str) -> Result<Self, BundleError> {
        let bundle = Self::canonicalise(files)?;
        let found = bundle.sha256();
        if found == sha256 { Ok(bundle) } else { Err(BundleError::Mismatch { expected: sha256.to_owned(), found }) }
    }

    /// Takes back what [`Self::text`] gave, if it is still what the lock names.
    pub fn from_text(text: String, sha256: &str) -> Result<Self, BundleError> {
        let found = hash(&text);
        if found != sha256 {
            return Err(BundleError::Mismatch { expected: sha256.to_owned(), found });
        }
        let names = documents(&text).filter_map(|document| file_name(&field(document, "kind: ")?, &field(document, "  name: ")?)).collect();
        Ok(Self { text, names })
    }

    /// The canonical text of a release that no lock vouches for.
    pub fn canonicalise<'a>(files: impl IntoIterator<Item = &'a str>) -> Result<Self, BundleError> {
        let mut objects = Vec::new();
        for (index, file) in files.into_iter().enumerate() {
            let documents = ichor_yaml::parse(file).map_err(|error| BundleError::NotYaml { file: index + 1, reason: error.to_string() })?;
            objects.extend(documents.into_iter().map(|document| document.root).filter(|root| !root.is_null()));
        }
        let mut named = objects.into_iter().map(identify).collect::<Result<Vec<_>, _>>()?;
        named.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
        if let Some([first, _]) = named.array_windows().find(|[a, b]| (a.order, &a.name) == (b.order, &b.name)) {
            return Err(BundleError::Twice { kind: first.kind.to_owned(), name: first.name.clone() });
        }
        if named.is_empty() {
            return Err(BundleError::Empty);
        }
        let text = named.iter().map(|object| format!("{SEPARATOR}{}", ichor_yaml::emit(&object.node, Layout::Two))).collect();
        let names = named.iter().filter_map(|object| file_name(object.kind, &object.name)).collect();
        Ok(Self { text, names })
    }

    /// The canonical text, for a cache.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The SHA-256 of the canonical text, in hexadecimal.
    pub fn sha256(&self) -> String {
        hash(&self.text)
    }

    /// Each object's file name and text.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().map(String::as_str).zip(documents(&self.text))
    }
}

/// An object of a release, with its keys sorted.
struct Object {
    order: usize,
    kind: &'static str,
    name: String,
    node: Node,
}

fn identify(mut node: Node) -> Result<Object, BundleError> {
    let text = |path: &[&str]| node.at(path).and_then(Node::as_str).unwrap_or_default().to_owned();
    let (kind, name, group) = (text(&["kind"]), text(&["metadata", "name"]), text(&["spec", "group"]));
    let known = KINDS.iter().position(|(known, _)| *known == kind);
    let Some((order, (kind, _))) = known.and_then(|order| Some((order, *KINDS.get(order)?))) else {
        return Err(BundleError::Stranger { kind, name });
    };
    if name.is_empty() || (order == 0 && group != "gateway.networking.k8s.io") {
        return Err(BundleError::Stranger { kind: kind.to_owned(), name });
    }
    if let Some(object) = node.as_map_mut() {
        object.remove("status");
        if let Some(metadata) = object.get_mut("metadata").and_then(Node::as_map_mut) {
            metadata.remove("creationTimestamp");
        }
    }
    Ok(Object { order, kind, name, node: sorted(node) })
}

/// The same value with sorted keys and without comments.
fn sorted(node: Node) -> Node {
    Node::new(match node.value {
        Value::Map(map) => {
            let mut entries = map.entries;
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            Value::Map(entries.into_iter().fold(Map::new(), |map, entry| map.with(entry.key, sorted(entry.node))))
        }
        Value::Seq(items) => Value::Seq(items.into_iter().map(sorted).collect()),
        value => value,
    })
}

/// `gateways.gateway.networking.k8s.io` is the CRD of `gateways`; a policy's name says what it is for.
fn file_name(kind: &str, name: &str) -> Option<String> {
    let (_, prefix) = KINDS.iter().find(|(known, _)| *known == kind)?;
    Some(format!("{prefix}{}.yaml", name.split('.').next().unwrap_or(name)))
}

/// The documents of a canonical text. A line of three dashes cannot be part of a value, for values are indented.
fn documents(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.strip_prefix(SEPARATOR);
    std::iter::from_fn(move || {
        let all = rest?;
        let (document, next) = match all.find("\n---\n") {
            Some(end) => (all.get(..=end)?, all.get(end + 1 + SEPARATOR.len()..)),
            None => (all, None),
        };
        rest = next;
        Some(document)
    })
}

/// The value of the first line that starts with `key`; sorted keys make that the outermost one.
fn field(document: &str, key: &str) -> Option<String> {
    document.lines().find_map(|line| line.strip_prefix(key)).map(ToOwned::to_owned)
}

fn hash(text: &str) -> String {
    use fmt::Write as _;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
