//! What the agent costs while it runs: memory, and time of the processor.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use ichor_tests::ichor;
use serde_json::Value as Json;

use crate::figures::{at_most, progress};
use crate::node::{Node, pause};
use crate::objects::Services;
use crate::place::Place;

/// Long enough for the agent to look after things twice.
const WATCHED: Duration = Duration::from_secs(12);

/// The example's nodes in a lab of their own, when nothing happens.
pub(crate) fn idle(_: &Place) {
    progress("the example as a lab, to see its agents idle");
    let lab = |word: &str| {
        let output = Command::new(ichor()).args(["lab", word, "--name", Place::lab()]).output().unwrap();
        assert!(output.status.success(), "ichor lab {word}: {}", String::from_utf8_lossy(&output.stderr));
    };
    lab("up");
    let state = fs::read(format!("/run/ichor-lab/{}/state.json", Place::lab())).unwrap();
    let state: Json = serde_json::from_slice(&state).unwrap();
    let processes = state["processes"].as_object().unwrap();
    let agents = processes.iter().filter(|(name, _)| name.starts_with("agent/"));
    let pids: Vec<_> = agents.map(|(_, process)| u32::try_from(process["pid"].as_u64().unwrap()).unwrap()).collect();
    let costs = watch(&pids, || ());
    let (most_mb, most_mcpu) = most(&costs);
    lab("down");
    println!("\nthe example's {} agents, idle for {} s", pids.len(), WATCHED.as_secs());
    println!("  resident {most_mb:.1} MB and {most_mcpu:.1} thousandths of a processor, each at most");
    at_most("memory, idle with the example", most_mb, 50.0, "MB");
    at_most("processor, idle with the example", most_mcpu, 20.0, "mCPU");
}

/// An agent that serves many.
pub(crate) fn with_many(node: &Node<'_>, services: Services) {
    progress("an agent with many services, idle and with a change in every second");
    let pids = [node.pid()];
    let (idle_mb, idle_mcpu) = most(&watch(&pids, || ()));
    let folder = node.objects();
    let mut turn = 0;
    let mut next = Instant::now();
    let costs = watch(&pids, || {
        if Instant::now() >= next {
            let service = (turn * 131) % services.count;
            services.change(&folder, service, &services.moved(service, turn + 1));
            turn += 1;
            next += Duration::from_secs(1);
        }
    });
    let (busy_mb, busy_mcpu) = most(&costs);
    println!("\nan agent with {} services, {} s each", services.count, WATCHED.as_secs());
    println!(
        "  idle: resident {idle_mb:.1} MB, {idle_mcpu:.1} mCPU; one endpoint changes each second: {busy_mb:.1} MB, {busy_mcpu:.1} mCPU"
    );
    at_most("memory with many services", busy_mb.max(idle_mb), 100.0, "MB");
    at_most("processor with many services, idle", idle_mcpu, 20.0, "mCPU");
    at_most("processor with many services, one change a second", busy_mcpu, 20.0, "mCPU");
}

/// Resident MB at the end, and thousandths of a processor meanwhile, of each process.
fn watch(pids: &[u32], mut meanwhile: impl FnMut()) -> Vec<(f64, f64)> {
    let before: Vec<_> = pids.iter().map(|pid| cpu_ns(*pid)).collect();
    let start = Instant::now();
    while start.elapsed() < WATCHED {
        meanwhile();
        pause();
    }
    let seconds = start.elapsed().as_secs_f64();
    let cost = |(pid, before): (&u32, f64)| (resident_mb(*pid), (cpu_ns(*pid) - before) / 1e6 / seconds);
    pids.iter().zip(before).map(cost).collect()
}

fn most(costs: &[(f64, f64)]) -> (f64, f64) {
    costs.iter().fold((0.0, 0.0), |most: (f64, f64), cost| (most.0.max(cost.0), most.1.max(cost.1)))
}

fn resident_mb(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim_end_matches("kB").trim().parse::<f64>().unwrap() * 1024.0 / 1e6
}

/// Of all threads; none of the agent's ends.
fn cpu_ns(pid: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads
        .map(|thread| {
            let text = fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
            text.split(' ').next().unwrap().parse::<f64>().unwrap()
        })
        .sum()
}
