//! Files go from here to the genuine `sops` and back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod binary;
mod reads;
mod tamper;
mod tool;
#[path = "../tree/mod.rs"]
mod tree;
mod writes;

/// Every type, comments at every place, nesting, and keys that each kind of rule picks.
const EVERYTHING: &str = include_str!("everything.yaml");

/// A manifest as GitOps engines decrypt it.
const SECRET: &str = include_str!("secret.yaml");
