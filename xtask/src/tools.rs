//! The tools that tests meet the world with, gathered in one folder of programs.

use crate::recipe::{Purpose, RECIPES, short};
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(crate) struct Tools {
    /// All programs.
    pub(crate) bin: PathBuf,
    /// Resource definitions, one folder for each project.
    crds: PathBuf,
    /// Another kernel and its modules.
    pub(crate) kernel: PathBuf,
    /// What could not be had, and why.
    pub(crate) skips: Vec<String>,
}

impl Tools {
    /// What tests read to find the tools.
    pub(crate) fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let mut variables = vec![("ICHOR_TOOLS", self.bin.clone()), ("ICHOR_CRDS", self.crds.clone())];
        let makejinja = self.bin.join("makejinja");
        if makejinja.exists() {
            variables.push(("ICHOR_MAKEJINJA", makejinja));
        }
        variables
    }
}

/// Build or find the tools for these purposes.
pub(crate) fn provide(purposes: &[Purpose]) -> Result<Tools> {
    let cache = cache()?;
    fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
    // A second run waits here instead of building the same thing.
    let lock = fs::File::create(cache.join("lock"))?;
    lock.lock().context("cannot lock the tools' cache")?;

    let mut places = Vec::new();
    for recipe in RECIPES.iter().filter(|recipe| recipe.purposes.iter().any(|purpose| purposes.contains(purpose))) {
        places.push(recipe.make(&cache, &places)?);
    }
    let gathered = gather(&cache, &places)?;
    let mut skips = Vec::new();
    for place in &places {
        let Ok(reasons) = fs::read_to_string(place.join("skips")) else { continue };
        skips.extend(reasons.lines().map(String::from));
    }
    Ok(Tools { bin: gathered.join("bin"), crds: gathered.join("crds"), kernel: gathered.join("linux-6.1"), skips })
}

fn cache() -> Result<PathBuf> {
    let folder = match std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => {
            PathBuf::from(std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set: where is the cache?")?).join(".cache")
        }
    };
    Ok(folder.join("ichor-tools"))
}

/// One folder of links. Its name follows from what it links to, so that runs of two checkouts do not disturb each other.
fn gather(cache: &Path, places: &[PathBuf]) -> Result<PathBuf> {
    let mut hash = Sha256::new();
    for place in places {
        hash.update(place.as_os_str().as_encoded_bytes());
    }
    let all = cache.join(format!("all-{}", short(hash)));
    for kind in ["bin", "crds", "linux-6.1"] {
        fs::create_dir_all(all.join(kind))?;
        for place in places {
            let Ok(entries) = fs::read_dir(place.join(kind)) else { continue };
            for entry in entries {
                let entry = entry?;
                let link = all.join(kind).join(entry.file_name());
                if !link.exists() {
                    let _dangling = fs::remove_file(&link);
                    symlink(entry.path(), &link).with_context(|| format!("cannot link {}", link.display()))?;
                }
            }
        }
    }
    Ok(all)
}
