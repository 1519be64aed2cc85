//! Half a million rows are looked through while the agent serves whoever asks it.

use std::time::{Duration, Instant};

use ichor_datapath_loader::{KeptTables, Pins, Sizes};
use ichor_datapath_types::{Addr, Flow, FlowKey, Tuple, flow_flag, flow_state, proto};
use serde_json::Value as Json;

use crate::cluster;
use crate::node::Node;
use crate::pod::{Pod, cni};

const ROWS: u32 = 500_000;
/// What the table has room for.
const ENTRIES: u32 = 1 << 19;
/// What somebody may be made to wait, on a machine that has other work.
const LONGEST_WAIT: Duration = Duration::from_millis(400);

pub(crate) fn run() {
    let [mut node, other] = cluster::make("sweep");
    drop(other);
    node.configure_with(&format!("conntrack: {{entries: {ENTRIES}}}\n"));
    node.start();
    let a = Pod::make(&node, "a");
    let mut tables = tables(&node, ENTRIES);
    crate::ages::check(&node, &mut tables, "a");

    // Silent for a while, and not over: each has to be looked at.
    put(&mut tables, flow_state::ESTABLISHED, 100);
    let walk = asked(&node, "half a million rows that stay", |walk| walk["flows"].as_u64().unwrap() >= u64::from(ROWS));
    assert!(walk["removed"].as_u64().unwrap() < 100, "{walk}");

    put(&mut tables, flow_state::RESET, 100);
    let walk = asked(&node, "half a million rows that go", |walk| walk["removed"].as_u64().unwrap() > u64::from(ROWS) / 2);
    assert!(walk["removed"].as_u64().unwrap() >= u64::from(ROWS), "{walk}");
    assert!(cni(&node, "CHECK", &a.name, &Json::Null).success);
    drop(node);
    cluster::unmake(&["a"]);
}

/// The kernel's tables of a node's agent.
pub(crate) fn tables(node: &Node, entries: u32) -> KeptTables {
    let sizes = Sizes::for_memory(0).with_flows(Some(entries));
    Pins::at(&node.bpffs.join("node")).unwrap().open(&sizes).unwrap()
}

/// The datapath's clock, so many seconds ago.
pub(crate) fn ago(seconds: u64) -> u32 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC_COARSE).unwrap();
    let now = u64::try_from(time.tv_sec()).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap();
    let shift = ichor_datapath_types::Config::CLOCK_SHIFT;
    u32::try_from((now >> shift) & u64::from(u32::MAX)).unwrap().wrapping_sub(u32::try_from((seconds * 1_000_000_000) >> shift).unwrap())
}

/// Both directions of connections between machines that are not there.
fn put(tables: &mut KeptTables, state: u8, idle_s: u64) {
    let mut rows = Vec::new();
    for number in 0..ROWS / 2 {
        let address = |text: &str| Addr::from(text.parse::<std::net::IpAddr>().unwrap()).v4();
        let tuple = Tuple { source: number.to_be(), destination: address("10.50.0.9"), source_port: 7, destination_port: 80 };
        let becomes = Tuple { destination: address("10.42.9.9"), ..tuple };
        let flow = Flow { becomes, seen: ago(idle_s), state, flags: flow_flag::DESTINATION, ..Flow::default() };
        let answer = Flow { becomes: tuple.reversed(), flags: flow_flag::REPLY | flow_flag::SOURCE, ..flow };
        rows.push((FlowKey { tuple, protocol: proto::TCP, ..FlowKey::default() }, flow));
        rows.push((FlowKey { tuple: becomes.reversed(), protocol: proto::TCP, ..FlowKey::default() }, answer));
    }
    tables.flows_v4().unwrap().put_all(&rows).unwrap();
}

/// Asks without a pause until a walk has met all of it, and gives that.
fn asked(node: &Node, what: &str, is_all: impl Fn(&Json) -> bool) -> Json {
    let walk = || node.get("status")["lastWalk"].clone();
    let (mut statuses, mut calls) = (Vec::new(), Vec::new());
    let begun = (Instant::now(), node.cpu_ticks());
    let found = loop {
        let asked = Instant::now();
        let found = walk();
        statuses.push(asked.elapsed());
        let asked = Instant::now();
        assert!(cni(node, "ADD", "a", &Json::Null).success);
        calls.push(asked.elapsed());
        if is_all(&found) {
            break found;
        }
        assert!(begun.0.elapsed() < Duration::from_secs(60), "{found}");
    };
    let ticks = node.cpu_ticks() - begun.1;
    statuses.sort();
    calls.sort();
    let [status, call] = [&statuses, &calls].map(|all| (all[all.len() / 2], all[all.len() - 1]));
    println!(
        "{what}: {found}, {ticks} ticks of processor time in {:?}; {} statuses: median {:?}, longest {:?}; ADD: median {:?}, longest {:?}",
        begun.0.elapsed(),
        statuses.len(),
        status.0,
        status.1,
        call.0,
        call.1
    );
    assert!(status.1 < LONGEST_WAIT && call.1 < LONGEST_WAIT, "{what}: {status:?} {call:?}");
    found
}
