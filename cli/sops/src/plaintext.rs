//! Decrypted documents that do not show themselves and do not stay in memory.

use std::fmt;

use ichor_yaml::{Node, Value};
use zeroize::Zeroize;

use crate::scalar::wipe;

/// The documents of a decrypted file; wiped when dropped, silent in `Debug`.
pub struct Plaintext(Vec<Node>);

impl Plaintext {
    pub(crate) fn new(documents: Vec<Node>) -> Self {
        Self(documents)
    }

    /// All documents, each a mapping.
    pub fn documents(&self) -> &[Node] {
        &self.0
    }

    /// The only document of the usual file.
    pub fn first(&self) -> Option<&Node> {
        self.0.first()
    }

    /// Hands the tree over, and with it the care for its secrets.
    pub fn into_documents(mut self) -> Vec<Node> {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn documents_mut(&mut self) -> &mut [Node] {
        &mut self.0
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plaintext({} documents, redacted)", self.0.len())
    }
}

impl Drop for Plaintext {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(wipe_node);
    }
}

fn wipe_node(node: &mut Node) {
    node.before.iter_mut().chain(&mut node.right).for_each(Zeroize::zeroize);
    match &mut node.value {
        Value::Seq(items) => items.iter_mut().for_each(wipe_node),
        Value::Map(map) => {
            map.tail.iter_mut().for_each(Zeroize::zeroize);
            map.entries.iter_mut().for_each(|entry| wipe_node(&mut entry.node));
        }
        leaf => wipe(leaf),
    }
}
