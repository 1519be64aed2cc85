//! A hundred thousand frames through the programs in the kernel: it does what the host does, and nothing else.

use std::collections::BTreeMap;

use ichor_datapath_logic::FlowTable as _;
use ichor_datapath_types::Hook;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::both::{hex, kernel_memory, memory, notes, refused};
use crate::cluster::{Setting, service};
use crate::host::{self, Place, Verdict};
use crate::kernel::{self, Kernel};
use crate::names::{Family, interface_of};
use crate::random::{damaged, follows, world};
use crate::world::{World, flows};

const FRAMES: usize = 100_000;
/// With two ports, chance decides which of them a flow gets.
const SETTINGS: [Setting; 3] = [Setting::OnePort, Setting::Unmasked, Setting::Direct];

#[test]
fn a_storm_finds_no_difference() {
    kernel::enter();
    let seed = std::env::var("ICHOR_SEED").map_or(0x6963_686f, |text| text.parse::<u64>().unwrap());
    println!("seed {seed} (another is given as ICHOR_SEED)");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(proptest::test_runner::Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let mut seen: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for setting in SETTINGS {
        storm(setting, &mut runner, &mut seen);
    }
    for ((hook, verdict), count) in &seen {
        println!("{hook:14} {verdict:28} {count:>7}");
    }
}

/// What no row can say: in the kernel, chance gives each backend something to do, and each port.
#[test]
fn chance_reaches_everybody() {
    kernel::enter();
    let mut kernel = Kernel::load(Setting::TwoPorts);
    let mut world = World::new(Setting::TwoPorts);
    let questions = 64_u16;
    for f in Family::BOTH {
        world.add(f, &service("udp web:53").by_chance().to("far:53").to("far2:53").to("far3:53"));
        kernel.fill(&world);
        let place = Place { hook: Hook::FromEndpoint, interface: interface_of("a"), mark: 0 };
        for port in 40000..40000 + questions {
            for to in ["web:53".to_string(), format!("outside:{port}")] {
                let (verdict, _) = kernel.run(place, &f.udp(&format!("a:{port} > {to}")).bytes());
                assert_eq!(verdict, Ok(Verdict::Redirected));
            }
        }
    }
    let flows: Vec<_> = notes(&kernel.flows_v4(), &kernel.flows_v6()).into_values().collect();
    for backend in ["> far:53", "> far2:53", "> far3:53", "node:61000 >", "node:61001 >"] {
        let count = flows.iter().filter(|about| about.contains(backend)).count();
        assert!(count > 8, "{backend} is met {count} times in {} flows", flows.len());
    }
}

/// Makes the host's flows those of the kernel.
fn take_over(world: &World, kernel: &mut Kernel) {
    kernel.flows_v4().iter().for_each(|(key, flow)| world.put_flow(key, flow).unwrap());
    kernel.flows_v6().iter().for_each(|(key, flow)| world.put_flow(key, flow).unwrap());
}

fn storm(setting: Setting, runner: &mut TestRunner, seen: &mut BTreeMap<(&'static str, String), usize>) {
    let mut kernel = Kernel::load(setting);
    let world = world(setting, u32::MAX);
    let begun = kernel::clock();
    world.now.set(begun);
    kernel.fill(&world);
    let mut dropped: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let strategy = damaged();
    let mut run = 0;
    let mut left = None;
    while run < FRAMES / SETTINGS.len() + 1 {
        // What follows from the one before, or something new.
        let followed = left.take().and_then(|frame: Vec<u8>| follows(&world, &frame, run % 5 == 0));
        let met = followed.unwrap_or_else(|| strategy.new_tree(runner).unwrap().current());
        if refused(met.place, &met.frame).is_some() {
            continue;
        }
        run += 1;
        let mut out = met.frame.clone();
        let now = kernel::clock();
        world.now.set(now);
        let verdict = host::run(&world, met.place, &mut out);
        let (kernels, measured) = kernel.run(met.place, &met.frame);
        if kernel::clock() != now {
            // The two may have met the packet at different times.
            take_over(&world, &mut kernel);
        }
        let same = match (verdict, kernels) {
            (Verdict::Dropped(_), Err(())) | (Verdict::Answered(_), Ok(Verdict::Redirected)) => true,
            (host, Ok(kernel)) => host == kernel,
            (_, Err(())) => false,
        };
        let met_at = met.place.hook.name();
        assert!(
            same && out == measured.packet,
            "{setting:?}, frame {run}, {met_at}: host {verdict:?}, kernel {kernels:?}\n  in     {}\n  host   {}\n  kernel {}",
            hex(&met.frame),
            hex(&out),
            hex(&measured.packet)
        );
        if let Verdict::Dropped(reason) | Verdict::Answered(reason) = verdict {
            *dropped.entry((met_at, reason.name())).or_default() += 1;
        }
        *seen.entry((met_at, format!("{verdict:?}"))).or_default() += 1;
        left = (verdict == Verdict::Redirected).then_some(out);
    }
    let counted = kernel.counts().into_iter().filter(|((_, reason), (packets, _))| !reason.is_empty() && *packets > 0);
    let counted: BTreeMap<_, _> = counted.map(|(place, (packets, _))| (place, packets)).collect();
    assert_eq!(counted, dropped, "the reasons of what was dropped");
    assert_eq!(notes(&kernel.flows_v4(), &kernel.flows_v6()), notes(&flows(&world.flows_v4), &flows(&world.flows_v6)), "the flows");
    let times =
        kernel.flows_v4().iter().map(|(_, flow)| flow.seen).chain(kernel.flows_v6().iter().map(|(_, flow)| flow.seen)).collect::<Vec<_>>();
    let ended = kernel::clock();
    assert!(times.iter().all(|seen| (begun..=ended).contains(seen)), "flows were seen between {begun} and {ended}: {times:?}");
    assert_eq!(kernel_memory(&mut kernel), memory(&world), "clients' backends, and packets in pieces");
    assert_ne!(seen.get(&(Hook::Xdp.name(), format!("{:?}", Verdict::Redirected))), None, "a storm that redirects nothing tests little");
}
