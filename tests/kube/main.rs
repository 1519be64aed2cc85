//! The control plane that tests validate objects with, and the genuine resource definitions of other projects.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ichor_tests::{ControlPlane, Run, Scratch, crds, until};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const POOL: &str = "
apiVersion: cilium.io/v2
kind: CiliumLoadBalancerIPPool
metadata: {name: pool}
spec: {blocks: [{start: 192.168.10.20, stop: 192.168.10.40}], NEXT: 0}
";

#[test]
fn genuine_definitions_install_and_judge_objects() {
    let plane = ControlPlane::start();
    plane.install(&crds());
    let listed = plane.kubectl(["get", "customresourcedefinitions", "--output=name"]).succeed();
    let files =
        crds().into_iter().flat_map(|project| std::fs::read_dir(project).unwrap()).filter(|entry| defines(&entry.as_ref().unwrap().path()));
    assert_eq!(listed.text().lines().count(), files.count());

    let good = plane.dry_run(&POOL.replace("NEXT: 0", "allowFirstLastIPs: \"No\""));
    assert!(good.status.success(), "{}", good.described());
    let unknown = plane.dry_run(&POOL.replace("NEXT", "allowFirstLastIP"));
    assert!(unknown.words().contains("allowFirstLastIP"), "{}", unknown.described());
    assert!(!unknown.status.success());
    let wrong = plane.dry_run(&POOL.replace("NEXT: 0", "disabled: 7"));
    assert!(!wrong.status.success(), "{}", wrong.described());
}

fn defines(file: &Path) -> bool {
    std::fs::read_to_string(file).unwrap().lines().any(|line| line == "kind: CustomResourceDefinition")
}

/// The test runs itself a second time as the process that is killed.
const VICTIM: &str = "ICHOR_TESTS_VICTIM";

#[test]
fn nothing_is_left_by_an_end_or_a_kill() {
    let plane = ControlPlane::start();
    let (pids, folder) = (plane.pids().to_vec(), plane.folder().to_path_buf());
    if std::env::var_os(VICTIM).is_some() {
        eprintln!("victim {} {pids:?}", folder.display());
        std::thread::park();
    }
    assert!(folder.exists() && pids.iter().copied().all(alive));
    drop(plane);
    assert!(!folder.exists() && !pids.iter().copied().any(alive));

    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "nothing_is_left_by_an_end_or_a_kill", "--nocapture"]).env(VICTIM, "1");
    let mut victim = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(victim.stderr.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find(|line| line.starts_with("victim ")).unwrap();
    let (folder, pids) = line.trim_start_matches("victim ").split_once(' ').unwrap();
    let pids: Vec<u32> = pids.trim_matches(['[', ']']).split(", ").map(|pid| pid.parse().unwrap()).collect();
    assert!(Path::new(folder).exists() && pids.iter().copied().all(alive));
    victim.kill().unwrap();
    victim.wait().unwrap();
    until("the processes have ended", Duration::from_secs(10), || !pids.iter().copied().any(alive));
    until("the files are gone", Duration::from_secs(10), || !Path::new(folder).parent().unwrap().exists());
}

/// A zombie is no longer alive: it waits for whoever inherits it.
fn alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z') && !line.contains('X'))
}

#[test]
fn routers_files_are_judged() {
    let scratch = Scratch::new();
    let good = scratch.write("good.conf", "router bgp 65001\n neighbor 192.0.2.1 remote-as 65002\n");
    let bad = scratch.write("bad.conf", "router bgp 65001\n neighbour 192.0.2.1 remote-as 65002\n");
    Run::tool("vtysh").args(["-C", "-f"]).args([&good]).succeed();
    Run::tool("vtysh").args(["-C", "-f"]).args([&bad]).fail();
    let good = scratch.write("bird.conf", "router id 192.0.2.9;\nprotocol device {}\n");
    let bad = scratch.write("bad-bird.conf", "router id 192.0.2.9;\nprotocol devise {}\n");
    Run::tool("bird").args(["-p", "-c"]).args([&good]).succeed();
    Run::tool("bird").args(["-p", "-c"]).args([&bad]).fail();
}
