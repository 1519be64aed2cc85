//! The fuzz targets of tests/fuzz, built with the stable compiler and run by libFuzzer.

use crate::process::{cargo, check, program, read, root};
use crate::tally::Tally;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The marks that libFuzzer steers by: an LLVM pass that the stable compiler carries, too.
const INSTRUMENTATION: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions=on -Coverflow-checks=on";
/// One input may take this long before it counts as a hang.
const INPUT_TIMEOUT_S: u32 = 10;
const MEMORY_MIB: u32 = 2048;

/// Run every target for `each`.
pub(crate) fn run(each: Duration) -> Result<Tally> {
    let home = root().join("tests/fuzz");
    let programs = build(&home)?;
    let mut tally = Tally::default();
    for target in targets(&home)? {
        tally.count(&format!("fuzz {target}"), fuzz(&home, &programs.join(&target), &target, each));
    }
    Ok(tally)
}

fn targets(home: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(home.join("targets"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") || path.join("main.rs").exists() {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Targets meet the versions that ship: the lock file is the workspace's own, to which cargo adds the fuzzer.
/// Naming the platform keeps the marks out of build scripts and macros, which run without libFuzzer.
fn build(home: &Path) -> Result<PathBuf> {
    let version = read(&mut program("rustc", &["-vV"]))?;
    let platform = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not name its platform")?;
    let target = home.join("target");
    fs::copy(root().join("Cargo.lock"), home.join("Cargo.lock")).context("cannot copy Cargo.lock")?;
    let mut command = cargo(&["build", "--quiet", "--release", "--bins", "--target", platform]);
    command.current_dir(home).env("RUSTFLAGS", INSTRUMENTATION).env("CARGO_TARGET_DIR", &target);
    check(&mut command)?;
    Ok(target.join(platform).join("release"))
}

fn fuzz(home: &Path, program: &Path, target: &str, each: Duration) -> Result<()> {
    let corpus = home.join("corpus").join(target);
    let artifacts = home.join("artifacts").join(target);
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder)?;
    }
    let output = crate::process::program(program, &[])
        .args([&corpus, &home.join("seeds").join(target)])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args([format!("-max_total_time={}", each.as_secs()), format!("-timeout={INPUT_TIMEOUT_S}"), format!("-rss_limit_mb={MEMORY_MIB}")])
        .args(["-max_len=16384", "-print_final_stats=1", "-verbosity=0"])
        .output()
        .with_context(|| format!("cannot start the fuzz target {target}"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{}; the input is below {}\n{words}", output.status, artifacts.display());
    }
    let runs = words.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let runs: u64 = runs.and_then(|runs| runs.trim().parse().ok()).context("libFuzzer did not say how many inputs it ran")?;
    println!("{target}: {runs} inputs in {} s, no defect", each.as_secs());
    Ok(())
}
