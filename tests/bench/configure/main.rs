//! `cargo xtask bench configure`: how long `ichor configure` takes from its start to a written tree, beside makejinja, with which
//! users render the same number of files today. Nothing fails by a time: these machines are noisy, so read the figures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a program for developers")]

mod measure;
mod peer;
mod workload;

use measure::Figures;
use std::path::Path;
use workload::Workload;

const ROUNDS: usize = 15;

fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some((first, command)) = arguments.split_first() {
        assert!(first == measure::INNER, "the benchmarks take no arguments");
        return measure::inner(command);
    }
    let example = Workload::example();
    let files = example.first_run();
    let peer = peer::Project::like(&example);
    let mut ichor = Figures::default();
    let mut makejinja = Figures::default();
    // In turns, so that whatever else the machine does meets both.
    for _ in 0..ROUNDS {
        ichor.add(example.cold());
        makejinja.add(peer.render());
    }
    let rendered = peer.count();
    assert!(rendered >= files, "makejinja wrote {rendered} files, ichor {files}");
    println!("\nthe example, {files} files into an empty folder, {ROUNDS} rounds in turns");
    println!("{}", ichor.line("ichor configure"));
    println!("{}", makejinja.line("makejinja"));
    println!("makejinja takes {:.1} times as long, by the medians", makejinja.median() / ichor.median());

    let many = Workload::many(500);
    let files = many.first_run();
    let mut figures = Figures::default();
    (0..ROUNDS).for_each(|_| figures.add(many.cold()));
    println!("\n500 nodes, {files} files into an empty folder");
    println!("{}", figures.line("ichor configure"));
    let mut again = Figures::default();
    (0..ROUNDS).for_each(|_| again.add(many.configure()));
    println!("{}", again.line("with nothing to do"));
}

/// Number of files below a folder.
fn count(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| if entry.file_type().unwrap().is_dir() { count(&entry.path()) } else { 1 }).sum()
}
