//! The part of the age format that SOPS files use: X25519 recipients, one small armored file for each.
//!
//! Own code, because the data key must be wrapped with entropy that the caller gives (docs/decisions/003-sops-age.md).

mod armor;
mod file;
mod identity;
mod recipient;

pub use identity::{Identities, Identity, parse_identities};
pub use recipient::Recipient;

pub(crate) use file::{Refusal, unwrap, wrap};
