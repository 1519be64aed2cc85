//! From what the tables hold to what they should hold, in steps that serve every packet in between.
//!
//! What a row refers to is there before it, and goes after it: backends, then slots, then the services that point to them;
//! the entry for clients from outside before the one that sends them there.

use std::collections::BTreeMap;

use ichor_datapath_types::{ServiceKey, scope};

use crate::desired::{Desired, Rows};
use crate::observed::{Observed, Op};

/// The steps to take, in this order. None when nothing is to be done.
pub fn diff(desired: &Desired, observed: &Observed) -> Vec<Op> {
    let mut ops = Vec::new();
    let complete = desired.complete;

    let (backends, old_backends) = changes(&desired.backends, &observed.backends, complete);
    ops.extend(backends.into_iter().map(|(id, row)| Op::SetBackend(id, row)));
    for (&first, run) in desired.slots.iter() {
        let there = u32::try_from(run.len()).ok().and_then(|slots| observed.run(first, slots));
        if there != Some(&**run) {
            ops.push(Op::SetSlots { first, backends: run.clone() });
        }
    }
    ops.extend(
        desired.source_ranges.iter().filter(|(key, ())| !observed.source_ranges.contains(key)).map(|(key, ())| Op::SetSourceRange(*key)),
    );
    let (endpoints, old_endpoints) = changes(&desired.endpoints, &observed.endpoints, complete);
    ops.extend(endpoints.into_iter().map(|(key, row)| Op::SetEndpoint(key, row)));
    let (prefixes, old_prefixes) = changes(&desired.prefixes, &observed.prefixes, complete);
    ops.extend(prefixes.into_iter().map(|(key, row)| Op::SetPrefix(key, row)));

    ops.extend(services(desired, observed));

    let old = unwanted(&desired.source_ranges, observed.source_ranges.iter(), complete, |key| observed.source_ranges.contains(key));
    ops.extend(old.into_iter().map(Op::DeleteSourceRange));
    ops.extend(old_prefixes.into_iter().map(Op::DeletePrefix));
    ops.extend(old_endpoints.into_iter().map(Op::DeleteEndpoint));
    ops.extend(old_backends.into_iter().map(Op::DeleteBackend));

    let (health_checks, old_health_checks) = changes(&desired.health_checks, &observed.health_checks, complete);
    ops.extend(health_checks.into_iter().map(|(port, row)| Op::SetHealthCheck(port, row)));
    ops.extend(old_health_checks.into_iter().map(Op::DeleteHealthCheck));
    ops
}

fn services(desired: &Desired, observed: &Observed) -> Vec<Op> {
    let wanted: Vec<_> = desired.services.iter().filter(|(key, frontend)| observed.services.get(key) != Some(&frontend.row)).collect();
    let old = unwanted(&desired.services, observed.services.keys(), desired.complete, |key| observed.services.contains_key(key));
    let outside = |key: &ServiceKey| key.scope == scope::EXTERNAL;
    let set = |external: bool| {
        wanted.iter().filter(move |(key, _)| outside(key) == external).map(|(key, frontend)| Op::SetService(**key, frontend.row))
    };
    let delete = |external: bool| old.iter().filter(move |key| outside(key) == external).map(|key| Op::DeleteService(*key));
    set(true).chain(set(false)).chain(delete(false)).chain(delete(true)).collect()
}

/// The rows to write, and the keys to delete.
fn changes<K: Ord + Clone, V: PartialEq + Clone>(rows: &Rows<K, V>, there: &BTreeMap<K, V>, complete: bool) -> (Vec<(K, V)>, Vec<K>) {
    let new = rows.iter().filter(|(key, value)| there.get(key) != Some(value)).map(|(key, value)| (key.clone(), value.clone()));
    (new.collect(), unwanted(rows, there.keys(), complete, |key| there.contains_key(key)))
}

/// The keys that are there and should not be. Without all rows at hand only those are looked at that are named.
fn unwanted<'a, K: Ord + Clone + 'a, V>(
    rows: &Rows<K, V>,
    there: impl Iterator<Item = &'a K>,
    complete: bool,
    is_there: impl Fn(&K) -> bool,
) -> Vec<K> {
    if complete {
        return there.filter(|key| !rows.contains(key)).cloned().collect();
    }
    rows.cleared().filter(|key| is_there(key)).cloned().collect()
}
