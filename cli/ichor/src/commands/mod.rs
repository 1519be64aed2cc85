//! The commands: each returns what it did, and `lib.rs` prints it in the form that was asked for.

mod configure;
mod finish_write;
mod import;
mod init;
mod inspect;
mod lab;
mod man;
mod schema;
mod secrets;
mod shells;
mod talos;
mod validate;
mod version;

use crate::cli::{self, Command, Planned};
use crate::failure::Failure;
use crate::{Answer, Shell};

/// Runs one command.
pub(crate) fn run(command: Command, shell: &Shell) -> Result<Box<dyn Answer>, Failure> {
    Ok(match command {
        Command::Init(args) => Box::new(init::run(&args, shell)?),
        Command::Configure(args) => configure::run(&args, shell)?,
        Command::Validate(args) => Box::new(validate::run(&args, shell)?),
        Command::Import(args) => Box::new(import::run(&args, shell)?),
        Command::Secrets(command) => secrets::run(&command, shell)?,
        Command::Talos(cli::Talos::Config(args)) => Box::new(talos::run(&args, shell)?),
        Command::Lab(command) => lab::run(&command, shell)?,
        Command::Endpoint(command) => inspect::endpoint(&command, shell)?,
        Command::Service(command) => inspect::service(&command, shell)?,
        Command::Node(command) => inspect::node(&command, shell)?,
        Command::Bpf(command) => inspect::bpf(&command, shell)?,
        Command::Monitor(args) => inspect::monitor(&args, shell)?,
        Command::Schema => Box::new(schema::run()),
        Command::Completions(args) => Box::new(shells::run(args.shell)),
        Command::Man(args) => Box::new(man::run(&args)?),
        Command::Version => Box::new(version::Versions),
        Command::FinishWrite { root } => Box::new(finish_write::run(&root)?),
        Command::Planned(planned) => return Err(later(&planned)),
    })
}

/// A command that the design names and this version does not have.
fn later(planned: &Planned) -> Failure {
    let name = match planned {
        Planned::Bootstrap(_) => "bootstrap",
        Planned::Connectivity(_) => "connectivity",
        Planned::Explain(_) => "explain",
        Planned::Observe(_) => "observe",
        Planned::Rollback(_) => "rollback",
        Planned::Status(_) => "status",
        Planned::Upgrade(_) => "upgrade",
    };
    Failure::new(format!("`ichor {name}` is not in this version yet"))
        .help("this version renders everything that a cluster needs; start with `ichor init`, then `ichor configure`")
}
