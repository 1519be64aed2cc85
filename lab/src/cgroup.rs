//! Control groups: where a node's socket hooks are attached, and how every process of a lab is found again.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Error;
use crate::wait::until;

/// How long the kernel may take to end killed processes.
const KILL_DEADLINE: Duration = Duration::from_secs(5);

/// Where the unified hierarchy is mounted.
pub fn root() -> Result<PathBuf, Error> {
    let mounts = fs::read_to_string("/proc/self/mounts").map_err(|error| Error::at("read", Path::new("/proc/self/mounts"), error))?;
    let place = mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        let (_, place, kind) = (words.next()?, words.next()?, words.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(place))
    });
    place.ok_or_else(|| {
        Error::new("no cgroup2 is mounted, and the socket hooks of the nodes need one")
            .help("mount it: `mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified`")
    })
}

/// Makes a group, and those above it.
pub fn make(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|error| Error::at("make the cgroup", path, error))
}

/// Moves the calling process.
pub fn join(path: &Path) -> Result<(), Error> {
    make(path)?;
    let file = path.join("cgroup.procs");
    fs::write(&file, "0").map_err(|error| Error::at("write", &file, error))
}

/// Kills every process in a group and below it, and waits for their end.
pub fn kill(path: &Path) -> Result<(), Error> {
    let file = path.join("cgroup.kill");
    match fs::write(&file, "1") {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::at("write", &file, error)),
        Ok(()) => {}
    }
    let events = path.join("cgroup.events");
    let ended = || fs::read_to_string(&events).map_or(true, |text| text.contains("populated 0"));
    if until(KILL_DEADLINE, ended) {
        return Ok(());
    }
    Err(Error::new(format!("processes in the cgroup `{}` do not end", path.display())).help("see `cgroup.procs` there for their ids"))
}

/// Kills what is in a group and removes it with everything below.
pub fn remove(path: &Path) -> Result<(), Error> {
    kill(path)?;
    remove_empty(path)
}

fn remove_empty(path: &Path) -> Result<(), Error> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::at("read", path, error)),
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_empty(&entry.path())?;
        }
    }
    // A process that has just ended keeps its group for a moment.
    let mut last = None;
    let gone = until(KILL_DEADLINE, || match fs::remove_dir(path) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => true,
        Err(error) => {
            last = Some(error);
            false
        }
    });
    match last {
        Some(error) if !gone => Err(Error::at("remove the cgroup", path, error)),
        _ => Ok(()),
    }
}
