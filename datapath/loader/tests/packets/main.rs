//! Packet tables: each row runs on the host, where `logic` is called as it is, and in the kernel, where the same code
//! has passed the verifier. Both must do what the row says.
#![allow(unsafe_code, reason = "tables in memory hand out flows as the kernel's do")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod both;
mod checksum;
mod cluster;
mod frame;
mod host;
mod kernel;
mod listening;
mod moving;
mod names;
mod pacing;
mod properties;
mod random;
mod scenario;
mod storm;
mod tables;
mod world;

use std::collections::BTreeSet;

use ichor_datapath_types::DropReason;

use both::Tally;
use cluster::Setting;
use host::Verdict;
use kernel::Kernel;

/// Reasons that no packet of these programs is dropped for, or none that a row could show.
const WITHOUT_ROW: [DropReason; 2] = [
    // `properties::a_full_table_is_said`: the kernel's tables make room.
    DropReason::FlowTable,
    // Everything that is written was read before.
    DropReason::Rewrite,
];

#[test]
fn every_reason_has_a_row() {
    let reason = |row: &scenario::Row| match row.verdict {
        Verdict::Dropped(reason) | Verdict::Answered(reason) => Some(reason),
        Verdict::Passed | Verdict::Redirected => None,
    };
    let shown: BTreeSet<_> = tables::all().iter().flat_map(|scenario| scenario.rows.iter().filter_map(reason)).collect();
    let wanted: BTreeSet<_> = DropReason::ALL.iter().copied().filter(|reason| !WITHOUT_ROW.contains(reason)).collect();
    assert_eq!(shown, wanted);
}

#[test]
fn host_and_kernel_do_what_the_rows_say() {
    kernel::enter();
    let scenarios = tables::all();
    let mut tally = Tally::default();
    for setting in Setting::ALL {
        let mut kernel = Kernel::load(setting);
        for scenario in scenarios.iter().filter(|scenario| scenario.setting == setting) {
            both::run(scenario, &mut kernel, &mut tally);
        }
    }
    println!("{} scenarios, {} rows, {} of them on the host alone", scenarios.len(), tally.rows, tally.on_host_alone);
    assert!(tally.faults.is_empty(), "{} faults:\n{}", tally.faults.len(), tally.faults.join("\n"));
}
