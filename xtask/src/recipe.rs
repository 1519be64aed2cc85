//! A recipe is a folder with a `build.sh` that makes tools; what it made is kept under the hash of the folder.

use crate::process;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

/// What a tool is needed for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Purpose {
    Test,
    Lint,
    Bench,
    Bpf,
    Kernel,
}

#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) folder: &'static str,
    pub(crate) purposes: &'static [Purpose],
}

const EVERY: &[Purpose] = &[Purpose::Test, Purpose::Lint, Purpose::Bench];

/// All recipes: first the two that others build with, then the quick ones so that a mistake shows early.
pub(crate) const RECIPES: [Recipe; 12] = [
    Recipe { folder: "tests/tools/packages", purposes: EVERY },
    Recipe { folder: "tests/tools/go", purposes: EVERY },
    Recipe { folder: "tests/tools/crds", purposes: &[Purpose::Test] },
    Recipe { folder: "tests/go/talos114", purposes: &[Purpose::Test] },
    Recipe { folder: "tests/tools/kustomize", purposes: &[Purpose::Test] },
    Recipe { folder: "tests/tools/sops", purposes: &[Purpose::Test] },
    Recipe { folder: "tests/tools/talosctl", purposes: &[Purpose::Test] },
    Recipe { folder: "tests/tools/kube", purposes: &[Purpose::Test] },
    Recipe { folder: "tests/tools/bpf", purposes: &[Purpose::Lint, Purpose::Bpf] },
    Recipe { folder: "tests/tools/linux-6.1", purposes: &[Purpose::Kernel] },
    Recipe { folder: "tests/tools/cargo-deny", purposes: &[Purpose::Lint] },
    Recipe { folder: "tests/tools/makejinja", purposes: &[Purpose::Bench] },
];

/// What recipes share: a change there makes everything anew.
const SHARED: &str = "tests/tools/go.sh";
/// Written last, so that a build that was cut off is not taken for a finished one.
const FINISHED: &str = ".finished";
const KEEP_UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);

impl Recipe {
    pub(crate) fn name(&self) -> &'static str {
        self.folder.rsplit('/').next().unwrap_or(self.folder)
    }

    /// The folder below `cache` that holds what this recipe makes.
    pub(crate) fn place(&self, cache: &Path) -> Result<PathBuf> {
        let root = process::root();
        let mut hash = Sha256::new();
        digest(&mut hash, &root.join(SHARED))?;
        for file in files(&root.join(self.folder))? {
            digest(&mut hash, &file)?;
        }
        Ok(cache.join(format!("{}-{}", self.name(), short(hash))))
    }

    /// Make the tools, unless they are there already, with the programs in `earlier` places.
    pub(crate) fn make(&self, cache: &Path, earlier: &[PathBuf]) -> Result<PathBuf> {
        let place = self.place(cache)?;
        if !finished(&place) {
            self.build(&place, earlier)?;
            self.forget_older(cache, &place)?;
        }
        // The time of the last use decides what may be forgotten.
        fs::File::create(place.join(FINISHED))?;
        Ok(place)
    }

    fn build(&self, place: &Path, earlier: &[PathBuf]) -> Result<()> {
        println!("{}: building", self.name());
        let start = Instant::now();
        if place.exists() {
            remove(place)?;
        }
        fs::create_dir_all(place)?;
        let mut script = Command::new("./build.sh");
        script.current_dir(process::root().join(self.folder)).env("OUT", place).env("PATH", search_path(earlier)?);
        process::check(&mut script).with_context(|| format!("{}/build.sh", self.folder))?;
        println!("{}: built in {} s", self.name(), start.elapsed().as_secs());
        Ok(())
    }

    /// Tools of earlier versions of the recipe that nobody has used for long.
    fn forget_older(&self, cache: &Path, current: &Path) -> Result<()> {
        let now = SystemTime::now();
        for entry in fs::read_dir(cache)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let ours = name.rsplit_once('-').is_some_and(|(name, _)| name == self.name());
            if !ours || path == current {
                continue;
            }
            let used = fs::metadata(path.join(FINISHED)).and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            if now.duration_since(used).is_ok_and(|age| age > KEEP_UNUSED) {
                remove(&path)?;
            }
        }
        Ok(())
    }
}

/// What was made before is found first, then what the machine has.
fn search_path(earlier: &[PathBuf]) -> Result<OsString> {
    let machine = std::env::var_os("PATH").unwrap_or_default();
    let made = earlier.iter().map(|place| place.join("bin"));
    std::env::join_paths(made.chain(std::env::split_paths(&machine))).context("the cache's path has a colon, which no search path can hold")
}

fn remove(folder: &Path) -> Result<()> {
    fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))
}

/// Finished, and every program is still there: a package that was removed leaves a dangling link.
fn finished(place: &Path) -> bool {
    let Ok(programs) = fs::read_dir(place.join("bin")) else {
        return place.join(FINISHED).exists();
    };
    place.join(FINISHED).exists() && programs.flatten().all(|program| program.path().exists())
}

/// Every file below a folder, sorted.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn digest(hash: &mut Sha256, file: &Path) -> Result<()> {
    let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = file.strip_prefix(process::root()).unwrap_or(file).to_string_lossy().into_owned();
    for part in [name.as_bytes(), &content] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    Ok(())
}

/// Enough of a hash to tell a handful of folders apart.
pub(crate) fn short(hash: Sha256) -> String {
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_has_a_script_and_every_script_is_a_recipe() {
        let root = process::root();
        let mut scripts: Vec<_> = ["tests/tools", "tests/go"].iter().flat_map(|folder| files(&root.join(folder)).unwrap()).collect();
        scripts.retain(|path| path.ends_with("build.sh"));
        let mut known: Vec<_> = RECIPES.iter().map(|recipe| root.join(recipe.folder).join("build.sh")).collect();
        known.sort();
        scripts.sort();
        assert_eq!(scripts, known);
    }

    #[test]
    fn a_dangling_program_or_a_missing_mark_means_building_again() {
        let place = std::env::temp_dir().join(format!("xtask-recipe-{}", std::process::id()));
        fs::create_dir_all(place.join("bin")).unwrap();
        assert!(!finished(&place), "no mark");
        fs::write(place.join(FINISHED), "").unwrap();
        assert!(finished(&place));
        std::os::unix::fs::symlink(place.join("gone"), place.join("bin/tool")).unwrap();
        assert!(!finished(&place), "the tool is gone");
        fs::remove_dir_all(&place).unwrap();
    }
}
