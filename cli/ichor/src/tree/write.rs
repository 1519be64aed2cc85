//! Writing a change as one step. docs/decisions/004-atomic-write.md says what that means, and against what.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::apart;
use super::compare::Change;
use super::journal::Journal;
use super::lock::Lock;
use super::path::TreePath;
use super::sync::sync;
use crate::failure::Failure;

/// Writes a change. The files that somebody changed meanwhile stay as they are and are returned.
pub fn write(root: &Path, lock: &Lock, changes: &BTreeMap<TreePath, Change>) -> Result<Vec<TreePath>, Failure> {
    let journal = Journal::of(root);
    let decided = can_be_written(root, changes.keys()).and_then(|()| {
        stage(root, &journal, changes)?;
        journal.commit()
    });
    if let Err(mut failure) = decided {
        // Nothing was moved yet, so the old tree stands; what is staged can go, and if it cannot, the next run does it.
        let _ = journal.discard();
        failure.message.push_str("; nothing was changed");
        return Err(failure);
    }
    complete(root, lock)
}

/// Completes a write that was decided and then interrupted, and clears away one that was not; `false` if nothing was decided.
pub fn recover(root: &Path, lock: &Lock) -> Result<bool, Failure> {
    let journal = Journal::of(root);
    if journal.is_pending()? {
        complete(root, lock)?;
        return Ok(true);
    }
    journal.discard()?;
    Ok(false)
}

/// Whether a write was decided and interrupted.
pub fn is_interrupted(root: &Path) -> Result<bool, Failure> {
    Journal::of(root).is_pending()
}

/// Carries out what was decided, in this process.
pub fn carry_out(root: &Path) -> Result<Vec<TreePath>, Failure> {
    let journal = Journal::of(root);
    if journal.is_pending()? { journal.carry_out() } else { Ok(Vec::new()) }
}

/// Carries out what was decided, in another process if there can be one.
fn complete(root: &Path, lock: &Lock) -> Result<Vec<TreePath>, Failure> {
    if let Some(overtaken) = apart::carry_out(root, lock) {
        return Ok(overtaken);
    }
    carry_out(root)
}

/// Finds out before anything is decided what would stop the change half-way: a folder that is read-only or on another
/// filesystem, from which no file moves in one step.
fn can_be_written<'a>(root: &Path, paths: impl Iterator<Item = &'a TreePath>) -> Result<(), Failure> {
    let mut folders: BTreeSet<PathBuf> = paths.flat_map(TreePath::folders).map(|folder| folder.below(root)).collect();
    folders.insert(root.to_owned());
    let device = fs::metadata(root).map_err(|error| Failure::io("cannot reach", root, &error))?.dev();
    for folder in folders {
        let Ok(meta) = fs::symlink_metadata(&folder) else { continue };
        if meta.dev() != device {
            let message = format!("`{}` is on another filesystem than `{}`", folder.display(), root.display());
            return Err(Failure::new(message).help("unmount it, or choose an output folder inside it with `--out`"));
        }
        access(&folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|errno| Failure::io("cannot write in", &folder, &errno.into()))?;
    }
    Ok(())
}

/// Puts the new files, and the journal, where they wait for the decision.
fn stage(root: &Path, journal: &Journal<'_>, changes: &BTreeMap<TreePath, Change>) -> Result<(), Failure> {
    let staging = journal.staging();
    let new = changes.iter().filter(|(_, change)| !matches!(change, Change::Remove { .. })).map(|(path, _)| journal.staged(path));
    let inside = |folder: &&Path| folder.starts_with(&staging);
    // The outer ones come first.
    let mut folders: BTreeSet<PathBuf> =
        new.flat_map(|place| place.ancestors().skip(1).take_while(inside).map(Path::to_owned).collect::<Vec<_>>()).collect();
    folders.insert(staging.clone());
    fs::create_dir_all(journal.folder()).map_err(|error| Failure::io("cannot create", &journal.folder(), &error))?;
    for folder in &folders {
        fs::create_dir(folder).map_err(|error| Failure::io("cannot create", folder, &error))?;
    }
    let mut places = vec![journal.draft(changes)?];
    for (path, change) in changes {
        let (bytes, mode) = match change {
            Change::Add { new } => (new, None),
            Change::Replace { new, mode, .. } => (new, Some(*mode)),
            Change::Remove { .. } => continue,
        };
        let place = journal.staged(path);
        new_file(&place, bytes, mode).map_err(|error| Failure::io("cannot write", &place, &error))?;
        places.push(place);
    }
    places.extend(folders);
    sync(root, &places)
}

/// Puts new bytes in the place of one file that is not part of the tree: whoever reads finds all of the old or all of the new.
/// Folders on the way are made.
pub fn replace_file(place: &Path, bytes: &[u8]) -> Result<(), Failure> {
    // A link stays one, and what it points at is replaced.
    let place = place.canonicalize().unwrap_or_else(|_| place.to_owned());
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::io("cannot create", folder, &error))?;
    }
    let draft = place.with_added_extension(format!("{}.new", std::process::id()));
    let mode = fs::metadata(&place).ok().map(|meta| meta.permissions().mode() & 0o7777);
    let written = new_file(&draft, bytes, mode).and_then(|file| file.sync_all()).and_then(|()| fs::rename(&draft, &place));
    written.map_err(|error| {
        let _ = fs::remove_file(&draft);
        Failure::io("cannot write", &place, &error)
    })
}

/// A new file, with the permissions of the one that it stands in for.
fn new_file(place: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(place)?;
    if let Some(mode) = mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.write_all(bytes)?;
    Ok(file)
}
