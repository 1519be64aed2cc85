//! Which values of a file are encrypted.

use regex_lite::Regex;

use crate::error::{Error, ErrorKind};

/// What `sops` takes when nothing else is said.
const DEFAULT_UNENCRYPTED_SUFFIX: &str = "_unencrypted";

/// Which values are encrypted, by the keys above them, and what the MAC covers.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    selection: Selection,
    mac_only_encrypted: bool,
}

/// Any key on the way from the root to a value can select it.
#[derive(Clone, Debug, PartialEq)]
enum Selection {
    /// A file of bytes, which has one value.
    Everything,
    UnencryptedSuffix(String),
    EncryptedSuffix(String),
    UnencryptedRegex(Pattern),
    EncryptedRegex(Pattern),
}

#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    regex: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Pattern {
    fn new(text: &str) -> Result<Self, Error> {
        let regex = Regex::new(text).map_err(|error| {
            let help = "write it in the syntax of RE2 without Unicode classes, like ^(data|stringData)$";
            Error::new(ErrorKind::Rule, format!("`{text}` is not a regular expression: {error}"), help)
        })?;
        Ok(Self { text: text.to_owned(), regex })
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::with(Selection::UnencryptedSuffix(DEFAULT_UNENCRYPTED_SUFFIX.to_owned()))
    }
}

impl Rules {
    /// YAML cannot have it, for `sops` takes a missing rule for its default.
    pub(crate) fn everything() -> Self {
        Self::with(Selection::Everything)
    }

    /// Everything is encrypted but what stands under a key with this ending.
    pub fn unencrypted_suffix(suffix: &str) -> Self {
        Self::with(Selection::UnencryptedSuffix(suffix.to_owned()))
    }

    /// Only what stands under a key with this ending is encrypted.
    pub fn encrypted_suffix(suffix: &str) -> Self {
        Self::with(Selection::EncryptedSuffix(suffix.to_owned()))
    }

    /// Everything is encrypted but what stands under a key that matches.
    pub fn unencrypted_regex(pattern: &str) -> Result<Self, Error> {
        Ok(Self::with(Selection::UnencryptedRegex(Pattern::new(pattern)?)))
    }

    /// Only what stands under a key that matches is encrypted.
    pub fn encrypted_regex(pattern: &str) -> Result<Self, Error> {
        Ok(Self::with(Selection::EncryptedRegex(Pattern::new(pattern)?)))
    }

    /// Whether the MAC leaves clear values out, so that these may be edited by hand.
    #[must_use]
    pub fn mac_only_encrypted(mut self, only: bool) -> Self {
        self.mac_only_encrypted = only;
        self
    }

    fn with(selection: Selection) -> Self {
        Self { selection, mac_only_encrypted: false }
    }

    pub(crate) fn is_mac_only_encrypted(&self) -> bool {
        self.mac_only_encrypted
    }

    /// The names that files and creation rules share.
    pub(crate) const KEYS: [&str; 4] = ["unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex"];

    /// The rule under one of [`Self::KEYS`].
    pub(crate) fn from_key(key: &str, text: &str) -> Result<Self, Error> {
        match key {
            "unencrypted_suffix" => Ok(Self::unencrypted_suffix(text)),
            "encrypted_suffix" => Ok(Self::encrypted_suffix(text)),
            "unencrypted_regex" => Self::unencrypted_regex(text),
            _ => Self::encrypted_regex(text),
        }
    }

    pub(crate) fn key_and_text(&self) -> Option<(&'static str, &str)> {
        match &self.selection {
            Selection::Everything => None,
            Selection::UnencryptedSuffix(text) => Some(("unencrypted_suffix", text)),
            Selection::EncryptedSuffix(text) => Some(("encrypted_suffix", text)),
            Selection::UnencryptedRegex(pattern) => Some(("unencrypted_regex", &pattern.text)),
            Selection::EncryptedRegex(pattern) => Some(("encrypted_regex", &pattern.text)),
        }
    }

    pub(crate) fn names(&self, key: &str) -> bool {
        match &self.selection {
            Selection::Everything => false,
            Selection::UnencryptedSuffix(suffix) | Selection::EncryptedSuffix(suffix) => key.ends_with(suffix.as_str()),
            Selection::UnencryptedRegex(pattern) | Selection::EncryptedRegex(pattern) => pattern.regex.is_match(key),
        }
    }

    /// Whether a value is encrypted, given that a key above it is named by the rule, or that none is.
    pub(crate) fn encrypts(&self, named: bool) -> bool {
        match self.selection {
            Selection::Everything => true,
            Selection::UnencryptedSuffix(_) | Selection::UnencryptedRegex(_) => !named,
            Selection::EncryptedSuffix(_) | Selection::EncryptedRegex(_) => named,
        }
    }
}
