//! Pods come and go: every call of the plugin, with the agent there, away and back.

use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value as Json, json};

use crate::cluster;
use crate::node::Node;
use crate::objects;
use crate::pod::{Pod, cni};
use crate::traffic::{Transport, from_namespace, serve};
use crate::world::{inside, ip};

pub(crate) fn run() {
    let [mut node, other] = cluster::make("lifecycle");
    drop(other);
    assert_eq!(cni(&node, "ADD", "none", &Json::Null).code(), 11, "ADD while the agent is away: try again");
    assert_eq!(cni(&node, "STATUS", "none", &Json::Null).code(), 50);
    assert!(cni(&node, "VERSION", "none", &Json::Null).json["supportedVersions"].as_array().unwrap().len() > 3);
    println!("ready in {:?}, {} KiB of memory", node.start(), node.memory_kib());
    assert!(cni(&node, "STATUS", "none", &Json::Null).success);

    let a = Pod::make(&node, "a");
    let again = cni(&node, "ADD", "a", &Json::Null);
    assert!(again.success && again.json["ips"][0]["address"] == format!("{}/32", a.v4), "{:#}", again.json);
    println!("{:#}", again.json);
    let old = cni(&node, "ADD", "a", &json!({ "cniVersion": "0.4.0" }));
    assert!(old.json["ips"][1]["version"] == "6" && old.json["cniVersion"] == "0.4.0", "{:#}", old.json);
    assert_eq!(cni(&node, "ADD", "a", &json!({ "cniVersion": "9.0.0" })).code(), 1);
    let b = Pod::make(&node, "b");
    assert!((a.v4, a.v6) != (b.v4, b.v6));
    serve("a");
    reaches(&a, "b");
    println!("ADD twice gives the same; two pods of one node reach each other");

    assert!(cni(&node, "CHECK", "a", &Json::Null).success);
    assert_eq!(cni(&node, "CHECK", "unknown", &Json::Null).code(), 3);
    ip(&format!("-n b address delete {}/32 dev eth0", b.v4));
    let said = cni(&node, "CHECK", "b", &Json::Null);
    assert!(!said.success && said.json["details"].as_str().unwrap().contains("has lost the address"), "{:#}", said.json);
    assert!(cni(&node, "ADD", "b", &Json::Null).success && cni(&node, "CHECK", "b", &Json::Null).success);
    println!("CHECK sees a lost address, and ADD mends it");

    assert!(cni(&node, "DEL", "unknown", &Json::Null).success && cni(&node, "DEL", "b", &Json::Null).success);
    assert!(cni(&node, "DEL", "b", &Json::Null).success, "DEL twice");
    node.wait_for("DEL", "endpoints", |endpoints| endpoints.as_array().unwrap().len() == 1);
    let valid = json!({ "cni.dev/valid-attachments": [{ "containerID": "container-a", "ifname": "eth0" }] });
    let _c = Pod::make_again(&node, "b");
    assert_eq!(cni(&node, "GC", "a", &Json::Null).code(), 7, "GC without a list");
    assert!(cni(&node, "GC", "a", &valid).success);
    node.wait_for("GC", "endpoints", |endpoints| endpoints.as_array().unwrap().len() == 1);
    reaches_itself(&a);
    let mut times: Vec<_> = (0..20)
        .map(|_| {
            let begun = Instant::now();
            assert!(cni(&node, "DEL", "b", &Json::Null).success);
            let deleted = begun.elapsed();
            assert!(cni(&node, "ADD", "b", &Json::Null).success);
            (begun.elapsed() - deleted, deleted)
        })
        .collect();
    times.sort();
    println!("20 times ADD and DEL, plugin's process included: median ADD {:?}, and its DEL {:?}", times[10].0, times[10].1);
    assert!(cni(&node, "DEL", "b", &Json::Null).success);
    println!("DEL of what is unknown succeeds; GC leaves what is valid");

    health(&node);
    other_addresses(&node);
    reaches_itself(&a);
    while_away(&mut node, &a);
    refusals(&node);
    node.stop();
    node.uninstall();
    let left = [node.bpffs.join("node"), node.state.join("endpoints"), node.socket()].iter().filter(|place| place.exists()).count();
    let links = Command::new("ip").args(["-n", "node1", "-o", "link"]).output().unwrap();
    let routes = Command::new("ip").args(["-n", "node1", "route", "show", "proto", "196"]).output().unwrap();
    let texts = [links, routes].map(|out| String::from_utf8(out.stdout).unwrap());
    assert!(left == 0 && !texts[0].contains("ichor") && texts[1].is_empty(), "left: {left} {texts:?}");
    println!("uninstall leaves nothing");
    drop(node);
    cluster::unmake(&["a", "b"]);
}

