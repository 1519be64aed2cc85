//! The matrix in every mode of the load balancer, and on clusters of other shapes.

use std::collections::BTreeMap;

use ichor_tests::{Finished, Scratch};

use crate::{Lab, json};

pub(crate) const EXAMPLE: &str = include_str!("../../../../cluster.example.yaml");

/// How often every path is walked in a lab: clients use their ports again, for other addresses of the same pod.
const ROUNDS: usize = 5;

/// Makes a lab from a changed example and walks every path; gives the number of checks of one round, and of cells left
/// out.
fn walk(name: &str, change: impl Fn(&str) -> String) -> (u64, u64) {
    let scratch = Scratch::new();
    let text = change(EXAMPLE);
    assert!(text != EXAMPLE, "{name}: nothing was changed");
    let file = scratch.write("cluster.yaml", text);
    let lab = Lab::named(name);
    let mut run = lab.run(&["up", "--output", "json", "--config"]).args([&file]).finish();
    let counts = counted(name, &run);
    for _ in 1..ROUNDS {
        run = lab.run(&["status", "--check", "--output", "json"]).finish();
        assert_eq!(counted(name, &run), counts, "{name}: another round");
    }
    lab.down();
    counts
}

/// The number of checks, each of which found what it must, and of cells left out.
fn counted(name: &str, run: &Finished) -> (u64, u64) {
    assert!(!run.stdout.is_empty(), "{}", run.described());
    let found = json(run);
    let checks = &found["checks"];
    let mut problems: BTreeMap<String, u32> = BTreeMap::new();
    for path in checks["paths"].as_array().unwrap_or_else(|| panic!("{}", run.described())) {
        if let Some(problem) = path["problem"].as_str() {
            *problems
                .entry(format!("{} to {} {} {} {}: {problem}", path["from"], path["to"], path["policy"], path["protocol"], path["family"]))
                .or_default() += 1;
        }
    }
    assert!(run.status.success() && problems.is_empty(), "{name}: {problems:#?}\n{}", checks["behaviours"]);
    let left_out = checks["left_out"].as_array().unwrap().iter().map(|rule| rule["cells"].as_u64().unwrap());
    (checks["checks"].as_u64().unwrap(), left_out.sum())
}

/// A cluster with its load balancer in this mode.
pub(crate) fn in_mode(text: &str, mode: &str, acceleration: &str) -> String {
    let setting = format!("network:\n  load_balancer: {{ mode: {mode}, acceleration: {acceleration} }}\n");
    text.replace("network:\n", &setting)
}

#[test]
fn every_cell_is_as_it_must_be_in_every_mode() {
    let mut all = 0;
    for mode in ["dsr", "snat"] {
        for acceleration in ["disabled", "native"] {
            let (checks, left_out) = walk(&format!("{mode}-{acceleration}"), |text| in_mode(text, mode, acceleration));
            println!("{mode}, acceleration {acceleration}: {checks} checks, {left_out} cells left out by rules");
            assert_eq!((checks, left_out), (252, 76));
            all += checks;
        }
    }
    println!("{all} checks in all modes");
}

/// The example without the second address of everything.
fn one_family(text: &str) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        let line = match (line.find(", \"fd00"), line.rfind("\"]")) {
            (Some(from), Some(to)) => [&line[..from], &line[to + 1..]].concat(),
            _ => line.to_owned(),
        };
        kept.push_str(&line);
        kept.push('\n');
    }
    kept
}

/// The example with its first node alone.
fn one_node(text: &str) -> String {
    let others = text.find("  - name: node-2").unwrap()..text.find("# Addresses that Services get").unwrap();
    text.replace(&text[others], "\n")
}

/// The example with large packets on its LAN.
fn jumbo(text: &str) -> String {
    text.replace("interface: { mac:", "interface: { mtu: 9000, mac:")
}

/// The example with pod networks from the cluster pool.
fn cluster_pool(text: &str) -> String {
    text.replace("network:\n", "network:\n  ipam: { mode: cluster-pool, ipv4_mask: 26 }\n")
}

/// The example with XDP in the driver everywhere but on one node, whose card has none.
fn one_without_xdp(text: &str) -> String {
    let text = in_mode(text, "dsr", "native");
    text.replace("  - name: node-2\n", "  - name: node-2\n    quirks: { acceleration: disabled }\n")
}

#[test]
fn clusters_of_other_shapes_work_as_well() {
    for (name, change, checks) in [
        ("v4", one_family as fn(&str) -> String, 126),
        ("single", one_node, 138),
        ("jumbo", jumbo, 250),
        ("pool", cluster_pool, 252),
        ("mixed", one_without_xdp, 252),
    ] {
        assert_eq!(walk(name, change).0, checks, "{name}");
    }
}
