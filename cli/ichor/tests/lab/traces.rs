//! Everything on a machine that has to do with a lab of some name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What can be seen of a lab from outside.
#[derive(Debug, PartialEq)]
pub(crate) struct Traces {
    pub(crate) namespaces: BTreeSet<String>,
    pub(crate) mounts: BTreeSet<String>,
    pub(crate) cgroups: BTreeSet<PathBuf>,
    /// Command lines of processes, by what they name or where they are.
    pub(crate) processes: BTreeSet<String>,
    pub(crate) folder: bool,
}

impl Traces {
    pub(crate) fn of(name: &str) -> Self {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let about = |text: &str| text.contains(&format!("ichor-{name}-")) || text.contains(&format!("ichor-lab/{name}/"));
        Self {
            namespaces: names(Path::new("/run/netns")).into_iter().filter(|found| about(found)).collect(),
            cgroups: cgroups(&mounts, name),
            mounts: mounts.lines().filter(|line| about(line)).map(str::to_owned).collect(),
            processes: processes(|text| about(text) || text.contains(&format!("/ichor-lab-{name}"))),
            folder: Path::new("/run/ichor-lab").join(name).exists(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.namespaces.is_empty() && self.mounts.is_empty() && self.cgroups.is_empty() && self.processes.is_empty() && !self.folder
    }

    pub(crate) fn assert_same(&self, after: &Self) {
        assert!(self == after, "before: {self:#?}\nafter: {after:#?}");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn cgroups(mounts: &str, name: &str) -> BTreeSet<PathBuf> {
    let root = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|words| words[2] == "cgroup2").unwrap();
    let lab = Path::new(root[1]).join(format!("ichor-lab-{name}"));
    lab.exists().then_some(lab).into_iter().collect()
}

fn processes(about: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let own = std::process::id().to_string();
    let pids = names(Path::new("/proc")).into_iter().filter(|name| name.chars().all(|c| c.is_ascii_digit()) && *name != own);
    let describe = |pid: &String| {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        // What has ended and waits for its parent is no process of the lab any more.
        let ended = read("stat").rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']));
        if ended { Default::default() } else { (read("cmdline").replace('\0', " "), read("cgroup")) }
    };
    let found = pids.map(|pid| (describe(&pid), pid)).filter(|((command, cgroup), _)| about(command) || about(cgroup));
    found.map(|((command, _), pid)| format!("{pid} {command}")).collect()
}
