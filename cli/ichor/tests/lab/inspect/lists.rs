//! Lists hold what is there, in both forms.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::Lab;

/// Every text and number in a document, as a table shows them.
fn words(document: &Json, found: &mut BTreeSet<String>) {
    match document {
        Json::Array(items) => items.iter().for_each(|item| words(item, found)),
        Json::Object(fields) => fields.values().for_each(|field| words(field, found)),
        Json::String(text) => drop(found.insert(text.clone())),
        Json::Number(number) => drop(found.insert(number.to_string())),
        Json::Bool(_) | Json::Null => {}
    }
}

/// The rows of a table, each with what is in its columns.
fn table(text: &str) -> Vec<Vec<String>> {
    let mut lines = text.lines();
    let header = lines.next().unwrap();
    assert!(header.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || " -".contains(c)), "{header}");
    lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn lists_show_what_is_there() {
    let lab = Lab::ready("lists");
    let status = lab.status(&[]);
    let pods: BTreeSet<_> = status["pods"].as_array().unwrap().iter().filter(|pod| pod["node"] == "node-1").map(of_pod).collect();

    let endpoints = lab.rows("node-1", "endpoint list");
    assert_eq!(endpoints.iter().map(|row| (text(&row["pod"]), row["addresses"].to_string())).collect::<BTreeSet<_>>(), pods);
    assert_eq!(lab.rows("node-1", "endpoint list --pod lab/web-1").len(), 1);
    assert_eq!(lab.rows("node-1", "endpoint list --namespace other").len(), 0);
    assert_eq!(lab.rows("node-1", &format!("endpoint list --address {}", lab.pod("web-1")[1]))[0]["pod"], "web-1");

    let nodes = lab.rows("node-2", "node list");
    assert_eq!(nodes.iter().map(|row| text(&row["name"])).collect::<Vec<_>>(), ["node-1", "node-2", "node-3"]);
    assert_eq!(nodes.iter().filter(|row| row["own"] == true).map(|row| text(&row["name"])).collect::<Vec<_>>(), ["node-2"]);
    assert_eq!(nodes[0]["addresses"], status["nodes"][0]["addresses"]);

    services(&lab, &status);
    both_forms_say_the_same(&lab);
    policies_and_counters(&lab);
    inside_a_node(&lab);
    lab.down();
}

fn text(json: &Json) -> String {
    json.as_str().unwrap().to_owned()
}

fn of_pod(pod: &Json) -> (String, String) {
    (text(&pod["name"]), pod["addresses"].to_string())
}

/// Every service's cluster IPs, with the pods behind them; in the agent's list and in the kernel's table.
fn services(lab: &Lab, status: &Json) {
    for service in status["services"].as_array().unwrap() {
        let name = service["name"].as_str().unwrap();
        for command in ["service list", "bpf lb list"] {
            let rows = lab.rows("node-3", &format!("{command} --protocol tcp --service lab/{name}"));
            for ip in service["cluster_ips"].as_array().unwrap() {
                let row = rows.iter().find(|row| row["address"] == *ip).unwrap_or_else(|| panic!("{command}: {name} {ip}: {rows:#?}"));
                assert_eq!(row["port"], service["port"], "{command}: {row:#}");
                let backends = row["backends"].as_array().unwrap().iter().map(|backend| backend.get("end").unwrap_or(backend));
                let pods: BTreeSet<_> = backends.map(|backend| text(&backend["owner"]["name"])).collect();
                let wanted: BTreeSet<_> = service["pods"].as_array().unwrap().iter().map(text).collect();
                // Each node may use all of them, unless they are meant for its own zone or for itself.
                let is_near = name == "web-zone" || name == "web-near";
                assert!(if is_near { !pods.is_empty() && pods.is_subset(&wanted) } else { pods == wanted }, "{command}: {row:#}");
            }
        }
    }
    let [v4, _] = lab.pod("web-2");
    let of_pod = lab.rows("node-1", &format!("service list --address {v4}"));
    assert!(!of_pod.is_empty() && of_pod.iter().all(|row| row["backends"].to_string().contains(&v4)), "{of_pod:#?}");
    assert!(lab.rows("node-1", "service list --family ipv6").iter().all(|row| row["address"].as_str().unwrap().contains(':')));
    assert_eq!(lab.rows("node-1", "service list --limit 3").len(), 3);
    let run = lab.ask("node-1", "service list --limit 3").succeed();
    assert!(run.words().contains("the first 3"), "{}", run.described());
}

fn both_forms_say_the_same(lab: &Lab) {
    for command in ["endpoint list", "endpoint health", "node list", "service list", "bpf lb list", "bpf metrics list --all"] {
        let rows = lab.rows("node-1", command);
        let shown = lab.ask("node-1", command).succeed();
        let shown = table(shown.text());
        assert_eq!(rows.len(), shown.len(), "{command}");
        for (row, line) in rows.iter().zip(&shown) {
            let mut known = BTreeSet::new();
            words(row, &mut known);
            // Of what is in the first column of either, the other has it, too; joined cells have several words in one.
            let first = line[0].trim_start_matches('[').split([']', '/']).next().unwrap();
            let first = first
                .rsplit_once(':')
                .filter(|_| command == "bpf lb list" && !line[0].starts_with('['))
                .map_or(first, |(address, _)| address);
            assert!(known.contains(first), "{command}: {first} is not in {row:#}");
            for address in row["addresses"].as_array().into_iter().flatten() {
                assert!(command == "endpoint health" || line.join(" ").contains(address.as_str().unwrap()), "{command}: {line:?}");
            }
        }
    }
}

fn policies_and_counters(lab: &Lab) {
    let run = lab.ask("node-1", "bpf policy list").fail();
    assert!(run.words().contains("no network policies") && run.words().contains("help: "), "{}", run.described());
    let all = lab.rows("node-1", "bpf metrics list --all");
    let reasons: BTreeSet<_> = all.iter().filter_map(|row| row["reason"].as_str()).collect();
    assert!(reasons.contains("spoofed-source") && reasons.contains("refused") && all.iter().all(|row| !text(&row["text"]).is_empty()));
    let counted = lab.rows("node-1", "bpf metrics list");
    assert!(!counted.is_empty() && counted.len() < all.len() && counted.iter().all(|row| row["packets"].as_u64().unwrap() > 0));
    assert!(lab.rows("node-1", "bpf metrics list --reason refused").iter().all(|row| row["reason"] == "refused"));
}

/// `ichor lab exec` says where the node's agent is.
fn inside_a_node(lab: &Lab) {
    let run = lab.exec("node-2", &[env!("CARGO_BIN_EXE_ichor"), "node", "list", "--output", "json"]).succeed();
    assert_eq!(crate::json(&run)["node"], "node-2", "{}", run.described());
    let head = lab.script("node-2", &format!("{} bpf lb list | head -1", env!("CARGO_BIN_EXE_ichor"))).succeed();
    assert!(head.text().starts_with("FRONTEND") && head.words().is_empty(), "{}", head.described());
}
