//! Router files under the parsers of FRR and BIRD themselves, over every combination of session settings.

use std::path::Path;
use std::time::Duration;

use ichor_templates::{Content, Inputs, SecretText, Secrets};
use ichor_tests::{Run, Scratch};

use crate::described::all;

/// What can be switched on a session, and which choices exclude each other.
const SWITCHES: &[(&str, &[&str])] = &[
    ("addresses", &["[192.168.42.1]", "[\"fd00:42::1\"]", "[192.168.42.1, \"fd00:42::1\"]"]),
    ("md5", &["false", "true"]),
    ("bfd", &["null", "{ transmit_interval_ms: 50, receive_interval_ms: 60, detect_multiplier: 4 }"]),
    ("graceful_restart", &["false", "true"]),
    ("reach", &["max_hops: 1", "max_hops: 3", "ttl_security: true"]),
    ("extended_next_hop", &["false", "true"]),
    ("session", &["ebgp", "ibgp"]),
];

/// Every combination of the switches, as lines below the router.
fn combinations() -> Vec<String> {
    let mut all = vec![String::new()];
    for (key, values) in SWITCHES {
        all = all.iter().flat_map(|prefix| values.iter().map(move |value| with(prefix, key, value))).collect();
    }
    all
}

fn with(prefix: &str, key: &str, value: &str) -> String {
    match key {
        "reach" => format!("{prefix}      {value}\n"),
        "session" if value == "ibgp" => format!("{prefix}      session: ibgp\n      asn: 64514\n"),
        "session" => format!("{prefix}      session: ebgp\n      asn: 64513\n"),
        _ => format!("{prefix}      {key}: {value}\n"),
    }
}

/// A cluster of the families that this session can announce.
fn cluster_text(kind: &str, session: &str) -> String {
    let (v4, v6) = (session.contains("192.168.42.1") || session.contains("extended_next_hop: true"), session.contains("fd00:42::1"));
    let list = |first: &str, second: &str| match (v4, v6) {
        (true, true) => format!("[{first}, \"{second}\"]"),
        (false, true) => format!("[\"{second}\"]"),
        _ => format!("[{first}]"),
    };
    format!(
        "apiVersion: ichor.dev/v1
name: home
talos: {{ install_disk: /dev/vda }}
network:
  node_cidrs: {nodes}
  pod_cidrs: {pods}
  service_cidrs: {services}
nodes:
  - name: node-1
    role: controlplane
    addresses: {first}
    interface: {{ name: enp1s0 }}
  - name: {longest}
    role: worker
    addresses: {second}
    interface: {{ name: enp1s0 }}
pools:
  - name: main
    cidrs: {pool}
{ranges}bgp:
  node_asn: 64514
  advertise: {{ pod_cidrs: true, cluster_ips: true, aggregation_v4: 22 }}
  routers:
    - name: router-1
      kind: {kind}
      router_id: 192.168.42.1
{session}gateways: {{ enabled: false }}
secrets: {{ recipients: [age1yt3tfqlfrwdwx0z0ynwplcr6qxcxfaqycuprpmy89nr83ltx74tqdpszlw] }}
",
        // No program may trip over a name that Kubernetes takes.
        longest = format_args!("2{}", "-n".repeat(31)),
        nodes = list("192.168.42.0/24", "fd00:42::/64"),
        pods = list("10.42.0.0/16", "fd00:10:42::/56"),
        services = list("10.43.0.0/16", "fd00:10:43::/112"),
        first = list("192.168.42.11", "fd00:42::11"),
        second = list("192.168.42.12", "fd00:42::12"),
        pool = list("192.168.50.0/24", "fd00:50::/112"),
        ranges = if v4 { "    ranges: [{ start: 192.168.51.7, stop: 192.168.51.99 }]\n" } else { "" },
    )
}

/// The router's file, or nothing when the combination is refused.
fn render(kind: &str, session: &str) -> Option<String> {
    let cluster = ichor_config::parse(&cluster_text(kind, session)).and_then(ichor_config::validate).ok()?;
    let wanted = ichor_templates::wanted(&cluster).into_iter().map(|wanted| (wanted.name, SecretText::new("S3cret")));
    let inputs = Inputs { secrets: Secrets::new(wanted.collect()), ..Inputs::default() };
    let tree = ichor_templates::render(&cluster, &inputs).unwrap_or_else(|error| panic!("{session}: {error}"));
    let (_, content) = tree.iter().find(|(path, _)| path.starts_with("frr/") || path.starts_with("bird/")).unwrap();
    Some(match content {
        Content::Clear(text) => text.clone(),
        Content::Secret(text) => text.expose().to_owned(),
    })
}

/// Hands every combination to `check`, and fails unless most combinations make a file.
fn each(kind: &str, check: impl Fn(&Path, &str)) {
    let scratch = Scratch::new();
    let (mut rendered, mut refused) = (0, 0);
    for (index, session) in combinations().iter().enumerate() {
        let Some(text) = render(kind, session) else {
            refused += 1;
            continue;
        };
        rendered += 1;
        check(&scratch.write(&format!("{index}.conf"), &text), session);
    }
    assert!(rendered >= 200, "{kind}: only {rendered} combinations were rendered, {refused} refused");
}

#[test]
fn frr_takes_every_combination() {
    each("frr", |path, session| {
        let run = Run::tool("vtysh").args(["-C", "-f"]).args([path]).deadline(Duration::from_secs(20)).finish();
        assert!(run.status.success() && run.stderr.is_empty(), "{session}\n{}\n{}", run.described(), read(path));
    });
}

#[test]
fn bird_takes_every_combination() {
    each("bird", |path, session| {
        let run = Run::tool("bird").args(["-p", "-c"]).args([path]).deadline(Duration::from_secs(20)).finish();
        assert!(run.status.success(), "{session}\n{}\n{}", run.described(), read(path));
    });
}

#[test]
fn routers_of_all_users_take_their_files() {
    let mut judged = 0;
    for described in all() {
        let scratch = described.write();
        for path in described.tree.keys().filter(|path| path.contains(".conf")) {
            let check: &[&str] = if path.starts_with("bird/") { &["-p", "-c"] } else { &["-C", "-f"] };
            let program = if path.starts_with("bird/") { "bird" } else { "vtysh" };
            Run::tool(program).args(check).args([scratch.path().join(path)]).succeed();
            judged += 1;
        }
    }
    assert!(judged >= 4, "only {judged} files");
}

#[test]
fn a_line_that_frr_does_not_know_is_found() {
    let scratch = Scratch::new();
    let text = render("frr", &with("", "addresses", "[192.168.42.1]").replace("addresses", "asn: 64513\n      addresses"))
        .expect("a plain session");
    let path = scratch.write("bad.conf", text.replace("timers connect", "timers konnect"));
    Run::tool("vtysh").args(["-C", "-f"]).args([&path]).fail();
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
