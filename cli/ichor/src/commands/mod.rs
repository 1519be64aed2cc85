//! The commands: each returns what it did, and `lib.rs` prints it in the form that was asked for.

mod configure;
mod finish;
mod man;
mod schema;
mod shells;
mod validate;
mod version;

use crate::cli::Command;
use crate::failure::Failure;
use crate::{Answer, Shell};

/// Runs one command.
pub(crate) fn run(command: Command, shell: &Shell) -> Result<Box<dyn Answer>, Failure> {
    Ok(match command {
        Command::Configure(args) => configure::run(&args, shell)?,
        Command::Validate(args) => Box::new(validate::run(&args, shell)?),
        Command::Schema => Box::new(schema::run()),
        Command::Completions(args) => Box::new(shells::run(args.shell)),
        Command::Man(args) => Box::new(man::run(&args)?),
        Command::Version => Box::new(version::Versions),
        Command::FinishWrite { root } => Box::new(finish::run(&root)),
        _ => return Err(Failure::new("later")),
    })
}
