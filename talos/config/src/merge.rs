//! Talos' strategic merge: mappings merge, lists grow, and `$patch: delete` removes.
//!
//! Talos merges typed structures and this merges trees, so the fields that do not follow the general rule stand in tables here.

use std::fmt;

use ichor_yaml::{Map, Node, Value};

use crate::tree::PATCH_KEY;

/// Lists and mappings that a patch replaces, by document kind (empty for the v1alpha1 document) and path.
const REPLACED: &[(&str, &str)] = &[
    ("", "cluster.network.podSubnets"),
    ("", "cluster.network.serviceSubnets"),
    ("", "cluster.apiServer.auditPolicy"),
    ("KubeNetworkConfig", "podSubnets"),
    ("KubeNetworkConfig", "serviceSubnets"),
    ("KubeAuditPolicyConfig", "configuration"),
    ("KubeAuthenticationConfig", "configuration"),
    ("KubeCredentialProviderConfig", "configuration"),
    ("KubeStaticPodConfig", "pod"),
    ("CRIBaseRuntimeSpecConfig", "overrides"),
    ("BGPInstanceConfig", "advertise"),
    ("BGPInstanceConfig", "importRoutes"),
    ("BGPInstanceConfig", "neighbors"),
    ("NetworkRuleConfig", "ingress"),
    ("NetworkRuleConfig", "portSelector.ports"),
];

/// Lists whose items merge with the item that has the same value under one of these keys.
const KEYED: &[(&str, &str, &[&str])] = &[
    ("", "cluster.apiServer.admissionControl", &["name"]),
    ("", "machine.network.interfaces", &["interface", "deviceSelector"]),
    ("", "machine.network.interfaces.vlans", &["vlanId"]),
    ("ExtensionServiceConfig", "configFiles", &["mountPath"]),
];

/// Arguments of a component: a patch replaces what stands under the same name, lists included.
const ARGUMENTS: &str = "extraArgs";

/// A patch that does not fit the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeError {
    /// The kind of the document, `v1alpha1` for the one without.
    pub document: String,
    pub path: String,
    pub message: String,
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { document, path, message } = self;
        if path.is_empty() { write!(f, "{document}: {message}") } else { write!(f, "{document}: `{path}` {message}") }
    }
}

impl std::error::Error for MergeError {}

/// Applies the documents of one patch.
pub(crate) fn merge(configuration: &mut Vec<Node>, patch: &[Node]) -> Result<(), MergeError> {
    for document in patch {
        let id = identity(document);
        let place = configuration.iter().position(|existing| identity(existing) == id);
        let kind = id.kind.unwrap_or_default().to_owned();
        if is_delete(document) {
            match place {
                Some(_) if kind.is_empty() => {
                    let message = "cannot be deleted as a whole: every machine needs it".to_owned();
                    return Err(MergeError { document: "v1alpha1".to_owned(), path: String::new(), message });
                }
                Some(place) => drop(configuration.remove(place)),
                None => {}
            }
            continue;
        }
        match place.and_then(|place| configuration.get_mut(place)) {
            Some(existing) => Merge { kind: &kind, path: Vec::new() }.node(existing, document)?,
            None => configuration.push(without_deletes(document)),
        }
    }
    Ok(())
}

#[derive(PartialEq, Eq)]
struct Identity<'a> {
    kind: Option<&'a str>,
    name: Option<&'a str>,
}

fn identity(document: &Node) -> Identity<'_> {
    let kind = document.get("kind").and_then(Node::as_str);
    let name = kind.and(document.get("name")).and_then(Node::as_str);
    Identity { kind, name }
}

fn is_delete(node: &Node) -> bool {
    node.get(PATCH_KEY).and_then(Node::as_str) == Some("delete")
}

/// What is new brings nothing that could be deleted.
fn without_deletes(node: &Node) -> Node {
    let value = match &node.value {
        Value::Map(map) => {
            let kept = map.entries.iter().filter(|entry| !is_delete(&entry.node));
            Value::Map(kept.fold(Map::new(), |out, entry| out.with(entry.key.as_str(), without_deletes(&entry.node))))
        }
        Value::Seq(items) => Value::Seq(items.iter().filter(|item| !is_delete(item)).map(without_deletes).collect()),
        other => other.clone(),
    };
    Node::new(value)
}

