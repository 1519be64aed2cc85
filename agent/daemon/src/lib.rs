//! The node agent: sources of objects, the compiler and the appliers, wired together.

mod address_pool;
mod agent;
mod arguments;
mod bandwidth;
mod checkpoint;
mod collect;
mod config;
mod endpoint;
mod fault;
mod flow_age;
mod ground;
mod health;
mod hooks;
mod inspect;
mod log;
mod pace;
mod programs;
mod pushed_out;
mod request;
mod routes;
mod settings;
mod socket;
mod source;
mod store;
mod sweeper;
mod timestamp;
mod uninstall;

use std::ffi::OsString;
use std::process::ExitCode;

use arguments::{Command, read};

const USAGE_EXIT: u8 = 2;

/// Runs the agent with the arguments of the command line, the first of which is its own name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<_> = args.into_iter().skip(1).collect();
    let outcome = match read(&args) {
        Ok(Command::Node(arguments)) => agent::run(arguments),
        Ok(Command::Uninstall { bpffs, state }) => uninstall::run(&bpffs, &state),
        Ok(Command::Help) => {
            log::say(arguments::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(text) => {
            log::note(&text);
            return ExitCode::from(USAGE_EXIT);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            log::note(&fault.to_string());
            ExitCode::FAILURE
        }
    }
}
