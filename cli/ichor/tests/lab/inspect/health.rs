//! Health turns red when something is broken, says what, and turns green again.

use std::fs;
use std::time::Duration;

use ichor_datapath_loader::{KeptTables, Pins, Sizes};
use ichor_datapath_types::EndpointKey;

use crate::Lab;

const PATIENCE: Duration = Duration::from_secs(20);

/// Nothing is wrong with either pod.
const WELL: [Vec<String>; 2] = [Vec::new(), Vec::new()];

/// The tables of a node, whatever their sizes.
pub(super) fn tables(lab: &Lab, node: &str) -> KeptTables {
    let place = lab.root().join("bpf").join(node);
    let size = |table: &str| {
        let names = fs::read_dir(place.join("tables")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let name = names.into_iter().find(|name| name.starts_with(&format!("{table}-"))).unwrap();
        name.rsplit_once('-').unwrap().1.parse().unwrap()
    };
    let sizes = Sizes { flows_v4: size("FLOWS4"), flows_v6: size("FLOWS6"), ..Sizes::for_memory(0) };
    Pins::at(&place).unwrap().open(&sizes).unwrap_or_else(|error| panic!("{error}"))
}

/// What is wrong with each of two pods, by the names of the checks.
fn red(lab: &Lab) -> [Vec<String>; 2] {
    let rows = lab.rows("node-1", "endpoint health");
    ["web-1", "shell-1"].map(|pod| {
        let row = rows.iter().find(|row| row["pod"] == pod).unwrap_or_else(|| panic!("{rows:#?}"));
        let failed: Vec<_> = row["checks"].as_array().unwrap().iter().filter(|check| !check["problem"].is_null()).collect();
        assert_eq!(row["healthy"], failed.is_empty(), "{row:#}");
        failed.iter().map(|check| check["what"].as_str().unwrap().to_owned()).collect()
    })
}

/// Breaks something of the pod `web-1`, which shows there alone, and mends it.
fn broken(lab: &Lab, what: &str, place: &str, script: &str, mend: &str, expected: &[&str]) {
    let expected = [expected.iter().map(|&check| check.to_owned()).collect(), Vec::new()];
    // The agent looks after routes every few seconds: whatever it has mended before it was seen is broken again.
    ichor_tests::until(what, PATIENCE, || {
        lab.script(place, script).finish();
        let run = lab.ask("node-1", "endpoint health --pod web-1").finish();
        run.status.code() == Some(1) && run.text().contains("FAILED") && red(lab) == expected
    });
    lab.script(place, mend).finish();
    ichor_tests::until("it is mended", PATIENCE, || red(lab) == WELL);
}

#[test]
fn health_is_red_where_something_is_broken() {
    let lab = Lab::ready("health");
    assert_eq!(red(&lab), WELL);
    let endpoint = lab.rows("node-1", "endpoint list --pod web-1").remove(0);
    let (interface, [v4, v6]) = (endpoint["interface"].as_str().unwrap(), lab.pod("web-1"));

    // The kernel takes IPv6 routes away with the link, and a pod's own ones with its end.
    let off = format!("ip link set {interface} down");
    let on = format!(
        "ip link set {interface} up; ip route replace {v4} dev {interface} proto 196 src 192.168.42.11; ip -6 route replace {v6} dev {interface} proto 196"
    );
    broken(&lab, "the node's end", "node-1", &off, &on, &["cable", "routes", "answer"]);
    let route = format!("ip route del {v4}; ip -6 route del {v6}");
    let back = format!("ip route add {v4} dev {interface} proto 196 src 192.168.42.11; ip -6 route add {v6} dev {interface} proto 196");
    broken(&lab, "the routes", "node-1", &route, &back, &["routes", "answer"]);
    broken(
        &lab,
        "the way out",
        "pod/web-1",
        "ip route del default",
        "ip route add default via 169.254.0.1 dev eth0 onlink",
        &["inside", "answer"],
    );
    broken(
        &lab,
        "what answers",
        "pod/web-1",
        "echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all",
        "echo 0 > /proc/sys/net/ipv4/icmp_echo_ignore_all",
        &["answer"],
    );
    a_missing_row(&lab, &v4);
    for direction in ["ingress", "egress"] {
        a_missing_program(&lab, interface, direction);
    }
    a_cable_that_is_gone(&lab);
    lab.down();
}

fn a_missing_row(lab: &Lab, address: &str) {
    let mut tables = tables(lab, "node-1");
    let mut endpoints = tables.endpoints().unwrap();
    let key = EndpointKey { addr: address.parse::<std::net::IpAddr>().unwrap().into() };
    let row = endpoints.get(&key).unwrap().unwrap();
    endpoints.remove(&key).unwrap();
    // To the datapath, the pod's own answers come from an address that is nobody's.
    assert_eq!(red(lab), [vec!["tables".to_owned(), "answer".to_owned()], Vec::new()]);
    endpoints.put(&key, &row).unwrap();
    assert_eq!(red(lab), WELL);
}

fn a_missing_program(lab: &Lab, interface: &str, direction: &str) {
    lab.script("node-1", &format!("tc filter del dev {interface} {direction}")).succeed();
    // Without the datapath the kernel still leads the answers to the node.
    ichor_tests::until("the program is gone", PATIENCE, || red(lab) == [vec!["program".to_owned()], Vec::new()]);
    let run = lab.ask("node-1", "endpoint health --pod web-1").fail();
    assert!(run.text().contains("restart the agent"), "{}", run.described());
    // As it says.
    lab.run(&["break", "agent", "node-1"]).succeed();
    lab.run(&["mend", "agent", "node-1"]).succeed();
    assert_eq!(red(lab), WELL);
}

fn a_cable_that_is_gone(lab: &Lab) {
    lab.script("pod/web-1", "ip link set eth0 down").succeed();
    let [found, other] = red(lab);
    assert!(found.contains(&"cable".to_owned()) && found.contains(&"answer".to_owned()) && other.is_empty(), "{found:?}");
    let run = lab.ask("node-1", "endpoint health --pod web-1").fail();
    assert!(run.text().contains("has no signal"), "{}", run.described());
}
