//! The times at which a limited pod's packets leave, as the kernel is told them.

use ichor_datapath_types::{DropReason, Hook, Pace};

use crate::cluster::Setting;
use crate::host::{Place, Verdict};
use crate::kernel::{self, Kernel, clock};
use crate::names::{Family, interface_of};
use crate::scenario::scenario;

const LONGEST_NS: u64 = 60_000_000_000;

fn monotonic_ns() -> u64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
    u64::try_from(time.tv_sec()).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap()
}

#[test]
fn packets_leave_as_far_apart_as_they_are_long() {
    /// So long that the next one comes in time on any machine.
    const BYTE_NS: u64 = 10_000_000;
    kernel::enter();
    for family in Family::BOTH {
        let mut kernel = Kernel::load(Setting::OnePort);
        let pace = Pace { next_ns: 0, byte_time: BYTE_NS << Pace::FRACTION_BITS, longest_ns: LONGEST_NS };
        kernel.fill(&scenario(family, "pacing").limited("a", Some(pace)).world(clock()));
        let place = Place { hook: Hook::FromEndpoint, interface: interface_of("a"), mark: 0 };
        let header = if family == Family::V4 { 14 + 20 + 32 } else { 14 + 40 + 32 };
        let mut free_ns = 0;
        for (what, frame, pieces) in [
            ("to another node", family.udp("a:1000 > far:53"), 0),
            ("to a pod here", family.udp("a:1000 > b:53"), 0),
            ("to the node", family.udp("a:1000 > node:53"), 0),
            ("cut later", family.tcp("a:1000 > far:53"), 4),
            ("to another node again", family.udp("a:1000 > far:53"), 1),
        ] {
            let frame: Vec<u8> = frame.into();
            let before_ns = monotonic_ns();
            let (verdict, measured) = kernel.run_whole(place, &frame, pieces);
            assert!(verdict.is_ok(), "{family:?}: {what}");
            if free_ns == 0 {
                assert!((before_ns..=monotonic_ns()).contains(&measured.leaves_ns), "{family:?}: the first leaves at once");
            } else {
                assert_eq!(measured.leaves_ns, free_ns, "{family:?}: {what}");
            }
            let bytes = u64::try_from(frame.len()).unwrap() + u64::from(pieces.saturating_sub(1)) * header;
            free_ns = measured.leaves_ns + bytes * BYTE_NS;
        }
    }
}

#[test]
fn what_would_wait_too_long_is_dropped_until_others_have_left() {
    const BYTE_NS: u64 = 1000;
    const MAY_WAIT_NS: u64 = 20_000_000;
    kernel::enter();
    let mut kernel = Kernel::load(Setting::OnePort);
    let pace = Pace { next_ns: 0, byte_time: BYTE_NS << Pace::FRACTION_BITS, longest_ns: MAY_WAIT_NS };
    kernel.fill(&scenario(Family::V4, "pacing").limited("a", Some(pace)).world(clock()));
    let place = Place { hook: Hook::FromEndpoint, interface: interface_of("a"), mark: 0 };
    let frame: Vec<u8> = Family::V4.udp("a:1000 > far:53").into();
    let takes_ns = u64::try_from(frame.len()).unwrap() * BYTE_NS;
    let deadline_ns = monotonic_ns() + 60_000_000_000;
    let (mut free_ns, mut dropped, mut sent_after_a_drop) = (0, 0, 0);
    while dropped < 1000 || sent_after_a_drop < 100 {
        let before_ns = monotonic_ns();
        assert!(before_ns < deadline_ns, "{dropped} were dropped, and {sent_after_a_drop} sent after that");
        let (verdict, measured) = kernel.run(place, &frame);
        let after_ns = monotonic_ns();
        match verdict {
            Ok(Verdict::Redirected) => {
                let waits = measured.leaves_ns == free_ns && free_ns <= after_ns + MAY_WAIT_NS;
                let leaves_at_once = (before_ns.max(free_ns)..=after_ns).contains(&measured.leaves_ns);
                assert!(waits || leaves_at_once, "{measured:?}, where {free_ns} is free and now is {before_ns} to {after_ns}");
                free_ns = measured.leaves_ns + takes_ns;
                sent_after_a_drop += u64::from(dropped > 0);
            }
            Err(()) => {
                assert!(free_ns > before_ns + MAY_WAIT_NS, "dropped at {before_ns}, where {free_ns} is free");
                dropped += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    let counted = kernel.counts().iter().find(|(place, _)| *place == ("from-endpoint", DropReason::OverLimit.name())).unwrap().1.0;
    assert_eq!(counted, dropped);
}
