//! A hop on the way takes less than the links at its ends: who sends too much is told, and the message reaches the socket
//! behind every translation.

use ichor_tests::Scratch;
use serde_json::Value as Json;

use crate::modes::{EXAMPLE, in_mode};
use crate::{Lab, json};

const HOP: &str = "1400";
/// The router's links, whose other ends go on with 1500.
const LINKS: [(&str, &str, &str); 4] = [
    ("-4", "198.51.100.0/24", "outside"),
    ("-6", "2001:db8:0:1::/64", "outside"),
    ("-4", "192.168.42.0/24", "lan"),
    ("-6", "fd00:42::/64", "lan"),
];

#[test]
fn large_transfers_pass_a_narrow_hop_in_every_mode() {
    for mode in ["dsr", "snat"] {
        for acceleration in ["disabled", "native"] {
            let scratch = Scratch::new();
            let file = scratch.write("cluster.yaml", in_mode(EXAMPLE, mode, acceleration));
            let lab = Lab::named(&format!("narrow-{mode}-{acceleration}"));
            lab.run(&["up", "--no-check", "--config"]).args([&file]).succeed();
            narrow(&lab);
            // Transfers find out on their way, and datagrams that were lost meanwhile are not sent again.
            let first = lab.status(&["--check"]);
            let large = failures(&first, |name| name.starts_with("100 KiB"));
            assert!(large.is_empty(), "{mode}, acceleration {acceleration}: {large:#?}");
            let (told, all) = told(&lab, mode);
            // What the router says about a piece goes to whichever node it picks for a load balancer's address.
            let is_told = |name: &str| name != "8 KiB in pieces from outside, to a load balancer IP, IPv6";
            let mut again = failures(&lab.status(&["--check"]), is_told);
            if !again.is_empty() {
                // On a busy machine a first packet may come late; a path that does not work fails again.
                println!("  again, because of {again:?}");
                again = failures(&lab.status(&["--check"]), is_told);
            }
            assert!(again.is_empty(), "{mode}, acceleration {acceleration}: {again:#?}");
            println!("{mode}, acceleration {acceleration}: every check through a hop of {HOP}; {told} of {all} senders were told");
            assert_eq!(told, all, "who sends learns what the hop takes");
            lab.down();
        }
    }
}

/// Makes the router refuse what is larger, in both directions.
fn narrow(lab: &Lab) {
    for (family, prefix, link) in LINKS {
        // The route of the link itself, which the kernel made.
        let kept: &[&str] = if family == "-6" { &["metric", "256"] } else { &[] };
        lab.exec("router", &["ip", family, "route", "replace", prefix, "dev", link, "proto", "kernel"])
            .args(kept)
            .args(["mtu", "lock", HOP])
            .succeed();
    }
}

fn failures(status: &Json, of: impl Fn(&str) -> bool) -> Vec<String> {
    let checks = ["paths", "behaviours"].into_iter().flat_map(|kind| status["checks"][kind].as_array().unwrap());
    let failed = checks.filter(|check| !check["problem"].is_null());
    failed.filter(|check| of(check["name"].as_str().unwrap_or_default())).map(ToString::to_string).collect()
}

/// How many of those who sent more than the hop takes know it: the client, towards the node that it asked, and the pod that
/// answered, towards the client, or towards that node where it hides the client.
fn told(lab: &Lab, mode: &str) -> (usize, usize) {
    let client = json(&lab.exec("client", &["ip", "-j", "address", "show", "eth0"]).succeed());
    let address = |family: &str| {
        let all = client[0]["addr_info"].as_array().unwrap();
        all.iter().find(|one| one["family"] == family && one["scope"] == "global").unwrap()["local"].as_str().unwrap().to_owned()
    };
    let node = ("192.168.42.12".to_owned(), "fd00:42::12".to_owned());
    let client = if mode == "dsr" { (address("inet"), address("inet6")) } else { node.clone() };
    let ways = [("client", &node.0), ("client", &node.1), ("pod/web-1", &client.0), ("pod/web-1", &client.1)];
    let knows = |(place, to): &(&str, &String)| {
        let way = lab.exec(place, &["ip", "route", "get", to]).succeed();
        way.text().contains(&format!("mtu {HOP}"))
    };
    (ways.iter().filter(|way| knows(way)).count(), ways.len())
}
