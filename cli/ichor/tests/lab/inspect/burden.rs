//! Neither much to tell nor somebody who does not listen keeps the agent from its work.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use ichor_datapath_types::{Config, Flow, FlowKey, Tuple, flow_state, proto};
use ichor_tests::Scratch;
use serde_json::Value as Json;

use crate::inspect::health::tables;
use crate::inspect::running::Running;
use crate::modes::EXAMPLE;
use crate::{Lab, ichor, json};

/// What an answer to a short question may take while the agent is burdened.
const AT_ONCE: Duration = Duration::from_secs(2);

fn connect(lab: &Lab) -> UnixStream {
    let connection = UnixStream::connect(lab.socket("node-1")).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    connection
}

/// Asks, and reads one line.
fn asked(mut connection: &UnixStream, line: &str) -> String {
    connection.write_all(line.as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(connection).read_line(&mut answer).unwrap();
    answer
}

/// A pod whose every packet has an address that is not its own, on two CPUs.
fn flood(lab: &Lab) -> [Running; 2] {
    lab.script("pod/shell-1", "ip addr add 10.99.0.1/32 dev eth0; ip route replace default via 169.254.0.1 dev eth0 onlink src 10.99.0.1")
        .succeed();
    [0, 1].map(|_| Running::script(lab, "pod/shell-1", "exec 3<>/dev/udp/10.42.1.2/9; while :; do echo x >&3; done"))
}

fn dropped(lab: &Lab) -> u64 {
    let rows = lab.rows("node-1", "bpf metrics list --reason spoofed-source");
    rows.iter().map(|row| row["packets"].as_u64().unwrap()).sum()
}

/// An object that changes, until the agent has it in its tables.
fn change_an_object(lab: &Lab, address: &str) -> Duration {
    let service = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{ name: late, namespace: lab }}\nspec:\n  type: ClusterIP\n  clusterIP: {address}\n  clusterIPs: [{address}]\n  ports: [{{ name: x, port: 1234, protocol: TCP }}]\n"
    );
    fs::write(lab.root().join("objects/late.yaml"), service).unwrap();
    let begun = Instant::now();
    ichor_tests::until("the service is there", Duration::from_secs(20), || {
        lab.rows("node-1", &format!("bpf lb list --port 1234 --address {address}")).len() == 1
    });
    begun.elapsed()
}

#[test]
fn a_flood_of_drops_and_readers_who_do_not_read_stop_nothing() {
    let lab = Lab::ready("flood");
    // Two that never read, one that does.
    let deaf = [connect(&lab), connect(&lab)];
    for mut connection in &deaf {
        connection.write_all(b"{\"inspect\":\"events\"}\n").unwrap();
    }
    let listens = Running::monitor(&lab, "node-1", &["--drops", "--output", "json"]);
    let flooding = flood(&lab);
    let before = dropped(&lab);
    listens.until("what is too much is counted", |line| {
        let line: Json = serde_json::from_str(line).unwrap();
        line["kind"] == "lost" && line["drops"].as_u64().unwrap() > 0
    });
    ichor_tests::until("many are dropped", Duration::from_secs(20), || dropped(&lab) > before + 50_000);

    let took = change_an_object(&lab, "10.43.0.200");
    println!("an object under a flood of drops: {} ms", took.as_millis());
    assert!(took < AT_ONCE, "{took:?}");
    let begun = Instant::now();
    lab.run(&["break", "node", "node-2"]).succeed();
    lab.run(&["mend", "node", "node-2"]).succeed();
    assert!(asked(&connect(&lab), "{\"cni\":\"status\"}\n").starts_with("{}"), "CNI STATUS");
    println!("another node of the lab made anew beside it: {} ms", begun.elapsed().as_millis());
    let added = add_a_pod(&lab);
    println!("CNI ADD under a flood of drops: {} ms", added.as_millis());
    assert!(added < AT_ONCE, "{added:?}");

    // Whoever begins to read again is told how much was missed.
    drop(flooding);
    let missed =
        BufReader::new(&deaf[0]).lines().map_while(Result::ok).find(|line| line.contains("\"unread\"") && !line.contains("\"unread\":0"));
    assert!(missed.is_some(), "nobody said what was not read");
    lab.down();
}

/// The real plugin, with a namespace of its own; gives how long it took.
fn add_a_pod(lab: &Lab) -> Duration {
    let name = format!("ichor-{}-pod-late", lab.name);
    let plugin = |verb: &str| {
        let begun = Instant::now();
        let configuration =
            serde_json::json!({ "cniVersion": "1.1.0", "name": "ichor", "type": "ichor-cni", "socket": lab.socket("node-1") });
        let run = ichor_tests::Run::program(lab.root().join("bin/ichor-cni"))
            .env("CNI_COMMAND", verb)
            .env("CNI_CONTAINERID", "late")
            .env("CNI_NETNS", format!("/run/netns/{name}"))
            .env("CNI_IFNAME", "eth0")
            .env("CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=lab;K8S_POD_NAME=late")
            .env("CNI_PATH", lab.root().join("bin"))
            .input(configuration.to_string());
        run.succeed();
        begun.elapsed()
    };
    let ip = |words: &[&str]| assert!(std::process::Command::new("ip").args(words).status().unwrap().success(), "{words:?}");
    ip(&["netns", "add", &name]);
    let took = plugin("ADD");
    assert_eq!(lab.rows("node-1", "endpoint list --pod late").len(), 1);
    plugin("DEL");
    ip(&["netns", "delete", &name]);
    took
}

