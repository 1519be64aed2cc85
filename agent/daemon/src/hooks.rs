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
    /// On the uplink.
    pub(crate) traffic_control: TrafficControl,
    pub(crate) cgroup: PathBuf,
}

const FROM_WIRE: &str = "from_wire";
const TO_WIRE: &str = "to_wire";
/// At the node's end of a pod's cable: what the pod sends, and what it receives.
pub(crate) const ON_CABLES: [(&str, Direction); 2] = [("from_endpoint", Direction::Ingress), ("to_endpoint", Direction::Egress)];

/// Programs that are put onto no hook.
pub(crate) fn unused(how: Acceleration) -> &'static [&'static str] {
    if how == Acceleration::Disabled { &["xdp_wire"] } else { &[] }
}

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

    /// By filters on every kernel: a link is many times as slow to make, and these go with their cable (decision 012).
    pub(crate) fn attach_endpoint(&self, datapath: &mut Datapath, name: &str, index: u32) -> Result<(), Fault> {
        let interface = Interface { name, index };
        for (program, direction) in ON_CABLES {
            datapath.attach_tc(program, interface, direction, TrafficControl::Clsact, &self.pins)?;
        }
        Ok(())
    }

    /// Lets go of the links that earlier releases put onto cables: they ran in front of filters, and instead of them.
    pub(crate) fn leave_links_of_endpoints(&self, datapath: &mut Datapath) -> Result<(), Fault> {
        ON_CABLES.into_iter().try_for_each(|(program, _)| Ok(datapath.leave_links(program, &self.pins)?))
    }
}
