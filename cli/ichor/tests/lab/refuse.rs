//! What stands in the way is said in one sentence, with its mend.

use std::process::Command;

use ichor_tests::{Run, Scratch};

use crate::modes::EXAMPLE;
use crate::{Lab, ichor};

fn refused(run: Run, parts: &[&str]) {
    let run = run.fail();
    assert_eq!(run.status.code(), Some(1), "{}", run.described());
    for part in parts.iter().chain(&["help: "]) {
        assert!(run.words().contains(part), "{part:?} is not in:\n{}", run.words());
    }
}

#[test]
fn without_a_lab_there_is_nothing_to_do() {
    let lab = Lab::named("none");
    for words in [&["status"][..], &["down"], &["break", "agent", "node-1"], &["mend", "link", "node-1"], &["exec", "node-1", "--", "true"]]
    {
        refused(lab.run(words), &["there is no lab", "ichor lab up"]);
    }
    assert!(crate::Traces::of(&lab.name).is_empty());
}

#[test]
fn names_are_checked() {
    refused(ichor(&["lab", "up", "--name", "../x"]), &["cannot be the name of a lab"]);
}

#[test]
fn only_root_may() {
    let lab = Lab::named("user");
    let run = Run::program("/usr/bin/setpriv").args([
        "--reuid=65534",
        "--clear-groups",
        env!("CARGO_BIN_EXE_ichor"),
        "lab",
        "up",
        "--name",
        &lab.name,
    ]);
    refused(run, &["only root may", "sudo"]);
}

#[test]
fn a_namespace_of_somebody_else_is_not_touched() {
    let lab = Lab::named("foreign");
    let name = format!("ichor-{}-router", lab.name);
    let ip = |verb: &str| assert!(Command::new("ip").args(["netns", verb, &name]).status().unwrap().success());
    ip("add");
    refused(lab.run(&["up"]), &[&name, "ip netns delete"]);
    assert_eq!(crate::Traces::of(&lab.name).namespaces.len(), 1);
    ip("delete");
}

#[test]
fn a_cable_that_the_kernel_refuses_is_named() {
    let scratch = Scratch::new();
    // That of a group, which no interface can have.
    let file = scratch.write("cluster.yaml", EXAMPLE.replace("52:54:00:00:42:12", "01:00:5e:00:42:12"));
    let lab = Lab::named("group");
    let lan = format!("network namespace `ichor-{}-lan`: ", lab.name);
    let pair = "making the interface port2 and, as its other end, eth0: ";
    refused(lab.run(&["up", "--config"]).args([&file]), &[&lan, pair, "Cannot assign requested address", "ichor lab down"]);
    lab.down();
}

#[test]
fn a_second_lab_of_the_same_name_is_refused() {
    let lab = Lab::named("twice");
    lab.run(&["up", "--no-check"]).succeed();
    refused(lab.run(&["up"]), &["is up already", "ichor lab down --name"]);
    lab.down();
}

#[test]
fn without_what_the_kernel_must_have_it_says_so() {
    let lab = Lab::named("poor");
    // A machine without cgroup2.
    let hidden = "umount -l $(awk '$3 == \"cgroup2\" { print $2 }' /proc/self/mounts) && exec \"$@\"";
    let up = [env!("CARGO_BIN_EXE_ichor"), "lab", "up", "--name", &lab.name];
    refused(Run::program("/usr/bin/unshare").args(["--mount", "sh", "-c", hidden, "sh"]).args(up), &["no cgroup2 is mounted"]);
    // Containers that may not mount, or not change their network.
    for (without, parts) in [
        ("sys_admin", &["cannot", "--privileged"][..]),
        ("net_admin", &["cannot write `/proc/sys/net", "Operation not permitted", "--privileged", "ichor lab down"]),
    ] {
        let capless = format!("--bounding-set=-{without}");
        refused(Run::program("/usr/bin/setpriv").args([&*capless]).args(up), parts);
        lab.run(&["down"]).finish();
    }
    assert!(crate::Traces::of(&lab.name).is_empty());
}