struct Merge<'a> {
    kind: &'a str,
    path: Vec<&'a str>,
}

impl<'a> Merge<'a> {
    fn node(&mut self, left: &mut Node, right: &'a Node) -> Result<(), MergeError> {
        match (&mut left.value, &right.value) {
            // Null says nothing; an empty text or a zero is what Talos takes for "not set".
            (_, Value::Null | Value::Int(0)) => {}
            (_, Value::Str(text)) if text.is_empty() => {}
            (Value::Null, _) => *left = without_deletes(right),
            (_, _) if self.replaces() => *left = without_deletes(right),
            (Value::Map(left), Value::Map(right)) => self.map(left, right)?,
            (Value::Seq(left), Value::Seq(right)) => self.seq(left, right)?,
            (Value::Map(_) | Value::Seq(_), _) | (_, Value::Map(_) | Value::Seq(_)) => {
                return Err(self.error("has another type than in the configuration it patches"));
            }
            (_, _) => *left = right.clone(),
        }
        Ok(())
    }

    fn map(&mut self, left: &mut Map, right: &'a Map) -> Result<(), MergeError> {
        let arguments = self.path.last() == Some(&ARGUMENTS);
        for entry in &right.entries {
            self.path.push(&entry.key);
            if is_delete(&entry.node) {
                if left.remove(&entry.key).is_none() {
                    return Err(self.error("is to be deleted, but is not there"));
                }
            } else {
                match left.get_mut(&entry.key) {
                    Some(existing) if !arguments => self.node(existing, &entry.node)?,
                    _ => left.set(entry.key.as_str(), without_deletes(&entry.node)),
                }
            }
            self.path.pop();
        }
        Ok(())
    }

    fn seq(&mut self, left: &mut Vec<Node>, right: &'a [Node]) -> Result<(), MergeError> {
        let keys = self.keys();
        for item in right {
            if is_delete(item) {
                self.delete_item(left, item)?;
                continue;
            }
            match keys.and_then(|keys| position(left, item, keys)).and_then(|place| left.get_mut(place)) {
                Some(existing) => self.node(existing, item)?,
                None => left.push(without_deletes(item)),
            }
        }
        Ok(())
    }

    /// The first key beside `$patch` tells which item is meant.
    fn delete_item(&self, left: &mut Vec<Node>, item: &Node) -> Result<(), MergeError> {
        let entries = item.as_map().map(|map| map.entries.as_slice()).unwrap_or_default();
        let Some(selector) = entries.iter().find(|entry| entry.key != PATCH_KEY) else {
            return Err(self.error("has an item to delete, but no key that tells which"));
        };
        let Some(place) = left.iter().position(|existing| existing.get(&selector.key) == Some(&selector.node)) else {
            return Err(self.error("has an item to delete that is not there"));
        };
        left.remove(place);
        Ok(())
    }

    fn replaces(&self) -> bool {
        let path = self.path.join(".");
        REPLACED.iter().any(|(kind, replaced)| *kind == self.kind && *replaced == path)
    }

    fn keys(&self) -> Option<&'static [&'static str]> {
        let path = self.path.join(".");
        KEYED.iter().find(|(kind, keyed, _)| *kind == self.kind && *keyed == path).map(|(_, _, keys)| *keys)
    }

    fn error(&self, message: &str) -> MergeError {
        let document = if self.kind.is_empty() { "v1alpha1" } else { self.kind };
        MergeError { document: document.to_owned(), path: self.path.join("."), message: message.to_owned() }
    }
}

fn position(items: &[Node], item: &Node, keys: &[&str]) -> Option<usize> {
    let (key, value) = keys.iter().find_map(|key| item.get(key).map(|value| (key, value)))?;
    items.iter().position(|existing| existing.get(key) == Some(value))
}
