//! What every object has: its resource, its metadata, and the envelope around its own fields.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use serde_with::skip_serializing_none;

use crate::selector::Labels;

/// A kind of object: its own top-level fields (`spec`, `status` …) and how the API server calls it.
pub trait Kind: Serialize + DeserializeOwned + JsonSchema {
    /// The names, versions and columns of the kind.
    const RESOURCE: Resource;
}

/// What a CRD says about a kind beside its schema.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// The API group.
    pub group: &'static str,
    /// The kind in CamelCase.
    pub kind: &'static str,
    /// The plural in the URL.
    pub plural: &'static str,
    /// What `kubectl get` accepts beside the plural.
    pub short_names: &'static [&'static str],
    /// Groups of kinds that `kubectl get CATEGORY` lists together.
    pub categories: &'static [&'static str],
    /// Whether objects live in a namespace.
    pub scope: Scope,
    /// Whether `status` is a subresource, written apart from `spec`.
    pub status_subresource: bool,
    /// The columns of `kubectl get`.
    pub columns: &'static [Column],
    /// The versions, the stored one first.
    pub versions: &'static [Version],
}

/// Whether objects live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One set of names for the cluster.
    Cluster,
    /// One set of names in each namespace.
    Namespaced,
}

/// A column of `kubectl get`.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The heading.
    pub name: &'static str,
    /// The type by which the value is printed.
    pub kind: &'static str,
    /// Where the value is.
    pub json_path: &'static str,
    /// Zero for always, more for `-o wide` only.
    pub priority: u8,
}

impl Column {
    /// How old the object is, as built-in kinds show it.
    pub const AGE: Self = Self::new("Age", "date", ".metadata.creationTimestamp");

    /// A column that is always shown.
    pub const fn new(name: &'static str, kind: &'static str, json_path: &'static str) -> Self {
        Self { name, kind, json_path, priority: 0 }
    }

    /// The same column, shown by `-o wide` only.
    pub const fn wide(self) -> Self {
        Self { priority: 1, ..self }
    }
}

/// A served version of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    /// Such as `v2alpha1`.
    pub name: &'static str,
    /// Whether the API server warns when it is used.
    pub deprecated: bool,
    /// Turns the schema of the stored version into this version's.
    pub(crate) revise: fn(&mut Value),
}

impl Version {
    /// A current version with the same fields as the types.
    pub const fn current(name: &'static str) -> Self {
        Self { name, deprecated: false, revise: |_| () }
    }

    /// An older version that had other fields.
    pub(crate) const fn old(name: &'static str, revise: fn(&mut Value)) -> Self {
        Self { name, deprecated: true, revise }
    }
}

impl Resource {
    /// `group/version` of the stored version, as objects carry it.
    pub fn api_version(&self) -> String {
        let version = self.versions.first().map_or("", |version| version.name);
        format!("{}/{version}", self.group)
    }

    /// Whether an object's `apiVersion` and `kind` name this kind in any served version.
    pub fn serves(&self, api_version: &str, kind: &str) -> bool {
        let version = api_version.strip_prefix(self.group).and_then(|rest| rest.strip_prefix('/'));
        kind == self.kind && self.versions.iter().any(|served| Some(served.name) == version)
    }
}

/// The part of an object's metadata that a person writes.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The name, unique in its namespace or in the cluster.
    pub name: String,
    /// The namespace of a namespaced object.
    pub namespace: Option<String>,
    /// What selectors match.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// What selectors do not see.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
}

/// A whole object as it stands in a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Envelope<B>", bound(deserialize = "B: Kind"))]
pub struct Object<B> {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    /// Its name, namespace, labels and annotations.
    pub metadata: Metadata,
    /// The kind's own fields.
    #[serde(flatten)]
    pub body: B,
}

impl<B: Kind> Object<B> {
    /// An object in the stored version of its kind.
    pub fn new(name: impl Into<String>, body: B) -> Self {
        let metadata = Metadata { name: name.into(), ..Metadata::default() };
        Self { api_version: B::RESOURCE.api_version(), kind: B::RESOURCE.kind.to_owned(), metadata, body }
    }

    /// The same object in a namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.metadata.namespace = Some(namespace.into());
        self
    }

    /// The same object with one label more.
    #[must_use]
    pub fn with_label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.labels.insert(key.into(), value.into());
        self
    }

    /// The same object with one annotation more.
    #[must_use]
    pub fn with_annotation(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.annotations.insert(key.into(), value.into());
        self
    }

    /// The version that the object was read or made in, with its group.
    pub fn api_version(&self) -> &str {
        &self.api_version
    }
}

#[derive(Deserialize)]
struct Envelope<B> {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    metadata: Metadata,
    #[serde(flatten)]
    body: B,
}

impl<B: Kind> TryFrom<Envelope<B>> for Object<B> {
    type Error = String;

    fn try_from(read: Envelope<B>) -> Result<Self, String> {
        let Envelope { api_version, kind, metadata, body } = read;
        let resource = B::RESOURCE;
        if !resource.serves(&api_version, &kind) {
            let versions: Vec<_> = resource.versions.iter().map(|version| format!("{}/{}", resource.group, version.name)).collect();
            return Err(format!("{kind} of {api_version} is not a {} ({})", resource.kind, versions.join(" or ")));
        }
        Ok(Self { api_version, kind, metadata, body })
    }
}
