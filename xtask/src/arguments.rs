//! What was asked for on the command line.

use crate::stage::Stage;

pub(crate) const HELP: &str = "\
The tasks of this project.

usage: cargo xtask TASK

  test [--full] [STAGE...]  install and build what the tests need, then run every stage, or those named;
                            --full takes the time for long fuzzing (10 minutes for each target), more kills of
                            agents under traffic, an upgrade to another build and back, and an older kernel
  lint                      formatting, clippy, licences and bans of dependencies, architecture
  bless [FILTER]            write the expected files of golden tests anew (tests with FILTER in their
                            name; default: golden); read the difference before you commit it
  docs                      write the generated pages of docs/ anew
  bpf [--check]             compile the programs of datapath/programs into the object that the agent carries;
                            --check compiles them into another folder and compares with the committed object
  bench [configure|datapath [PART...]]
                            the benchmarks, beside their peers; all of them, or one; the one of the datapath needs
                            root, and can be run in parts: packets, compile, pods, idle, tables, traffic
  tools                     only install and build the tools; prints their environment for the shell

stages of test, in their order: tools, lint, test, fuzz, and with --full: upgrade, kernels";

/// A benchmark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bench {
    Configure,
    Datapath,
}

impl Bench {
    pub(crate) const ALL: [Self; 2] = [Self::Configure, Self::Datapath];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Configure => "configure",
            Self::Datapath => "datapath",
        }
    }
}

#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    Help,
    Test { full: bool, stages: Vec<Stage> },
    Lint,
    Bless { filter: String },
    Docs,
    Bench { which: Option<Bench>, parts: Vec<String> },
    Bpf { check: bool },
    Tools,
}

pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let mut arguments = arguments.peekable();
    let Some(task) = arguments.next() else {
        return Err("which task?".into());
    };
    let parsed = match task.as_str() {
        "help" | "--help" | "-h" => return Ok(Task::Help),
        "test" => return parse_test(arguments),
        "bench" => match arguments.next() {
            None => Task::Bench { which: None, parts: Vec::new() },
            Some(name) => {
                let which = Bench::ALL.into_iter().find(|bench| bench.name() == name);
                which.ok_or_else(|| format!("there is no benchmark `{name}`"))?;
                let parts = if which == Some(Bench::Datapath) { arguments.by_ref().collect() } else { Vec::new() };
                Task::Bench { which, parts }
            }
        },
        "bless" => Task::Bless { filter: arguments.next().unwrap_or_else(|| "golden".into()) },
        "bpf" => Task::Bpf { check: arguments.next_if_eq("--check").is_some() },
        "lint" => Task::Lint,
        "docs" => Task::Docs,
        "tools" => Task::Tools,
        other => return Err(format!("there is no task `{other}`")),
    };
    match arguments.next() {
        None => Ok(parsed),
        Some(extra) => Err(format!("`{task}` does not take `{extra}`")),
    }
}

fn parse_test(arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let mut full = false;
    let mut stages = Vec::new();
    for argument in arguments {
        match argument.as_str() {
            "--full" => full = true,
            "--help" | "-h" => return Ok(Task::Help),
            name => {
                stages
                    .push(Stage::ALL.into_iter().find(|stage| stage.name() == name).ok_or_else(|| format!("there is no stage `{name}`"))?);
            }
        }
    }
    if stages.is_empty() {
        stages = if full { Stage::ALL.to_vec() } else { Stage::ORDINARY.to_vec() };
    }
    stages.sort();
    stages.dedup();
    Ok(Task::Test { full, stages })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task, String> {
        parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn stages_run_once_and_in_their_order() {
        let stages = vec![Stage::Lint, Stage::Fuzz];
        assert_eq!(parsed("test fuzz --full lint fuzz"), Ok(Task::Test { full: true, stages }));
        assert_eq!(parsed("test"), Ok(Task::Test { full: false, stages: Stage::ORDINARY.to_vec() }));
    }

    #[test]
    fn what_is_not_known_is_named() {
        assert_eq!(parsed("tset"), Err("there is no task `tset`".into()));
        assert_eq!(parsed("test unit"), Err("there is no stage `unit`".into()));
        assert_eq!(parsed("bench speed"), Err("there is no benchmark `speed`".into()));
        assert_eq!(parsed("bench configure now"), Err("`bench` does not take `now`".into()));
        assert_eq!(parsed("lint now"), Err("`lint` does not take `now`".into()));
        assert_eq!(parsed("bpf --check now"), Err("`bpf` does not take `now`".into()));
    }

    #[test]
    fn the_datapath_is_measured_in_parts() {
        assert_eq!(parsed("bench"), Ok(Task::Bench { which: None, parts: Vec::new() }));
        let parts = vec!["pods".to_owned(), "idle".to_owned()];
        assert_eq!(parsed("bench datapath pods idle"), Ok(Task::Bench { which: Some(Bench::Datapath), parts }));
    }

    #[test]
    fn help_names_every_stage() {
        for stage in Stage::ALL {
            assert!(HELP.contains(stage.name()), "{} is missing", stage.name());
        }
    }
}
