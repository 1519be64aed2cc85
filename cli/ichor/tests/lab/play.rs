//! What a person does with a lab that is up.

use ichor_tests::{Run, Scratch};
use serde_json::Value as Json;

use crate::modes::{EXAMPLE, in_mode};
use crate::traces::Traces;
use crate::{Lab, json};

#[test]
fn commands_run_where_they_are_sent() {
    let lab = Lab::up("exec");
    for (place, part) in
        [("node-2", "192.168.42.12/24"), ("pod/shell-1", "10.42.0."), ("router", "192.168.42.1/24"), ("client", "198.51.100.10/24")]
    {
        let run = lab.exec(place, &["ip", "-4", "-o", "address"]).succeed();
        assert!(run.text().contains(part), "{place}: {}", run.described());
    }
    let node = lab.exec("node-3", &["cat", "/proc/self/cgroup"]).succeed();
    assert!(node.text().contains(&format!("ichor-lab-{}/node-3/", lab.name)), "{}", node.described());
    assert_eq!(lab.exec("client", &["sh", "-c", "exit 7"]).finish().status.code(), Some(7));
    for (place, command, part) in [
        ("node-4", "true", "no node `node-4`"),
        ("pod/web-9", "true", "no pod `web-9`"),
        ("node-1", "no-such-program", "no program `no-such-program`"),
    ] {
        let run = lab.exec(place, &[command]).fail();
        assert!(run.words().contains(part) && run.words().contains("help: "), "{}", run.described());
    }
    // What is left running ends with the lab.
    lab.exec("node-1", &["sh", "-c", "tail -f /dev/null > /dev/null 2>&1 &"]).succeed();
    lab.down();
}

fn node<'a>(status: &'a Json, name: &str) -> &'a Json {
    status["nodes"].as_array().unwrap().iter().find(|node| node["name"] == name).unwrap()
}

/// What failed of all checks.
fn problems(status: &Json) -> Vec<&Json> {
    let checks = ["paths", "behaviours"].into_iter().flat_map(|kind| status["checks"][kind].as_array().unwrap());
    checks.filter(|check| !check["problem"].is_null()).collect()
}

#[test]
fn no_other_program_is_needed() {
    let scratch = Scratch::new();
    // With XDP, so that nodes' cables need most.
    let file = scratch.write("cluster.yaml", in_mode(EXAMPLE, "dsr", "native"));
    let lab = Lab::named("alone");
    let run = |words: &[&str]| {
        let (command, rest) = words.split_first().unwrap();
        Run::program("/usr/bin/env").args(["PATH=/nowhere", env!("CARGO_BIN_EXE_ichor"), "lab", command, "--name", &lab.name]).args(rest)
    };
    run(&["up", "--config"]).args([&file]).succeed();
    for words in [
        &["status"][..],
        &["break", "agent", "node-1"],
        &["mend", "agent", "node-1"],
        &["break", "link", "node-1"],
        &["mend", "link", "node-1"],
        &["break", "node", "node-2"],
        &["mend", "node", "node-2"],
    ] {
        run(words).succeed();
    }
    let status = json(&run(&["status", "--output", "json"]).succeed());
    assert!(status["troubles"].as_array().unwrap().is_empty(), "{status:#}");
    run(&["down"]).succeed();
    lab.before.assert_same(&Traces::of(&lab.name));
}

#[test]
fn what_is_broken_shows_and_can_be_mended() {
    let lab = Lab::up("break");
    assert!(lab.status(&[])["troubles"].as_array().unwrap().is_empty());

    // The datapath goes on without its agent; who asks for the node's health hears that nobody looks after it.
    lab.run(&["break", "agent", "node-1"]).succeed();
    let status = lab.status(&["--check"]);
    assert!(node(&status, "node-1")["agent_pid"].is_null());
    let unhealthy =
        |check: &&Json| check["name"].as_str().is_some_and(|name| name.contains("health check ports") || name.contains("it serves"));
    let (unhealthy, others): (Vec<_>, Vec<_>) = problems(&status).into_iter().partition(unhealthy);
    assert_eq!((unhealthy.len(), others), (4, Vec::new()));
    assert!(lab.run(&["break", "agent", "node-1"]).fail().words().contains("does not run"));
    lab.run(&["mend", "agent", "node-1"]).succeed();
    assert!(node(&lab.status(&[]), "node-1")["agent_pid"].is_number());

    // Alone, a node still reaches itself; nobody else does.
    lab.run(&["break", "link", "node-1"]).succeed();
    let status = lab.status(&["--check"]);
    assert_eq!(node(&status, "node-1")["plugged"], false);
    let failed: Vec<_> = problems(&status).iter().filter_map(|path| path["from"].as_str()).collect();
    assert!(failed.contains(&"outside") && failed.contains(&"other host"), "{failed:?}");
    assert!(!problems(&status).iter().any(|path| path["from"] == "host" && path["to"] == "pod IP"), "{failed:?}");
    lab.run(&["mend", "link", "node-1"]).succeed();
    // Who looked for the node in vain looks again after a second, and a connection waits no longer.
    let mut status = lab.status(&["--check"]);
    if !problems(&status).is_empty() {
        status = lab.status(&["--check"]);
    }
    assert_eq!(problems(&status), [&Json::Null; 0]);

    // Without power nothing of it is there, and all of it comes back.
    lab.run(&["break", "node", "node-2"]).succeed();
    let status = lab.status(&[]);
    assert_eq!(node(&status, "node-2")["power"], false);
    assert_eq!(status["troubles"].as_array().unwrap().len(), 1, "{status:#}");
    assert!(lab.exec("node-2", &["true"]).fail().words().contains("lab mend node node-2"));
    lab.run(&["mend", "node", "node-2"]).succeed();
    let status = lab.status(&["--check"]);
    assert_eq!(problems(&status), [&Json::Null; 0]);
    lab.down();
}
