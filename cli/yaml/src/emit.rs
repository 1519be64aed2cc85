//! The one emitter: block style, no folding, the same bytes for the same tree.

use std::fmt::Write as _;

use crate::node::{Map, Node, Value};
use crate::scalar::{is_plain_safe, is_printable};

/// How wide a level is; sequences are indented under their key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Two spaces, as Kubernetes' own manifests are written.
    Two,
    /// Four spaces, as `sops` writes.
    Four,
}

impl Layout {
    fn width(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four => 4,
        }
    }
}

/// One document, with a newline at its end.
pub fn emit(node: &Node, layout: Layout) -> String {
    let mut out = Emitter { out: String::new(), width: layout.width() };
    out.document(node);
    out.out
}

/// Several documents, separated by `---`.
pub fn emit_all<'a>(nodes: impl IntoIterator<Item = &'a Node>, layout: Layout) -> String {
    let mut text = String::new();
    for node in nodes {
        text.push_str("---\n");
        text.push_str(&emit(node, layout));
    }
    text
}

struct Emitter {
    out: String,
    width: usize,
}

impl Emitter {
    fn document(&mut self, node: &Node) {
        self.above(node, 0);
        match &node.value {
            Value::Map(map) if !map.entries.is_empty() => self.map(map, 0),
            Value::Seq(items) if !items.is_empty() => self.seq(items, 0),
            _ => {
                self.leaf(node, self.width);
                self.line_end(node);
            }
        }
        if let Value::Map(map) = &node.value {
            self.comments(&map.tail, 0);
        }
    }

    fn map(&mut self, map: &Map, indent: usize) {
        for (index, entry) in map.entries.iter().enumerate() {
            self.above(&entry.node, indent);
            // The first key of a mapping inside a sequence stands on the line of its dash.
            if index > 0 || self.out.ends_with('\n') || self.out.is_empty() {
                self.pad(indent);
            }
            self.string(&entry.key, indent, true);
            self.out.push(':');
            self.value(&entry.node, self.inner(indent));
        }
    }

    fn value(&mut self, node: &Node, inner: usize) {
        match &node.value {
            Value::Map(map) if !map.entries.is_empty() => {
                self.line_end(node);
                self.map(map, inner);
                self.comments(&map.tail, inner);
            }
            Value::Seq(items) if !items.is_empty() => {
                self.line_end(node);
                self.seq(items, inner);
            }
            _ => {
                self.out.push(' ');
                self.leaf(node, inner);
                self.line_end(node);
            }
        }
    }

    fn seq(&mut self, items: &[Node], indent: usize) {
        for item in items {
            self.above(item, indent);
            self.pad(indent);
            self.out.push('-');
            match &item.value {
                Value::Map(map) if !map.entries.is_empty() => {
                    // A comment above the first key cannot stand between dash and key: give the dash its own line.
                    if map.entries.first().is_some_and(|entry| above(&entry.node).next().is_some()) {
                        self.out.push('\n');
                    } else {
                        self.out.push(' ');
                    }
                    self.map(map, indent + 2);
                    self.comments(&map.tail, indent + 2);
                }
                Value::Seq(inner) if !inner.is_empty() => {
                    self.out.push('\n');
                    self.seq(inner, indent + self.width);
                }
                _ => {
                    self.out.push(' ');
                    self.leaf(item, indent + 2);
                    self.line_end(item);
                }
            }
        }
    }

    /// Levels stand on multiples of the width, also below a mapping that a dash has pushed off them.
    fn inner(&self, indent: usize) -> usize {
        indent - indent % self.width + self.width
    }

    /// `inner` is where the lines of a literal block stand.
    fn leaf(&mut self, node: &Node, inner: usize) {
        match &node.value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Int(value) => {
                let _ = write!(self.out, "{value}");
            }
            Value::Float(text) => self.out.push_str(text),
            Value::Str(text) => self.string(text, inner, false),
            Value::Seq(_) => self.out.push_str("[]"),
            Value::Map(_) => self.out.push_str("{}"),
        }
    }

    fn string(&mut self, text: &str, inner: usize, key: bool) {
        if !key && is_block_safe(text) {
            self.block(text, inner);
        } else if is_plain_safe(text) {
            self.out.push_str(text);
        } else {
            self.quoted(text);
        }
    }

    fn block(&mut self, text: &str, indent: usize) {
        let body = text.trim_end_matches('\n');
        let newlines = text.len() - body.len();
        self.out.push_str(match newlines {
            0 => "|-",
            1 => "|",
            _ => "|+",
        });
        for line in body.split('\n') {
            self.out.push('\n');
            if !line.is_empty() {
                self.pad(indent);
                self.out.push_str(line);
            }
        }
        for _ in 1..newlines {
            self.out.push('\n');
        }
    }

    fn quoted(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                c if is_printable(c) => self.out.push(c),
                c if u32::from(c) <= 0xffff => {
                    let _ = write!(self.out, "\\u{:04x}", u32::from(c));
                }
                c => {
                    let _ = write!(self.out, "\\U{:08x}", u32::from(c));
                }
            }
        }
        self.out.push('"');
    }

    fn line_end(&mut self, node: &Node) {
        if let Some(comment) = &node.right
            && !is_block(&node.value)
        {
            let _ = write!(self.out, " #{comment}");
        }
        self.out.push('\n');
    }

    fn above(&mut self, node: &Node, indent: usize) {
        self.comments(above(node), indent);
    }

    fn comments<'a>(&mut self, comments: impl IntoIterator<Item = &'a String>, indent: usize) {
        for comment in comments {
            self.pad(indent);
            self.out.push('#');
            self.out.push_str(comment);
            self.out.push('\n');
        }
    }

    fn pad(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }
}

/// Beside the last line of a literal block a comment would be text: it goes above.
fn above(node: &Node) -> impl Iterator<Item = &String> {
    node.before.iter().chain(node.right.iter().filter(|_| is_block(&node.value)))
}

fn is_block(value: &Value) -> bool {
    matches!(value, Value::Str(text) if is_block_safe(text))
}

/// A literal block keeps a text readable, but only some texts survive it.
fn is_block_safe(text: &str) -> bool {
    let body = text.trim_end_matches('\n');
    // A first line that is blank or starts with white space would need an indentation indicator.
    !body.is_empty()
        && text.contains('\n')
        && !body.starts_with([' ', '\t', '\n'])
        && text.split('\n').all(|line| !line.ends_with([' ', '\t']) && !line.starts_with('\t') && line.chars().all(is_printable))
}
