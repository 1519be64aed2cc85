//! The tests of the workspace, and what else runs through cargo.

use crate::arguments::Bench;
use crate::process::{cargo, check, read};
use crate::recipe::Purpose;
use crate::tally::{Reader, Tally};
use crate::tools::{Tools, provide};
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Every test of the workspace; in a full run, those that can do more do it.
pub(crate) fn test(tools: &Tools, full: bool) -> Result<Tally> {
    let ichor = build_ichor("debug", &[])?;
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast"]);
    give(&mut command, tools, &ichor).stdout(Stdio::piped());
    if full {
        command.env("ICHOR_FULL", "1");
    }

    let mut child = command.spawn().context("cannot start cargo test")?;
    let mut reader = Reader::default();
    for line in BufReader::new(child.stdout.take().context("cargo test has no output")?).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        reader.line(&line);
    }
    Ok(reader.finish(child.wait()?.success()))
}

/// Run the tests with `filter` in their name in the mode in which they write what they expect.
pub(crate) fn bless(filter: &str) -> Result<()> {
    let tools = provide(&[Purpose::Test])?;
    let ichor = build_ichor("debug", &[])?;
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast", "--", filter]);
    check(give(&mut command, &tools, &ichor).env("ICHOR_BLESS", "1"))?;
    check(&mut crate::process::program("git", &["status", "--short"]))
}

/// The benchmarks, or one of them, with the peers that they compare with.
pub(crate) fn bench(which: Option<Bench>, parts: &[String]) -> Result<()> {
    let tools = provide(&[Purpose::Test, Purpose::Bench])?;
    let ichor = build_ichor("release", &["--release"])?;
    for bench in Bench::ALL.into_iter().filter(|bench| which.is_none_or(|which| which == *bench)) {
        let program = format!("bench-{}", bench.name());
        let mut command = cargo(&["run", "--quiet", "--release", "--package", "ichor-tests", "--bin", &program, "--"]);
        check(give(&mut command, &tools, &ichor).args(parts))?;
    }
    Ok(())
}

fn give<'c>(command: &'c mut Command, tools: &Tools, ichor: &Path) -> &'c mut Command {
    command.envs(tools.environment()).env("ICHOR_BIN", ichor)
}

/// Tests meet the program itself, so it is there before they are.
fn build_ichor(profile: &str, arguments: &[&str]) -> Result<PathBuf> {
    check(cargo(&["build", "--quiet", "--package", "ichor", "--bin", "ichor"]).args(arguments))?;
    Ok(target_folder()?.join(profile).join("ichor"))
}

pub(crate) fn target_folder() -> Result<PathBuf> {
    let metadata = read(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    Ok(metadata.get("target_directory").and_then(|folder| folder.as_str()).context("cargo metadata names no target folder")?.into())
}
