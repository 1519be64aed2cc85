//! The order in which `sops` meets values and comments, which the MAC and the paths depend on.

use ichor_yaml::{Map, Node, Value};

use crate::error::Error;
use crate::rules::Rules;

/// The keys from the root to a value; places in a list do not count.
pub(crate) struct Path<'a> {
    rules: &'a Rules,
    keys: Vec<String>,
    /// For each key, whether the rule names it or one above it.
    named: Vec<bool>,
}

impl<'a> Path<'a> {
    pub(crate) fn root(rules: &'a Rules) -> Self {
        Self { rules, keys: Vec::new(), named: Vec::new() }
    }

    pub(crate) fn push(&mut self, key: &str) {
        self.named.push(self.is_named() || self.rules.names(key));
        self.keys.push(key.to_owned());
    }

    fn pop(&mut self) {
        self.named.pop();
        self.keys.pop();
    }

    fn is_named(&self) -> bool {
        self.named.last().copied().unwrap_or_default()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.rules.encrypts(self.is_named())
    }

    /// Whether the MAC covers a value here.
    pub(crate) fn is_covered(&self) -> bool {
        !self.rules.is_mac_only_encrypted() || self.is_encrypted()
    }

    pub(crate) fn keys(&self) -> &[String] {
        &self.keys
    }

    pub(crate) fn aad(&self) -> String {
        aad(&self.keys)
    }

    /// For a person: `data.password`.
    pub(crate) fn name(&self) -> String {
        self.keys.join(".")
    }
}

/// The associated data that binds a value to the keys above it.
pub(crate) fn aad(keys: &[String]) -> String {
    keys.join(":") + ":"
}

/// What is done to each value and each comment.
pub(crate) trait Visit {
    /// Scalars only; lists, mappings and nulls are not shown.
    fn value(&mut self, path: &Path<'_>, node: &mut Node) -> Result<(), Error>;

    fn comment(&mut self, path: &Path<'_>, text: &mut String) -> Result<(), Error>;

    /// `sops` writes an encrypted comment of a list as an item of that list.
    fn is_comment_item(&self, _path: &Path<'_>, _item: &Node) -> bool {
        false
    }
}

/// Visits a document in order.
pub(crate) fn walk(root: &mut Node, rules: &Rules, visit: &mut impl Visit) -> Result<(), Error> {
    let mut path = Path::root(rules);
    comments(root, &path, visit)?;
    match &mut root.value {
        Value::Map(entries) => map(entries, &mut path, visit),
        _ => Ok(()),
    }
}

fn comments(node: &mut Node, path: &Path<'_>, visit: &mut impl Visit) -> Result<(), Error> {
    node.before.iter_mut().chain(&mut node.right).try_for_each(|text| visit.comment(path, text))
}

fn map(map: &mut Map, path: &mut Path<'_>, visit: &mut impl Visit) -> Result<(), Error> {
    let mut carried = Vec::new();
    for entry in &mut map.entries {
        entry.node.before.splice(0..0, carried.drain(..));
        comments(&mut entry.node, path, visit)?;
        path.push(&entry.key);
        carried = value(&mut entry.node, path, visit)?;
        path.pop();
    }
    map.tail.splice(0..0, carried);
    map.tail.iter_mut().try_for_each(|text| visit.comment(path, text))
}

/// Returns the comments that were items at the end of a list: the tree can hold them only above what comes next.
fn value(node: &mut Node, path: &mut Path<'_>, visit: &mut impl Visit) -> Result<Vec<String>, Error> {
    match &mut node.value {
        Value::Null => Ok(Vec::new()),
        Value::Map(entries) => map(entries, path, visit).map(|()| Vec::new()),
        Value::Seq(items) => seq(items, path, visit),
        _ => visit.value(path, node).map(|()| Vec::new()),
    }
}

fn seq(items: &mut Vec<Node>, path: &mut Path<'_>, visit: &mut impl Visit) -> Result<Vec<String>, Error> {
    let mut carried: Vec<String> = Vec::new();
    let mut kept = Vec::with_capacity(items.len());
    for mut item in std::mem::take(items) {
        if visit.is_comment_item(path, &item) {
            carried.append(&mut item.before);
            carried.extend(item.as_str().map(str::to_owned));
            continue;
        }
        item.before.splice(0..0, carried.drain(..));
        comments(&mut item, path, visit)?;
        carried = value(&mut item, path, visit)?;
        kept.push(item);
    }
    *items = kept;
    Ok(carried)
}
