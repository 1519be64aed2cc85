//! What the design promises about the shape of the code, checked on every run: which crate may use which,
//! what a pure crate may not do, where `unsafe` may stand, and how long a file may be.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod edges;
mod files;
mod purity;

use edges::{Package, Rank};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn workspace() -> Vec<Package> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let packages = edges::packages(&serde_json::from_slice(&metadata.stdout).unwrap());
    assert!(packages.len() > 5, "cargo metadata shows only {} packages", packages.len());
    packages
}

/// Every Rust file of ours below a folder, as its path from the root and its text.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(sources(&path));
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.strip_prefix(root()).unwrap().to_string_lossy().into_owned(), text));
        }
    }
    found.sort();
    found
}

fn none(violations: &[String]) {
    assert!(violations.is_empty(), "{} violations of the design:\n{}", violations.len(), violations.join("\n"));
}

#[test]
fn crates_depend_only_in_the_allowed_direction() {
    none(&edges::violations(&workspace()));
}

#[test]
fn pure_crates_do_nothing_but_compute() {
    let pure: Vec<_> = workspace().into_iter().filter(|package| edges::rank(&package.name) == Some(Rank::Pure)).collect();
    assert!(pure.len() > 3, "only {} pure crates: is the table right?", pure.len());
    let violations: Vec<_> = pure.iter().flat_map(|package| purity::violations(&sources(&package.folder.join("src")))).collect();
    none(&violations);
}

#[test]
fn files_are_short_well_named_and_safe() {
    let sources = sources(root());
    assert!(sources.iter().any(|(path, _)| path == "tests/arch/main.rs"), "the files are not where they are looked for");
    none(&sources.iter().flat_map(|(path, text)| files::violations(path, text)).collect::<Vec<_>>());
}
