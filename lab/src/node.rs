//! A node from nothing to serving, and back.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use crate::error::Error;
use crate::lab::Lab;
use crate::process::{self, ProcessId, Spot, Work};
use crate::service::SERVER_PORT;
use crate::state::State;
use crate::topology::{CLIENT, Node, Pod};
use crate::{agent, cable, cgroup, namespace};

/// How long a pod's server may take until it listens.
const LISTENS: Duration = Duration::from_secs(10);

/// The namespace and the cable of a node.
pub(crate) fn lay(lab: &Lab, node: &Node) -> Result<(), Error> {
    let (place, state) = (&lab.place, lab.state());
    namespace::make(&place.namespace(&node.name), &cable::FORWARDS)?;
    cable::node(place, &state.topology, node)?;
    cgroup::make(&state.node_cgroup(&node.name))?;
    for folder in [place.node(&node.name), place.bpffs().join(&node.name)] {
        fs::create_dir_all(&folder).map_err(|error| Error::at("make", &folder, error))?;
    }
    Ok(())
}

/// The agent of a node, then its pods.
pub(crate) fn start(lab: &Lab, node: &Node) -> Result<(), Error> {
    agent::start(lab, &node.name)?;
    for pod in &node.pods {
        add(lab, node, pod)?;
    }
    Ok(())
}

/// A server on the machine outside, for pods to call.
pub(crate) fn start_outside(lab: &Lab) -> Result<(), Error> {
    let process = serve(lab, CLIENT, &lab.client())?;
    lab.change(|state| {
        state.processes.insert(CLIENT.to_owned(), process);
    })
}

fn serve(lab: &Lab, name: &str, spot: &Spot) -> Result<ProcessId, Error> {
    let work = Work::Serve { pod: name.to_owned(), port: SERVER_PORT };
    let command = process::command(&lab.state().executable, spot, true, work)?;
    process::start(command, &format!("the server of `{name}`"), &lab.place.log(&format!("server-{name}")), LISTENS)
}

fn add(lab: &Lab, node: &Node, pod: &Pod) -> Result<(), Error> {
    let place = &lab.place;
    namespace::make(&place.pod_namespace(&pod.name), &[])?;
    let addresses = agent::add_pod(lab, &node.name, &pod.name)?;
    let process = serve(lab, &pod.name, &lab.pod(&node.name, &pod.name))?;
    lab.change(|state| {
        state.processes.insert(State::server(&pod.name), process);
        state.pods.insert(pod.name.clone(), addresses);
    })
}

/// What is left of a node whose power fails: its disk.
pub(crate) fn fail(lab: &Lab, node: &Node) -> Result<(), Error> {
    let (place, state) = (&lab.place, lab.state());
    cgroup::remove(&state.node_cgroup(&node.name))?;
    for pod in &node.pods {
        namespace::remove(&place.pod_namespace(&pod.name))?;
    }
    cable::cut(place, &state.topology, &node.name)?;
    namespace::remove(&place.namespace(&node.name))?;
    // Nothing in the kernel survives, pinned or not.
    remove_folder(&place.bpffs().join(&node.name))?;
    lab.change(|state| {
        state.processes.remove(&State::agent(&node.name));
        for pod in &node.pods {
            state.processes.remove(&State::server(&pod.name));
            state.pods.remove(&pod.name);
        }
    })
}

fn remove_folder(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::at("remove", path, error)),
        _ => Ok(()),
    }
}
