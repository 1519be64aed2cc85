//! Waiting for a condition, with a deadline.

use std::sync::mpsc;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(5);

/// Asks again and again until the condition holds; says whether it did in time.
pub(crate) fn until(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + deadline;
    // Nobody ever sends: receiving is a pause.
    let (_keep, pause) = mpsc::channel::<()>();
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        let _ = pause.recv_timeout(PAUSE);
    }
}
