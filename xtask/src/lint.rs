//! What can be found wrong without running anything.

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
    tally.count("cargo deny", deny(tools));
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

fn deny(tools: &Tools) -> Result<()> {
    check(&mut program(tools.bin.join("cargo-deny"), &["--locked", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))
}
