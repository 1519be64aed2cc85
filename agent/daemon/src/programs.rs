//! The programs in the kernel: loaded for what the node is now, on the hooks where the last ones were.

use ichor_agent_apply::{forward, observe};
use ichor_agent_state::{Dirty, Ids};
use ichor_datapath_loader::{Datapath, OBJECT, Pass};

use crate::agent::{Agent, limits};
use crate::fault::Fault;
use crate::hooks::unused;
use crate::log::note;
use crate::settings::{Settings, host};

impl Agent {
    /// Loads the programs, again when something that they were told has changed.
    pub(crate) fn load(&mut self) -> Result<(), Fault> {
        self.set_host()?;
        let found = match Settings::find(&mut self.netlink, &self.snapshot, &self.arguments.node, &self.config) {
            // An object that went away is no reason to stop what works.
            Err(fault) if self.datapath.is_some() => {
                self.compile_problems.insert(fault.to_string());
                self.note_problems();
                return Ok(());
            }
            found => found?,
        };
        if self.datapath.is_some() && self.settings.as_ref() == Some(&found) {
            return Ok(());
        }
        forward(&found.uplink.name, found.v4.is_some(), found.v6.is_some())?;
        let without = unused(self.config.acceleration_of(&self.arguments.node));
        let mut datapath = Datapath::begin(OBJECT, &found.config, &self.sizes, &self.hooks.pins, without)?;
        if self.datapath.is_some() {
            // What works is kept until the next ones are taken.
            datapath.wait()?;
        } else {
            self.take_over(&mut datapath, Pass::First);
            self.observed = observe(&mut datapath, &self.sizes)?;
            self.ids = Ids::restore(&self.observed, limits(&self.sizes));
            self.dirty = Dirty::All;
        }
        self.datapath = Some(datapath);
        let before = self.settings.replace(found);
        if let Some(before) = before.filter(|before| self.settings.as_ref().is_some_and(|now| now.uplink.index != before.uplink.index)) {
            self.hooks.leave_uplink(&before)?;
        }
        if self.ready {
            note("the node's addresses or its uplink changed: the programs are loaded again");
            self.ready = false;
        }
        Ok(())
    }

    /// Looks at what only the machine itself knows of the node.
    pub(crate) fn set_host(&mut self) -> Result<(), Fault> {
        let ours = self.store.entries().values().map(|stored| stored.interface).collect();
        let host = host(&mut self.netlink, &self.arguments.node, &self.config, &ours)?;
        self.snapshot.set_host(host, &mut self.dirty);
        Ok(())
    }

    /// Goes on with the tables of another release; without them, connections are lost, which is no reason to stop.
    fn take_over(&self, datapath: &mut Datapath, pass: Pass) {
        match datapath.take_over(&self.hooks.pins, &self.sizes, pass) {
            Err(fault) => note(&format!("cannot go on with what another release has left: {fault}")),
            Ok(all) => all.iter().filter(|taken| taken.rows > 0 || taken.problem.is_some()).for_each(|taken| match &taken.problem {
                None => note(&format!("took {} rows of {} over from another release", taken.rows, taken.table)),
                Some(problem) => note(&format!("cannot take over the rows of {}: {problem}", taken.table)),
            }),
        }
    }

    /// Puts the programs onto their hooks; each takes the place of the one before it.
    pub(crate) fn attach(&mut self) -> Result<(), Fault> {
        let (Some(datapath), Some(settings)) = (&mut self.datapath, &self.settings) else { return Ok(()) };
        if let Err(refused) = datapath.wait() {
            // The next look loads them again.
            self.datapath = None;
            return Err(refused.into());
        }
        for stored in self.store.entries().values() {
            let name = &stored.cable.host_name;
            match self.hooks.attach_endpoint(datapath, name, stored.interface) {
                // A pod may go at any time; the next look drops it.
                Err(_) if !self.netlink.links()?.contains_key(name) => {}
                outcome => outcome?,
            }
        }
        self.hooks.leave_links_of_endpoints(datapath)?;
        self.hooks.attach_node(datapath, settings, self.config.acceleration_of(&self.arguments.node))?;
        if let Some(mut datapath) = self.datapath.take() {
            self.take_over(&mut datapath, Pass::Last);
            self.datapath = Some(datapath);
        }
        self.sweeper.programs_changed();
        Ok(())
    }
}
