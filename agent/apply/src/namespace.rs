//! Network namespaces of pods.

use std::fs::File;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::sched::{CloneFlags, setns};

use crate::error::Error;

/// Does something in another network namespace, on a thread of its own that ends with it.
pub fn inside<T: Send>(namespace: BorrowedFd<'_>, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
    let enter = || {
        setns(namespace, CloneFlags::CLONE_NEWNET).map_err(|error| Error::new("entering the network namespace of the pod", error))?;
        Ok(work())
    };
    std::thread::scope(|scope| scope.spawn(enter).join())
        .unwrap_or_else(|_| Err(Error::new("working in the network namespace of the pod", "the thread ended early")))
}

/// Opens the namespace at a path, which must not be the one that this process is in.
pub(crate) fn open(path: &Path) -> Result<File, Error> {
    let wrong = |error: std::io::Error| Error::new(format!("opening the network namespace {}", path.display()), error);
    let file = File::open(path).map_err(wrong)?;
    let own = std::fs::metadata("/proc/thread-self/ns/net").map_err(wrong)?;
    let other = file.metadata().map_err(wrong)?;
    if (own.dev(), own.ino()) == (other.dev(), other.ino()) {
        return Err(Error::new(format!("the network namespace {}", path.display()), "it is the node's own"));
    }
    Ok(file)
}
