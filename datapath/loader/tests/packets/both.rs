//! Runs rows on the host and in the kernel, and compares both with what is written.

use std::collections::BTreeMap;

use ichor_datapath_types::{Addr, Affinity, AffinityKey, DropReason, Event, Fragment, FragmentKey, Hook, bytes_of, event_kind};

use crate::checksum::wrong;
use crate::host::{self, Place, Verdict};
use crate::kernel::{self, Counts, Kernel};
use crate::scenario::{Row, Scenario, line};
use crate::world::{Entry, World, flows};

/// Everything that was written down, as text; times are left out.
type Notes = BTreeMap<String, String>;

/// What one side made of a row.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    verdict: Verdict,
    out: Vec<u8>,
    flows: Vec<String>,
}

/// Why the kernel does not take this frame for a test run, where it does not.
pub(crate) fn refused(place: Place, frame: &[u8]) -> Option<&'static str> {
    let is = |ethertype: [u8; 2]| frame.get(12..14) == Some(&ethertype[..]);
    if frame.len() < 14 {
        Some("no test run takes a frame without an Ethernet header")
    } else if place.hook != Hook::Xdp && (is([8, 0]) && frame.len() < 34 || is([0x86, 0xdd]) && frame.len() < 54 || frame.len() == 14) {
        Some("no test run takes a socket buffer without a whole IP header")
    } else {
        None
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rows: usize,
    pub(crate) on_host_alone: usize,
    pub(crate) faults: Vec<String>,
}

/// Runs all rows of a scenario. They speak of one moment, but for the silences between them: when the clock moves on meanwhile,
/// the scenario is run again.
pub(crate) fn run(scenario: &Scenario, kernel: &mut Kernel, tally: &mut Tally) {
    const TRIES: usize = 20;
    for _ in 0..TRIES {
        let begun = kernel::clock();
        let found = once(scenario, kernel, begun);
        if kernel::clock() == begun {
            tally.rows += found.rows;
            tally.on_host_alone += found.on_host_alone;
            tally.faults.extend(found.faults);
            return;
        }
    }
    panic!("{}: the clock moved on each of {TRIES} times", scenario.title);
}

/// The kernel's tables are empty before and afterwards.
fn once(scenario: &Scenario, kernel: &mut Kernel, now: u32) -> Tally {
    let mut tally = Tally::default();
    let world = scenario.world(now);
    kernel.fill(&world);
    for row in &scenario.rows {
        tally.rows += 1;
        if row.silence > 0 {
            world.fall_silent(row.silence);
            kernel.put_flows(&world);
        }
        let mut faults = Vec::new();
        if wrong(&row.frame).is_none()
            && let Some(sum) = wrong(&row.out)
        {
            faults.push(format!("the row is wrong: a frame goes out in which {sum} checksum is wrong"));
        }
        let wanted = Outcome { verdict: row.verdict, out: row.out.clone(), flows: row.flows.clone() };
        compare("host", &wanted, &on_host(&world, row), &mut faults);
        if refused(row.place, &row.frame).is_some() {
            tally.on_host_alone += 1;
        } else {
            in_kernel(kernel, row, &wanted, &mut faults);
            if memory(&world) != kernel_memory(kernel) {
                faults.push(format!("host remembers {:?}\n  kernel {:?}", memory(&world), kernel_memory(kernel)));
            }
        }
        let place = format!("{:?}: {}: {} ({})", scenario.family, scenario.title, row.what, row.place.hook.name());
        tally.faults.extend(faults.into_iter().map(|fault| format!("{place}\n  {fault}")));
    }
    kernel.clear(&world);
    tally
}

fn on_host(world: &World, row: &Row) -> Outcome {
    let before = notes(&flows(&world.flows_v4), &flows(&world.flows_v6));
    let mut out = row.frame.clone();
    let verdict = host::run(world, row.place, &mut out);
    Outcome { verdict, out, flows: changes(&before, &notes(&flows(&world.flows_v4), &flows(&world.flows_v6))) }
}

fn in_kernel(kernel: &mut Kernel, row: &Row, wanted: &Outcome, faults: &mut Vec<String>) {
    let before = notes(&kernel.flows_v4(), &kernel.flows_v6());
    let counts = kernel.counts();
    kernel.told();
    let (verdict, measured) = kernel.run(row.place, &row.frame);
    let counted = counted(&counts, &kernel.counts());
    // Only the counter knows why.
    let reason = DropReason::ALL.iter().find(|reason| counted.iter().any(|((_, name), _)| *name == reason.name()));
    let verdict = match (verdict, reason) {
        (Err(()), Some(reason)) => Verdict::Dropped(*reason),
        (Err(()), None) => return faults.push("kernel: dropped, and not counted".into()),
        (Ok(_), Some(reason)) => Verdict::Answered(*reason),
        (Ok(verdict), None) => verdict,
    };
    let after = notes(&kernel.flows_v4(), &kernel.flows_v6());
    let begins = after.keys().any(|key| !before.contains_key(key));
    faults.extend(told(&kernel.told(), row, reason.copied(), begins));
    let flows = changes(&before, &after);
    compare("kernel", wanted, &Outcome { verdict, out: measured.packet, flows }, faults);
    if row.place.hook != Hook::Xdp && measured.mark != row.mark {
        faults.push(format!("kernel: the mark is {:#x} instead of {:#x}", measured.mark, row.mark));
    }
    let wanted = to_count(row);
    if counted != wanted {
        faults.push(format!("kernel: counted {counted:?}\n  wanted: {wanted:?}"));
    }
}

