//! The secrets that rendered files need. Where they are kept and how they are made is the shell's business.

use std::collections::BTreeMap;
use std::fmt;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself; the caller answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// Where a secret comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// ichor makes it, once: letters and digits, this many.
    Generated { length: usize },
    /// A person brings it, from another service.
    Given,
}

/// A secret that the cluster needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedSecret {
    /// Its dotted name, such as `bgp.gateway`.
    pub name: String,
    pub origin: SecretOrigin,
    /// What it is for, and where to get it.
    pub purpose: String,
}

/// The secrets at hand, by dotted name.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    values: BTreeMap<String, SecretText>,
}

impl Secrets {
    pub fn new(values: BTreeMap<String, SecretText>) -> Self {
        Self { values }
    }

    pub fn get(&self, name: &str) -> Option<&SecretText> {
        self.values.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &SecretText)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }
}
