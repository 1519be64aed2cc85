//! Fields: one trait decodes a value, describes it, and gives its JSON Schema, so that the three cannot differ.

mod address;
mod choice;
pub mod kinds;
mod number;
mod section;
mod text;
mod version;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

use ichor_yaml::{Node, Span, Value};
use serde_json::{Value as Json, json};

pub use address::{Address, Cidr, Mac};
pub use choice::Choice;
pub(crate) use choice::{choice, decode as decode_choice};
pub use number::Int;
pub use section::{Documented, FieldDoc, Section, SectionDoc};
pub(crate) use section::{decode as decode_section, field as read_field, schema as section_schema, section};
pub use text::*;

use crate::diagnostic::{Diagnostic, Diagnostics, Path};

/// A value that can stand in `cluster.yaml`.
pub trait Field: Sized {
    /// Reads the value; mistakes go to `out`, and `None` means that there was at least one.
    fn decode(node: &Node, path: &Path, out: &mut Diagnostics) -> Option<Self>;

    /// What a person may write here, in a few words.
    fn describe() -> String;

    fn schema() -> Json;

    /// What takes the place of a required value after a mistake, so that the rest is still read.
    fn stand_in() -> Option<Self> {
        None
    }

    /// The words that may stand here, each with its sentence, if there are only a few.
    fn words() -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }

    /// The sections that this field leads to, for the reference page.
    fn sections(_out: &mut Vec<SectionDoc>) {}
}

/// A value together with its place, so that a later check can point at it.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
    /// Not called `path`, for sections have keys of that name.
    pub at: Path,
    /// Whether the user wrote it, or it is the default.
    pub written: bool,
}

impl<T> Spanned<T> {
    /// A mistake in this very value.
    pub fn mistake(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(&self.at, self.span, message)
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// Lists keep a place for each item.
impl<T: Field> Field for Vec<Spanned<T>> {
    fn decode(node: &Node, path: &Path, out: &mut Diagnostics) -> Option<Self> {
        let Some(items) = node.as_seq() else {
            out.push(wrong_type(node, path, "a list").help("start each item with `- ` on its own line"));
            return None;
        };
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = path.index(index);
            match T::decode(item, &path, out) {
                Some(value) => list.push(Spanned { value, span: item.span, at: path, written: true }),
                None => out.doubt(&path),
            }
        }
        Some(list)
    }

    fn describe() -> String {
        format!("list of {}", T::describe())
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema() })
    }

    fn stand_in() -> Option<Self> {
        Some(Self::new())
    }

    fn words() -> Vec<(&'static str, &'static str)> {
        T::words()
    }

    fn sections(out: &mut Vec<SectionDoc>) {
        T::sections(out);
    }
}

/// A field that may be absent or `null`.
impl<T: Field> Field for Option<T> {
    fn decode(node: &Node, path: &Path, out: &mut Diagnostics) -> Option<Self> {
        if node.is_null() { Some(None) } else { T::decode(node, path, out).map(Some) }
    }

    fn describe() -> String {
        T::describe()
    }

    fn schema() -> Json {
        json!({ "anyOf": [T::schema(), { "type": "null" }] })
    }

    fn words() -> Vec<(&'static str, &'static str)> {
        T::words()
    }

    fn sections(out: &mut Vec<SectionDoc>) {
        T::sections(out);
    }
}

impl<K: Field + Ord, T: Field> Field for BTreeMap<K, Spanned<T>> {
    fn decode(node: &Node, path: &Path, out: &mut Diagnostics) -> Option<Self> {
        let Some(map) = node.as_map() else {
            out.push(wrong_type(node, path, "a mapping of names to values").help("write `name: value`, each on its own line"));
            return None;
        };
        let mut entries = BTreeMap::new();
        for entry in &map.entries {
            let path = path.key(&entry.key);
            let key_node = Node { span: entry.key_span, ..Node::from(entry.key.as_str()) };
            let key = K::decode(&key_node, &path, out);
            let value = T::decode(&entry.node, &path, out);
            match (key, value) {
                (Some(key), Some(value)) => drop(entries.insert(key, Spanned { value, span: entry.node.span, at: path, written: true })),
                _ => out.doubt(&path),
            }
        }
        Some(entries)
    }

    fn describe() -> String {
        format!("mapping of {} to {}", K::describe(), T::describe())
    }

    fn schema() -> Json {
        json!({ "type": "object", "propertyNames": K::schema(), "additionalProperties": T::schema() })
    }

    fn sections(out: &mut Vec<SectionDoc>) {
        T::sections(out);
    }
}

impl Field for bool {
    fn decode(node: &Node, path: &Path, out: &mut Diagnostics) -> Option<Self> {
        if let Some(value) = node.as_bool() {
            return Some(value);
        }
        let mut diagnostic = wrong_type(node, path, "`true` or `false`").help("write `true` or `false`, without quotes");
        if let Some(text) = node.as_str() {
            diagnostic = match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" | "true" => diagnostic.help("write `true`, without quotes"),
                "no" | "off" | "n" | "false" => diagnostic.help("write `false`, without quotes"),
                _ => diagnostic,
            };
        }
        out.push(diagnostic);
        None
    }

    fn describe() -> String {
        "true or false".into()
    }

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
}

/// Any YAML: for patches that ichor passes on and does not read.
impl Field for Node {
    fn decode(node: &Node, path: &Path, out: &mut Diagnostics) -> Option<Self> {
        if node.as_map().is_none() {
            out.push(
                wrong_type(node, path, "a mapping")
                    .help("write the patch as keys and values, as it would stand in the machine configuration"),
            );
            return None;
        }
        Some(node.clone())
    }

    fn describe() -> String {
        "any mapping".into()
    }

    fn schema() -> Json {
        json!({ "type": "object" })
    }
}

/// The mistake of a value of another kind than the field wants.
pub(crate) fn wrong_type(node: &Node, path: &Path, wanted: &str) -> Diagnostic {
    let (found, help) = match &node.value {
        Value::Null => ("nothing".to_owned(), "write a value behind the colon, or remove the line"),
        Value::Bool(value) => (format!("`{value}`"), "write the value itself; if it is a text, put it in quotes"),
        Value::Int(value) => (format!("the number {value}"), "write the value itself; if it is a text, put it in quotes"),
        Value::Float(text) => (format!("the number {text}"), "write the value itself; if it is a text, put it in quotes"),
        Value::Str(text) if text.is_empty() => ("an empty text".to_owned(), "write a value between the quotes, or remove the line"),
        Value::Str(_) => ("a text".to_owned(), "look up in docs/cluster-yaml.md what may stand here"),
        Value::Seq(_) => ("a list".to_owned(), "write one value, without brackets and dashes"),
        Value::Map(_) => ("a mapping".to_owned(), "write one value here, and no keys below it"),
    };
    Diagnostic::new(path, node.span, format!("expected {wanted}, found {found}")).help(help)
}

/// A description without the links that only the reference page needs.
pub(crate) fn plain(description: &str) -> String {
    let mut words = description.to_owned();
    while let Some((before, rest)) = words.split_once('[')
        && let Some((_, after)) = rest.split_once(')')
    {
        words = format!("{before}a mapping{after}");
    }
    words
}
