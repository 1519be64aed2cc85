//! Texts with a form of their own.

use std::fmt;
use std::marker::PhantomData;

use ichor_yaml::Node;
use serde_json::{Value as Json, json};

use super::{Field, kinds, wrong_type};
use crate::diagnostic::{Diagnostic, Diagnostics, Path};

/// A text of one kind; the kind checks it.
pub struct Text<K> {
    text: String,
    kind: PhantomData<K>,
}

/// The rule of a kind of text.
pub trait TextKind {
    /// What a person may write, in a few words.
    const DESCRIBE: &'static str;
    /// The same as a regular expression, for editors; empty where none would help.
    const PATTERN: &'static str;

    /// What is wrong with `text`, and how to mend it.
    fn check(text: &str) -> Result<(), (String, String)>;
}

impl<K> Text<K> {
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<K> Clone for Text<K> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), kind: PhantomData }
    }
}

impl<K> PartialEq for Text<K> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<K> Eq for Text<K> {}

impl<K> PartialOrd for Text<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Text<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl<K> fmt::Debug for Text<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl<K> fmt::Display for Text<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<K: TextKind> Field for Text<K> {
    fn decode(node: &Node, path: &Path, out: &mut Diagnostics) -> Option<Self> {
        let Some(text) = node.as_str() else {
            let mut diagnostic = wrong_type(node, path, K::DESCRIBE);
            if matches!(node.value, ichor_yaml::Value::Int(_) | ichor_yaml::Value::Float(_) | ichor_yaml::Value::Bool(_)) {
                diagnostic = diagnostic.help("put it in quotes");
            }
            out.push(diagnostic);
            return None;
        };
        if let Err((message, help)) = K::check(text) {
            out.push(Diagnostic::new(path, node.span, message).help(help));
            return None;
        }
        Some(Self { text: text.to_owned(), kind: PhantomData })
    }

    fn describe() -> String {
        K::DESCRIBE.to_owned()
    }

    fn schema() -> Json {
        if K::PATTERN.is_empty() { json!({ "type": "string" }) } else { json!({ "type": "string", "pattern": K::PATTERN }) }
    }

    fn stand_in() -> Option<Self> {
        Some(Self { text: String::new(), kind: PhantomData })
    }
}

pub type Name = Text<kinds::Label>;
pub type Domain = Text<kinds::Domain>;
pub type Host = Text<kinds::Host>;
pub type LabelKey = Text<kinds::LabelName>;
pub type LabelValue = Text<kinds::LabelValue>;
pub type Version = Text<kinds::Version>;
pub type Https = Text<kinds::Https>;
pub type GitUrl = Text<kinds::GitUrl>;
pub type InterfacePattern = Text<kinds::InterfacePattern>;
pub type RelativePath = Text<kinds::RelativePath>;
pub type AgeRecipient = Text<kinds::AgeRecipient>;
pub type Community = Text<kinds::Community>;
pub type Image = Text<kinds::Image>;
pub type Words = Text<kinds::Words>;
