//! Time and memory of one program, from its start to its end.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

/// The kernel tells the peak memory of the largest child that there ever was, so each program is the only child of a
/// process of its own: this one, started with this argument.
pub(crate) const INNER: &str = "--inner";

#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    milliseconds: f64,
    peak_mib: f64,
}

/// Runs a program and measures it.
pub(crate) fn run(program: &Path, folder: &Path, arguments: &[&OsStr], variables: &[(&str, &OsStr)]) -> Sample {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(INNER).arg(program).args(arguments).envs(variables.iter().copied()).current_dir(folder);
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{} failed", program.display());
    let text = String::from_utf8(output.stdout).unwrap();
    let (milliseconds, peak_mib) = text.trim().split_once(' ').unwrap();
    Sample { milliseconds: milliseconds.parse().unwrap(), peak_mib: peak_mib.parse().unwrap() }
}

pub(crate) fn inner(command: &[OsString]) {
    let (program, arguments) = command.split_first().unwrap();
    // Whoever syncs must not pay for what others left to be written.
    assert!(Command::new("sync").status().unwrap().success());
    let start = Instant::now();
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // `sync` is smaller than anything that is measured.
    let peak_kib = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    println!("{milliseconds} {}", peak_kib as f64 / 1024.0);
}

#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Sample>);

impl Figures {
    pub(crate) fn add(&mut self, sample: Sample) {
        self.0.push(sample);
        self.0.sort_by(|a, b| a.milliseconds.total_cmp(&b.milliseconds));
    }

    pub(crate) fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).unwrap().milliseconds
    }

    pub(crate) fn line(&self, name: &str) -> String {
        let (first, last) = (self.0.first().unwrap(), self.0.last().unwrap());
        let peak = self.0.iter().map(|sample| sample.peak_mib).fold(0.0, f64::max);
        let times = format!("min {:.1} ms, median {:.1} ms, max {:.1} ms", first.milliseconds, self.median(), last.milliseconds);
        format!("  {name:<20} {times}, peak memory {peak:.1} MiB")
    }
}
