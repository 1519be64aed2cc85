//! What stays in the kernel when the agent ends: its tables, and the programs on their hooks.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ichor_datapath_types::{
    Addr, Affinity, AffinityKey, Allowance, Backend, Counter, Endpoint, EndpointKey, Event, Flow, FlowKey, Prefix, Service, ServiceKey,
    SocketFlow, SocketFlowKey, Watch,
};

use crate::attach::{Acceleration, Interface, hook};
use crate::error::Error;
use crate::sizes::Sizes;

/// A folder on a BPF filesystem, one for each node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    root: PathBuf,
}

/// The tables that outlive a load, with the sizes of their keys and values. What one packet leaves behind is not among
/// them.
const KEPT: [(&str, usize, usize); 14] = [
    ("SERVICES", size_of::<ServiceKey>(), size_of::<Service>()),
    ("SLOTS", 4, 4),
    ("BACKENDS", 4, size_of::<Backend>()),
    ("SOURCE_RANGES", 24, 4),
    ("ENDPOINTS", size_of::<EndpointKey>(), size_of::<Endpoint>()),
    ("PREFIXES", 4 + size_of::<Addr>(), size_of::<Prefix>()),
    ("FLOWS4", size_of::<FlowKey<u32>>(), size_of::<Flow<u32>>()),
    ("FLOWS6", size_of::<FlowKey<[u32; 4]>>(), size_of::<Flow<[u32; 4]>>()),
    ("AFFINITIES", size_of::<AffinityKey>(), size_of::<Affinity>()),
    ("SOCKETS", size_of::<SocketFlowKey>(), size_of::<SocketFlow>()),
    ("COUNTERS", 4, size_of::<Counter>()),
    ("EVENTS", 0, size_of::<Event>()),
    ("WATCH", 4, size_of::<Watch>()),
    ("ALLOWANCES", 4, size_of::<Allowance>()),
];

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

    /// Where each kept table is. A table of another layout or size has another place, so that none is taken for it.
    pub(crate) fn kept(&self, sizes: &Sizes) -> Vec<(&'static str, PathBuf)> {
        let entries = sizes.by_name();
        let size = |name: &str| entries.iter().find(|(known, _)| *known == name).map_or(0, |(_, entries)| *entries);
        KEPT.iter().map(|&(name, key, value)| (name, self.tables().join(format!("{name}-{key}-{value}-{}", size(name))))).collect()
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

fn remove_all(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::new(format!("removing {}", folder.display()), &error)),
        _ => Ok(()),
    }
}
