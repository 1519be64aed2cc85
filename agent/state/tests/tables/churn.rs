//! Endless change leaves the array of slots usable.

use std::net::Ipv4Addr;

use ichor_agent_state::{Dirty, Limits, Object};

use crate::machine::Machine;
use crate::objects::{endpoint, service, slice};

const SERVICES: u32 = 60;
const CHANGES: u32 = 20_000;
/// A full compile after each would take longer than all of them.
const COMPARED: u32 = 500;
const MOST_ENDPOINTS: u32 = 40;
/// Twice what all services need on average.
const SLOTS: u32 = SERVICES * MOST_ENDPOINTS;

/// Always the same numbers, well mixed.
fn mix(number: u32) -> u32 {
    let half = (number ^ (number >> 16)).wrapping_mul(0x45d9_f3b5);
    (half ^ (half >> 16)).wrapping_mul(0x45d9_f3b5) >> 8
}

#[test]
fn slots_do_not_crumble() {
    let mut machine = Machine::with(Limits { services: 1000, backends: 20_000, slots: SLOTS });
    let mut dirty = Dirty::default();
    for number in 0..SERVICES {
        let (name, service) = service(&format!("s{number}"), Ipv4Addr::from(0x0a60_0000 + number).into());
        machine.put(Object::Service(name, service.into()), &mut dirty);
    }
    machine.run(&dirty).unwrap();
    let (mut most_in_use, mut most_stretches) = (0, 0);
    for change in 0..CHANGES {
        let number = mix(change) % SERVICES;
        let count = mix(change + CHANGES) % (MOST_ENDPOINTS + 1);
        let endpoints = (0..count).map(|n| endpoint(Ipv4Addr::from(0x0af4_0000 + number * 256 + n).into())).collect();
        let mut dirty = Dirty::default();
        machine.put(slice(&format!("s{number}"), endpoints), &mut dirty);
        machine.run_unwatched(&dirty);
        if change % COMPARED == 0 {
            machine.compare().unwrap();
        }
        assert_eq!(machine.problems(), [""; 0], "change {change}");
        most_in_use = most_in_use.max(machine.slots_in_use());
        most_stretches = most_stretches.max(machine.free_slots().1);
    }
    println!("{CHANGES} changes: at most {most_in_use} of {SLOTS} slots in use, free ones in at most {most_stretches} stretches");
    machine.end().unwrap();
}
