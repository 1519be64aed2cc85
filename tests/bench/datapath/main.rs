//! `cargo xtask bench datapath`: the datapath and its agent beside the kernel alone, nftables and iptables, all in one run.
//! Nothing fails by a time: machines differ and are busy, so read the figures, each beside its goal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a program for developers"
)]

mod client;
mod compile;
mod figures;
mod flows;
mod footprint;
mod inside;
mod iptables;
mod nftables;
mod node;
mod objects;
mod packets;
mod place;
mod pods;
mod server;
mod tables;
mod traffic;
mod world;

use std::io::Read as _;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use place::Place;

type Part = fn(&Place);

/// The parts, by the names with which they can be asked for alone.
const PARTS: [(&str, Part); 6] = [
    ("packets", packets::part),
    ("compile", compile::part),
    ("pods", pods::part),
    ("idle", footprint::idle),
    ("tables", tables::part),
    ("traffic", traffic::part),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, order)) if first == inside::INSIDE => inside::work(order),
        Some((first, parts)) if first == RUN => run(parts),
        _ => watch(&arguments),
    }
}

/// Under which the benchmark itself runs: in a session of its own, watched by the process that was started.
const RUN: &str = "--run";

/// Whatever ends the benchmark, what it made is removed.
fn watch(parts: &[String]) -> ExitCode {
    if let Some(unknown) = parts.iter().find(|part| !PARTS.iter().any(|(name, _)| name == part)) {
        let names: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
        eprintln!("there is no part `{unknown}`; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let _lock = place::lock();
    Place::remove();
    let mut command = Command::new(std::env::current_exe().unwrap());
    // The other end of its standard input closes when this process ends.
    let mut child = command.arg(RUN).args(parts).stdin(Stdio::piped()).spawn().unwrap();
    let pipe = child.stdin.take();
    let status = child.wait().unwrap();
    drop(pipe);
    Place::remove();
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(parts: &[String]) -> ExitCode {
    nix::unistd::setsid().unwrap();
    inside::lift();
    std::thread::spawn(|| {
        let _nothing_comes = std::io::stdin().read_to_end(&mut Vec::new());
        Place::remove();
        std::process::abort();
    });
    let place = Place::make();
    let start = Instant::now();
    for (name, part) in PARTS {
        if parts.is_empty() || parts.iter().any(|wanted| wanted == name) {
            part(&place);
        }
    }
    println!("\nall of it took {} s", start.elapsed().as_secs());
    ExitCode::SUCCESS
}
