//! Whatever ends `lab up` half-way, `lab down` removes all of it.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::traces::Traces;
use crate::{Lab, ichor, json};

/// Something that can be seen from outside while a lab is made, with a name.
type Moment = (&'static str, fn(&Traces) -> bool);

/// What a person may be made to wait, with three nodes.
const MOST_UP_MS: f64 = 5_000.0;
const MOST_DOWN_MS: f64 = 2_000.0;
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_lab_leaves_nothing() {
    let lab = Lab::named("whole");
    let up = json(&lab.run(&["up", "--output", "json"]).succeed());
    let traces = Traces::of(&lab.name);
    assert!(traces.namespaces.len() == 12 && traces.cgroups.len() == 1 && traces.mounts.len() == 13, "{traces:#?}");
    assert!(traces.processes.len() >= 9, "{traces:#?}");
    let down = json(&lab.run(&["down", "--output", "json"]).succeed());
    lab.before.assert_same(&Traces::of(&lab.name));
    let (up_ms, down_ms) = (up["took_ms"].as_f64().unwrap(), down["took_ms"].as_f64().unwrap());
    println!("three nodes: up in {up_ms} ms, down in {down_ms} ms");
    assert!(up_ms <= MOST_UP_MS && down_ms <= MOST_DOWN_MS, "up in {up_ms} ms, down in {down_ms} ms");
}

#[test]
fn a_killed_up_leaves_nothing_after_down() {
    let moments: [Moment; 7] = [
        ("folder", |seen| seen.folder),
        ("mount", |seen| !seen.mounts.is_empty()),
        ("first-namespace", |seen| !seen.namespaces.is_empty()),
        ("nodes", |seen| seen.namespaces.len() >= 4),
        ("agent", |seen| seen.processes.iter().any(|line| line.contains("ichor-agent"))),
        ("first-pod", |seen| seen.namespaces.iter().any(|name| name.contains("-pod-"))),
        ("most-pods", |seen| seen.namespaces.len() >= 11),
    ];
    for (name, reached) in moments {
        let lab = Lab::named(name);
        let mut up = Command::new(env!("CARGO_BIN_EXE_ichor"))
            .args(["lab", "up", "--no-check", "--name", &lab.name])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        ichor_tests::until(name, PATIENCE, || reached(&Traces::of(&lab.name)));
        up.kill().unwrap();
        up.wait().unwrap();
        // It is told that something is left, and does not build upon it.
        let again = lab.run(&["up"]).finish();
        if !again.status.success() {
            assert!(again.words().contains("ichor lab down --name"), "{}", again.described());
        }
        lab.down();
    }
}

#[test]
fn two_labs_do_not_disturb_each_other() {
    let (one, other) = (Lab::up("one"), Lab::up("other"));
    let before = Traces::of(&other.name);
    assert!(ichor(&["lab", "status"]).fail().words().contains("several labs"));
    one.down();
    before.assert_same(&Traces::of(&other.name));
    assert_eq!(other.status(&["--check"])["checks"]["failures"], 0);
    other.down();
}
