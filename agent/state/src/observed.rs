//! What the tables hold, and what can be done to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ichor_datapath_types::{Backend, Endpoint, EndpointKey, Prefix, PrefixKey, Service, ServiceKey, SourceRangeKey};

use crate::desired::HealthCheck;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    SetBackend(u32, Backend),
    DeleteBackend(u32),
    /// Writes a run of slots that begins at `first`.
    SetSlots {
        first: u32,
        backends: Arc<[u32]>,
    },
    SetService(ServiceKey, Service),
    DeleteService(ServiceKey),
    SetSourceRange(SourceRangeKey),
    DeleteSourceRange(SourceRangeKey),
    SetEndpoint(EndpointKey, Endpoint),
    DeleteEndpoint(EndpointKey),
    SetPrefix(PrefixKey, Prefix),
    DeletePrefix(PrefixKey),
    SetHealthCheck(u16, HealthCheck),
    DeleteHealthCheck(u16),
}

/// The tables as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    pub services: BTreeMap<ServiceKey, Service>,
    /// Without the free places of the table.
    pub backends: BTreeMap<u32, Backend>,
    /// What no service points to has no meaning.
    pub slots: Vec<u32>,
    pub source_ranges: BTreeSet<SourceRangeKey>,
    pub endpoints: BTreeMap<EndpointKey, Endpoint>,
    pub prefixes: BTreeMap<PrefixKey, Prefix>,
    pub health_checks: BTreeMap<u16, HealthCheck>,
}

impl Observed {
    /// The slots of a run, as far as there are so many.
    pub fn run(&self, first: u32, slots: u32) -> Option<&[u32]> {
        let first = usize::try_from(first).ok()?;
        self.slots.get(first..first.checked_add(usize::try_from(slots).ok()?)?)
    }

    /// Keeps up with a step that was taken.
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::SetBackend(id, row) => drop(self.backends.insert(*id, *row)),
            Op::DeleteBackend(id) => drop(self.backends.remove(id)),
            Op::SetSlots { first, backends } => self.write(*first as usize, backends),
            Op::SetService(key, row) => drop(self.services.insert(*key, *row)),
            Op::DeleteService(key) => drop(self.services.remove(key)),
            Op::SetSourceRange(key) => drop(self.source_ranges.insert(*key)),
            Op::DeleteSourceRange(key) => drop(self.source_ranges.remove(key)),
            Op::SetEndpoint(key, row) => drop(self.endpoints.insert(*key, *row)),
            Op::DeleteEndpoint(key) => drop(self.endpoints.remove(key)),
            Op::SetPrefix(key, row) => drop(self.prefixes.insert(*key, *row)),
            Op::DeletePrefix(key) => drop(self.prefixes.remove(key)),
            Op::SetHealthCheck(port, row) => drop(self.health_checks.insert(*port, row.clone())),
            Op::DeleteHealthCheck(port) => drop(self.health_checks.remove(port)),
        }
    }

    fn write(&mut self, first: usize, backends: &[u32]) {
        let end = first.saturating_add(backends.len());
        if self.slots.len() < end {
            self.slots.resize(end, 0);
        }
        if let Some(run) = self.slots.get_mut(first..end) {
            run.copy_from_slice(backends);
        }
    }
}
