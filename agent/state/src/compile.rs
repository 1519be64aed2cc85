//! From objects to rows.

use crate::desired::Desired;
use crate::endpoint::endpoints;
use crate::ids::Ids;
use crate::name::Unit;
use crate::node::prefixes;
use crate::problem::Problem;
use crate::service::wanted;
use crate::snapshot::{Dirty, Snapshot};

/// The rows of what is dirty. Numbers that are given out are noted in `ids`, which the next call needs.
///
/// A full compile is the same for every unit there is, and gives the same rows as all compiles since the beginning.
pub fn compile(snapshot: &Snapshot, ids: &mut Ids, dirty: &Dirty) -> (Desired, Vec<Problem>) {
    let (units, complete) = match dirty {
        Dirty::Units(units) if !ids.is_restoring() => (units.clone(), false),
        // What a restart found in the tables has no owners yet: everybody has to come and say what is theirs.
        _ => (snapshot.units().into_iter().chain(ids.owners().cloned()).collect(), true),
    };
    let mut desired = Desired::default();
    let mut problems = Vec::new();
    for unit in &units {
        match unit {
            Unit::Nodes => ids.own_prefixes(prefixes(snapshot), &mut desired),
            Unit::Endpoints => ids.own_endpoints(endpoints(snapshot), &mut desired),
            Unit::Service(_) | Unit::HostPorts(_) => {
                let wanted = wanted(snapshot, unit);
                let mut texts = wanted.problems.clone();
                texts.extend(ids.place(unit, wanted, &mut desired));
                let problem = |text| Problem { object: unit.to_string(), place: None, text };
                problems.extend(texts.into_iter().map(problem));
            }
        }
    }
    ids.finish(&mut desired, complete);
    (if complete { desired.completed() } else { desired }, problems)
}
