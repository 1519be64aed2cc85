//! What the tables should hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use ichor_datapath_types::{Backend, Endpoint, EndpointKey, Prefix, PrefixKey, Service, ServiceKey, SourceRangeKey};

use crate::frontend::FrontendKind;
use crate::name::{Name, Unit};

/// Rows that should be there, and keys that should not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows<K, V>(BTreeMap<K, Option<V>>);

impl<K, V> Default for Rows<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone, V> Rows<K, V> {
    pub(crate) fn set(&mut self, key: K, value: V) {
        self.0.insert(key, Some(value));
    }

    /// Says that nothing should be under a key, unless something said what.
    pub(crate) fn clear(&mut self, key: K) {
        self.0.entry(key).or_insert(None);
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)?.as_ref()
    }

    pub fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)))
    }

    /// The keys under which nothing should be.
    pub fn cleared(&self) -> impl Iterator<Item = &K> {
        self.0.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key)
    }

    fn update(&mut self, newer: Self) {
        for (key, value) in newer.0 {
            match value {
                Some(value) => drop(self.0.insert(key, Some(value))),
                None => drop(self.0.remove(&key)),
            }
        }
    }

    fn settle(&mut self) {
        self.0.retain(|_, value| value.is_some());
    }
}

/// A frontend's row, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontend {
    pub row: Service,
    pub owner: Unit,
    /// Which of its ports.
    pub port: Arc<str>,
    pub kind: FrontendKind,
}

/// What a load balancer that asks on a port is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    pub service: Name,
    /// Ready ones on this node.
    pub endpoints: usize,
}

/// The rows of all tables, or those of what was dirty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// What is not here should not be there.
    pub complete: bool,
    pub services: Rows<ServiceKey, Frontend>,
    pub backends: Rows<u32, Backend>,
    /// Runs of slots by their first one.
    pub slots: Rows<u32, Arc<[u32]>>,
    pub source_ranges: Rows<SourceRangeKey, ()>,
    pub endpoints: Rows<EndpointKey, Endpoint>,
    pub prefixes: Rows<PrefixKey, Prefix>,
    pub health_checks: Rows<u16, HealthCheck>,
}

impl Desired {
    /// Takes over what was compiled later.
    pub fn update(&mut self, newer: Self) {
        if newer.complete {
            *self = newer;
            return;
        }
        self.services.update(newer.services);
        self.backends.update(newer.backends);
        self.slots.update(newer.slots);
        self.source_ranges.update(newer.source_ranges);
        self.endpoints.update(newer.endpoints);
        self.prefixes.update(newer.prefixes);
        self.health_checks.update(newer.health_checks);
    }

    /// Declares that these are all rows.
    pub(crate) fn completed(mut self) -> Self {
        self.complete = true;
        self.services.settle();
        self.backends.settle();
        self.slots.settle();
        self.source_ranges.settle();
        self.endpoints.settle();
        self.prefixes.settle();
        self.health_checks.settle();
        self
    }
}
