//! Where everything of a lab is, and who may change it.

use std::fmt;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use crate::error::Error;

const ROOT: &str = "/run/ichor-lab";
/// Names of labs become parts of other names, and a cgroup's may be long but a person's patience is not.
const LONGEST_NAME: usize = 32;

/// The name of a lab.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabName(String);

impl LabName {
    /// Small letters, digits and `-`, as in the names of Kubernetes.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let ends = text.starts_with('-') || text.ends_with('-');
        if text.is_empty() || text.len() > LONGEST_NAME || ends || !text.chars().all(fits) {
            return Err(Error::new(format!("`{text}` cannot be the name of a lab"))
                .help(format!("use at most {LONGEST_NAME} small letters, digits and `-`, which neither begins nor ends it")));
        }
        Ok(Self(text.to_owned()))
    }

    /// The names of all labs of this machine, also of half-made ones.
    pub fn all() -> Vec<Self> {
        let Ok(entries) = fs::read_dir(ROOT) else { return Vec::new() };
        let mut names: Vec<_> = entries.flatten().filter_map(|entry| Self::parse(entry.file_name().to_str()?).ok()).collect();
        names.sort();
        names
    }
}

impl fmt::Display for LabName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The folder of one lab.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) name: LabName,
    pub(crate) root: PathBuf,
}

impl Place {
    pub(crate) fn of(name: &LabName) -> Self {
        Self { name: name.clone(), root: Path::new(ROOT).join(&name.0) }
    }

    pub(crate) fn exists(&self) -> bool {
        self.root.exists()
    }

    /// Says that a lab made the folder of network namespaces ready; all labs share it.
    pub(crate) fn netns_note() -> PathBuf {
        Path::new(ROOT).join(".netns")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.root.join("state.json")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.root.join("config.yaml")
    }

    pub(crate) fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    pub(crate) fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    pub(crate) fn bpffs(&self) -> PathBuf {
        self.root.join("bpf")
    }

    /// What the agent of a node keeps.
    pub(crate) fn node(&self, node: &str) -> PathBuf {
        self.root.join("nodes").join(node)
    }

    pub(crate) fn socket(&self, node: &str) -> PathBuf {
        self.node(node).join("agent.sock")
    }

    pub(crate) fn log(&self, what: &str) -> PathBuf {
        self.root.join("log").join(format!("{what}.log"))
    }

    /// The name of a network namespace of this lab.
    pub(crate) fn namespace(&self, what: &str) -> String {
        format!("ichor-{}-{what}", self.name)
    }

    pub(crate) fn pod_namespace(&self, pod: &str) -> String {
        self.namespace(&format!("pod-{pod}"))
    }

    /// Keeps every other command off this lab until the result is dropped.
    pub(crate) fn lock(&self) -> Result<Lock, Error> {
        let path = self.root.join("lock");
        loop {
            fs::create_dir_all(&self.root).map_err(|error| Error::at("make", &self.root, error))?;
            let file = match File::options().create(true).append(true).open(&path) {
                Ok(file) => file,
                // Another command took the folder away in between.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::at("open", &path, error)),
            };
            let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
                Error::new(format!("another command is at work on the lab `{}`", self.name)).help("wait until it has ended, then try again")
            })?;
            let held = lock.metadata().map_err(|error| Error::at("read", &path, error))?;
            if fs::metadata(&path).is_ok_and(|found| found.ino() == held.ino()) {
                return Ok(Lock { _file: lock });
            }
        }
    }

    /// Takes the folder away; the lock goes with it.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        match fs::remove_dir_all(&self.root) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::at("remove", &self.root, error)),
            _ => {}
        }
        // Another lab may be in it.
        let _ = fs::remove_dir(ROOT);
        Ok(())
    }
}

/// Held while a command changes a lab.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: Flock<File>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_paths() {
        for good in ["home", "a", "a-1", "0"] {
            assert!(LabName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "..", "a/b", "A", "a b", "ä", &"a".repeat(33)] {
            assert!(LabName::parse(bad).is_err(), "{bad}");
        }
    }
}
