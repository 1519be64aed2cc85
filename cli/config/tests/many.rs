//! A cluster of many nodes is read in a time that grows with them and no faster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use ichor_tests::many_nodes;

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

/// Four times the nodes take about four times the time; a check of each against each would take sixteen times as long.
#[test]
fn the_time_grows_with_the_nodes() {
    let (few, many) = (quickest(1000), quickest(4000));
    assert!(many < few * 9, "1000 nodes take {few:?}, 4000 take {many:?}");
}
