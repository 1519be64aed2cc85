//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
Usage: ichor-agent node --config FILE --node NAME --objects DIR --state DIR --bpffs DIR [--cgroup DIR]
       ichor-agent uninstall --bpffs DIR --state DIR";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Node(Arguments),
    Uninstall { bpffs: PathBuf, state: PathBuf },
    Help,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) config: PathBuf,
    pub(crate) node: String,
    pub(crate) objects: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) bpffs: PathBuf,
    pub(crate) cgroup: Option<PathBuf>,
}

pub(crate) fn read(args: &[OsString]) -> Result<Command, String> {
    let Some((command, rest)) = args.split_first() else { return Err(USAGE.to_owned()) };
    if matches!(command.to_str(), Some("--help" | "-h" | "help")) {
        return Ok(Command::Help);
    }
    let known: &[&str] = match command.to_str() {
        Some("node") => &["--config", "--node", "--objects", "--state", "--bpffs", "--cgroup"],
        Some("uninstall") => &["--bpffs", "--state"],
        _ => return Err(format!("there is no command {}\n{USAGE}", command.display())),
    };
    let mut given: Vec<(&str, &OsString)> = Vec::new();
    for pair in rest.chunks(2) {
        let [name, value] = pair else { return Err(format!("a value is missing at the end\n{USAGE}")) };
        let Some(name) = known.iter().find(|known| name == **known) else {
            return Err(format!("there is no argument {}\n{USAGE}", name.display()));
        };
        if given.iter().any(|(other, _)| other == name) {
            return Err(format!("{name} is given twice\n{USAGE}"));
        }
        given.push((name, value));
    }
    let find = |name: &str| given.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let path = |name: &str| find(name).map(PathBuf::from).ok_or_else(|| format!("{name} is missing\n{USAGE}"));
    if command == "uninstall" {
        return Ok(Command::Uninstall { bpffs: path("--bpffs")?, state: path("--state")? });
    }
    let node = find("--node").ok_or_else(|| format!("--node is missing\n{USAGE}"))?;
    let node = node.to_str().ok_or("the name of a node is text")?.to_owned();
    Ok(Command::Node(Arguments {
        config: path("--config")?,
        node,
        objects: path("--objects")?,
        state: path("--state")?,
        bpffs: path("--bpffs")?,
        cgroup: find("--cgroup").map(PathBuf::from),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Command, String> {
        read(&text.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_whole_command_is_read() {
        let Ok(Command::Node(read)) = of("node --config c --node n --objects o --state s --bpffs b") else { panic!("not read") };
        assert_eq!((read.node.as_str(), read.cgroup), ("n", None));
        assert_eq!(of("uninstall --state s --bpffs b"), Ok(Command::Uninstall { bpffs: "b".into(), state: "s".into() }));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        for (text, part) in [
            ("", "Usage"),
            ("nod", "no command nod"),
            ("node --config", "value is missing"),
            ("node --conf c", "no argument --conf"),
            ("node --node a --node b", "--node is given twice"),
            ("node --config c --node n --objects o --state s", "--bpffs is missing"),
        ] {
            assert!(of(text).is_err_and(|error| error.contains(part)), "{text}");
        }
    }
}
