//! Every path with checksums and cutting left to the drivers of the virtual cables, and with both done before: the pods'
//! cables and those of the LAN each for themselves.
//!
//! A packet whose checksum is left to a driver has, in the place of that checksum, the sum of its pseudo header, and a note
//! beside it. Where the datapath works on socket buffers it sees the note, and the kernel's helpers keep to it. XDP sees
//! bytes alone. So where XDP runs in the driver, frames must come in with whole checksums: the far end of that cable must not
//! leave them out. That is so for every frame that came over a wire, for nothing but the frame is on it. Only a virtual cable
//! hands the note over with the packet; the lab takes the offload from the switch's ends of the nodes' cables then, and
//! nothing else in it needs that: what nodes, pods, the router and the client send may be as it likes.

use ichor_tests::{Scratch, offload};
use serde_json::Value as Json;

use crate::modes::{EXAMPLE, in_mode};
use crate::{Lab, json};

#[test]
fn every_cell_is_as_it_must_be_whatever_is_left_to_drivers() {
    let mut all = 0;
    for (mode, acceleration) in [("dsr", "disabled"), ("snat", "disabled"), ("dsr", "native"), ("snat", "native")] {
        let scratch = Scratch::new();
        let file = scratch.write("cluster.yaml", in_mode(EXAMPLE, mode, acceleration));
        let lab = Lab::named(&format!("offload-{mode}-{acceleration}"));
        lab.run(&["up", "--no-check", "--config"]).args([&file]).succeed();
        let (pods, lan) = cables(&lab, acceleration == "native");
        for (of_pods, of_lan) in [(true, true), (false, true), (true, false), (false, false)] {
            let left = set(&lab, &pods, of_pods) + set(&lab, &lan, of_lan);
            let wanted = usize::from(of_pods) * pods.len() + usize::from(of_lan) * lan.len();
            assert_eq!(left, wanted, "so many interfaces leave checksums out");
            let checks = checked(&lab, &format!("{mode}, acceleration {acceleration}, pods {of_pods}, LAN {of_lan}"));
            let word = |on: bool| if on { "on" } else { "off" };
            println!(
                "{mode}, acceleration {acceleration}: offloads of {} ends of pods' cables {}, of {} on the LAN {}: {checks} checks",
                pods.len(),
                word(of_pods),
                lan.len(),
                word(of_lan)
            );
            all += checks;
        }
        lab.down();
    }
    println!("{all} checks in all");
}

type Interface = (String, String);

/// Both ends of all cables, as namespace and name: those of pods, and those of the LAN.
fn cables(lab: &Lab, by_xdp: bool) -> (Vec<Interface>, Vec<Interface>) {
    let (mut pods, mut lan) = (Vec::new(), Vec::new());
    for node in ["node-1", "node-2", "node-3"] {
        let links = json(&lab.exec(node, &["ip", "-j", "link"]).succeed());
        let names = links.as_array().unwrap().iter().map(|link| link["ifname"].as_str().unwrap().to_owned());
        pods.extend(names.filter(|name| name.starts_with("ichor")).map(|name| (node.to_owned(), name)));
        lan.push((node.to_owned(), "eth0".to_owned()));
    }
    for pod in ["web-1", "web-2", "web-3", "shell-1", "shell-2", "shell-3"] {
        pods.push((format!("pod-{pod}"), "eth0".to_owned()));
    }
    let mut others = vec![("router", "lan"), ("router", "outside"), ("client", "eth0"), ("lan", "router")];
    if !by_xdp {
        others.extend([("lan", "port1"), ("lan", "port2"), ("lan", "port3")]);
    }
    lan.extend(others.iter().map(|(place, name)| ((*place).to_owned(), (*name).to_owned())));
    assert_eq!(pods.len(), 12, "two ends for each pod");
    (pods, lan)
}

/// How many of them leave checksums out after that.
fn set(lab: &Lab, interfaces: &[Interface], on: bool) -> usize {
    let namespace = |place: &str| format!("/run/netns/ichor-{}-{place}", lab.name);
    interfaces.iter().filter(|(place, name)| offload(namespace(place).as_ref(), name, on)).count()
}

/// Walks every path; on a busy machine a first packet may come late, and a path that does not work fails again.
fn checked(lab: &Lab, what: &str) -> u64 {
    let mut problems = Vec::new();
    for _ in 0..2 {
        let status = lab.status(&["--check"]);
        let checks = ["paths", "behaviours"].into_iter().flat_map(|kind| status["checks"][kind].as_array().unwrap());
        problems = checks.filter(|check| !check["problem"].is_null()).map(Json::to_string).collect();
        if problems.is_empty() {
            return status["checks"]["checks"].as_u64().unwrap();
        }
    }
    panic!("{what}: {problems:#?}");
}
