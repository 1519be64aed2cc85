//! The program from outside: the real binary, real files, the real `sops` and `talosctl`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking and speaks to whoever runs it"
)]

mod begin;
mod crash;
mod everyday;
mod gateway_api;
mod help;
mod inspect;
mod json;
mod misuse;
mod obstacles;
mod place;
mod secrecy;
mod secrets;
mod talos;
