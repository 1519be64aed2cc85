//! The programs on their hooks.

use std::path::PathBuf;

use ichor_datapath_loader::{Acceleration as Place, Datapath, Direction, Interface, Pins, TrafficControl, detach_filters};

use crate::config::Acceleration;
use crate::fault::Fault;
use crate::log::note;
use crate::settings::Settings;

/// How and where programs are put onto hooks.
#[derive(Debug)]
pub(crate) struct Hooks {
    pub(crate) pins: Pins,
    pub(crate) traffic_control: TrafficControl,
    pub(crate) cgroup: PathBuf,
}

const FROM_WIRE: &str = "from_wire";
const TO_WIRE: &str = "to_wire";
pub(crate) const FROM_ENDPOINT: &str = "from_endpoint";
const TO_ENDPOINT: &str = "to_endpoint";

impl Hooks {
    /// Refuses to go without a place for the hooks of sockets.
    pub(crate) fn check_cgroup(&self) -> Result<(), Fault> {
        if self.cgroup.is_dir() {
            return Ok(());
        }
        Err(Fault::new(format!(
            "the control group {} is missing, so services cannot be chosen when a socket connects: name another one by --cgroup",
            self.cgroup.display()
        )))
    }

    /// Everything but the pods' cables.
    pub(crate) fn attach_node(&self, datapath: &mut Datapath, settings: &Settings, how: Acceleration) -> Result<(), Fault> {
        let uplink = Interface { name: &settings.uplink.name, index: settings.uplink.index };
        datapath.attach_tc(FROM_WIRE, uplink, Direction::Ingress, self.traffic_control, &self.pins)?;
        datapath.attach_tc(TO_WIRE, uplink, Direction::Egress, self.traffic_control, &self.pins)?;
        let mut accelerate = |place| {
            let mend = "set loadBalancer.acceleration, or accelerationByNode for this node, to disabled";
            datapath.attach_uplink_xdp(uplink, place, &self.pins).map_err(|error| Fault::new(format!("{error}; {mend}")))
        };
        match how {
            Acceleration::Disabled => self.pins.detach_uplink_xdp(uplink)?,
            Acceleration::Native => accelerate(Place::Native)?,
            Acceleration::Generic => accelerate(Place::Generic)?,
            Acceleration::BestEffort => {
                if let Err(fault) = accelerate(Place::Native) {
                    note(&format!("goes on without acceleration: {fault}"));
                }
            }
        }
        datapath.attach_sockets(&self.cgroup, &self.pins)?;
        Ok(())
    }

    /// Takes the programs off an uplink that is another one now.
    pub(crate) fn leave_uplink(&self, settings: &Settings) -> Result<(), Fault> {
        let uplink = Interface { name: &settings.uplink.name, index: settings.uplink.index };
        self.pins.detach_uplink_xdp(uplink)?;
        detach_filters(uplink.name);
        [FROM_WIRE, TO_WIRE].into_iter().try_for_each(|program| Ok(self.pins.detach(program, uplink)?))
    }

    pub(crate) fn attach_endpoint(&self, datapath: &mut Datapath, name: &str, index: u32) -> Result<(), Fault> {
        let interface = Interface { name, index };
        datapath.attach_tc(FROM_ENDPOINT, interface, Direction::Ingress, self.traffic_control, &self.pins)?;
        Ok(datapath.attach_tc(TO_ENDPOINT, interface, Direction::Egress, self.traffic_control, &self.pins)?)
    }

    /// Forgets the hooks of a cable that is cut.
    pub(crate) fn leave_endpoint(&self, name: &str, index: u32) -> Result<(), Fault> {
        [FROM_ENDPOINT, TO_ENDPOINT].into_iter().try_for_each(|program| Ok(self.pins.detach(program, Interface { name, index })?))
    }
}
