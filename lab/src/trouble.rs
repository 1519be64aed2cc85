//! Breaking parts of a lab, and mending them.

use std::time::Duration;

use crate::error::Error;
use crate::lab::Lab;
use crate::state::State;
use crate::wait::until;
use crate::{agent, cable, need, node, object};

/// How long the kernel may take to end a killed process.
const ENDED: Duration = Duration::from_secs(5);

/// What can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The power of a node.
    Node,
    /// Its cable.
    Link,
    /// Its agent.
    Agent,
}

impl Lab {
    /// Breaks a part of a node; says in one sentence what happened.
    pub fn break_part(&self, part: Part, name: &str) -> Result<String, Error> {
        need::root()?;
        let _lock = self.place.lock()?;
        let name = self.node(name)?;
        let state = self.state();
        match part {
            Part::Node if state.off.contains(&name) => Err(already(&name, "is off")),
            Part::Node => {
                self.change(|state| {
                    state.off.insert(name.clone());
                })?;
                let failing = state.topology.node(&name).ok_or_else(|| Error::new(format!("there is no node `{name}`")))?;
                node::fail(self, failing)?;
                self.tell()?;
                Ok(format!("`{name}` lost its power: its agent, its pods and its namespace are gone, its disk is not"))
            }
            _ if state.off.contains(&name) => Err(already(&name, "is off").help(format!("turn it on with `ichor lab mend node {name}`"))),
            Part::Link if state.unplugged.contains(&name) => Err(already(&name, "is unplugged")),
            Part::Link => {
                self.change(|state| {
                    state.unplugged.insert(name.clone());
                })?;
                cable::unplug(&self.place, &state.topology, &name)?;
                Ok(format!("the cable of `{name}` is unplugged; it and its pods go on alone"))
            }
            Part::Agent => {
                let process = state.processes.get(&State::agent(&name)).filter(|process| process.lives());
                let process = process.ok_or_else(|| Error::new(format!("the agent of `{name}` does not run")))?;
                process.kill()?;
                until(ENDED, || !process.lives());
                Ok(format!("the agent of `{name}` was killed with SIGKILL; the datapath that it left in the kernel goes on"))
            }
        }
    }

    /// Mends what was broken; says in one sentence what happened.
    pub fn mend_part(&self, part: Part, name: &str) -> Result<String, Error> {
        need::root()?;
        let _lock = self.place.lock()?;
        let name = self.node(name)?;
        let state = self.state();
        match part {
            Part::Node if !state.off.contains(&name) => Err(already(&name, "is on")),
            Part::Node => {
                self.turn_on(&name)?;
                Ok(format!("`{name}` started: a new agent from its old disk, and new pods"))
            }
            _ if state.off.contains(&name) => Err(already(&name, "is off").help(format!("turn it on with `ichor lab mend node {name}`"))),
            Part::Link if !state.unplugged.contains(&name) => Err(already(&name, "is plugged in")),
            Part::Link => {
                cable::plug(&self.place, &state.topology, &name)?;
                self.change(|state| {
                    state.unplugged.remove(&name);
                })?;
                Ok(format!("the cable of `{name}` is plugged in"))
            }
            Part::Agent if state.runs(&State::agent(&name)) => Err(already(&name, "has a running agent")),
            Part::Agent => {
                agent::start(self, &name)?;
                Ok(format!("the agent of `{name}` runs again"))
            }
        }
    }

    fn turn_on(&self, name: &str) -> Result<(), Error> {
        let topology = self.state().topology;
        let Some(starting) = topology.node(name) else { return Ok(()) };
        // An earlier attempt may have ended half-way.
        node::fail(self, starting)?;
        node::lay(self, starting)?;
        node::start(self, starting)?;
        self.change(|state| {
            state.off.remove(name);
            state.unplugged.remove(name);
        })?;
        self.tell()?;
        self.settle(&self.state())
    }

    /// Lets agents and the router know which nodes and pods there are now.
    fn tell(&self) -> Result<(), Error> {
        let state = self.state();
        let off = |node: &str| state.off.contains(node);
        object::write_rest(&self.place, &state.topology, &state.pods, off)?;
        cable::routes(&self.place, &state.topology, &state.pods, |node| !off(node))
    }
}

fn already(node: &str, what: &str) -> Error {
    Error::new(format!("`{node}` {what} already"))
}
