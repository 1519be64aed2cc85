//! Taking files and the names in folders to the disk.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;

use crate::failure::Failure;

/// Filesystems write their own journal once for all that ask at the same time: this many at once take a tenth of the
/// time that one after the other does, and more gain nothing.
const AT_ONCE: usize = 8;

/// Makes the contents of files survive a power cut.
pub(super) fn files(files: &[(File, PathBuf)]) -> Result<(), Failure> {
    at_once(files, |(file, place)| file.sync_all().map_err(|error| Failure::io("cannot write", place, &error)))
}

/// Makes the names in folders survive one; a folder that went needs nothing.
pub(super) fn folders(folders: &BTreeSet<PathBuf>) -> Result<(), Failure> {
    at_once(&folders.iter().collect::<Vec<_>>(), |folder| sync_folder(folder))
}

fn sync_folder(folder: &Path) -> Result<(), Failure> {
    match File::open(folder) {
        Ok(file) => file.sync_all().map_err(|error| Failure::io("cannot write", folder, &error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::io("cannot open", folder, &error)),
    }
}

fn at_once<T: Sync>(items: &[T], work: impl Fn(&T) -> Result<(), Failure> + Sync) -> Result<(), Failure> {
    let share = items.len().div_ceil(AT_ONCE).max(1);
    thread::scope(|scope| {
        let workers: Vec<_> = items.chunks(share).map(|items| scope.spawn(|| items.iter().try_for_each(&work))).collect();
        let died = |_| Err(Failure::new("a thread that writes files died"));
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(died)).fold(Ok(()), Result::and)
    })
}