#[test]
fn a_large_table_is_told_row_by_row() {
    const FLOWS: u32 = 120_000;
    const ROOM: u32 = 131_072;
    let scratch = Scratch::new();
    let room = format!("network:\n  conntrack: {{ entries: {ROOM} }}\n");
    let file = scratch.write("cluster.yaml", EXAMPLE.replace("network:\n", &room));
    let lab = Lab::named("large");
    lab.run(&["up", "--no-check", "--config"]).args([&file]).succeed();
    // Of now, so that they are not over.
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let seconds: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    let now = (((seconds * 1e9) as u64) >> Config::CLOCK_SHIFT) as u32;
    let mut tables = tables(&lab, "node-1");
    for number in 0..FLOWS {
        let tuple =
            Tuple { source: number.to_be(), destination: 0x0a2a_0102_u32.to_be(), source_port: 7, destination_port: 80_u16.to_be() };
        let key = FlowKey { tuple, protocol: proto::TCP, ..FlowKey::default() };
        let flow = Flow { becomes: tuple, seen: now, state: flow_state::ESTABLISHED, ..Flow::default() };
        tables.flows_v4().unwrap().put(&key, &flow).unwrap();
    }
    let memory = || memory_kib(&lab);
    let before = memory();
    // One who asks for all of it and reads nothing.
    let mut deaf = connect(&lab);
    deaf.write_all(b"{\"inspect\":\"flows\"}\n").unwrap();
    let begun = Instant::now();
    let all = json(&lab.ask("node-1", "bpf ct list --output json").deadline(Duration::from_secs(60)).succeed());
    let took = begun.elapsed();
    let rows = all["flows"].as_array().unwrap().len();
    let after = memory();
    println!("{rows} flows listed in {} ms; the agent went from {before} to {after} KiB", took.as_millis());
    assert!(rows >= FLOWS as usize && all["limited"] == false, "{rows}");
    assert!(after < before + 30_000, "from {before} to {after} KiB");
    let full = lab.rows("node-1", "bpf map list");
    assert!(full[0]["name"] == "FLOWS4" && full[0]["most"] == ROOM && full[0]["entries"].as_u64() >= Some(u64::from(FLOWS)), "{full:?}");
    assert!(full[0]["full"] == false && full[1]["full"] == false && full[1]["most"] == ROOM, "{full:?}");
    let changed = change_an_object(&lab, "10.43.0.201");
    assert!(changed < AT_ONCE, "{changed:?}");
    let text = lab.ask("node-1", "bpf ct list").deadline(Duration::from_secs(60)).succeed();
    assert!(text.text().lines().count() > FLOWS as usize);
    assert_eq!(lab.rows("node-1", "bpf ct list --limit 5").len(), 5);
    lab.down();
}

fn memory_kib(lab: &Lab) -> u64 {
    let status = lab.status(&[]);
    let node = status["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "node-1").unwrap();
    let text = fs::read_to_string(format!("/proc/{}/status", node["agent_pid"])).unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn nonsense_on_the_socket_is_answered_and_forgotten() {
    let lab = Lab::ready("nonsense");
    for line in
        ["nothing\n", "{}\n", "[]\n", "\u{0}\u{1}\n", "{\"inspect\":\"x\"}\n", "{\"inspect\":\"flows\",\"filter\":{\"colour\":1}}\n", "\n"]
    {
        let answer: Json = serde_json::from_str(&asked(&connect(&lab), line)).unwrap();
        assert_eq!(answer["error"]["code"], 6, "{line:?}: {answer}");
    }
    // Not even text, and a line without an end.
    let mut raw = connect(&lab);
    raw.write_all(&[0xff, 0xfe, b'\n']).unwrap();
    let mut long = connect(&lab);
    let _refused = long.write_all(&vec![b'['; 3 << 20]);
    let mut answer = [0; 8];
    assert!(long.read(&mut answer).is_ok());
    // Many who say nothing leave room for who does.
    let silent: Vec<_> = (0..40).map(|_| connect(&lab)).collect();
    assert!(asked(&connect(&lab), "{\"cni\":\"status\"}\n").starts_with("{}"));
    // No more listeners than there may be.
    let listening: Vec<_> = (0..8).map(|_| connect(&lab)).collect();
    for connection in &listening {
        assert!(asked(connection, "{\"inspect\":\"events\"}\n").contains("listening"));
    }
    let run = ichor(&["monitor", "--lab", &lab.name, "--node", "node-1", "--limit", "1"]).fail();
    assert!(run.words().contains("8 others listen already"), "{}", run.described());
    drop((silent, listening));
    assert_eq!(lab.rows("node-1", "endpoint list").len(), 2);
    absent(&lab);
    lab.down();
}

fn absent(lab: &Lab) {
    for (words, parts) in [
        (["endpoint", "list", "--socket", "/nowhere/agent.sock"], ["there is no agent at `/nowhere/agent.sock`", "--node"]),
        (["node", "list", "--node", "node-9"], ["no node `node-9`", "it has"]),
    ] {
        let name = ["--lab", &lab.name];
        let more: &[&str] = if words[2] == "--node" { &name } else { &[] };
        let run = ichor(&words).args(more).fail();
        assert!(parts.iter().all(|part| run.words().contains(part)), "{}", run.described());
    }
}
