//! What can be found wrong without running anything.

use crate::bpf;
use crate::process::{cargo, check, program, read};
use crate::tally::Tally;
use crate::tools::Tools;
use anyhow::{Result, bail};

pub(crate) fn run(tools: &Tools) -> Tally {
    let mut tally = Tally::default();
    tally.count("cargo fmt", check(&mut cargo(&["fmt", "--all", "--check"])));
    tally.count("cargo fmt of the fuzz targets", check(&mut cargo(&["fmt", "--manifest-path", "tests/fuzz/Cargo.toml", "--check"])));
    tally.count("gofmt", gofmt(tools));
    tally.count("cargo clippy", check(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])));
    bpf::lint(tools, &mut tally);
    tally.count("cargo deny", deny(tools, "Cargo.toml", &[]));
    // The list is that of the whole project, and few of its entries are needed here.
    tally.count("cargo deny of the BPF programs", deny(tools, bpf::MANIFEST, &["-A", "license-not-encountered", "-A", "unmatched-skip"]));
    tally.skipped.push("cargo deny check advisories: its database is a Git repository, and only package registries can be reached".into());
    tally
}

pub(crate) fn architecture() -> Result<()> {
    check(&mut cargo(&["test", "--quiet", "--package", "ichor-tests", "--test", "arch"]))
}

fn gofmt(tools: &Tools) -> Result<()> {
    let unformatted = read(&mut program(tools.bin.join("gofmt"), &["-l", "tests"]))?;
    if !unformatted.is_empty() {
        bail!("run gofmt -w on:\n{unformatted}");
    }
    Ok(())
}

fn deny(tools: &Tools, manifest: &str, leniency: &[&str]) -> Result<()> {
    let mut command = program(tools.bin.join("cargo-deny"), &["--locked", "--manifest-path", manifest, "check", "--hide-inclusion-graph"]);
    check(command.args(leniency).args(["bans", "licenses", "sources"]))
}
