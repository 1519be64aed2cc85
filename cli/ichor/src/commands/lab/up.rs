//! `ichor lab up`.

use ichor_config::Cluster;
use ichor_lab::{LabName, Options, Report};
use serde_json::{Value as Json, json};

use super::failure;
use super::report;
use crate::cli::{ConfigFile, LabUp};
use crate::failure::Failure;
use crate::{Answer, Exit, Printer, Shell, config};

const EXAMPLE: &str = include_str!("../../../../../cluster.example.yaml");

pub(super) struct Made {
    name: String,
    nodes: usize,
    took_s: f64,
    report: Option<Report>,
}

pub(super) fn run(args: &LabUp, shell: &Shell) -> Result<Made, Failure> {
    let printer = &shell.printer;
    let cluster = cluster(args, printer)?;
    let name = LabName::parse(args.name.as_deref().unwrap_or(cluster.name.as_str())).map_err(failure)?;
    let executable = std::env::current_exe().map_err(|error| Failure::new(format!("cannot find this program's own file: {error}")))?;
    printer.note(&format!("Making the lab `{name}` for the cluster `{}`", *cluster.name));
    let options = Options { name, cluster: &cluster, executable };
    let up = ichor_lab::up(options, &mut |what| printer.note(&format!("  {what}"))).map_err(failure)?;
    let report = if args.no_check {
        None
    } else {
        printer.note("  every path, with a connection each");
        Some(up.lab.check(true).map_err(failure)?)
    };
    let nodes = cluster.nodes.len();
    Ok(Made { name: up.lab.name().to_string(), nodes, took_s: up.took.as_secs_f64(), report })
}

fn cluster(args: &LabUp, printer: &Printer) -> Result<Cluster, Failure> {
    let Some(file) = &args.config else {
        return ichor_config::read(EXAMPLE).map_err(|_| Failure::new("the example that is built in is not valid"));
    };
    let described = config::read(&ConfigFile { config: file.clone() }, printer)?;
    described.warn(printer);
    Ok(described.cluster)
}

impl Answer for Made {
    fn json(&self) -> Json {
        json!({
            "lab": self.name,
            "nodes": self.nodes,
            "took_ms": (self.took_s * 1000.0).round(),
            "checks": self.report.as_ref().map(report::json),
        })
    }

    fn text(&self, printer: &Printer) {
        if let Some(report) = &self.report {
            report::text(report, printer);
        }
        let name = &self.name;
        printer.note(&format!(
            "The lab `{name}` is up: {} nodes in {:.1} s. Routes that BGP would bring to the router are static here.\n\
             Look around with `ichor lab status` and `ichor lab exec pod/shell-1 -- sh`, try `ichor lab break node NODE`,\n\
             and end it with `ichor lab down --name {name}`.",
            self.nodes, self.took_s
        ));
    }

    fn exit(&self) -> Exit {
        if self.report.as_ref().is_some_and(|report| report.failures() > 0) { Exit::Refused } else { Exit::Done }
    }
}
