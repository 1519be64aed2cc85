//! Gives numbers and slots to what one unit should have.

use std::collections::BTreeSet;
use std::sync::Arc;

use ichor_datapath_types::{Addr, Service, SourceRangeKey};

use super::few::{Few, FewKeys};
use super::{Ids, Owned, Placed, Uses};
use crate::backend::BackendAddr;
use crate::desired::{Desired, Frontend};
use crate::maglev;
use crate::name::Unit;
use crate::node::bits;
use crate::service::{Group, RunKey, Wanted, WantedRow};

/// How many bits the number of the service takes in a key of source ranges.
const SERVICE_BITS: u32 = 32;

impl Ids {
    /// Writes the rows of a unit, and says what there is no room for.
    pub(crate) fn place(&mut self, unit: &Unit, wanted: Wanted, desired: &mut Desired) -> Vec<String> {
        let mut problems = Vec::new();
        let mut owned = self.owned.remove(unit).unwrap_or_default();
        self.number_backends(&wanted, &mut problems);
        let runs = self.place_runs(&mut owned, &wanted, desired, &mut problems);
        self.count_backends(&mut owned, wanted.kept, &runs);
        owned.runs = runs;
        self.number_groups(&mut owned, &wanted.rows);
        self.write_rows(unit, &mut owned, wanted.rows, desired, &mut problems);

        let key = |(group, range): (Group, ipnet::IpNet)| {
            let service = *owned.ids.get(&group)?;
            Some(SourceRangeKey { prefix_bits: SERVICE_BITS + bits(range), service, addr: Addr::from(range.network()) })
        };
        let ranges: BTreeSet<_> = wanted.source_ranges.into_iter().filter_map(key).collect();
        ranges.iter().for_each(|key| desired.source_ranges.set(*key, ()));
        let old = std::mem::replace(&mut owned.source_ranges, ranges);
        old.into_iter().for_each(|key| desired.source_ranges.clear(key));

        let old = std::mem::replace(&mut owned.health_check, wanted.health_check.as_ref().map(|(port, _)| *port));
        wanted.health_check.into_iter().for_each(|(port, row)| desired.health_checks.set(port, row));
        old.into_iter().for_each(|port| desired.health_checks.clear(port));
        if !(owned.ids.is_empty() && owned.kept.is_empty() && owned.health_check.is_none()) {
            self.owned.insert(unit.clone(), owned);
        }
        problems
    }

    fn number_backends(&mut self, wanted: &Wanted, problems: &mut Vec<String>) {
        let all: BTreeSet<_> = wanted.kept.iter().chain(wanted.runs.values().flatten()).collect();
        let mut without = 0;
        for addr in all {
            self.touched.insert(*addr);
            if !self.backends.contains_key(addr) {
                match self.backend_ids.take() {
                    Some(id) => drop(self.backends.insert(*addr, Uses { id, kept: 0, chosen: 0 })),
                    None => without += 1,
                }
            }
        }
        if without > 0 {
            let limit = self.limits.backends.saturating_sub(1);
            problems.push(format!("{without} of its endpoints get no traffic: the table of backends is full with {limit}; make it larger"));
        }
    }

    /// The runs, those that did not change where they were.
    fn place_runs(&mut self, owned: &mut Owned, wanted: &Wanted, desired: &mut Desired, problems: &mut Vec<String>) -> Few<RunKey, Placed> {
        let mut runs = Few::default();
        for (key, members) in &wanted.runs {
            let members: Box<[_]> = members.iter().copied().filter(|addr| self.backends.contains_key(addr)).collect();
            let mut old = owned.runs.remove(key);
            if members.is_empty() {
                self.retire_run(old, desired);
                continue;
            }
            if let Some(same) = old.take_if(|old| old.members == members) {
                runs.insert(key.clone(), same);
                continue;
            }
            let content = self.content(key, &members);
            let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
            let first = self.adopt_run(wanted, key, &content).or_else(|| self.slots.take(length));
            if let Some(first) = first {
                self.retire_run(old, desired);
                runs.insert(key.clone(), Placed { first, members, content });
            } else {
                let (free, stretches) = self.slots.free();
                problems.push(format!(
                    "its {length} slots for {} do not fit into the {free} free ones in {stretches} stretches, \
                     so its endpoints stay what they were; make the table of slots larger",
                    key.group.protocol
                ));
                old.into_iter().for_each(|old| runs.insert(key.clone(), old));
            }
        }
        for old in std::mem::take(&mut owned.runs).into_values() {
            self.retire_run(Some(old), desired);
        }
        runs.values().for_each(|run| desired.slots.set(run.first, run.content.clone()));
        runs
    }

