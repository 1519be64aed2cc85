//! Finding what `cargo xtask test` built or installed.

use std::io::Write;
use std::path::{Path, PathBuf};

const HOW: &str = "run the tests with `cargo xtask test`, or set what `cargo xtask tools` prints";

#[track_caller]
fn variable(name: &str) -> PathBuf {
    match std::env::var_os(name) {
        Some(value) if !value.is_empty() => PathBuf::from(value),
        _ => panic!("{name} is not set: {HOW}"),
    }
}

/// The path of a program that tests rely on.
#[track_caller]
pub fn tool(name: &str) -> PathBuf {
    let path = variable("ICHOR_TOOLS").join(name);
    assert!(path.exists(), "there is no {}: {HOW}", path.display());
    path
}

/// The path of a program that cannot be had everywhere. Where it is missing for the reason that its
/// recipe recorded, the running test is recorded as skipped and must return.
#[track_caller]
pub fn optional_tool(name: &str) -> Option<PathBuf> {
    let path = variable("ICHOR_TOOLS").join(name);
    if path.exists() {
        return Some(path);
    }
    let recorded = std::fs::read_to_string(variable("ICHOR_TOOLS").with_file_name("skips")).unwrap_or_default();
    let reason = reason(&recorded, name).unwrap_or_else(|| panic!("there is no {}: {HOW}", path.display()));
    skip(reason);
    None
}

fn reason<'s>(recorded: &'s str, name: &str) -> Option<&'s str> {
    recorded.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Tests have no outcome between passed and failed: the reason goes into a file that `cargo xtask test` reads.
#[expect(clippy::print_stderr, reason = "for whoever runs one test by hand")]
fn skip(reason: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_string();
    eprintln!("skipped: {reason}");
    if let Some(file) = std::env::var_os("ICHOR_SKIPS") {
        let opened = std::fs::OpenOptions::new().append(true).create(true).open(&file);
        let written = opened.and_then(|mut file| file.write_all(format!("{test}: {reason}\n").as_bytes()));
        assert!(written.is_ok(), "cannot write {}", Path::new(&file).display());
    }
}

/// The folders of resource definitions, one for each project.
#[track_caller]
pub fn crds() -> Vec<PathBuf> {
    let folder = variable("ICHOR_CRDS");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("cannot read {}: {error}; {HOW}", folder.display()));
    // Some programs do not look into a folder behind a link.
    let mut projects: Vec<_> = entries.flatten().filter_map(|entry| entry.path().canonicalize().ok()).collect();
    projects.sort();
    assert!(!projects.is_empty(), "{} is empty: {HOW}", folder.display());
    projects
}

/// The program of this project, as `cargo xtask test` built it.
#[track_caller]
pub fn ichor() -> PathBuf {
    variable("ICHOR_BIN")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_reason_of_the_very_tool_counts() {
        let recorded = "crds/cilium: not served\ntalos114: not served either\n";
        assert_eq!(reason(recorded, "talos114"), Some("not served either"));
        assert_eq!(reason(recorded, "talos"), None);
    }

    #[test]
    #[should_panic(expected = "there is no ")]
    fn a_missing_tool_fails_the_test() {
        tool("no-such-program");
    }
}
