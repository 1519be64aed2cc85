//! Which stretches of the array of slots are free.

use std::collections::{BTreeMap, BTreeSet};

/// The free stretches, none next to another. The first slot is never given out: a service without backends names it.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    by_start: BTreeMap<u32, u32>,
    by_length: BTreeSet<(u32, u32)>,
}

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        let mut slots = Self { by_start: BTreeMap::new(), by_length: BTreeSet::new() };
        slots.insert(1, count.saturating_sub(1));
        slots
    }

    /// A stretch from the smallest one that is long enough: the long ones stay for those who need them.
    pub(super) fn take(&mut self, length: u32) -> Option<u32> {
        let &(found, start) = self.by_length.range((length, 0)..).next()?;
        self.remove(start, found);
        self.insert(start + length, found - length);
        Some(start)
    }

    /// Takes just this stretch, if all of it is free.
    pub(super) fn take_at(&mut self, start: u32, length: u32) -> bool {
        let Some((&free, &found)) = self.by_start.range(..=start).next_back() else { return false };
        let (Some(end), free_end) = (start.checked_add(length), free + found) else { return false };
        if end > free_end {
            return false;
        }
        self.remove(free, found);
        self.insert(free, start - free);
        self.insert(end, free_end - end);
        true
    }

    pub(super) fn give_back(&mut self, start: u32, length: u32) {
        let (mut start, mut end) = (start, start + length);
        if let Some((&before, &found)) = self.by_start.range(..start).next_back()
            && before + found == start
        {
            self.remove(before, found);
            start = before;
        }
        if let Some(&found) = self.by_start.get(&end) {
            self.remove(end, found);
            end += found;
        }
        self.insert(start, end - start);
    }

    /// How many slots are free, and in how many stretches.
    pub(super) fn free(&self) -> (u32, usize) {
        (self.by_start.values().sum(), self.by_start.len())
    }

    fn insert(&mut self, start: u32, length: u32) {
        if length > 0 {
            self.by_start.insert(start, length);
            self.by_length.insert((length, start));
        }
    }

    fn remove(&mut self, start: u32, length: u32) {
        self.by_start.remove(&start);
        self.by_length.remove(&(length, start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_one_again() {
        let mut slots = Slots::new(101);
        let taken: Vec<_> = [10, 20, 30, 40].into_iter().map(|length| (slots.take(length).unwrap(), length)).collect();
        assert_eq!(taken, [(1, 10), (11, 20), (31, 30), (61, 40)]);
        assert_eq!((slots.take(1), slots.free()), (None, (0, 0)));
        slots.give_back(11, 20);
        slots.give_back(61, 40);
        assert_eq!(slots.free(), (60, 2));
        assert_eq!(slots.take(15), Some(11), "the smallest that fits");
        slots.give_back(11, 15);
        slots.give_back(31, 30);
        slots.give_back(1, 10);
        assert_eq!(slots.free(), (100, 1));
    }

    #[test]
    fn what_a_restart_finds_can_be_taken_once() {
        let mut slots = Slots::new(101);
        assert!(slots.take_at(50, 10) && !slots.take_at(55, 1) && !slots.take_at(45, 10) && !slots.take_at(95, 10));
        assert!(!slots.take_at(0, 1) && !slots.take_at(60, u32::MAX));
        assert!(slots.take_at(1, 49) && slots.take_at(60, 41));
        assert_eq!(slots.free(), (0, 0));
    }
}
