//! `ichor lab`: the cluster as network namespaces on this machine.

mod report;
mod status;
mod up;

use ichor_lab::{Lab, LabName, Part};
use serde_json::{Value as Json, json};

use crate::cli::{self, LabPart, LabPartKind};
use crate::failure::Failure;
use crate::{Answer, Printer, Shell};

/// Runs one of the lab's commands.
pub(super) fn run(command: &cli::Lab, shell: &Shell) -> Result<Box<dyn Answer>, Failure> {
    Ok(match command {
        cli::Lab::Up(args) => Box::new(up::run(args, shell)?),
        cli::Lab::Status(args) => Box::new(status::run(args, shell)?),
        cli::Lab::Exec(args) => match open(&args.lab)?.exec(&args.place, &args.command).map_err(failure)? {},
        cli::Lab::Break(args) => Box::new(change(args, Lab::break_part)?),
        cli::Lab::Mend(args) => Box::new(change(args, Lab::mend_part)?),
        cli::Lab::Down(args) => Box::new(Gone(ichor_lab::down(name(args)?.as_ref()).map_err(failure)?)),
    })
}

pub(super) fn failure(error: ichor_lab::Error) -> Failure {
    let failure = Failure::new(error.message);
    match error.help {
        Some(help) => failure.help(help),
        None => failure,
    }
}

fn name(args: &cli::LabName) -> Result<Option<LabName>, Failure> {
    args.name.as_deref().map(LabName::parse).transpose().map_err(failure)
}

fn open(args: &cli::LabName) -> Result<Lab, Failure> {
    Lab::open(name(args)?.as_ref()).map_err(failure)
}

/// What was broken or mended.
struct Changed {
    lab: String,
    what: String,
}

fn change(args: &LabPart, change: impl Fn(&Lab, Part, &str) -> Result<String, ichor_lab::Error>) -> Result<Changed, Failure> {
    let lab = open(&args.lab)?;
    let part = match args.part {
        LabPartKind::Node => Part::Node,
        LabPartKind::Link => Part::Link,
        LabPartKind::Agent => Part::Agent,
    };
    let what = change(&lab, part, &args.node).map_err(failure)?;
    Ok(Changed { lab: lab.name().to_string(), what })
}

impl Answer for Changed {
    fn json(&self) -> Json {
        json!({ "lab": self.lab, "changed": self.what })
    }

    fn text(&self, printer: &Printer) {
        printer.note(&self.what);
    }
}

struct Gone(ichor_lab::Down);

impl Answer for Gone {
    fn json(&self) -> Json {
        json!({ "lab": self.0.name.to_string(), "nodes": self.0.nodes, "took_ms": self.0.took.as_millis() })
    }

    fn text(&self, printer: &Printer) {
        printer.note(&format!("the lab `{}` is gone: {} nodes in {:.2} s", self.0.name, self.0.nodes, self.0.took.as_secs_f64()));
    }
}
