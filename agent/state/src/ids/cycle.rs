//! Numbers that are given out in a circle, so that one that was given back rests as long as possible.

use std::collections::BTreeSet;

/// Numbers from 1 to a limit.
#[derive(Clone, Debug)]
pub(super) struct Cycle {
    used: BTreeSet<u32>,
    last: u32,
    limit: u32,
}

impl Cycle {
    pub(super) fn new(limit: u32, used: BTreeSet<u32>) -> Self {
        let last = used.last().copied().unwrap_or(0);
        Self { used, last, limit }
    }

    pub(super) fn take(&mut self) -> Option<u32> {
        let after = self.free_from(self.last.saturating_add(1));
        let found = after.or_else(|| self.free_from(1))?;
        self.used.insert(found);
        self.last = found;
        Some(found)
    }

    pub(super) fn give_back(&mut self, number: u32) {
        self.used.remove(&number);
    }

    fn free_from(&self, start: u32) -> Option<u32> {
        let mut candidate = start;
        for used in self.used.range(start..) {
            if *used > candidate {
                break;
            }
            candidate = candidate.checked_add(1)?;
        }
        (candidate <= self.limit).then_some(candidate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_again_only_after_all_others() {
        let mut cycle = Cycle::new(4, BTreeSet::new());
        assert_eq!([cycle.take(), cycle.take()], [Some(1), Some(2)]);
        cycle.give_back(1);
        assert_eq!([cycle.take(), cycle.take(), cycle.take(), cycle.take()], [Some(3), Some(4), Some(1), None]);
        cycle.give_back(3);
        assert_eq!([cycle.take(), cycle.take()], [Some(3), None]);
    }

    #[test]
    fn after_a_restart_it_goes_on_behind_the_largest() {
        let mut cycle = Cycle::new(10, [3, 7].into());
        assert_eq!(cycle.take(), Some(8));
    }
}
