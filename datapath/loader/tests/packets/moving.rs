//! The programs remember next hops for some milliseconds, and nobody tells them that one has changed.

use std::process::Command;
use std::time::{Duration, Instant};

use ichor_datapath_types::{Addr, Endpoint, EndpointKey};

use crate::cluster::Setting;
use crate::host::Verdict;
use crate::kernel::{self, Kernel, clock};
use crate::names::{Family, Mac, NODE2_MAC, ROUTER_MAC};
use crate::scenario::{Row, Scenario};
use crate::tables;

const OTHER_MAC: Mac = [2, 0, 0, 0, 0, 0x0d];
/// Far more than it takes, for machines that have much else to do.
const DEADLINE: Duration = Duration::from_secs(5);

fn ip(line: &str) {
    assert!(Command::new("ip").args(line.split(' ')).status().unwrap().success(), "ip {line}");
}

/// The row again and again, until the frame goes to this machine; or nowhere, for the kernel to say so.
fn goes_to(kernel: &Kernel, row: &Row, wanted: Option<Mac>) {
    let begun = Instant::now();
    loop {
        let (verdict, measured) = kernel.run(row.place, &row.frame);
        let to = (verdict == Ok(Verdict::Redirected)).then(|| measured.packet[..6].to_vec());
        if to == wanted.map(|mac| mac.to_vec()) {
            return;
        }
        assert!(begun.elapsed() < DEADLINE, "{}: to {to:02x?} instead of {wanted:02x?}", row.what);
    }
}

fn scenarios(family: Family) -> [Scenario; 2] {
    ["what only passes through turns in XDP, by UDP", "a cluster IP with its backend on another node, by UDP"].map(|title| {
        let found = tables::all().into_iter().find(|scenario| scenario.family == family && scenario.title == title);
        found.unwrap_or_else(|| panic!("there is no scenario {title}"))
    })
}

#[test]
fn what_changes_about_a_way_is_seen_soon() {
    kernel::enter();
    for (family, prefix, node2, router) in
        [(Family::V4, "10.244.2.0/24", "10.0.0.12", "10.0.0.1"), (Family::V6, "fd00:244:2::/64", "fd00:10::12", "fd00:10::1")]
    {
        for scenario in scenarios(family) {
            let mut kernel = Kernel::load(Setting::OnePort);
            let world = scenario.world(clock());
            kernel.fill(&world);
            let row = &scenario.rows[0];
            goes_to(&kernel, row, Some(NODE2_MAC));
            ip(&format!("neighbour replace {node2} lladdr 02:00:00:00:00:0d dev uplink nud permanent"));
            goes_to(&kernel, row, Some(OTHER_MAC));
            ip(&format!("route replace {prefix} via {router}"));
            goes_to(&kernel, row, Some(ROUTER_MAC));
            ip(&format!("route replace blackhole {prefix}"));
            goes_to(&kernel, row, None);
            ip(&format!("route replace {prefix} via {node2}"));
            ip(&format!("neighbour replace {node2} lladdr 02:00:00:00:00:0c dev uplink nud permanent"));
            goes_to(&kernel, row, Some(NODE2_MAC));
        }
    }
}

#[test]
fn an_address_that_comes_to_this_node_is_left_to_the_next_hook_soon() {
    kernel::enter();
    for family in Family::BOTH {
        let [scenario, _] = scenarios(family);
        let mut kernel = Kernel::load(Setting::OnePort);
        let mut world = scenario.world(clock());
        kernel.fill(&world);
        let row = &scenario.rows[0];
        goes_to(&kernel, row, Some(NODE2_MAC));
        let backend = EndpointKey { addr: Addr::from(family.address("far")) };
        world.endpoints.insert(backend, Endpoint { interface: 22, ..Endpoint::default() });
        kernel.fill(&world);
        goes_to(&kernel, row, None);
    }
}
