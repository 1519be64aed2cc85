//! A second build of everything, which writes flows down in another form, to take the place of the first under traffic.

use crate::bpf;
use crate::cargo::target_folder;
use crate::process::{cargo, check, program, read, root};
use crate::tally::Tally;
use crate::tools::Tools;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

const NAME: &str = "an agent takes the place of another build's under traffic, and back";
const FILE: &str = "datapath/types/src/flow.rs";
/// The key of a flow, and the same key in another order.
const KEY: &str = "pub struct FlowKey<A> {
    pub tuple: Tuple<A>,
    pub protocol: u8,
    pub pad: u8,
    pub pad2: u16,
}";
const OTHER_KEY: &str = "pub struct FlowKey<A> {
    pub protocol: u8,
    pub pad: u8,
    pub pad2: u16,
    pub tuple: Tuple<A>,
}";

pub(crate) fn run(tools: &Tools) -> Tally {
    let mut tally = Tally::default();
    match bpf::compiles_here(tools) {
        Ok(true) => tally.count(NAME, replace(tools)),
        Ok(false) => tally.skipped.push(format!("{NAME}: there is no compiler for the other build's programs here")),
        Err(error) => tally.count(NAME, Err(error)),
    }
    tally
}

fn replace(tools: &Tools) -> Result<()> {
    let home = target_folder()?.join("upgrade");
    let (sources, target) = (home.join("sources"), home.join("target"));
    copy(&sources)?;
    bpf::write_below(tools, &sources, &target.join("bpf"))?;
    let mut build = cargo(&["build", "--quiet", "--package", "ichor", "--bin", "ichor", "--target-dir"]);
    check(build.arg(&target).current_dir(&sources))?;
    let mut test = cargo(&["test", "--package", "ichor-agent", "--test", "nodes", "--", "restart"]);
    check(test.envs(tools.environment()).env("ICHOR_FULL", "1").env("ICHOR_OTHER", target.join("debug/ichor")))
}

/// Everything that Git knows here, with the one change. Files that are the same keep their age, for cargo.
fn copy(to: &Path) -> Result<()> {
    let listed = read(&mut program("git", &["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let from = root().join(name);
        // Removed, and not said to Git yet.
        if !from.exists() {
            continue;
        }
        let mut content = fs::read(&from).with_context(|| format!("cannot read {name}"))?;
        if name == FILE {
            let text = String::from_utf8(content).with_context(|| format!("{FILE} is not text"))?;
            let changed = text.replacen(KEY, OTHER_KEY, 1);
            anyhow::ensure!(
                changed != text,
                "{FILE} does not define the key of a flow as it is known here; tell this program how it does now"
            );
            content = changed.into_bytes();
        }
        write_changed(&to.join(name), &content)?;
    }
    Ok(())
}

fn write_changed(path: &PathBuf, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}
