//! Finding what `cargo xtask test` built or installed.

use std::path::PathBuf;

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
    #[should_panic(expected = "there is no ")]
    fn a_missing_tool_fails_the_test() {
        tool("no-such-program");
    }
}
