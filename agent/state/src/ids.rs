//! Numbers: which backend and service has which, and where the slots of each are.
//!
//! Flows and session affinity refer to them, so they stay while what they stand for lives, across restarts too, and rest
//! before they stand for something else.

mod cycle;
mod few;
mod place;
mod slots;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ichor_datapath_types::{Endpoint, EndpointKey, Prefix, PrefixKey, Service, ServiceKey, SourceRangeKey, backend_flag};

use crate::backend::BackendAddr;
use crate::desired::Desired;
use crate::name::Unit;
use crate::observed::Observed;
use crate::service::{Group, RunKey};
use cycle::Cycle;
use few::{Few, FewKeys};
use slots::Slots;

/// How large the tables are. Backends and slots are arrays, and the first place of both stays empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub services: usize,
    pub backends: u32,
    pub slots: u32,
}

/// All numbers in use, and whose they are.
#[derive(Clone, Debug)]
pub struct Ids {
    limits: Limits,
    backends: BTreeMap<BackendAddr, Uses>,
    owned: BTreeMap<Unit, Owned>,
    backend_ids: Cycle,
    service_ids: Cycle,
    slots: Slots,
    /// Rows of services that all units own together.
    rows: usize,
    /// Backends whose use changed in this compile.
    touched: BTreeSet<BackendAddr>,
    retired: Retired,
    resting: Retired,
    restored: Option<Restored>,
}

/// A backend's number and how many units need it.
#[derive(Clone, Copy, Debug)]
struct Uses {
    id: u32,
    kept: u32,
    /// Of these, how many give it new connections.
    chosen: u32,
}

/// A run of slots.
#[derive(Clone, Debug)]
struct Placed {
    first: u32,
    members: Box<[BackendAddr]>,
    content: Arc<[u32]>,
}

/// What a unit has.
#[derive(Clone, Debug, Default)]
struct Owned {
    ids: Few<Group, u32>,
    runs: Few<RunKey, Placed>,
    kept: FewKeys<BackendAddr>,
    chosen: FewKeys<BackendAddr>,
    services: FewKeys<ServiceKey>,
    source_ranges: BTreeSet<SourceRangeKey>,
    health_check: Option<u16>,
    endpoints: BTreeSet<EndpointKey>,
    prefixes: BTreeSet<PrefixKey>,
}

/// Numbers that nothing should use any more.
#[derive(Clone, Debug, Default)]
struct Retired {
    backends: Vec<u32>,
    services: Vec<u32>,
    runs: Vec<(u32, u32)>,
}

/// What a restart found in the tables and nobody has asked for yet.
#[derive(Clone, Debug, Default)]
struct Restored {
    services: BTreeMap<ServiceKey, Service>,
    ids: BTreeSet<u32>,
    runs: BTreeMap<(u32, u32), Vec<u32>>,
}

impl Ids {
    /// The numbers that the tables hold. The first compile asks whose they are; what nobody claims is given back.
    pub fn restore(observed: &Observed, limits: Limits) -> Self {
        let mut slots = Slots::new(limits.slots);
        let mut restored = Restored { services: observed.services.clone(), ..Restored::default() };
        for row in observed.services.values() {
            restored.ids.insert(row.id);
            let place = (row.first_slot, row.slots);
            // Two runs cannot overlap; in tables that somebody else wrote to, the first one counts.
            if row.slots > 0
                && !restored.runs.contains_key(&place)
                && let Some(content) = observed.run(row.first_slot, row.slots)
                && slots.take_at(row.first_slot, row.slots)
            {
                restored.runs.insert(place, content.to_vec());
            }
        }
        let mut backends = BTreeMap::new();
        for (&id, row) in &observed.backends {
            backends.entry(BackendAddr::from(row)).or_insert(Uses { id, kept: 0, chosen: 0 });
        }
        let numbered: BTreeSet<u32> = backends.values().map(|uses: &Uses| uses.id).collect();
        let doubles = observed.backends.keys().filter(|id| !numbered.contains(id)).copied().collect();
        let retired = Retired { backends: doubles, ..Retired::default() };
        Self {
            limits,
            touched: backends.keys().copied().collect(),
            backends,
            owned: BTreeMap::new(),
            backend_ids: Cycle::new(limits.backends.saturating_sub(1), observed.backends.keys().copied().collect()),
            service_ids: Cycle::new(u32::MAX, restored.ids.clone()),
            slots,
            rows: 0,
            retired,
            resting: Retired::default(),
            restored: Some(restored),
        }
    }

    /// To be called when everything is applied that `diff` gave. What was retired then rests once more: a packet that has
    /// read the old row of a service still reads its slots.
    pub fn applied(&mut self) {
        let free = std::mem::replace(&mut self.resting, std::mem::take(&mut self.retired));
        free.backends.into_iter().for_each(|id| self.backend_ids.give_back(id));
        free.services.into_iter().for_each(|id| self.service_ids.give_back(id));
        free.runs.into_iter().for_each(|(first, length)| self.slots.give_back(first, length));
    }

    /// How many slots are free, and in how many stretches.
    pub fn free_slots(&self) -> (u32, usize) {
        self.slots.free()
    }

    pub(crate) fn is_restoring(&self) -> bool {
        self.restored.is_some()
    }

    pub(crate) fn owners(&self) -> impl Iterator<Item = &Unit> {
        self.owned.keys()
    }

    pub(crate) fn own_prefixes(&mut self, rows: Vec<(PrefixKey, Prefix)>, desired: &mut Desired) {
        let keys = rows.iter().map(|(key, _)| *key).collect();
        let old = std::mem::replace(&mut self.owned.entry(Unit::Nodes).or_default().prefixes, keys);
        rows.into_iter().for_each(|(key, row)| desired.prefixes.set(key, row));
        old.into_iter().for_each(|key| desired.prefixes.clear(key));
    }

    pub(crate) fn own_endpoints(&mut self, rows: Vec<(EndpointKey, Endpoint)>, desired: &mut Desired) {
        let keys = rows.iter().map(|(key, _)| *key).collect();
        let old = std::mem::replace(&mut self.owned.entry(Unit::Endpoints).or_default().endpoints, keys);
        rows.into_iter().for_each(|(key, row)| desired.endpoints.set(key, row));
        old.into_iter().for_each(|key| desired.endpoints.clear(key));
    }

    /// Writes down what became of the backends, when all units have said which they need.
    pub(crate) fn finish(&mut self, desired: &mut Desired, complete: bool) {
        for addr in std::mem::take(&mut self.touched) {
            let Some(uses) = self.backends.get(&addr).copied() else { continue };
            if uses.kept == 0 {
                self.backends.remove(&addr);
                self.retired.backends.push(uses.id);
                desired.backends.clear(uses.id);
            } else {
                let flags = if uses.chosen == 0 { backend_flag::DRAINING } else { 0 };
                desired.backends.set(uses.id, addr.row(flags));
            }
        }
        if let Some(restored) = self.restored.take_if(|_| complete) {
            self.retired.services.extend(restored.ids);
            self.retired.runs.extend(restored.runs.into_keys());
        }
    }
}
