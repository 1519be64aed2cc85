//! From nothing to a lab.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ichor_config::Cluster;
use nix::mount::{MsFlags, mount};

use crate::agent::{AGENT, CNI};
use crate::error::Error;
use crate::lab::Lab;
use crate::place::{LabName, Place};
use crate::state::{State, cgroup_of};
use crate::topology::{CLIENT, LAN, ROUTER, Topology};
use crate::{cable, cgroup, namespace, need, node, object};

/// What a lab is made from.
#[derive(Debug)]
pub struct Options<'a> {
    pub name: LabName,
    pub cluster: &'a Cluster,
    /// The `ichor` executable: agents, the CNI plugin, servers and probes are made of it.
    pub executable: PathBuf,
}

/// A lab and what it cost.
#[derive(Debug)]
pub struct Up {
    pub lab: Lab,
    pub took: Duration,
}

/// Makes a lab. What was made before a failure stays to be looked at, until `down`.
pub fn up(options: Options<'_>, progress: &mut dyn FnMut(&str)) -> Result<Up, Error> {
    let start = Instant::now();
    need::machine()?;
    let topology = Topology::of(options.cluster)?;
    let place = Place::of(&options.name);
    refuse_another(&place)?;
    let cgroup = cgroup_of(&cgroup::root()?, &place);
    let _lock = place.lock()?;
    // The other one may have been made while this one waited.
    if place.state().exists() {
        return Err(is_there(&place));
    }
    let namespaces: Vec<_> = topology.namespaces().iter().map(|what| place.namespace(what)).collect();
    if let Some(found) = namespaces.iter().find(|name| namespace::exists(name)) {
        place.remove()?;
        return Err(Error::new(format!("there is a network namespace `{found}` already, and not of this lab"))
            .help(format!("remove it with `ip netns delete {found}`, or give the lab another name with `--name`")));
    }
    let state = State {
        topology,
        namespaces,
        cgroup,
        bpffs: place.bpffs(),
        executable: options.executable,
        complete: false,
        processes: Default::default(),
        pods: Default::default(),
        off: Default::default(),
        unplugged: Default::default(),
    };
    state.write(&place)?;
    let lab = Lab::new(place, state);
    make(&lab, options.cluster, progress).map_err(|error| unfinished(&lab, error))?;
    lab.change(|state| state.complete = true)?;
    Ok(Up { lab, took: start.elapsed() })
}

fn unfinished(lab: &Lab, error: Error) -> Error {
    let stays = format!("what was made stays to be looked at, until `ichor lab down --name {}`", lab.name());
    let help = error.help.iter().cloned().chain([stays]).collect::<Vec<_>>();
    Error { help: Some(help.join("; ")), ..error }
}

fn refuse_another(place: &Place) -> Result<(), Error> {
    if place.exists() && State::read(place).is_ok_and(|state| state.is_some_and(|state| state.complete)) {
        return Err(is_there(place));
    }
    Ok(())
}

fn is_there(place: &Place) -> Error {
    let name = &place.name;
    let down = format!("`ichor lab down --name {name}`");
    match State::read(place) {
        Ok(Some(state)) if state.complete => Error::new(format!("the lab `{name}` is up already"))
            .help(format!("see it with `ichor lab status`, take it down with {down}, or make another with `--name OTHER`")),
        _ => Error::new(format!("a lab `{name}` was begun and not finished")).help(format!("clear what is left of it with {down}")),
    }
}

fn make(lab: &Lab, cluster: &Cluster, progress: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let (place, state) = (&lab.place, lab.state());
    let topology = &state.topology;
    folders(lab, cluster)?;
    progress("namespaces, the LAN, the router and the client outside");
    namespace::prepare(&Place::netns_note())?;
    for what in [LAN, ROUTER] {
        namespace::make(&place.namespace(what), &cable::FORWARDS)?;
    }
    namespace::make(&place.namespace(CLIENT), &cable::ENDS)?;
    cable::lan(place, topology)?;
    cable::router_and_client(place, topology)?;
    for node in &topology.nodes {
        node::lay(lab, node)?;
    }
    cable::routes(place, topology, &state.pods, |_| true)?;
    node::start_outside(lab)?;
    progress(&format!("agents and pods of {} nodes", topology.nodes.len()));
    object::write_nodes(place, topology)?;
    object::write_rest(place, topology, &state.pods, |_| false)?;
    each(topology.nodes.iter().map(|node| move || node::start(lab, node)))?;
    let pods = lab.state().pods;
    progress(&format!("{} services with {} pods", topology.services.len(), pods.len()));
    object::write_rest(place, topology, &pods, |_| false)?;
    cable::routes(place, topology, &pods, |_| true)
}

/// The files, the place for pins, and the group for processes.
fn folders(lab: &Lab, cluster: &Cluster) -> Result<(), Error> {
    let (place, state) = (&lab.place, lab.state());
    for folder in [place.objects(), place.bin(), place.bpffs(), place.root.join("log"), place.root.join("nodes")] {
        fs::create_dir_all(&folder).map_err(|error| Error::at("make", &folder, error))?;
    }
    for name in [AGENT, CNI] {
        let link = place.bin().join(name);
        symlink(&state.executable, &link).map_err(|error| Error::at("make", &link, error))?;
    }
    fs::write(place.config(), ichor_templates::agent_config(cluster)).map_err(|error| Error::at("write", &place.config(), error))?;
    mount(Some("bpf"), &state.bpffs, Some("bpf"), MsFlags::empty(), None::<&str>).map_err(|error| {
        Error::at("mount a BPF file system at", &state.bpffs, error)
            .help("the kernel needs CONFIG_BPF_SYSCALL, and a container needs the right to use it (`--privileged`)")
    })?;
    cgroup::make(&state.cgroup)
}

/// Does several things at once; the first failure counts.
pub(crate) fn each<F: FnOnce() -> Result<(), Error> + Send>(works: impl Iterator<Item = F>) -> Result<(), Error> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = works.map(|work| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(Error::new("a thread of the lab ended badly"))));
        ended.collect::<Vec<_>>().into_iter().collect()
    })
}
