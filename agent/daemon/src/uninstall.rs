//! Taking everything of a node away.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use ichor_agent_apply::{Netlink, cut};
use ichor_datapath_loader::{Pins, detach_filters};

use crate::fault::Fault;
use crate::ground;
use crate::log::note;
use crate::store::Store;

/// Removes cables, routes, programs, tables and files, and leaves what is not the agent's.
pub(crate) fn run(bpffs: &Path, state: &Path) -> Result<(), Fault> {
    ground::check_rights_and_kernel()?;
    ground::make_private_folder(state)?;
    let _lock = ground::lock(state)?;
    let mut netlink = Netlink::open()?;
    let (store, _unreadable) = Store::open(&state.join("endpoints"))?;
    for stored in store.entries().values() {
        cut(&mut netlink, &stored.cable.host_name)?;
    }
    netlink.keep_departures(&BTreeSet::new())?;
    netlink.links()?.keys().for_each(|name| detach_filters(name));
    for error in netlink.set_routes(&BTreeSet::new())? {
        note(&error.to_string());
    }
    if bpffs.exists() {
        ground::check_bpffs(bpffs)?;
        Pins::at(bpffs)?.remove()?;
    }
    for folder in ["endpoints", "deleted"] {
        gone(fs::remove_dir_all(state.join(folder)), &state.join(folder))?;
    }
    for file in ["agent.sock", "checkpoint", "lock"] {
        gone(fs::remove_file(state.join(file)), &state.join(file))?;
    }
    // Something else in it is somebody else's.
    let _not_empty = fs::remove_dir(state);
    Ok(())
}

fn gone(outcome: std::io::Result<()>, place: &Path) -> Result<(), Fault> {
    match outcome {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Fault::file("removing", place, &error)),
        _ => Ok(()),
    }
}
