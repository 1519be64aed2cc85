//! The queues in which packets wait for their times, on devices of all kinds.

use std::collections::BTreeSet;
use std::process::Command;

use ichor_agent_apply::{Departures, Netlink};

use crate::world::{inside, ip};

const NAMESPACE: &str = "queues";

pub(crate) fn run() {
    ip(&format!(
        "netns add {NAMESPACE}
         -n {NAMESPACE} tuntap add dev card mode tap multi_queue
         -n {NAMESPACE} link set card up
         -n {NAMESPACE} link add cable type veth peer name end
         -n {NAMESPACE} link set cable up
         -n {NAMESPACE} link add wide numtxqueues 4 numrxqueues 4 type veth peer name far numtxqueues 4 numrxqueues 4
         -n {NAMESPACE} link set wide up"
    ));
    inside(NAMESPACE, || {
        let links = Netlink::open().unwrap().links().unwrap();
        let [card, cable, wide] = ["card", "cable", "wide"].map(|name| links[name].index);
        let before = queues();
        let keep = |interfaces: &[u32]| Netlink::open().unwrap().keep_departures(&interfaces.iter().copied().collect::<BTreeSet<_>>());
        match keep(&[card, cable, wide]).unwrap() {
            Departures::Unknown => {
                println!("the kernel has no queue `fq`");
                assert_eq!(queues(), before, "nothing is left behind");
            }
            Departures::Kept => devices(&before, &keep, [card, cable, wide]),
            other => panic!("{other:?}"),
        }
    });
    ip(&format!("netns delete {NAMESPACE}"));
}

fn devices(before: &[String], keep: &dyn Fn(&[u32]) -> Result<Departures, ichor_agent_apply::Error>, [card, cable, wide]: [u32; 3]) {
    let timed = ["card mq 1c41: root", "card fq parent 1c41:1", "cable fq 1c41: root", "wide fq 1c41: root"];
    has(&timed);
    let set = queues();
    assert_eq!((keep(&[card, cable, wide]).unwrap(), queues()), (Departures::Kept, set), "what is there is left alone");

    // Of the device's queues, some may have come later.
    tc("delete dev wide root");
    tc("add dev wide root handle 1c41: mq");
    assert!(!queues().contains(&"wide fq parent 1c41:4".to_owned()));
    assert_eq!(keep(&[card, cable, wide]).unwrap(), Departures::Kept);
    has(&["wide fq parent 1c41:1", "wide fq parent 1c41:2", "wide fq parent 1c41:3", "wide fq parent 1c41:4"]);

    assert_eq!(keep(&[card]).unwrap(), Departures::Kept);
    has(&["card mq 1c41: root", "cable noqueue 0: root", "wide noqueue 0: root"]);

    // What somebody has chosen stays, and nothing else has a queue of ours then; `fq` is as good from anybody.
    tc("replace dev cable root handle 7: pfifo");
    assert_eq!(keep(&[card, cable, wide]).unwrap(), Departures::Taken(cable, "pfifo".to_owned()));
    has(&["card mq 0: root", "cable pfifo 7: root", "wide noqueue 0: root"]);
    tc("replace dev cable root handle 8: fq");
    assert_eq!(keep(&[cable]).unwrap(), Departures::Kept);
    has(&["cable fq 8: root"]);
    assert_eq!(keep(&[]).unwrap(), Departures::Kept);
    has(&["cable fq 8: root"]);
    tc("delete dev cable root");
    assert_eq!(queues(), before);

    assert_eq!(keep(&[card, 4_000_000]).unwrap(), Departures::Kept, "an interface may go at any time");
    assert_eq!(keep(&[]).unwrap(), Departures::Kept);
    assert_eq!(queues(), before);
}

pub(crate) fn tc(what: &str) {
    assert!(Command::new("tc").arg("qdisc").args(what.split(' ')).status().unwrap().success(), "tc qdisc {what}");
}

/// In words: the device, the kind, the number where it was chosen, and the place.
fn queues() -> Vec<String> {
    let shown = Command::new("tc").args(["qdisc", "show"]).output().expect("this test needs `tc` of iproute2");
    assert!(shown.status.success());
    let line = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [_, kind, number, "dev", device, ref rest @ ..] = words[..] else { panic!("tc says {line}") };
        match rest {
            ["root", ..] => format!("{device} {kind} {number} root"),
            // The kernel numbers these as it likes.
            ["parent", place, ..] if kind == "fq" => format!("{device} {kind} parent {place}"),
            ["parent", place, ..] => format!("{device} {kind} {number} parent {place}"),
            _ => panic!("tc says {line}"),
        }
    };
    String::from_utf8(shown.stdout).unwrap().lines().map(line).collect()
}

fn has(wanted: &[&str]) {
    let found = queues();
    assert!(wanted.iter().all(|line| found.iter().any(|found| found == line)), "{wanted:#?} are not all among {found:#?}");
}
