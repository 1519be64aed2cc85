//! Which backend is chosen, and who keeps it.

use crate::cluster::{Frontend, service};
use crate::names::Family;
use crate::scenario::{Scenario, scenario};

pub(crate) fn rows(f: Family) -> Vec<Scenario> {
    vec![maglev(f), outside(f), chance(f), kept(f), kept_by_chance(f), expired(f), forgotten(f), draining(f), begins(f)]
}

const BACKENDS: [&str; 3] = ["far", "far2", "far3"];

/// The backends that Maglev has for a pod's question from these ports: by its hash alone, so these numbers change only
/// with the hash, and with them a connection's backend on every node.
const CHOICES: [(u16, [u32; 2]); 5] = [(40000, [1, 3]), (40001, [2, 2]), (40002, [1, 2]), (40004, [1, 1]), (40005, [3, 1])];

fn choice(f: Family, place: usize) -> (u16, u32) {
    let (port, [v4, v6]) = CHOICES[place];
    (port, if f == Family::V4 { v4 } else { v6 })
}

fn of_three(text: &'static str) -> Frontend {
    BACKENDS.into_iter().fold(service(text), |service, backend| {
        service.to(match backend {
            "far" => "far:53",
            "far2" => "far2:53",
            _ => "far3:53",
        })
    })
}

/// A pod's question to `web:53`, which the backend with this number answers.
fn asks(all: Scenario, pod: &str, what: &'static str, port: u16, number: u32) -> Scenario {
    let f = all.family;
    let backend = BACKENDS[usize::try_from(number).unwrap() - 1];
    all.pod(pod, what, f.udp(&format!("{pod}:{port} > web:53"))).sent(f.udp(&format!("{pod}:{port} > {backend}:53"))).flows(&[
        &format!("udp {pod}:{port} > web:53 => {pod}:{port} > {backend}:53 established destination #{number}"),
        &format!("udp {backend}:53 > {pod}:{port} => web:53 > {pod}:{port} new reply source #{number}"),
    ])
}

fn maglev(f: Family) -> Scenario {
    let all = scenario(f, "by Maglev, the flow alone says which backend").with(of_three("udp web:53"));
    (0..CHOICES.len()).fold(all, |all, place| {
        let (port, number) = choice(f, place);
        asks(all, "a", "a question from another port", port, number)
    })
}

fn outside(f: Family) -> Scenario {
    // These choose the backend 2, and 1 or 3.
    let (port, other, number) = if f == Family::V4 { (5004, "far", 1) } else { (5002, "far3", 3) };
    scenario(f, "by Maglev, for clients from outside")
        .with(of_three("udp lb:53"))
        .xdp("one client", f.udp("client:5000 > lb:53"))
        .sent(f.udp(&format!("node:61000 > {other}:53")))
        .flows(&[
            &format!("udp client:5000 > lb:53 => node:61000 > {other}:53 established source destination #{number}"),
            &format!("udp {other}:53 > node:61000 => lb:53 > client:5000 new reply source destination #{number}"),
        ])
        .wire("another", f.udp(&format!("client2:{port} > lb:53")))
        .sent(f.udp("node:61000 > far2:53"))
        .flows(&[
            &format!("udp client2:{port} > lb:53 => node:61000 > far2:53 established source destination #2"),
            &format!("udp far2:53 > node:61000 => lb:53 > client2:{port} new reply source destination #2"),
        ])
}

fn chance(f: Family) -> Scenario {
    let all =
        scenario(f, "by chance, among slots of one backend").with(service("udp web:53").by_chance().to("far:53").to("far:53").to("far:53"));
    let all = asks(all, "a", "a question", 40000, 1);
    let all = asks(all, "a", "another", 40001, 1);
    asks(all, "b", "another pod's", 40001, 1)
}

fn kept(f: Family) -> Scenario {
    let all = scenario(f, "a client keeps its backend").with(of_three("udp web:53").affinity(100)).remembered("a", 1, 2, 5);
    (0..CHOICES.len()).fold(all, |all, place| asks(all, "a", "from any port", CHOICES[place].0, 2))
}

fn kept_by_chance(f: Family) -> Scenario {
    let all = scenario(f, "a client keeps its backend, where others get one by chance");
    let all = all.with(of_three("udp web:53").by_chance().affinity(100)).remembered("a", 1, 3, 99);
    let all = asks(all, "a", "just in time", 40000, 3);
    asks(all, "a", "from another port", 40001, 3)
}

fn expired(f: Family) -> Scenario {
    let (port, number) = choice(f, 0);
    let (other_port, _) = choice(f, 1);
    let all = scenario(f, "a client comes too late to keep its backend").with(of_three("udp web:53").affinity(100));
    let all = all.remembered("a", 1, number % 3 + 1, 110);
    let all = asks(all, "a", "it is given one anew", port, number);
    asks(all, "a", "and keeps that", other_port, number)
}

fn forgotten(f: Family) -> Scenario {
    let (port, number) = choice(f, 0);
    let all = scenario(f, "the backend that a client kept is gone").with(of_three("udp web:53").affinity(100)).remembered("a", 1, 9, 5);
    let all = asks(all, "a", "it is given one anew", port, number);
    asks(all, "a", "and keeps that", choice(f, 1).0, number)
}

fn draining(f: Family) -> Scenario {
    let (port, number) = choice(f, 1);
    let all = scenario(f, "the backend that a client kept is about to end");
    let all = all.with(of_three("udp web:53").affinity(100).draining()).remembered("a", 1, 3, 5);
    let all = asks(all, "a", "it is given one anew", port, number);
    asks(all, "a", "and keeps that", choice(f, 0).0, number)
}

fn begins(f: Family) -> Scenario {
    let ((port, number), (other_port, _)) = (choice(f, 2), choice(f, 4));
    let all = scenario(f, "the first question decides").with(of_three("udp web:53").affinity(100)).remembered("b", 1, number % 3 + 1, 0);
    let all = asks(all, "a", "by its flow", port, number);
    let all = asks(all, "a", "the second follows", other_port, number);
    asks(all, "b", "another client has another", port, number % 3 + 1)
}
