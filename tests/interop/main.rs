//! What is rendered for the five users and the example, under the programs that will read it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod described;
mod golden;
mod kustomize;
mod objects;
mod readme;
mod router;
mod talos;
