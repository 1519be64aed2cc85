//! The times at which a limited pod's packets leave, as the kernel is told them.

use ichor_datapath_types::{DropReason, Hook, Pace};

use crate::cluster::Setting;
use crate::host::{Place, Verdict};
use crate::kernel::{self, Kernel, clock};
use crate::names::{Family, interface_of};
use crate::scenario::scenario;

/// A microsecond.
const BYTE_NS: u64 = 1000;
const LONGEST_NS: u64 = 60_000_000_000;

fn monotonic_ns() -> u64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
    u64::try_from(time.tv_sec()).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap()
}

#[test]
fn packets_leave_as_far_apart_as_they_are_long() {
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
    kernel::enter();
    let mut kernel = Kernel::load(Setting::OnePort);
    // What may wait is little and short.
    let pace = Pace { next_ns: 0, byte_time: BYTE_NS << Pace::FRACTION_BITS, longest_ns: 20_000_000 };
    kernel.fill(&scenario(Family::V4, "pacing").limited("a", Some(pace)).world(clock()));
    let place = Place { hook: Hook::FromEndpoint, interface: interface_of("a"), mark: 0 };
    let frame: Vec<u8> = Family::V4.udp("a:1000 > far:53").into();
    let begun_ns = monotonic_ns();
    let (mut last_ns, mut sent, mut dropped) = (0, 0, 0);
    while monotonic_ns() < begun_ns + 100_000_000 {
        match kernel.run(place, &frame) {
            (Ok(Verdict::Redirected), measured) => {
                assert!(measured.leaves_ns >= last_ns && measured.leaves_ns <= monotonic_ns() + 20_000_000);
                (last_ns, sent) = (measured.leaves_ns, sent + 1);
            }
            (Err(()), _) => dropped += 1,
            other => panic!("{other:?}"),
        }
    }
    let most = (last_ns - begun_ns) / (u64::try_from(frame.len()).unwrap() * BYTE_NS) + 1;
    assert!(sent <= most && sent * 10 >= most * 9 && dropped > 0, "{sent} of at most {most} were sent, and {dropped} were dropped");
    let counted = kernel.counts().iter().find(|(place, _)| *place == ("from-endpoint", DropReason::OverLimit.name())).unwrap().1.0;
    assert_eq!(counted, dropped);
}
