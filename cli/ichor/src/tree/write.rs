//! Writing a change as one step. docs/decisions/004-atomic-write.md says what that means, and to whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde::{Deserialize, Serialize};

use super::compare::Change;
use super::found::on_one_filesystem;
use super::journal::Records;
use super::lock::Lock;
use super::moves::sync_folder;
use super::path::TreePath;
use crate::failure::Failure;

/// The hidden command of the process that completes a write.
pub const FINISH_COMMAND: &str = "finish-write";

/// As many files are written at once; more gain nothing, for the disk's journal takes them together.
const WRITERS: usize = 8;

/// Writes a change. The files that somebody changed meanwhile stay as they are and are returned.
pub fn write(
    root: &Path,
    lock: &Lock,
    changes: &BTreeMap<TreePath, Change>,
    finisher: Option<&Path>,
) -> Result<Vec<TreePath>, Failure> {
    let records = Records::of(root);
    for path in changes.keys() {
        on_one_filesystem(root, path)?;
    }
    let decided = records.prepare().and_then(|()| stage(&records, changes)).and_then(|()| records.commit(changes));
    if let Err(mut failure) = decided {
        // Nothing was moved yet, so the old tree stands; what is staged can go, and if it cannot, the next run does it.
        let _ = records.discard();
        failure.message.push_str("; nothing was changed");
        return Err(failure);
    }
    finish(root, lock, finisher)
}

/// Completes a write that was decided and then interrupted; `None` if there is none.
pub fn recover(root: &Path, lock: &Lock, finisher: Option<&Path>) -> Result<Option<Vec<TreePath>>, Failure> {
    if Records::of(root).is_pending()? { finish(root, lock, finisher).map(Some) } else { Ok(None) }
}

/// Whether a write was decided and interrupted.
pub fn is_interrupted(root: &Path) -> Result<bool, Failure> {
    Records::of(root).is_pending()
}

/// Carries out the journal in this process.
pub fn roll_forward(root: &Path) -> Result<Vec<TreePath>, Failure> {
    Records::of(root).roll_forward()
}

/// Two processes carry the change through: a second one makes the moves, and this one makes them if that one dies.
/// So whichever of the two is killed, the tree does not stay between its two states.
fn finish(root: &Path, lock: &Lock, finisher: Option<&Path>) -> Result<Vec<TreePath>, Failure> {
    if let Some(result) = finisher.and_then(|program| finish_elsewhere(program, root, lock)) {
        return result.into();
    }
    if is_interrupted(root)? { roll_forward(root) } else { Ok(Vec::new()) }
}

/// What the second process tells the first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finished {
    Overtaken(Vec<String>),
    Failed { message: String, help: Option<String> },
}

impl From<Result<Vec<TreePath>, Failure>> for Finished {
    fn from(result: Result<Vec<TreePath>, Failure>) -> Self {
        match result {
            Ok(paths) => Self::Overtaken(paths.into_iter().map(String::from).collect()),
            Err(failure) => Self::Failed { message: failure.message, help: failure.help },
        }
    }
}

impl From<Finished> for Result<Vec<TreePath>, Failure> {
    fn from(finished: Finished) -> Self {
        match finished {
            Finished::Overtaken(paths) => paths.iter().map(|path| TreePath::new(path)).collect(),
            Finished::Failed { message, help } => Err(Failure { message, help, mistakes: Vec::new() }),
        }
    }
}

/// `None` if the second process could not start or did not live to its end.
fn finish_elsewhere(program: &Path, root: &Path, lock: &Lock) -> Option<Finished> {
    // The lock travels as standard input: it is held until the last of both processes is gone.
    let stdin = lock.inherit().map_or_else(Stdio::null, Stdio::from);
    let output = Command::new(program)
        .arg(FINISH_COMMAND)
        .arg(root)
        .stdin(stdin)
        .stderr(Stdio::null())
        // A group of its own: Ctrl-C in the terminal is for the one that the person started.
        .process_group(0)
        .output();
    output.ok().and_then(|output| serde_json::from_slice(&output.stdout).ok())
}

fn stage(records: &Records<'_>, changes: &BTreeMap<TreePath, Change>) -> Result<(), Failure> {
    let files: Vec<_> = changes.iter().filter_map(|(path, change)| file(records, path, change)).collect();
    let folders: BTreeSet<_> = files.iter().filter_map(|file| file.place.parent().map(Path::to_owned)).collect();
    for folder in &folders {
        fs::create_dir_all(folder).map_err(|error| Failure::io("cannot create", folder, &error))?;
    }
    let share = files.len().div_ceil(WRITERS).max(1);
    thread::scope(|scope| {
        let writers: Vec<_> = files.chunks(share).map(|files| scope.spawn(|| files.iter().try_for_each(StagedFile::write))).collect();
        let died = |_| Err(Failure::new("a thread that writes files died"));
        writers.into_iter().map(|writer| writer.join().unwrap_or_else(died)).collect::<Result<Vec<()>, _>>()
    })?;
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

struct StagedFile<'a> {
    place: PathBuf,
    bytes: &'a [u8],
    /// The permissions of the file that it replaces.
    mode: Option<u32>,
}

fn file<'a>(records: &Records<'_>, path: &TreePath, change: &'a Change) -> Option<StagedFile<'a>> {
    let (bytes, mode) = match change {
        Change::Add { new } => (new, None),
        Change::Replace { new, mode, .. } => (new, Some(*mode)),
        Change::Remove { .. } => return None,
    };
    Some(StagedFile { place: records.staged(path), bytes, mode })
}

impl StagedFile<'_> {
    fn write(&self) -> Result<(), Failure> {
        let write = || {
            let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&self.place)?;
            if let Some(mode) = self.mode {
                file.set_permissions(Permissions::from_mode(mode))?;
            }
            file.write_all(self.bytes)?;
            file.sync_all()
        };
        write().map_err(|error| Failure::io("cannot write", &self.place, &error))
    }
}
