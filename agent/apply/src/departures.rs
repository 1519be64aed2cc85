//! Queues in which packets wait for the time at which they are to leave (`fq`), at the node's ends of cables and on its uplink.

use std::collections::{BTreeMap, BTreeSet};

use netlink_packet_route::tc::TcHandle;
use nix::errno::Errno;

use crate::error::Error;
use crate::netlink::{Netlink, Refusal};
use crate::queue::{Place, Queue, option};

/// The one kind that looks at a packet's time.
const TIMED: &str = "fq";
/// One queue for each of the device's own.
const MANY: &str = "mq";
/// The number by which a queue is known as ours.
const OURS: TcHandle = TcHandle { major: 0x1c41, minor: 0 };

/// Attributes of `fq`, which the library does not know.
const PACKETS: u16 = 1;
const PACKETS_OF_FLOW: u16 = 2;
const HOLD_BACK_SOCKETS: u16 = 5;
const HORIZON_US: u16 = 14;
/// A third of a second of four gigabits in full packets, and of one of them in one flow: what would wait for longer is
/// dropped before it comes here.
const MOST_PACKETS: u32 = 100_000;
const MOST_OF_FLOW: u32 = 25_000;

/// Whether packets leave at their times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Departures {
    Kept,
    /// The kernel has no such queue.
    Unknown,
    /// This interface has another queue, of this kind, that somebody has chosen.
    Taken(u32, String),
}

/// What is asked before an interface sends.
#[derive(Debug)]
struct Root {
    handle: TcHandle,
    kind: String,
    /// Of the device's own queues, by their number.
    leaves: BTreeMap<u16, String>,
}

impl Root {
    fn is_timed(&self) -> bool {
        self.kind == TIMED || self.kind == MANY && !self.leaves.is_empty() && self.leaves.values().all(|kind| kind == TIMED)
    }

    fn is_anothers(&self) -> bool {
        self.handle.major != 0 && self.handle != OURS && !self.is_timed()
    }
}

impl Netlink {
    /// Makes packets wait for their times at these interfaces, and takes our queues off all others. Where it cannot be
    /// for one of them, it is for none.
    pub fn keep_departures(&mut self, interfaces: &BTreeSet<u32>) -> Result<Departures, Error> {
        let wrong = |error| Error::new("setting the queues in which packets of limited pods wait", error);
        let outcome = self.try_departures(interfaces).map_err(wrong)?;
        if outcome != Departures::Kept {
            self.try_departures(&BTreeSet::new()).map_err(wrong)?;
        }
        Ok(outcome)
    }

    fn try_departures(&mut self, interfaces: &BTreeSet<u32>) -> Result<Departures, Refusal> {
        let roots = self.roots()?;
        let anothers = |index: &u32| Some((*index, roots.get(index).filter(|root| root.is_anothers())?.kind.clone()));
        if let Some((index, kind)) = interfaces.iter().find_map(anothers) {
            return Ok(Departures::Taken(index, kind));
        }
        for (index, _) in roots.iter().filter(|(index, root)| root.handle == OURS && !interfaces.contains(index)) {
            gone_is_fine(self.remove_queue(Place::root(*index, OURS)))?;
        }
        for &index in interfaces {
            let root = roots.get(&index);
            if root.is_some_and(Root::is_timed) {
                continue;
            }
            let has_many = root.is_some_and(|root| root.kind == MANY);
            let set = if has_many { self.set_many(index) } else { self.set_timed(Place::root(index, OURS)) };
            match set {
                Err(refusal) if refusal.raw_os_error() == Some(Errno::ENOENT as i32) => return Ok(Departures::Unknown),
                set => gone_is_fine(set)?,
            }
        }
        Ok(Departures::Kept)
    }

    /// A queue for each of the device's own, so that its CPUs need not wait for each other.
    fn set_many(&mut self, index: u32) -> Result<(), Refusal> {
        self.set_queue(Place::root(index, OURS), MANY, Vec::new())?;
        let leaves = self.roots()?.remove(&index).map(|root| root.leaves).unwrap_or_default();
        for (minor, _) in leaves.iter().filter(|(_, kind)| *kind != TIMED) {
            self.set_timed(Place { interface: index, parent: TcHandle { minor: *minor, ..OURS }, handle: TcHandle::UNSPEC })?;
        }
        Ok(())
    }

    fn set_timed(&mut self, place: Place) -> Result<(), Refusal> {
        let number = |kind, number: u32| option(kind, number.to_ne_bytes());
        let options = vec![
            number(PACKETS, MOST_PACKETS),
            number(PACKETS_OF_FLOW, MOST_OF_FLOW),
            // Times are all that it is here for: sockets go on as they did.
            number(HOLD_BACK_SOCKETS, 0),
            number(HORIZON_US, u32::MAX),
        ];
        self.set_queue(place, TIMED, options)
    }

    /// By interface.
    fn roots(&mut self) -> Result<BTreeMap<u32, Root>, Refusal> {
        let (roots, others): (Vec<_>, Vec<_>) = self.queues()?.into_iter().partition(|queue| queue.place.parent == TcHandle::ROOT);
        let root = |queue: Queue| (queue.place.interface, Root { handle: queue.place.handle, kind: queue.kind, leaves: BTreeMap::new() });
        let mut roots: BTreeMap<u32, Root> = roots.into_iter().map(root).collect();
        for Queue { place, kind } in others {
            if let Some(root) = roots.get_mut(&place.interface).filter(|root| root.handle.major == place.parent.major) {
                root.leaves.insert(place.parent.minor, kind);
            }
        }
        Ok(roots)
    }
}

/// A pod may go at any time, and takes its cable with it.
fn gone_is_fine(outcome: Result<(), Refusal>) -> Result<(), Refusal> {
    match outcome {
        Err(refusal) if refusal.raw_os_error() == Some(Errno::ENODEV as i32) => Ok(()),
        outcome => outcome,
    }
}
