//! One run at a time in one output folder.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use rustix::fs::FlockOperation;

use crate::failure::Failure;
use crate::printer::Printer;

/// Keeps other runs of ichor out of a folder until it is dropped.
///
/// The folder itself is locked: that needs no file of its own, and works where nothing may be written.
#[derive(Debug)]
pub struct Lock {
    held: Option<File>,
}

impl Lock {
    /// For a run that may write.
    pub fn exclusive(root: &Path, printer: &Printer) -> Result<Self, Failure> {
        Self::take(root, printer, File::try_lock, File::lock)
    }

    /// For a run that only looks.
    pub fn shared(root: &Path, printer: &Printer) -> Result<Self, Failure> {
        Self::take(root, printer, File::try_lock_shared, File::lock_shared)
    }

    /// The same lock for another process: it is free when both have let go.
    pub(super) fn inherit(&self) -> Option<File> {
        self.held.as_ref()?.try_clone().ok()
    }

    /// Whether the process that started this one handed down its lock of `root` as standard input.
    pub fn is_inherited(root: &Path) -> bool {
        let stdin = std::io::stdin();
        let (Ok(handed), Ok(folder)) = (rustix::fs::fstat(&stdin), rustix::fs::stat(root)) else { return false };
        // Locking it again succeeds for whoever has it already, and for nobody else.
        (handed.st_dev, handed.st_ino) == (folder.st_dev, folder.st_ino)
            && rustix::fs::flock(&stdin, FlockOperation::NonBlockingLockExclusive).is_ok()
    }

    fn take(
        root: &Path,
        printer: &Printer,
        attempt: fn(&File) -> Result<(), TryLockError>,
        wait: fn(&File) -> std::io::Result<()>,
    ) -> Result<Self, Failure> {
        let file = match File::open(root) {
            Ok(file) => file,
            // Nothing there: nobody else works in it.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self { held: None }),
            Err(error) => return Err(Failure::io("cannot open the output folder", root, &error)),
        };
        match attempt(&file) {
            Ok(()) => Ok(Self { held: Some(file) }),
            Err(TryLockError::WouldBlock) => {
                printer.note(&format!("another run of ichor works in `{}`; waiting for it", root.display()));
                wait(&file).map_err(|error| Failure::io("cannot lock", root, &error))?;
                Ok(Self { held: Some(file) })
            }
            // Some network filesystems cannot lock folders; a run alone is the usual case there.
            Err(TryLockError::Error(_)) => {
                printer.detail(&format!("`{}` cannot be locked here; make sure that only one ichor runs", root.display()));
                Ok(Self { held: None })
            }
        }
    }
}
