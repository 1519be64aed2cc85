//! The stages of a test run, and the report at its end.

use crate::recipe::Purpose;
use crate::tally::Tally;
use crate::tools::{Tools, provide};
use crate::{cargo, fuzz, kernels, lint, upgrade};
use anyhow::{Result, anyhow};
use std::time::{Duration, Instant};

/// In the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Tools,
    Lint,
    Test,
    Fuzz,
    /// Only in a full run, or by name: it builds everything a second time.
    Upgrade,
    /// Likewise: it emulates a machine.
    Kernels,
}

impl Stage {
    pub(crate) const ALL: [Stage; 6] = [Stage::Tools, Stage::Lint, Stage::Test, Stage::Fuzz, Stage::Upgrade, Stage::Kernels];
    /// What an ordinary run is.
    pub(crate) const ORDINARY: [Stage; 4] = [Stage::Tools, Stage::Lint, Stage::Test, Stage::Fuzz];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Stage::Tools => "tools",
            Stage::Lint => "lint",
            Stage::Test => "test",
            Stage::Fuzz => "fuzz",
            Stage::Upgrade => "upgrade",
            Stage::Kernels => "kernels",
        }
    }
}

const FUZZ_EACH: Duration = Duration::from_secs(60);
const FUZZ_EACH_FULL: Duration = Duration::from_secs(600);

/// Run the stages; true if nothing failed. Every stage runs even if an earlier one failed, but none without the tools.
pub(crate) fn run(stages: &[Stage], full: bool) -> Result<bool> {
    let mut total = Tally::default();
    let mut times = Vec::new();
    let mut timed = |name: &'static str, work: &mut dyn FnMut() -> Tally| {
        println!("\n=== {name}");
        let start = Instant::now();
        let tally = work();
        times.push((name, start.elapsed(), tally.closing()));
        total.add(tally);
    };

    let mut tools = None;
    timed("tools", &mut || {
        let mut tally = Tally::default();
        let outcome = provide(&[Purpose::Test, Purpose::Lint]).map(|found| tools = Some(found));
        tally.count("tools", outcome);
        tally.skipped.extend(tools.iter().flat_map(|tools: &Tools| tools.skips.clone()));
        tally
    });
    for &stage in stages.iter().filter(|&&stage| stage != Stage::Tools) {
        timed(stage.name(), &mut || match (stage, &tools) {
            (Stage::Tools, _) => Tally::default(),
            (_, None) => whole(stage, Err(anyhow!("not run, because the tools are missing"))),
            (Stage::Lint, Some(tools)) => lint::run(tools),
            (Stage::Test, Some(tools)) => whole(stage, cargo::test(tools, full)),
            (Stage::Upgrade, Some(tools)) => upgrade::run(tools),
            (Stage::Kernels, Some(_)) => kernels::run(),
            (Stage::Fuzz, Some(_)) => whole(stage, fuzz::run(if full { FUZZ_EACH_FULL } else { FUZZ_EACH })),
        });
    }
    report(&total, &times);
    Ok(total.failed.is_empty())
}

/// `cargo xtask lint`, which includes the one lint that is a test.
pub(crate) fn lint_alone() -> Result<bool> {
    let tools = provide(&[Purpose::Lint])?;
    let mut tally = lint::run(&tools);
    tally.skipped.extend(tools.skips);
    tally.count("architecture", lint::architecture());
    report(&tally, &[]);
    Ok(tally.failed.is_empty())
}

/// A stage that could not even run is one failure.
fn whole(stage: Stage, outcome: Result<Tally>) -> Tally {
    outcome.unwrap_or_else(|error| {
        let mut tally = Tally::default();
        tally.count(stage.name(), Err(error));
        tally
    })
}

fn report(total: &Tally, times: &[(&str, Duration, String)]) {
    println!();
    for (name, time, closing) in times {
        println!("{:>5.1} min  {name}: {closing}", time.as_secs_f64() / 60.0);
    }
    for skip in &total.skipped {
        println!("SKIP {skip}");
    }
    for failure in &total.failed {
        println!("FAIL {failure}");
    }
    println!("{}", total.closing());
}
