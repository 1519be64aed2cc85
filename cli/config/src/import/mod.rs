//! The files of cluster-template, in both their forms, to a `cluster.yaml`.
//!
//! Passwords and tokens are never copied: the report names each one and where it belongs.

mod convert;
mod fields;
mod machines;
mod old;

use ichor_yaml::{Layout, Map, Node};

pub use old::ImportError;
use old::Old;

/// The old files, as text.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// `cluster.yaml` and `nodes.yaml`.
    Yaml { cluster: &'a str, nodes: &'a str },
    /// `cluster.toml`.
    Toml { cluster: &'a str },
}

/// Passwords and tokens stand in the old files.
impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Yaml { .. } => "Yaml(…)",
            Self::Toml { .. } => "Toml(…)",
        })
    }
}

/// What the old files do not say.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// The cluster's name.
    pub name: String,
    /// The age public keys of `.sops.yaml` or `age.key`.
    pub recipients: Vec<String>,
    /// The `TunnelID` of `cloudflare-tunnel.json`.
    pub tunnel_id: Option<String>,
}

/// A converted cluster.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The new `cluster.yaml`.
    pub text: String,
    /// One row for each field of the old files, in their order.
    pub rows: Vec<Row>,
    /// What the old templates took for granted and the new file says.
    pub assumed: Vec<Assumed>,
}

/// What became of one old field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The old file and the line in it.
    pub file: &'static str,
    pub line: usize,
    /// The field's old name.
    pub field: String,
    pub fate: Fate,
}

/// What can become of an old field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It went to this new path, with a word about it if it is not the same thing.
    Mapped { to: String, note: Option<String> },
    /// It is a secret, which belongs under this name among the encrypted ones.
    Secret { name: String },
    /// It has no place in the new file.
    LeftOut { why: String },
}

/// A value that only the old templates knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumed {
    pub to: String,
    pub why: String,
}

/// Converts.
pub fn convert(source: Source<'_>, around: &Around) -> Result<Imported, ImportError> {
    let old = Old::read(source)?;
    let mut draft = Draft { old, root: Map::new(), rows: Vec::new(), assumed: Vec::new() };
    convert::cluster(&mut draft, around);
    draft.leave_out_the_rest();
    draft.rows.sort_by(|a, b| (a.file, a.line, &a.field).cmp(&(b.file, b.line, &b.field)));
    Ok(Imported { text: ichor_yaml::emit(&draft.root.into(), Layout::Two), rows: draft.rows, assumed: draft.assumed })
}

/// The new file as it grows, and what is left of the old ones.
struct Draft {
    old: Old,
    root: Map,
    rows: Vec<Row>,
    assumed: Vec<Assumed>,
}

impl Draft {
    /// Writes a value at a dotted path.
    fn put(&mut self, path: &str, value: impl Into<Node>) {
        let mut map = &mut self.root;
        let mut keys: Vec<_> = path.split('.').collect();
        let Some(last) = keys.pop() else { return };
        for key in keys {
            if map.get(key).is_none() {
                map.set(key, Map::new());
            }
            match map.get_mut(key).and_then(Node::as_map_mut) {
                Some(inner) => map = inner,
                None => return,
            }
        }
        map.set(last, value);
    }

    /// Notes that the new file says what the old templates took for granted.
    fn assume(&mut self, path: &str, value: impl Into<Node>, why: &str) {
        self.put(path, value);
        self.assumed.push(Assumed { to: path.to_owned(), why: why.to_owned() });
    }

    /// Moves an old field to a new path; `false` if the old files do not say it.
    fn map(&mut self, field: &str, to: &str, value: impl FnOnce(&Node) -> Node) -> bool {
        self.map_with_note(field, to, None, value)
    }

    fn map_with_note(&mut self, field: &str, to: &str, note: Option<&str>, value: impl FnOnce(&Node) -> Node) -> bool {
        let Some(node) = self.old.peek(field).map(value) else { return false };
        self.put(to, node);
        self.tell(field, Fate::Mapped { to: to.to_owned(), note: note.map(str::to_owned) });
        true
    }

    /// Tells what became of an old field, which is then settled.
    fn tell(&mut self, field: &str, fate: Fate) {
        if let Some(old) = self.old.take(field) {
            self.rows.push(Row { file: old.file, line: old.line, field: old.name, fate });
        }
    }

    fn leave_out(&mut self, field: &str, why: &str) {
        self.tell(field, Fate::LeftOut { why: why.to_owned() });
    }

    fn leave_out_the_rest(&mut self) {
        let unknown = "ichor does not know this field; if a template of yours reads it, keep it in that template's repository";
        for old in self.old.rest() {
            let why = if old.is_empty() { "it is empty" } else { unknown };
            self.rows.push(Row { file: old.file, line: old.line, field: old.name, fate: Fate::LeftOut { why: why.to_owned() } });
        }
    }
}

#[cfg(test)]
mod tests;
