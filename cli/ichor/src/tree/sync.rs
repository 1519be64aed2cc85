//! Taking files, and the names in folders, to the disk.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;

use crate::failure::Failure;

/// Filesystems write their own journal once for all that ask at the same time: this many at once take a tenth of the
/// time that one after the other does, and more gain nothing.
const AT_ONCE: usize = 8;

/// Makes files with their contents, and folders with their names, survive a power cut. What is gone needs nothing.
pub(super) fn sync(places: &[PathBuf]) -> Result<(), Failure> {
    let share = places.len().div_ceil(AT_ONCE).max(1);
    thread::scope(|scope| {
        let workers: Vec<_> = places.chunks(share).map(|places| scope.spawn(|| places.iter().try_for_each(|place| one(place)))).collect();
        let died = |_| Err(Failure::new("a thread that writes files died"));
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(died)).fold(Ok(()), Result::and)
    })
}

fn one(place: &Path) -> Result<(), Failure> {
    match File::open(place) {
        Ok(file) => file.sync_all().map_err(|error| Failure::io("cannot write", place, &error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::io("cannot open", place, &error)),
    }
}
