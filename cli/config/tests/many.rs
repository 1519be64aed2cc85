//! A cluster of many nodes is read in no time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use ichor_tests::many_nodes;

/// What 500 nodes may take; without optimisation many times as long.
const LIMIT: Duration = if cfg!(debug_assertions) { Duration::from_secs(1) } else { Duration::from_millis(100) };

fn quickest(count: usize) -> Duration {
    let text = many_nodes(count);
    let time = || {
        let start = Instant::now();
        let cluster = ichor_config::read(&text);
        let took = start.elapsed();
        let mistakes = cluster.map_or_else(|mistakes| mistakes, |cluster| cluster.warnings().to_vec());
        assert!(mistakes.is_empty(), "{}", mistakes[0].render("cluster.yaml", &text, false));
        took
    };
    (0..5).map(|_| time()).min().unwrap()
}

#[test]
fn five_hundred_nodes_are_read_in_time() {
    let took = quickest(500);
    assert!(took <= LIMIT, "{took:?}");
}

/// Twice the nodes take about twice the time; a check of each against each would take four times as long.
#[test]
fn the_time_grows_with_the_nodes() {
    let (few, many) = (quickest(1000), quickest(4000));
    assert!(many < few * 9, "1000 nodes take {few:?}, 4000 take {many:?}");
}
