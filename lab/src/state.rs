//! What a lab is made of, on disk before it is made: whatever ends a command half-way, `down` knows what to remove.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::object::PodAddresses;
use crate::place::Place;
use crate::process::ProcessId;
use crate::topology::Topology;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) topology: Topology,
    /// Names of the network namespaces.
    pub(crate) namespaces: Vec<String>,
    pub(crate) cgroup: PathBuf,
    pub(crate) bpffs: PathBuf,
    /// The executable that agents, servers and probes run.
    pub(crate) executable: PathBuf,
    /// Whether everything was made.
    pub(crate) complete: bool,
    /// By `agent/NODE` and `pod/NAME`. The cgroup finds processes too; this tells which is which.
    pub(crate) processes: BTreeMap<String, ProcessId>,
    pub(crate) pods: PodAddresses,
    pub(crate) off: BTreeSet<String>,
    pub(crate) unplugged: BTreeSet<String>,
}

impl State {
    /// The state on disk; none if nothing was made yet.
    pub(crate) fn read(place: &Place) -> Result<Option<Self>, Error> {
        let path = place.state();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::at("read", &path, error)),
        };
        let state = serde_json::from_slice(&text).map_err(|error| {
            Error::new(format!("cannot understand `{}`: {error}", path.display()))
                .help("it was written by another version of ichor; take the lab down with that one")
        })?;
        Ok(Some(state))
    }

    pub(crate) fn write(&self, place: &Place) -> Result<(), Error> {
        let (unfinished, path) = (place.root.join("state.new"), place.state());
        let text = serde_json::to_vec_pretty(self).map_err(|error| Error::new(format!("cannot write the state: {error}")))?;
        fs::write(&unfinished, text).map_err(|error| Error::at("write", &unfinished, error))?;
        fs::rename(&unfinished, &path).map_err(|error| Error::at("write", &path, error))
    }

    pub(crate) fn agent(node: &str) -> String {
        format!("agent/{node}")
    }

    pub(crate) fn server(pod: &str) -> String {
        format!("pod/{pod}")
    }

    /// Whether the agent of a node or the server of a pod, by its key, runs.
    pub(crate) fn runs(&self, process: &str) -> bool {
        self.processes.get(process).is_some_and(ProcessId::lives)
    }

    /// The group of a node's processes; the socket hooks are attached to it.
    pub(crate) fn node_cgroup(&self, node: &str) -> PathBuf {
        self.cgroup.join(node)
    }

    /// The group below a node's in which one of its parts runs.
    pub(crate) fn part_cgroup(&self, node: &str, part: &str) -> PathBuf {
        self.node_cgroup(node).join(part)
    }
}

/// The cgroup of a lab.
pub(crate) fn cgroup_of(root: &Path, place: &Place) -> PathBuf {
    root.join(format!("ichor-lab-{}", place.name))
}
