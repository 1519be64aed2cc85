//! Fields with a few words to choose from.

use crate::diagnostic::{Diagnostic, Diagnostics, Path};
use crate::nearest::nearest;
use ichor_yaml::Node;

/// A field that takes one of a few words.
pub trait Choice: Sized + Copy + 'static {
    /// Each value with its word and its sentence.
    const WORDS: &'static [(Self, &'static str, &'static str)];
}

/// Reads a word of a [`Choice`].
pub(crate) fn decode<T: Choice>(node: &Node, path: &Path, out: &mut Diagnostics) -> Option<T> {
    let words = T::WORDS.iter().map(|(_, word, _)| *word);
    let Some(text) = node.as_str() else {
        out.push(super::wrong_type(node, path, &format!("one of {}", list(words))).help("write the word without quotes or brackets"));
        return None;
    };
    if let Some((value, ..)) = T::WORDS.iter().find(|(_, word, _)| *word == text) {
        return Some(*value);
    }
    let help = match nearest(text, words.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write {}", words.clone().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")),
    };
    out.push(Diagnostic::new(path, node.span, format!("`{text}` is not one of {}", list(words))).help(help));
    None
}

pub(crate) fn list(words: impl Iterator<Item = &'static str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Declares an enum whose variants are words of the file.
macro_rules! choice {
    ($(#[doc = $doc:literal])+ pub enum $name:ident { $($(#[doc = $vdoc:literal])+ $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[doc = $vdoc])+ $variant),+ }

        impl $crate::field::Choice for $name {
            const WORDS: &'static [(Self, &'static str, &'static str)] = &[$((Self::$variant, $word, concat!($($vdoc),+))),+];
        }

        impl $name {
            /// The word in the file.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::field::Field for $name {
            fn decode(node: &ichor_yaml::Node, path: &$crate::diagnostic::Path, out: &mut $crate::diagnostic::Diagnostics) -> Option<Self> {
                $crate::field::decode_choice(node, path, out)
            }

            fn describe() -> String {
                <Self as $crate::field::Choice>::WORDS.iter().map(|(_, word, _)| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
            }

            fn schema() -> serde_json::Value {
                let words: Vec<_> = <Self as $crate::field::Choice>::WORDS.iter().map(|(_, word, doc)| serde_json::json!({ "const": word, "description": doc.trim() })).collect();
                serde_json::json!({ "oneOf": words })
            }

            fn stand_in() -> Option<Self> {
                <Self as $crate::field::Choice>::WORDS.first().map(|(value, ..)| *value)
            }

            fn words() -> Vec<(&'static str, &'static str)> {
                <Self as $crate::field::Choice>::WORDS.iter().map(|(_, word, doc)| (*word, doc.trim())).collect()
            }
        }
    };
}
pub(crate) use choice;
