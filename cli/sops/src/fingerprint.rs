//! Whether two plaintexts say the same, before anything is encrypted.

use ichor_yaml::{Map, Node, Value};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind};
use crate::scalar::Scalar;

/// The hash of a plaintext. A comment counts with the key or value that it stands before, on whatever side of
/// the start or end of a list or mapping, for readers of YAML differ in that.
#[derive(PartialEq, Eq)]
pub(crate) struct Fingerprint {
    tree: [u8; 32],
    comments: [u8; 32],
}

impl Fingerprint {
    /// Fails on a value that a SOPS file cannot hold.
    pub(crate) fn of(documents: &[Node]) -> Result<Self, Error> {
        let mut hasher = Hasher { tree: Sha256::new(), comments: Sha256::new(), passed: 0, path: Vec::new() };
        for document in documents {
            hasher.node(document)?;
        }
        Ok(Self { tree: hasher.tree.finalize().into(), comments: hasher.comments.finalize().into() })
    }

    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self { tree: Sha256::digest(bytes).into(), comments: [0; 32] }
    }
}

struct Hasher {
    tree: Sha256,
    comments: Sha256,
    /// Keys and scalars so far.
    passed: usize,
    path: Vec<String>,
}

impl Hasher {
    fn token(&mut self, kind: u8, bytes: &[u8]) {
        self.tree.update([kind]);
        self.tree.update(bytes.len().to_le_bytes());
        self.tree.update(bytes);
    }

    fn comments<'a>(&mut self, comments: impl IntoIterator<Item = &'a String>) {
        for text in comments {
            self.comments.update(self.passed.to_le_bytes());
            self.comments.update(text.len().to_le_bytes());
            self.comments.update(text);
        }
    }

    fn node(&mut self, node: &Node) -> Result<(), Error> {
        self.comments(node.before.iter().chain(&node.right));
        self.value(node)
    }

    fn value(&mut self, node: &Node) -> Result<(), Error> {
        match &node.value {
            Value::Map(map) => self.map(map),
            Value::Seq(items) => {
                self.token(b'[', &items.len().to_le_bytes());
                items.iter().try_for_each(|item| self.node(item))
            }
            leaf => {
                self.passed += 1;
                let scalar = Scalar::of(leaf).map_err(|what| {
                    let message = format!("`{}` is {what}, which `sops` cannot hold", self.path.join("."));
                    Error::new(ErrorKind::Plaintext, message, "write it as a string, in quotes").at(node.span)
                })?;
                match scalar {
                    Some(scalar) => self.token(scalar.kind as u8, &scalar.bytes),
                    None => self.token(b'0', &[]),
                }
                Ok(())
            }
        }
    }

    fn map(&mut self, map: &Map) -> Result<(), Error> {
        self.token(b'{', &map.entries.len().to_le_bytes());
        for entry in &map.entries {
            self.comments(entry.node.before.iter().chain(&entry.node.right));
            self.passed += 1;
            self.token(b'k', entry.key.as_bytes());
            self.path.push(entry.key.clone());
            self.value(&entry.node)?;
            self.path.pop();
        }
        self.comments(&map.tail);
        Ok(())
    }
}