/// The node's object changes, and what the programs were told with it; a broken file and a missing object change nothing.
fn other_addresses(node: &Node) {
    let all = objects::nodes();
    let v6 = ", {type: InternalIP, address: 'fd00:42::11'}";
    assert!(all.contains(v6));
    objects::put(&node.objects, "nodes.yaml", &all.replace(v6, ""));
    node.wait_for("the loss of an address", "status", |status| status["ready"] == true && status["ipv6"].is_null());
    objects::put(&node.objects, "nodes.yaml", &all);
    node.wait_for("its return", "status", |status| status["ready"] == true && status["ipv6"] == "fd00:42::11");
    objects::put(&node.objects, "nodes.yaml", "kind: [");
    node.wait_for("a problem", "status", |status| status["problems"].to_string().contains("nodes.yaml:1:"));
    assert_eq!(node.get("nodes").as_array().unwrap().len(), 2);
    objects::put(&node.objects, "nodes.yaml", "");
    node.wait_for("no nodes", "nodes", |nodes| nodes.as_array().unwrap().is_empty());
    assert_eq!(node.get("status")["ready"], true);
    objects::put(&node.objects, "nodes.yaml", &all);
    node.wait_for("all nodes", "nodes", |nodes| nodes.as_array().unwrap().len() == 2);
    println!("another address of the node is taken over; a broken file and a missing object stop nothing");
}

/// The health of the node as a load balancer outside asks for it, while the node is about to go.
fn health(node: &Node) {
    let all = objects::nodes();
    let says = |path: &str, status: &str| {
        let deadline = Instant::now() + std::time::Duration::from_secs(10);
        for address in ["192.168.42.11:10256", "[fd00:42::11]:10256"] {
            loop {
                let said = inside("outside", || get(address, path));
                if said.contains(status) {
                    break;
                }
                assert!(Instant::now() < deadline, "{address}{path}: {said}");
            }
        }
    };
    says("/healthz", "200 OK");
    objects::put(
        &node.objects,
        "nodes.yaml",
        &all.replace("spec: {podCIDRs: [10.42.1", "spec: {taints: [{key: ToBeDeletedByClusterAutoscaler}], podCIDRs: [10.42.1"),
    );
    says("/healthz", "503 ");
    says("/livez", "200 OK");
    objects::put(&node.objects, "nodes.yaml", &all);
    says("/healthz", "200 OK");
    println!("a node says outside that it serves, and that it is about to go");
}

fn get(address: &str, path: &str) -> String {
    let mut text = String::new();
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nHost: node\r\n\r\n").unwrap();
    connection.read_to_string(&mut text).unwrap();
    text
}

/// What an agent says that cannot work.
fn refusals(node: &Node) {
    let fresh = crate::world::folder("refused");
    let config = fresh.join("config.yaml");
    std::fs::write(&config, "routing:\n  mtuu: 9000\n").unwrap();
    for (flag, value, uid, said) in [
        ("--state", node.state.clone(), 0, "another agent works in"),
        ("--state", fresh.clone(), 65534, "run it as root"),
        ("--bpffs", fresh.join("bpf"), 0, "is not on a BPF filesystem; mount one there"),
        ("--cgroup", fresh.join("none"), 0, "name another one by --cgroup"),
        ("--objects", fresh.join("none"), 0, "is missing: make it"),
        ("--config", config, 0, "config.yaml:2:3: there is no key `routing.mtuu`"),
        ("--config", fresh.join("none.yaml"), 0, "none.yaml: No such file or directory"),
    ] {
        let mut command = node.refused(&fresh, flag, &value);
        let out = inside(&node.name, move || command.uid(uid).output().unwrap());
        // The node's own agent answers on that port, and which of the two is said first is chance.
        let about_health = |line: &&str| line.contains("no health checks are answered");
        let text: String = String::from_utf8_lossy(&out.stderr).lines().filter(|line| !about_health(line)).collect::<Vec<_>>().join("\n");
        assert!(!out.status.success() && text.contains(said) && text.lines().count() == 1, "{flag}: {text}");
        println!("  {}", text.trim());
    }
}

/// What happens while the agent is away, and when it is back.
fn while_away(node: &mut Node, a: &Pod) {
    let _c = Pod::make_again(node, "b");
    node.kill();
    reaches(a, "b");
    assert!(cni(node, "DEL", "b", &Json::Null).success, "DEL while the agent is away");
    assert_eq!(cni(node, "ADD", "b", &Json::Null).code(), 11);
    println!("ready again in {:?}", node.start());
    node.wait_for("the deletion that was written down", "endpoints", |endpoints| endpoints.as_array().unwrap().len() == 1);
    let _again = Pod::make_again(node, "b");
    reaches(a, "b");
    node.kill();
    // The runtime takes the namespace away without asking anybody.
    ip("netns delete b\nnetns add b");
    node.start();
    node.wait_for("the pod without an interface", "endpoints", |endpoints| endpoints.as_array().unwrap().len() == 1);
    println!("while the agent is away pods go on, DEL succeeds and is made up for, and vanished pods are dropped");
}

impl Pod {
    /// Connects a namespace that is there.
    fn make_again(node: &Node, name: &str) -> Json {
        let said = cni(node, "ADD", name, &Json::Null);
        assert!(said.success, "ADD of {name}: {:#}", said.json);
        said.json
    }
}

fn reaches(server: &Pod, client: &str) {
    for is_v4 in [true, false] {
        for transport in [Transport::Tcp, Transport::Udp] {
            let to = (server.address(is_v4), crate::traffic::PORT).into();
            let seen = from_namespace(client, transport, to).unwrap_or_else(|error| panic!("{client} to {to}, {transport:?}: {error}"));
            assert_eq!(seen.server, server.name);
        }
    }
}

fn reaches_itself(pod: &Pod) {
    reaches(pod, &pod.name);
}
