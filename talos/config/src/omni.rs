//! The cluster as a template for Omni, which keeps the secrets and the base itself.

use std::fmt;

use ichor_yaml::{Layout, Map, Node, Value};

use crate::input::{Cluster, InstallDisk, Machine, Role};
use crate::patch::{Origin, Patch, Scope, disk_expression, patches};
use crate::tree::{maps, push, put, texts};
use crate::version::Form;

/// Fields of the v1alpha1 document that Omni does not let a patch set.
const KEPT_BY_OMNI: &[&[&str]] = &[
    &["machine", "token"],
    &["machine", "ca"],
    &["machine", "acceptedCAs"],
    &["machine", "type"],
    &["machine", "install"],
    &["cluster", "clusterName"],
    &["cluster", "id"],
    &["cluster", "secret"],
    &["cluster", "token"],
    &["cluster", "ca"],
    &["cluster", "acceptedCAs"],
    &["cluster", "serviceAccount"],
    &["cluster", "aescbcEncryptionSecret"],
    &["cluster", "secretboxEncryptionSecret"],
    &["cluster", "controlPlane", "endpoint"],
];

/// Documents that Omni does not let a patch have; the discovery service is switched in the cluster's features.
const DOCUMENTS_KEPT_BY_OMNI: &[&str] = &[
    "UnattendedInstallConfig",
    "DiscoveryIdentityConfig",
    "DiscoveryServiceConfig",
    "KubeClusterConfig",
    "KubeEtcdEncryptionConfig",
    "KubeAPIServerCAConfig",
    "KubeAggregatorCAConfig",
];

/// Why a cluster has no Omni template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OmniError {
    /// Omni knows machines by UUID only.
    NoUuid {
        machine: String,
    },
    NoControlPlane,
}

impl fmt::Display for OmniError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUuid { machine } => {
                write!(f, "the machine {machine} has no UUID, by which Omni knows it; `omnictl get machines` shows it")
            }
            Self::NoControlPlane => write!(f, "the cluster has no control plane, which an Omni template must have"),
        }
    }
}

impl std::error::Error for OmniError {}

/// The template for `omnictl cluster template sync`, secrets left to Omni.
pub fn omni_template(cluster: &Cluster) -> Result<String, OmniError> {
    let patches = patches(cluster);
    let control_planes = uuids(cluster, Role::ControlPlane)?;
    let workers = uuids(cluster, Role::Worker)?;
    if control_planes.is_empty() {
        return Err(OmniError::NoControlPlane);
    }
    let mut documents: Vec<Node> = Vec::new();
    documents.push(cluster_document(cluster, &patches).into());
    documents.push(machine_set("ControlPlane", &control_planes, &patches, Role::ControlPlane).into());
    if !workers.is_empty() {
        documents.push(machine_set("Workers", &workers, &patches, Role::Worker).into());
    }
    for machine in &cluster.nodes {
        let uuid = machine.uuid.as_deref().unwrap_or_default();
        documents.push(machine_document(machine, uuid, &patches).into());
    }
    Ok(ichor_yaml::emit_all(&documents, Layout::Two))
}

fn uuids(cluster: &Cluster, role: Role) -> Result<Vec<&str>, OmniError> {
    let of_role = cluster.nodes.iter().filter(|machine| machine.role == role);
    of_role.map(|machine| machine.uuid.as_deref().ok_or_else(|| OmniError::NoUuid { machine: machine.name.clone() })).collect()
}

fn cluster_document(cluster: &Cluster, patches: &[Patch]) -> Map {
    let mut map = Map::new().with("kind", "Cluster").with("name", cluster.name.as_str());
    put(&mut map, &["kubernetes", "version"], cluster.kubernetes.to_string());
    put(&mut map, &["talos", "version"], cluster.talos.to_string());
    if !cluster.discovery && cluster.talos.form() == Form::Documents {
        put(&mut map, &["features", "disablePublicDiscoveryService"], true);
    }
    with_patches(map, patches, &Scope::All)
}

fn machine_set(kind: &str, uuids: &[&str], patches: &[Patch], role: Role) -> Map {
    with_patches(Map::new().with("kind", kind).with("machines", texts(uuids)), patches, &Scope::Role(role))
}

fn machine_document(machine: &Machine, uuid: &str, patches: &[Patch]) -> Map {
    let mut map = Map::new().with("kind", "Machine").with("name", uuid);
    match &machine.install.disk {
        InstallDisk::Path(path) => put(&mut map, &["install", "disk"], path.as_str()),
        selector @ InstallDisk::Selector(_) => put(&mut map, &["install", "diskSelector"], disk_expression(selector)),
    }
    with_patches(map, patches, &Scope::Machine(machine.name.clone()))
}

/// Each document is an entry of its own: not every release of Omni takes several in one.
fn with_patches(map: Map, patches: &[Patch], scope: &Scope) -> Map {
    let mut entries = Vec::new();
    for patch in patches.iter().filter(|patch| patch.scope == *scope) {
        for document in &patch.documents {
            if let Some(allowed) = allowed(document) {
                let entry = Map::new().with("name", entry_name(patch.origin, &allowed)).with("inline", allowed);
                entries.push(entry);
            }
        }
    }
    if entries.is_empty() { map } else { map.with("patches", maps(entries)) }
}

fn entry_name(origin: Origin, document: &Node) -> String {
    let text = |key| document.get(key).and_then(Node::as_str);
    let kind = text("kind").unwrap_or("machine-config").to_ascii_lowercase();
    let name = text("name").map(|name| format!("-{name}")).unwrap_or_default();
    match origin {
        Origin::Generated => format!("{kind}{name}"),
        Origin::User(number) => format!("extra-{number}-{kind}{name}"),
    }
}

/// The document without what Omni keeps itself; none if nothing is left.
fn allowed(document: &Node) -> Option<Node> {
    if let Some(kind) = document.get("kind") {
        let kept = kind.as_str().is_some_and(|kind| DOCUMENTS_KEPT_BY_OMNI.contains(&kind));
        return (!kept).then(|| document.clone());
    }
    let Value::Map(map) = &document.value else { return None };
    let mut map = map.clone();
    for path in KEPT_BY_OMNI {
        remove(&mut map, path);
    }
    let mut left = Vec::new();
    push(&mut left, map);
    left.pop()
}

/// Removes a field, and the mappings that are empty without it.
fn remove(map: &mut Map, path: &[&str]) {
    let [key, rest @ ..] = path else { return };
    if rest.is_empty() {
        map.remove(key);
        return;
    }
    let Some(inner) = map.get_mut(key).and_then(Node::as_map_mut) else { return };
    let before = inner.entries.len();
    remove(inner, rest);
    if inner.entries.is_empty() && before > 0 {
        map.remove(key);
    }
}
