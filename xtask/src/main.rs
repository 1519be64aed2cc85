//! The project's own tasks, one entry for people and for CI: `cargo xtask help`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for developers that speaks in plain lines")]

mod arguments;
mod bpf;
mod cargo;
mod fuzz;
mod kernels;
mod lint;
mod process;
mod recipe;
mod stage;
mod tally;
mod tools;
mod upgrade;

use arguments::{HELP, Task};
use std::process::ExitCode;

fn main() -> ExitCode {
    let task = match arguments::parse(std::env::args().skip(1)) {
        Ok(task) => task,
        Err(mistake) => {
            eprintln!("error: {mistake}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<bool> {
    match task {
        Task::Help => {
            println!("{HELP}");
            Ok(true)
        }
        Task::Test { full, stages } => stage::run(&stages, full),
        Task::Lint => stage::lint_alone(),
        Task::Bless { filter } => cargo::bless(&filter).map(|()| true),
        Task::Docs => cargo::bless("generated_docs").map(|()| true),
        Task::Bench { which, parts } => cargo::bench(which, &parts).map(|()| true),
        Task::Bpf { check: false } => bpf::write().map(|()| true),
        Task::Bpf { check: true } => bpf::compare().map(|()| true),
        Task::Tools => {
            let tools = tools::provide(&[recipe::Purpose::Test, recipe::Purpose::Lint, recipe::Purpose::Bench])?;
            for skip in &tools.skips {
                eprintln!("SKIP {skip}");
            }
            for (name, value) in tools.environment() {
                println!("export {name}='{}'", value.display());
            }
            Ok(true)
        }
    }
}
