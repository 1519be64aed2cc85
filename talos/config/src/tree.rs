//! Short ways to build documents.

use ichor_yaml::{Map, Node, Value};

/// The key of a strategic-merge patch that removes what it stands in.
pub(crate) const PATCH_KEY: &str = "$patch";

/// A document that has a kind.
pub(crate) fn document(kind: &str) -> Map {
    Map::new().with("apiVersion", "v1alpha1").with("kind", kind)
}

/// A document of which there may be several, told apart by their names.
pub(crate) fn named(kind: &str, name: &str) -> Map {
    document(kind).with("name", name)
}

/// `$patch: delete`.
pub(crate) fn delete() -> Map {
    Map::new().with(PATCH_KEY, "delete")
}

/// A list of texts.
pub(crate) fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Value {
    Value::Seq(items.into_iter().map(|item| Node::new(item.to_string())).collect())
}

/// A list of mappings.
pub(crate) fn maps(items: impl IntoIterator<Item = Map>) -> Value {
    Value::Seq(items.into_iter().map(Node::from).collect())
}

/// Sets a value deep inside, making the mappings on the way.
pub(crate) fn put(root: &mut Map, path: &[&str], value: impl Into<Node>) {
    match path {
        [] => {}
        [key] => root.set(*key, value),
        [key, rest @ ..] => {
            if root.get(key).and_then(Node::as_map).is_none() {
                root.set(*key, Map::new());
            }
            if let Some(inner) = root.get_mut(key).and_then(Node::as_map_mut) {
                put(inner, rest, value);
            }
        }
    }
}

/// Appends the document if it says anything.
pub(crate) fn push(documents: &mut Vec<Node>, map: Map) {
    if !map.entries.is_empty() {
        documents.push(map.into());
    }
}
