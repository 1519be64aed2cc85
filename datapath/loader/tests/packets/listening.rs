//! Events are told to who listens, and only so many of them.

use ichor_datapath_types::{DropReason, Watch, event_kind};

use crate::kernel::{self, Kernel, clock};
use crate::names::Family;
use crate::scenario::Row;
use crate::tables;

const RUNS: usize = 500;

/// Rows with tables around them: one that is dropped, and one that begins something each time.
fn rows(kernel: &mut Kernel) -> [Row; 2] {
    let titles = ["sources that are not the pod's own", "a cluster IP without backends"];
    let mut found = tables::all().into_iter().filter(|scenario| scenario.family == Family::V4 && titles.contains(&scenario.title));
    let (one, other) = (found.next().unwrap(), found.next().unwrap());
    let (spoofed, refused) = if one.title == titles[0] { (one, other) } else { (other, one) };
    kernel.fill(&spoofed.world(clock()));
    kernel.fill(&refused.world(clock()));
    [spoofed, refused].map(|scenario| scenario.rows.into_iter().next().unwrap())
}

fn watch(until: u32, drops: u32, new_flows: u32) -> Watch {
    Watch { until, drops, new_flows, pad: 0 }
}

#[test]
fn only_so_many_are_told_and_the_others_are_counted() {
    const MOST: u32 = 10;
    kernel::enter();
    for (number, reason) in [DropReason::SpoofedSource, DropReason::Refused].into_iter().enumerate() {
        let mut kernel = Kernel::load(crate::cluster::Setting::OnePort);
        let row = &rows(&mut kernel)[number];
        let begun = clock();
        kernel.watch(&watch(u32::MAX, MOST, 0));
        for _ in 0..RUNS {
            let _verdict = kernel.run(row.place, &row.frame);
        }
        let told = kernel.told();
        assert!(told.iter().all(|event| event.kind == event_kind::DROP && event.reason == reason as u8), "{told:#?}");
        let held_back = kernel.held_back();
        assert_eq!((told.len() as u64 + held_back.0, held_back.1), (RUNS as u64, 0));
        let cpus = std::thread::available_parallelism().unwrap().get();
        let times = usize::try_from(clock() - begun).unwrap() + 1;
        assert!(!told.is_empty() && told.len() <= MOST as usize * cpus * times, "{} events on {cpus} CPUs in {times} times", told.len());
    }
}

#[test]
fn a_ring_that_nobody_reads_loses_what_is_counted() {
    kernel::enter();
    let mut kernel = Kernel::load(crate::cluster::Setting::OnePort);
    let [spoofed, _] = rows(&mut kernel);
    // More than the ring has room for.
    const MANY: u64 = 20_000;
    for _ in 0..MANY {
        let _verdict = kernel.run(spoofed.place, &spoofed.frame);
    }
    let lost = kernel.held_back().0;
    assert!(lost > 0 && kernel.told().len() as u64 + lost == MANY, "{lost} of {MANY} are lost");
}

#[test]
fn nothing_is_told_when_nobody_listens() {
    kernel::enter();
    let mut kernel = Kernel::load(crate::cluster::Setting::OnePort);
    for row in rows(&mut kernel) {
        // Never, not any more, and something else.
        for wanted in [watch(0, 10, 10), watch(clock() - 1, 10, 10), watch(u32::MAX, 0, 10)] {
            kernel.watch(&wanted);
            let counted = kernel.counts();
            let _verdict = kernel.run(row.place, &row.frame);
            assert!(kernel.counts() != counted, "it is counted all the same");
            assert_eq!((kernel.told(), kernel.held_back()), (Vec::new(), (0, 0)), "{wanted:?}");
        }
    }
}
