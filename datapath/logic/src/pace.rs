//! When a packet of a pod that may send only so much leaves.

use ichor_datapath_types::{Pace, SharedPace};

/// The time at which a packet of so many bytes may leave; nothing where more waits before it than may wait. Each packet
/// takes the time for which it keeps the line busy from those after it, so no CPU waits for another one.
#[inline(always)]
pub fn departure(pace: SharedPace<'_>, now_ns: u64, bytes: u32) -> Option<u64> {
    let takes_ns = pace.byte_time().wrapping_mul(u64::from(bytes)) >> Pace::FRACTION_BITS;
    let turn_ns = pace.put_off(takes_ns);
    if turn_ns < now_ns {
        // Nobody waits. What was not sent so far is no credit.
        pace.set(now_ns.wrapping_add(takes_ns));
        return Some(now_ns);
    }
    if turn_ns - now_ns > pace.longest_ns() {
        pace.put_off(takes_ns.wrapping_neg());
        return None;
    }
    Some(turn_ns)
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    const MS: u64 = 1_000_000;

    /// A byte takes so many nanoseconds, and 100 ms may wait.
    fn pace(byte_ns: u64) -> Cell<Pace> {
        Cell::new(Pace { next_ns: 0, byte_time: byte_ns << Pace::FRACTION_BITS, longest_ns: 100 * MS })
    }

    #[test]
    fn packets_leave_one_after_the_other() {
        let row = pace(1000);
        let ask = |now_ns, bytes| departure(SharedPace::in_cell(&row), now_ns, bytes);
        assert_eq!(ask(5 * MS, 1000), Some(5 * MS));
        assert_eq!(ask(5 * MS, 500), Some(6 * MS));
        assert_eq!(ask(6 * MS, 500), Some(6 * MS + MS / 2));
        // After a silence nothing is made up for.
        assert_eq!(ask(90 * MS, 1000), Some(90 * MS));
        assert_eq!(ask(90 * MS, 1), Some(91 * MS));
    }

    #[test]
    fn what_would_wait_too_long_takes_no_time() {
        let row = pace(1000);
        let ask = |now_ns, bytes| departure(SharedPace::in_cell(&row), now_ns, bytes);
        assert_eq!(ask(0, 100_000), Some(0));
        assert_eq!(ask(0, 1000), Some(100 * MS));
        assert_eq!(ask(0, 1000), None);
        assert_eq!(ask(0, 60_000), None);
        assert_eq!(ask(MS, 1000), Some(101 * MS));
    }

    #[test]
    fn parts_of_a_nanosecond_count() {
        // Ten gigabits a second: 0.8 ns for each byte.
        let row = Cell::new(Pace { next_ns: 0, byte_time: (8 << Pace::FRACTION_BITS) / 10, longest_ns: 100 * MS });
        assert_eq!(departure(SharedPace::in_cell(&row), 0, 1500), Some(0));
        assert_eq!(departure(SharedPace::in_cell(&row), 0, 1500), Some(1199));
    }

    proptest! {
        #[test]
        fn no_more_leaves_than_may(packets in prop::collection::vec((0..5 * MS, 1..70_000_u32), 1..200)) {
            let row = pace(100);
            let (mut now_ns, mut sent, mut free_ns) = (0, 0, 0);
            for (later_ns, bytes) in packets {
                now_ns += later_ns;
                if let Some(leaves_ns) = departure(SharedPace::in_cell(&row), now_ns, bytes) {
                    prop_assert!(leaves_ns >= now_ns && leaves_ns >= free_ns && leaves_ns <= now_ns + 100 * MS);
                    free_ns = leaves_ns + u64::from(bytes) * 100;
                    sent += 1;
                } else {
                    prop_assert!(free_ns > now_ns + 100 * MS);
                }
            }
            prop_assert!(sent > 0);
        }
    }
}
