//! From a lab, or what is left of one, to nothing.

use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};

use crate::error::Error;
use crate::lab::chosen;
use crate::place::{LabName, Place};
use crate::state::State;
use crate::{cgroup, namespace, need};

/// What was removed.
#[derive(Debug)]
pub struct Down {
    pub name: LabName,
    pub nodes: usize,
    pub took: Duration,
}

/// Removes everything that the lab made, however far it came, and nothing else.
pub fn down(name: Option<&LabName>) -> Result<Down, Error> {
    let start = Instant::now();
    need::root()?;
    let name = chosen(name)?;
    let place = Place::of(&name);
    let _lock = place.lock()?;
    let nodes = match State::read(&place)? {
        Some(state) => {
            remove(&state)?;
            state.topology.nodes.len()
        }
        // Nothing but the folder was made.
        None => 0,
    };
    place.remove()?;
    Ok(Down { name, nodes, took: start.elapsed() })
}

fn remove(state: &State) -> Result<(), Error> {
    // The cgroup knows every process, also one that was started and not yet written down.
    cgroup::remove(&state.cgroup)?;
    for name in state.namespaces.iter().rev() {
        namespace::remove(name)?;
    }
    namespace::release(&Place::netns_note())?;
    match umount2(&state.bpffs, MntFlags::empty()) {
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => Ok(()),
        Err(error) => Err(Error::at("unmount", &state.bpffs, error)),
    }
}