/// What is wrong with the events of a row.
fn told(events: &[Event], row: &Row, reason: Option<DropReason>, begins: bool) -> Option<String> {
    let drops: Vec<_> = events.iter().filter(|event| event.kind == event_kind::DROP).map(|event| event.reason).collect();
    let new_flows = events.iter().filter(|event| event.kind == event_kind::NEW_FLOW).count();
    let length = u32::try_from(row.frame.len()).unwrap();
    let is_of_the_row =
        |event: &Event| event.hook == row.place.hook as u8 && event.interface == row.place.interface && event.length == length;
    let is_about_it = |event: &Event| event.kind != event_kind::NEW_FLOW || names(event, &row.frame);
    let dropped: Vec<_> = reason.iter().map(|reason| *reason as u8).collect();
    let is_right = drops == dropped
        && events.iter().all(|event| is_of_the_row(event) && is_about_it(event))
        // What nobody remembers may be a new flow, too; what is dropped for its own sake is none.
        && (new_flows == 1 || new_flows == 0 && (!begins || reason.is_some()));
    (!is_right).then(|| format!("kernel: it told {events:#?}"))
}

/// Whether an event has the addresses of a frame, and its protocol where that is not behind others.
fn names(event: &Event, frame: &[u8]) -> bool {
    let bytes = |addr: Addr| bytes_of::<Addr, 16>(&addr);
    if frame.get(12) == Some(&0x08) {
        let end = |addr, place: usize| frame.get(place..place + 4) == Some(&bytes(addr)[12..]);
        return end(event.source, 26) && end(event.destination, 30) && frame[23] == event.protocol;
    }
    frame.get(22..38) == Some(&bytes(event.source)[..]) && frame.get(38..54) == Some(&bytes(event.destination)[..])
}

/// The one counter that the row changes, if any.
fn to_count(row: &Row) -> Counts {
    let reason = match row.verdict {
        // The next hook counts what it is left, and a hook nothing that another decided on.
        Verdict::Passed if row.place.hook == Hook::Xdp || row.place.mark != 0 => return Vec::new(),
        Verdict::Passed | Verdict::Redirected => "",
        Verdict::Dropped(reason) | Verdict::Answered(reason) => reason.name(),
    };
    vec![((row.place.hook.name(), reason), (1, u64::try_from(row.frame.len()).unwrap()))]
}

fn counted(before: &Counts, after: &Counts) -> Counts {
    let differences = before.iter().zip(after).map(|((place, old), (_, new))| (*place, (new.0 - old.0, new.1 - old.1)));
    differences.filter(|(_, difference)| *difference != (0, 0)).collect()
}

fn compare(side: &str, wanted: &Outcome, found: &Outcome, faults: &mut Vec<String>) {
    if found.verdict != wanted.verdict {
        faults.push(format!("{side}: {:?} instead of {:?}", found.verdict, wanted.verdict));
    }
    if found.out != wanted.out {
        faults.push(format!("{side}: the frame that goes out is another\n  is     {}\n  wanted {}", hex(&found.out), hex(&wanted.out)));
    }
    if found.flows != wanted.flows {
        faults.push(format!("{side}: flows\n  are    {:#?}\n  wanted {:#?}", found.flows, wanted.flows));
    }
}

/// Ethernet, IP and the rest apart.
pub(crate) fn hex(frame: &[u8]) -> String {
    let network = if frame.get(12) == Some(&0x86) { 54 } else { 34 };
    let part = |bytes: &[u8]| {
        bytes.chunks(4).map(|word| word.iter().map(|byte| format!("{byte:02x}")).collect::<String>()).collect::<Vec<_>>().join(" ")
    };
    let (ethernet, rest) = frame.split_at(frame.len().min(14));
    let (ip, rest) = rest.split_at(rest.len().min(network - 14));
    format!("{} | {} | {}", part(ethernet), part(ip), part(rest))
}

pub(crate) fn notes(v4: &[Entry<u32>], v6: &[Entry<[u32; 4]>]) -> Notes {
    let v4 = v4.iter().map(|(key, flow)| line(key, flow, Addr::from_v4));
    v4.chain(v6.iter().map(|(key, flow)| line(key, flow, Addr))).collect()
}

fn changes(before: &Notes, after: &Notes) -> Vec<String> {
    let gone = before.keys().filter(|key| !after.contains_key(*key)).map(|key| format!("{key} vanished"));
    let new = after.iter().filter(|(key, about)| before.get(*key) != Some(about)).map(|(key, about)| format!("{key} => {about}"));
    let mut all: Vec<_> = gone.chain(new).collect();
    all.sort();
    all
}

/// What is remembered beside flows: who had which backend, and the ports of packets in pieces.
pub(crate) fn memory(world: &World) -> Vec<String> {
    let affinities = world.affinities.borrow();
    let fragments = world.fragments.borrow();
    written(affinities.iter().map(|(key, value)| (*key, *value)), fragments.iter().map(|(key, value)| (*key, *value)))
}

pub(crate) fn kernel_memory(kernel: &mut Kernel) -> Vec<String> {
    let (affinities, fragments) = (kernel.affinities(), kernel.fragments());
    written(affinities.into_iter(), fragments.into_iter())
}

fn written(
    affinities: impl Iterator<Item = (AffinityKey, Affinity)>,
    fragments: impl Iterator<Item = (FragmentKey, Fragment)>,
) -> Vec<String> {
    let affinities = affinities.map(|(key, value)| format!("{key:?} has #{}", value.backend));
    let mut all: Vec<_> = affinities.chain(fragments.map(|entry| format!("{entry:?}"))).collect();
    all.sort();
    all
}
