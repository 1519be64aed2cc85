//! What stays in the kernel when the agent ends: its tables, and the programs on their hooks.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::btf::{Btf, section};
use crate::error::Error;
use crate::object::OBJECT;
use crate::sizes::Sizes;

/// A folder on a BPF filesystem, one for each node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    root: PathBuf,
}

/// The tables that outlive a load. What one packet leaves behind is not among them.
const KEPT: [&str; 16] = [
    "SERVICES",
    "SLOTS",
    "BACKENDS",
    "SOURCE_RANGES",
    "ENDPOINTS",
    "PACES",
    "PREFIXES",
    "FLOWS4",
    "FLOWS6",
    "FLOWS_ADDED",
    "AFFINITIES",
    "SOCKETS",
    "COUNTERS",
    "EVENTS",
    "WATCH",
    "ALLOWANCES",
];

/// An interface of the calling thread's network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface<'i> {
    pub name: &'i str,
    pub index: u32,
}

/// Where XDP runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceleration {
    /// In the interface's driver.
    Native,
    /// In the kernel, for interfaces whose driver has no place for it.
    Generic,
}

impl Acceleration {
    /// The name of its pin.
    pub(crate) const fn hook(self) -> &'static str {
        match self {
            Self::Native => "xdp_wire-native",
            Self::Generic => "xdp_wire-generic",
        }
    }
}

impl Pins {
    /// The folder, made where it is missing.
    pub fn at(root: &Path) -> Result<Self, Error> {
        let pins = Self { root: root.to_owned() };
        for folder in [pins.tables(), pins.links()] {
            fs::create_dir_all(&folder).map_err(|error| Error::new(format!("making {}", folder.display()), &error))?;
        }
        Ok(pins)
    }

    fn tables(&self) -> PathBuf {
        self.root.join("tables")
    }

    fn links(&self) -> PathBuf {
        self.root.join("links")
    }

    /// Where each kept table is. A table of another form or size has another place, so that none is taken for it.
    pub(crate) fn kept(&self, sizes: &Sizes) -> Result<Vec<(&'static str, PathBuf)>, Error> {
        let types = section(OBJECT).and_then(Btf::parse).ok_or_else(|| Error::missing("what its tables look like"))?;
        let sized = sizes.by_name();
        let place = |name: &'static str| {
            let layout = types.layout(name).ok_or_else(|| Error::missing(format!("what the rows of {name} look like")))?;
            let entries = sized.iter().find(|(known, _)| *known == name).map_or(layout.entries, |(_, entries)| *entries);
            Ok((name, self.tables().join(format!("{name}-{:08x}-{entries}", layout.digest()))))
        };
        KEPT.into_iter().map(place).collect()
    }

    /// Every table that is pinned, whoever did it.
    pub(crate) fn all_tables(&self) -> Result<Vec<PathBuf>, Error> {
        entries(&self.tables())
    }

    pub(crate) fn link(&self, hook: &str) -> PathBuf {
        self.links().join(hook)
    }

    /// Takes the uplink's own program off an interface.
    pub fn detach_uplink_xdp(&self, interface: Interface<'_>) -> Result<(), Error> {
        [Acceleration::Native, Acceleration::Generic].into_iter().try_for_each(|place| self.detach(place.hook(), interface))
    }

    /// Takes a program off an interface, which may be gone; one that is not there is fine.
    pub fn detach(&self, program: &str, interface: Interface<'_>) -> Result<(), Error> {
        let pin = self.link(&hook(program, interface));
        match fs::remove_file(&pin) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::new(format!("removing {}", pin.display()), &error)),
            _ => Ok(()),
        }
    }

    /// The links of a program, whichever interfaces they are on.
    pub(crate) fn links_of(&self, program: &str) -> Result<Vec<PathBuf>, Error> {
        let begin = format!("{program}-");
        let mut found = entries(&self.links())?;
        found.retain(|place| place.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&begin)));
        Ok(found)
    }

    /// Takes the programs off their hooks.
    pub fn detach_all(&self) -> Result<(), Error> {
        remove_all(&self.links())
    }

    /// Takes away everything: programs first, for they use the tables.
    pub fn remove(&self) -> Result<(), Error> {
        self.detach_all()?;
        remove_all(&self.tables())?;
        match fs::remove_dir(&self.root) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::new(format!("removing {}", self.root.display()), &error)),
            _ => Ok(()),
        }
    }
}

/// The name of a pin.
pub(crate) fn hook(program: &str, interface: Interface<'_>) -> String {
    format!("{program}-{}", interface.index)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let wrong = |error: &std::io::Error| Error::new(format!("reading the folder {}", folder.display()), error);
    let entries = fs::read_dir(folder).map_err(|error| wrong(&error))?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(|error| wrong(&error))).collect()
}

fn remove_all(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::new(format!("removing {}", folder.display()), &error)),
        _ => Ok(()),
    }
}