    fn retire_run(&mut self, run: Option<Placed>, desired: &mut Desired) {
        if let Some(run) = run {
            self.retired.runs.push((run.first, u32::try_from(run.content.len()).unwrap_or(u32::MAX)));
            desired.slots.clear(run.first);
        }
    }

    fn content(&self, key: &RunKey, members: &[BackendAddr]) -> Arc<[u32]> {
        let ids: Vec<_> = members.iter().filter_map(|addr| self.backends.get(addr)).map(|uses| uses.id).collect();
        if !key.maglev {
            return ids.into();
        }
        maglev::table(members, key.group.protocol).into_iter().filter_map(|index| ids.get(index).copied()).collect()
    }

    /// The run that a frontend of this one already points to, if it holds the same.
    fn adopt_run(&mut self, wanted: &Wanted, key: &RunKey, content: &[u32]) -> Option<u32> {
        let restored = self.restored.as_mut()?;
        let place = wanted.rows.iter().filter(|row| row.run == *key).find_map(|row| {
            let old = restored.services.get(&row.key)?;
            let place = (old.first_slot, old.slots);
            restored.runs.get(&place).filter(|there| there.as_slice() == content).map(|_| place)
        })?;
        restored.runs.remove(&place);
        Some(place.0)
    }

    fn count_backends(&mut self, owned: &mut Owned, kept: BTreeSet<BackendAddr>, runs: &Few<RunKey, Placed>) {
        let chosen: FewKeys<_> = runs.values().flat_map(|run| run.members.iter().copied()).collect();
        let known = kept.into_iter().filter(|addr| self.backends.contains_key(addr));
        let kept: FewKeys<_> = known.chain(chosen.iter().copied()).collect();
        let old_kept = std::mem::replace(&mut owned.kept, kept);
        let old_chosen = std::mem::replace(&mut owned.chosen, chosen);
        let either: BTreeSet<_> = old_kept.iter().chain(owned.kept.iter()).collect();
        for addr in either {
            self.touched.insert(*addr);
            if let Some(uses) = self.backends.get_mut(addr) {
                uses.kept = uses.kept + u32::from(owned.kept.contains(addr)) - u32::from(old_kept.contains(addr));
                uses.chosen = uses.chosen + u32::from(owned.chosen.contains(addr)) - u32::from(old_chosen.contains(addr));
            }
        }
    }

    fn number_groups(&mut self, owned: &mut Owned, rows: &[WantedRow]) {
        let mut old = std::mem::take(&mut owned.ids);
        for row in rows {
            let group = &row.run.group;
            if owned.ids.contains_key(group) {
                continue;
            }
            let restored = |ids: &mut Self| {
                let restored = ids.restored.as_mut()?;
                let mut known = rows.iter().filter(|row| row.run.group == *group).filter_map(|row| restored.services.get(&row.key));
                known.find_map(|row| restored.ids.take(&row.id))
            };
            if let Some(id) = old.remove(group).or_else(|| restored(self)).or_else(|| self.service_ids.take()) {
                owned.ids.insert(group.clone(), id);
            }
        }
        self.retired.services.extend(old.into_values());
    }

    fn write_rows(&mut self, unit: &Unit, owned: &mut Owned, rows: Vec<WantedRow>, desired: &mut Desired, problems: &mut Vec<String>) {
        let old = std::mem::take(&mut owned.services);
        self.rows -= old.len();
        let mut keys = Vec::with_capacity(rows.len());
        let mut without = 0;
        for WantedRow { key, run, kind, flags, affinity } in rows {
            let Some(&id) = owned.ids.get(&run.group) else { continue };
            if self.rows >= self.limits.services {
                without += 1;
                continue;
            }
            self.rows += 1;
            keys.push(key);
            let (first_slot, slots) = match owned.runs.get(&run) {
                Some(placed) => (placed.first, u32::try_from(placed.content.len()).unwrap_or(0)),
                None => (0, 0),
            };
            let row = Service { id, first_slot, slots, affinity, flags, pad: 0 };
            desired.services.set(key, Frontend { row, owner: unit.clone(), port: run.group.port, kind });
        }
        owned.services = keys.into_iter().collect();
        if without > 0 {
            let limit = self.limits.services;
            problems.push(format!("{without} of its frontends are not served: the table of services is full with {limit}; make it larger"));
        }
        old.iter().for_each(|key| desired.services.clear(*key));
    }
}
