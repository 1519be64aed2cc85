//! What a full table of flows has pushed out. The kernel does not say when it does that: it is what was put in, and is
//! neither there any more nor was removed.

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PushedOut {
    /// Rows that the agent has removed since it began.
    removed: u64,
    /// Rows that were missing already when the first balance was drawn.
    before: Option<i128>,
    earlier: u64,
    since: u64,
}

impl PushedOut {
    pub(crate) fn removed(&mut self, rows: usize) {
        self.removed += u64::try_from(rows).unwrap_or_default();
    }

    /// So many rows were met; the programs had put in so many before they were counted, and so many afterwards.
    pub(crate) fn balance(&mut self, there: u64, added_before: u64, added_after: u64) {
        let missing = |added: u64| i128::from(added) - i128::from(self.removed) - i128::from(there);
        let before = *self.before.get_or_insert_with(|| missing(added_after));
        self.since = self.since.max(u64::try_from(missing(added_before) - before).unwrap_or_default());
    }

    /// Rows may have come from elsewhere: the next balance is the first.
    pub(crate) fn begin_again(&mut self) {
        (self.before, self.earlier, self.since) = (None, self.so_far(), 0);
    }

    /// So many at least: what is put in while rows are counted may be met, and may not.
    pub(crate) fn so_far(&self) -> u64 {
        self.earlier + self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is known after a count of so many rows, during which the programs put in some.
    fn drawn(pushed_out: &mut PushedOut, there: u64, before: u64, after: u64) -> u64 {
        pushed_out.balance(there, before, after);
        pushed_out.so_far()
    }

    fn quiet(pushed_out: &mut PushedOut, there: u64, added: u64) -> u64 {
        drawn(pushed_out, there, added, added)
    }

    #[test]
    fn what_is_neither_there_nor_removed_was_pushed_out() {
        let mut rows = PushedOut::default();
        // Another agent has put in and removed rows before.
        assert_eq!(quiet(&mut rows, 300, 1000), 0);
        rows.removed(50);
        assert_eq!(quiet(&mut rows, 350, 1100), 0);
        assert_eq!(quiet(&mut rows, 430, 1200), 20);
        rows.removed(430);
        assert_eq!(quiet(&mut rows, 0, 1200), 20);
        rows.begin_again();
        // So many rows of an earlier release came, which nobody has counted.
        assert_eq!(quiet(&mut rows, 5000, 1200), 20);
        assert_eq!(quiet(&mut rows, 5090, 1300), 30);
    }

    #[test]
    fn it_is_never_too_many_and_never_less_than_before() {
        let mut rows = PushedOut::default();
        // Of ten that came meanwhile, none was met.
        assert_eq!(drawn(&mut rows, 100, 100, 110), 0);
        assert_eq!(quiet(&mut rows, 140, 150), 0);
        assert_eq!(quiet(&mut rows, 170, 200), 20);
        // All that came meanwhile were met.
        assert_eq!(drawn(&mut rows, 270, 200, 300), 20);
    }
}
