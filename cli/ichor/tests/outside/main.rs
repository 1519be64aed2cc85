//! The program from outside: the real binary, real files, the real `sops` and `talosctl`.

mod begin;
mod crash;
mod everyday;
mod gateway_api;
mod help;
mod json;
mod obstacles;
mod place;
mod secrecy;
mod secrets;
mod talos;
