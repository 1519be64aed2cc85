//! The moves that a change of the tree is made of, each one system call.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::digest::Digest;
use super::found::entry;
use crate::failure::Failure;

/// A move that is ready to be made.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// To a place that must be free.
    Free,
    /// In exchange with the file that is there: both exist at every moment.
    Exchange,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// Somebody changed the file in the meantime; theirs stays.
    Overtaken,
}

impl Move {
    /// Makes the move. A place that is taken, or a file that is gone, is left to whoever settles the step.
    pub(super) fn make(&self) -> Result<bool, Failure> {
        match rename(&self.from, &self.to, self.kind) {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => Ok(false),
            Err(error) => Err(Failure::io("cannot move a file to", &self.to, &error)),
        }
    }

    /// Takes the move back.
    pub(super) fn undo(&self) -> io::Result<()> {
        rename(&self.to, &self.from, self.kind)
    }
}

/// Moves a staged file or folder whose place was taken when its turn came: folders are joined, a file there stays.
pub(super) fn settle_place(staged: &Path, target: &Path) -> Result<Outcome, Failure> {
    if entry(staged)?.is_none() {
        return Ok(Outcome::Done);
    }
    match rename(staged, target, Kind::Free) {
        Ok(()) => return Ok(Outcome::Done),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(Failure::io("cannot move a new file to", target, &error)),
    }
    let is_folder = |place: &Path| Ok::<_, Failure>(entry(place)?.is_some_and(|meta| meta.is_dir()));
    if !is_folder(staged)? || !is_folder(target)? {
        return Ok(Outcome::Overtaken);
    }
    let mut all = Outcome::Done;
    for child in children(staged)? {
        let name = child.file_name().unwrap_or_default();
        if settle_place(&child, &target.join(name))? == Outcome::Overtaken {
            all = Outcome::Overtaken;
        }
    }
    Ok(all)
}

/// Looks at what was swapped out: if it is neither the old nor the new file, an edit came in between, and it goes back.
pub(super) fn settle_swap(staged: &Path, target: &Path, old: &Digest, new: &Digest) -> Result<Outcome, Failure> {
    if digest(target)?.as_ref() != Some(new) {
        return Ok(Outcome::Overtaken);
    }
    match digest(staged)? {
        Some(out) if out != *old && out != *new => {
            rename(staged, target, Kind::Exchange).map_err(|error| Failure::io("cannot put back", target, &error))?;
            Ok(Outcome::Overtaken)
        }
        _ => Ok(Outcome::Done),
    }
}

/// Looks at what was taken away: if it is not what ichor wrote, it goes back.
pub(super) fn settle_removal(aside: &Path, target: &Path, old: &Digest) -> Result<Outcome, Failure> {
    match digest(aside)? {
        Some(taken) if taken != *old => {
            rename(aside, target, Kind::Free).map_err(|error| Failure::io("cannot put back", target, &error))?;
            Ok(Outcome::Overtaken)
        }
        Some(_) => Ok(Outcome::Done),
        None if entry(target)?.is_some() => Ok(Outcome::Overtaken),
        None => Ok(Outcome::Done),
    }
}

fn rename(from: &Path, to: &Path, kind: Kind) -> io::Result<()> {
    let flags = match kind {
        Kind::Free => RenameFlags::NOREPLACE,
        Kind::Exchange => RenameFlags::EXCHANGE,
    };
    match (renameat_with(CWD, from, CWD, to, flags), kind) {
        (Ok(()), _) => Ok(()),
        // A filesystem without these flags: look first, or replace. The lock keeps other runs of ichor away.
        (Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP), Kind::Free) => match fs::symlink_metadata(to) {
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(from, to),
        },
        (Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP), Kind::Exchange) => exchange_slowly(from, to),
        (Err(errno), _) => Err(errno.into()),
    }
}

/// The same in three steps; a reader still finds either the old file or the new one.
fn exchange_slowly(from: &Path, to: &Path) -> io::Result<()> {
    let before = from.with_added_extension("before");
    fs::hard_link(to, &before).or_else(|_| fs::copy(to, &before).map(drop))?;
    fs::rename(from, to)?;
    fs::rename(&before, from)
}

/// The digest of the file at a place; `None` for anything that is not a file.
pub(super) fn digest(place: &Path) -> Result<Option<Digest>, Failure> {
    match entry(place)? {
        Some(meta) if meta.is_file() => {
            let bytes = fs::read(place).map_err(|error| Failure::io("cannot read", place, &error))?;
            Ok(Some(Digest::of(&bytes)))
        }
        _ => Ok(None),
    }
}

fn children(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let wrong = |error: io::Error| Failure::io("cannot list", folder, &error);
    let entries = fs::read_dir(folder).map_err(wrong)?;
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    paths.sort();
    Ok(paths)
}

/// Makes the names in a folder survive a power cut.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Failure> {
    match File::open(folder) {
        Ok(file) => file.sync_all().map_err(|error| Failure::io("cannot write", folder, &error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::io("cannot open", folder, &error)),
    }
}
