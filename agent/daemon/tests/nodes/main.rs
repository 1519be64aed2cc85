//! Two nodes with the real agent and the real plugin, in network namespaces: real connections with payload over every path.
//!
//! This program is its own agent and plugin, by the name under which it is started, as the real one is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod ages;
mod bandwidth;
mod checks;
mod cluster;
mod forgotten;
mod full;
mod lifecycle;
mod node;
mod objects;
mod pod;
mod pool;
mod ports;
mod queues;
mod restart;
mod sweep;
mod talos;
mod traffic;
mod world;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    let name = args.first().and_then(|first| Path::new(first).file_name()).and_then(|name| name.to_str()).unwrap_or_default();
    match name {
        "ichor-agent" => return ichor_agent::main(args),
        "ichor-cni" => return ichor_cni::main(),
        "probe" => return traffic::probe_main(&args),
        _ => {}
    }
    if !nix::unistd::geteuid().is_root() {
        println!("FAILED: this test makes network namespaces and loads programs into the kernel; run it as root");
        return ExitCode::FAILURE;
    }
    let wanted = args.get(1).and_then(|arg| arg.to_str()).unwrap_or_default().to_owned();
    world::enter();
    for (name, scenario) in [
        ("lifecycle", lifecycle::run as fn()),
        ("paths", checks::run),
        ("restart", restart::run),
        ("bandwidth", bandwidth::run),
        ("queues", queues::run),
        ("pool", pool::run),
        ("talos", talos::run),
        ("full", full::run),
        ("ports", ports::run),
        ("sweep", sweep::run),
    ] {
        if wanted.is_empty() || wanted.starts_with('-') || name.contains(&wanted) {
            println!("== {name}");
            scenario();
        }
    }
    ExitCode::SUCCESS
}
