//! The SOPS file format: YAML whose values are encrypted one by one, or bytes as a whole, the data key wrapped for
//! age recipients.
//!
//! The `sops` program picks the form by the name of the file: `.yaml` and `.yml` are YAML, and every extension that
//! it does not know, such as `.conf`, is bytes.
//!
//! Pure: entropy, time and identities are arguments. What is written here the `sops` program reads, and the
//! other way round. The format authenticates values and their order, not the names of clear keys: a renamed
//! clear key, a `null` added or removed, or (with `mac_only_encrypted`) a changed clear value passes, here as there.

pub mod age;
mod binary;
mod cipher;
mod content;
mod creation;
mod error;
mod fingerprint;
mod mac;
mod metadata;
mod open;
mod plaintext;
mod rules;
mod scalar;
mod seal;
mod timestamp;
mod walk;
mod yaml;

pub use binary::{PlainBytes, open_binary, seal_binary};
pub use creation::CreationRules;
pub use error::{Error, ErrorKind};
pub use open::{Opened, Summary, inspect, is_sealed};
pub use plaintext::Plaintext;
pub use rules::Rules;
pub use seal::{Previous, Terms, rotate};
pub use timestamp::Timestamp;
pub use yaml::{open, seal};

/// Fills a buffer with secret random bytes.
pub type Entropy<'a> = dyn FnMut(&mut [u8]) + 'a;
