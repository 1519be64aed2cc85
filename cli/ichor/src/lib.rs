//! The command-line tool: it observes, asks the pure crates what to do, and does it.

pub mod cli;
mod commands;
mod config;
mod editor;
mod exit;
mod failure;
mod gateway_api;
mod identities;
mod overrides;
mod printer;
mod sealing;
mod secrets_file;
mod system;
mod terminal;
pub mod tree;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _};
use serde_json::Value as Json;

use cli::Cli;
pub use exit::Exit;
pub use failure::{Failure, Mistake};
pub use printer::{Loudness, Printer};

/// What a command found out or did, in both forms.
pub(crate) trait Answer {
    /// The one JSON document.
    fn json(&self) -> Json;

    /// Data for people, and words about it.
    fn text(&self, printer: &Printer);

    fn exit(&self) -> Exit {
        Exit::Done
    }

    /// Prints it in the form that was asked for.
    fn print(&self, printer: &Printer) {
        if printer.is_json() {
            printer.json(&self.json());
        } else {
            self.text(printer);
        }
    }
}

/// What every command may use.
#[derive(Debug)]
pub(crate) struct Shell {
    pub(crate) printer: Printer,
}

/// Runs the tool with the arguments of the command line, the first of which is its own name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(code) = another_program(&args) {
        return code;
    }
    let cli = match parse(&args) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe is no reason to complain about a help page.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    run(cli).into()
}

/// The one executable is several programs: by the name that it is called with, and inside a lab by its first argument.
fn another_program(args: &[OsString]) -> Option<ExitCode> {
    let name = args.first().map(Path::new).and_then(Path::file_name);
    match name.and_then(OsStr::to_str) {
        Some("ichor-agent") => return Some(ichor_agent::main(args.iter().cloned())),
        Some("ichor-cni") => return Some(ichor_cni::main()),
        _ => {}
    }
    match args {
        [_, word, order] if word == "lab-inside" => Some(ichor_lab::inside(&order.to_string_lossy())),
        _ => None,
    }
}

fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    let colour = args.windows(2).find_map(|pair| match pair {
        [flag, value] if flag == "--color" => value.to_str(),
        [flag, _] => flag.to_str().and_then(|flag| flag.strip_prefix("--color=")),
        _ => None,
    });
    let colour = match colour {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    };
    Cli::from_arg_matches(&Cli::command().color(colour).try_get_matches_from(args)?)
}

fn run(cli: Cli) -> Exit {
    let loudness = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Loudness::Quiet,
        (_, true) => Loudness::Verbose,
        _ => Loudness::Normal,
    };
    let printer = Printer::new(cli.global.output, loudness, cli.global.color);
    let shell = Shell { printer };
    let exit = match commands::run(cli.command, &shell) {
        Ok(answer) => {
            answer.print(&shell.printer);
            answer.exit()
        }
        Err(failure) => {
            shell.printer.failure(&failure);
            Exit::Refused
        }
    };
    match shell.printer.broken() {
        Some(failure) => {
            shell.printer.failure(failure);
            Exit::Refused
        }
        None => exit,
    }
}

/// The command line as a value, for pages made out of it.
pub fn command() -> clap::Command {
    Cli::command()
}
