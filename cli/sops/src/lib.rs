//! The SOPS file format: YAML whose values are encrypted one by one, its data key wrapped for age recipients.
//!
//! Pure: entropy, time and identities are arguments. What is written here the `sops` program reads, and the
//! other way round. The format authenticates values and their order, not the names of clear keys: a renamed
//! clear key, a `null` added or removed, or (with `mac_only_encrypted`) a changed clear value passes, here as there.

pub mod age;
mod cipher;
mod creation;
mod error;
mod fingerprint;
mod metadata;
mod open;
mod plaintext;
mod rules;
mod scalar;
mod seal;
mod timestamp;
mod walk;

pub use creation::CreationRules;
pub use error::{Error, ErrorKind};
pub use open::{Opened, Summary, inspect, is_sealed, open};
pub use plaintext::Plaintext;
pub use rules::Rules;
pub use seal::{Previous, Terms, rotate, seal};
pub use timestamp::Timestamp;

/// Fills a buffer with secret random bytes.
pub type Entropy<'a> = dyn FnMut(&mut [u8]) + 'a;
