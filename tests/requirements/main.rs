//! docs/requirements.md names tests that exist.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ROWS: usize = 317;
/// Groups that rendering can satisfy; the rest of each waits for the agent and for a running cluster.
const RENDERED: [(&str, usize); 6] = [("A", 40), ("B", 12), ("F", 33), ("G", 15), ("P", 8), ("Q", 3)];

struct Row {
    id: String,
    shown_by: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn rows() -> Vec<Row> {
    let page = fs::read_to_string(root().join("docs/requirements.md")).unwrap();
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|')?.split_once(" | "));
    let rows = cells.filter(|(id, _)| id.len() == 3 && id.ends_with(|c: char| c.is_ascii_digit()));
    rows.map(|(id, rest)| Row { id: id.to_owned(), shown_by: rest.rsplit_once('|').unwrap().1.trim().to_owned() }).collect()
}

#[test]
fn every_id_stands_there_once() {
    let rows = rows();
    let ids: BTreeSet<_> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!((rows.len(), ids.len()), (ROWS, ROWS));
    for (group, count) in RENDERED {
        assert_eq!(rows.iter().filter(|row| row.id.starts_with(group)).count(), count, "group {group}");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let mut missing = Vec::new();
    let mut named = 0;
    for row in rows() {
        for name in row.shown_by.split('`').skip(1).step_by(2) {
            named += 1;
            let (file, function) = name.split_once("::").unwrap_or_else(|| panic!("{}: `{name}` is not `file::function`", row.id));
            let text = fs::read_to_string(root().join(file)).unwrap_or_default();
            if !text.contains(&format!("fn {function}(")) {
                missing.push(format!("{}: {name}", row.id));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(named > 100, "only {named} tests are named");
}
