//! A lab that is there: its parts by name, and the processes in it.

use std::io::ErrorKind;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use crate::error::Error;
use crate::place::{LabName, Place};
use crate::process::Spot;
use crate::state::State;
use crate::topology::{CLIENT, ROUTER};
use crate::{cgroup, namespace, need};

/// A lab on this machine.
#[derive(Debug)]
pub struct Lab {
    pub(crate) place: Place,
    state: Mutex<State>,
}

impl Lab {
    pub(crate) fn new(place: Place, state: State) -> Self {
        Self { place, state: Mutex::new(state) }
    }

    /// Opens the lab of that name, or the only one that there is.
    pub fn open(name: Option<&LabName>) -> Result<Self, Error> {
        let name = chosen(name)?;
        let place = Place::of(&name);
        let state = State::read(&place)?.filter(|state| state.complete);
        let state = state.ok_or_else(|| {
            Error::new(format!("the lab `{name}` is half-made"))
                .help(format!("take it down with `ichor lab down --name {name}`, then make it again"))
        })?;
        Ok(Self::new(place, state))
    }

    pub fn name(&self) -> &LabName {
        &self.place.name
    }

    /// The state as it is now.
    pub(crate) fn state(&self) -> State {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Changes the state, here and on disk.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) -> Result<(), Error> {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut state);
        state.write(&self.place)
    }

    /// The spot of a node's own processes.
    pub(crate) fn host(&self, node: &str) -> Spot {
        Spot { namespace: self.place.namespace(node), cgroup: self.state().part_cgroup(node, "host") }
    }

    pub(crate) fn pod(&self, node: &str, pod: &str) -> Spot {
        Spot { namespace: self.place.pod_namespace(pod), cgroup: self.state().part_cgroup(node, &format!("pod-{pod}")) }
    }

    pub(crate) fn client(&self) -> Spot {
        Spot { namespace: self.place.namespace(CLIENT), cgroup: self.state().cgroup.join(CLIENT) }
    }

    fn spot(&self, what: &str) -> Result<Spot, Error> {
        let state = self.state();
        let topology = &state.topology;
        let is_off = |node: &str| Error::new(format!("`{node}` is off")).help(format!("turn it on with `ichor lab mend node {node}`"));
        if what == CLIENT {
            return Ok(self.client());
        }
        if what == ROUTER {
            return Ok(Spot { namespace: self.place.namespace(ROUTER), cgroup: state.cgroup.join(ROUTER) });
        }
        if let Some(name) = what.strip_prefix("pod/") {
            let found = topology.pods().find(|(_, pod)| pod.name == name);
            let (node, _) = found.ok_or_else(|| self.unknown("pod", name, topology.pods().map(|(_, pod)| pod.name.as_str())))?;
            return if state.off.contains(&node.name) { Err(is_off(&node.name)) } else { Ok(self.pod(&node.name, name)) };
        }
        let node = self.node(what)?;
        if state.off.contains(&node) { Err(is_off(&node)) } else { Ok(self.host(&node)) }
    }

    /// The name of a node, if it is one.
    pub(crate) fn node(&self, name: &str) -> Result<String, Error> {
        let state = self.state();
        let nodes = &state.topology.nodes;
        let found = nodes.iter().find(|node| node.name == name).map(|node| node.name.clone());
        found.ok_or_else(|| self.unknown("node", name, nodes.iter().map(|node| node.name.as_str())))
    }

    fn unknown<'a>(&self, kind: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
        let known: Vec<_> = known.collect();
        Error::new(format!("the lab `{}` has no {kind} `{name}`", self.place.name)).help(format!("it has {}", known.join(", ")))
    }

    /// Where the agent of a node is asked.
    pub fn agent_socket(&self, node: &str) -> Result<PathBuf, Error> {
        need::root()?;
        Ok(self.place.socket(&self.node(node)?))
    }

    /// Turns this process into a command at a spot: a node, `pod/NAME`, `router` or `client`. Returns only if that fails.
    pub fn exec(&self, what: &str, command: &[String]) -> Result<std::convert::Infallible, Error> {
        need::root()?;
        let spot = self.spot(what)?;
        let (program, args) = command.split_first().ok_or_else(|| Error::new("there is no command to run"))?;
        cgroup::join(&spot.cgroup)?;
        namespace::enter(&spot.namespace)?;
        let mut command = Command::new(program);
        command.args(args);
        if self.node(what).is_ok() {
            // For `ichor endpoint list` and the like.
            command.env("ICHOR_SOCKET", self.place.socket(what));
        }
        let error = command.exec();
        if error.kind() == ErrorKind::NotFound {
            return Err(Error::new(format!("there is no program `{program}` on this machine"))
                .help("the lab has the files of this machine: install it here, or give its whole path"));
        }
        Err(Error::system(format_args!("run `{program}`"), error))
    }
}

/// The lab that is meant: the named one, or the only one.
pub(crate) fn chosen(name: Option<&LabName>) -> Result<LabName, Error> {
    let all = LabName::all();
    let up = "make one with `ichor lab up`";
    match (name, all.as_slice()) {
        (Some(name), all) if all.contains(name) => Ok(name.clone()),
        (Some(name), _) => Err(Error::new(format!("there is no lab `{name}`")).help(up)),
        (None, []) => Err(Error::new("there is no lab on this machine").help(up)),
        (None, [only]) => Ok(only.clone()),
        (None, several) => {
            let names: Vec<_> = several.iter().map(ToString::to_string).collect();
            Err(Error::new("there are several labs on this machine").help(format!("say which with `--name`: {}", names.join(", "))))
        }
    }
}
