//! Whether the pods' network works: asked of the kernel and of the pods, and not of what the agent believes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ichor_agent_api::inspect::{Check, Checked, Filter, Health};
use ichor_agent_apply::{Netlink, Route, Signal, check, echo};
use ichor_datapath_loader::{FILTER_HANDLE, KeptTables};
use ichor_datapath_types::{Endpoint, EndpointKey};
use ipnet::IpNet;

use crate::fault::Fault;
use crate::hooks::ON_CABLES;
use crate::inspect::answer::{Answer, Stop};
use crate::inspect::view::View;
use crate::store::Stored;

/// A pod on this machine answers within a millisecond.
const PATIENCE: Duration = Duration::from_millis(900);

/// What is known of all pods at once.
struct Ground<'t> {
    netlink: Netlink,
    signals: BTreeMap<u32, Signal>,
    routes: BTreeSet<Route>,
    answered: BTreeSet<IpAddr>,
    tables: &'t mut KeptTables,
}

pub(crate) fn tell(tables: &mut KeptTables, view: &View, filter: &Filter, answer: &mut Answer<'_>) -> Result<(), Stop> {
    let wanted = |stored: &&Stored| filter.takes_pod(&stored.pod.namespace, &stored.pod.name, &stored.cable.addresses);
    let pods: Vec<_> = view.endpoints.iter().map(|(_, stored)| stored).filter(wanted).collect();
    let mut netlink = Netlink::open()?;
    let addresses = pods.iter().flat_map(|stored| stored.cable.addresses.iter().copied()).collect();
    let mut ground =
        Ground { signals: netlink.signals()?, routes: netlink.routes()?, answered: echo(&addresses, PATIENCE)?, netlink, tables };
    for stored in pods {
        let check = |what| Check { what, problem: ground.look(stored, what).err().map(|fault| fault.to_string()) };
        let checks: Vec<_> = Checked::ALL.into_iter().map(check).collect();
        answer.row(Health {
            namespace: stored.pod.namespace.to_string(),
            pod: stored.pod.name.to_string(),
            addresses: stored.cable.addresses.clone(),
            healthy: checks.iter().all(|check| check.problem.is_none()),
            checks,
        })?;
    }
    Ok(())
}

impl Ground<'_> {
    fn look(&mut self, stored: &Stored, what: Checked) -> Result<(), Fault> {
        let name = &stored.cable.host_name;
        match what {
            Checked::Cable => match self.signals.get(&stored.interface) {
                None => Err(Fault::new(format!(
                    "the interface {name} (number {}) is gone: delete the pod, so that it is made anew",
                    stored.interface
                ))),
                Some(Signal::Off) => Err(Fault::new(format!("the interface {name} is switched off: `ip link set {name} up`"))),
                Some(Signal::None) => {
                    Err(Fault::new(format!("the interface {name} has no signal: {} in the pod is switched off", stored.cable.pod_name)))
                }
                Some(Signal::Here) => Ok(()),
            },
            Checked::Inside => Ok(check(&mut self.netlink, &stored.cable, &stored.namespace)?),
            Checked::Program => self.program(stored),
            Checked::Tables => self.tables(stored),
            Checked::Routes => self.routes(stored),
            Checked::Answer => {
                let silent: Vec<_> =
                    stored.cable.addresses.iter().filter(|address| !self.answered.contains(address)).map(ToString::to_string).collect();
                if silent.is_empty() { Ok(()) } else { Err(Fault::new(format!("no echo from {}", silent.join(" and ")))) }
            }
        }
    }

    fn program(&mut self, stored: &Stored) -> Result<(), Fault> {
        let name = &stored.cable.host_name;
        for (program, direction) in ON_CABLES {
            if !self.netlink.is_filtered(stored.interface, direction, FILTER_HANDLE)? {
                return Err(Fault::new(format!(
                    "the program {program} is not on the interface {name}: restart the agent, which puts it back"
                )));
            }
        }
        Ok(())
    }

    fn tables(&mut self, stored: &Stored) -> Result<(), Fault> {
        let wanted = stored.endpoint().row();
        for address in &stored.cable.addresses {
            let found = self.tables.endpoints()?.get(&EndpointKey { addr: (*address).into() })?;
            let wrong = match found {
                Some(found) if (Endpoint { flags: 0, ..found }) == wanted => continue,
                Some(found) => format!("it leads to the interface number {}", found.interface),
                None => "it is missing".to_owned(),
            };
            return Err(Fault::new(format!(
                "the row of {address} in the table ENDPOINTS: {wrong}; restart the agent, which writes it anew"
            )));
        }
        Ok(())
    }

    fn routes(&self, stored: &Stored) -> Result<(), Fault> {
        for address in &stored.cable.addresses {
            let destination = IpNet::from(*address);
            if !self.routes.iter().any(|route| route.destination == destination && route.interface == Some(stored.interface)) {
                return Err(Fault::new(format!(
                    "the node's route to {address} by {} is gone: the agent sets it again within seconds, unless something else takes it away",
                    stored.cable.host_name
                )));
            }
        }
        Ok(())
    }
}
