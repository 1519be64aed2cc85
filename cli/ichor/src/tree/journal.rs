//! The journal: once it is on disk the change happens, whoever carries it out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::compare::Change;
use super::digest::Digest;
use super::found::entry;
use super::moves::{self, Kind, Move, Outcome};
use super::path::{RECORDS, TreePath};
use crate::failure::Failure;

const FORMAT: u32 = 1;

/// One move; it names files and digests, never contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "move", rename_all = "kebab-case")]
enum Step {
    /// A new file, or a new folder with everything in it.
    Place { path: String },
    /// A file takes the place of the one before.
    Swap { path: String, old: Digest, new: Digest },
    /// A file goes.
    TakeAway { path: String, old: Digest },
    /// A folder goes if nothing is left in it.
    Prune { path: String },
}

#[derive(Serialize, Deserialize)]
struct OnDisk {
    format: u32,
    steps: Vec<Step>,
}

/// The places that a change passes through.
#[derive(Debug)]
pub(super) struct Records<'a> {
    root: &'a Path,
    folder: PathBuf,
}

impl<'a> Records<'a> {
    pub(super) fn of(root: &'a Path) -> Self {
        Self { root, folder: root.join(RECORDS) }
    }

    fn journal(&self) -> PathBuf {
        self.folder.join("journal.json")
    }

    fn staging(&self) -> PathBuf {
        self.folder.join("staging")
    }

    /// Where a new file waits.
    pub(super) fn staged(&self, path: &TreePath) -> PathBuf {
        path.below(&self.staging().join("new"))
    }

    fn aside(&self, path: &TreePath) -> PathBuf {
        path.below(&self.staging().join("old"))
    }

    /// Whether a change was decided and not completed.
    pub(super) fn is_pending(&self) -> Result<bool, Failure> {
        Ok(entry(&self.journal())?.is_some())
    }

    /// An empty staging folder; what lies there from a run that died before its journal was never decided.
    pub(super) fn prepare(&self) -> Result<(), Failure> {
        self.discard()?;
        let staging = self.staging();
        fs::create_dir_all(&staging).map_err(|error| Failure::io("cannot create", &staging, &error))
    }

    /// Removes what is staged.
    pub(super) fn discard(&self) -> Result<(), Failure> {
        let staging = self.staging();
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Failure::io("cannot remove", &staging, &error)),
            _ => Ok(()),
        }
    }

    /// Decides the change: after this it will happen, before this nothing has.
    pub(super) fn commit(&self, changes: &BTreeMap<TreePath, Change>) -> Result<(), Failure> {
        let draft = self.folder.join("journal.json.new");
        let steps = steps(self.root, changes)?;
        let write = || {
            let mut file = File::create(&draft)?;
            file.write_all(&serde_json::to_vec(&OnDisk { format: FORMAT, steps })?)?;
            file.sync_all()?;
            fs::rename(&draft, self.journal())
        };
        write().map_err(|error| Failure::io("cannot write", &draft, &error))?;
        moves::sync_folder(&self.folder)
    }

    /// Carries out what the journal says, and returns the files that somebody else changed meanwhile and that stay as they are.
    pub(super) fn roll_forward(&self) -> Result<Vec<TreePath>, Failure> {
        let steps = self.read()?;
        let moves = self.ready(&steps)?;
        self.make(&steps, &moves)?;
        let mut overtaken = Vec::new();
        for (step, path) in &steps {
            if self.settle(step, path)? == Outcome::Overtaken {
                overtaken.push(path.clone());
            }
        }
        self.close(&steps)?;
        overtaken.sort();
        Ok(overtaken)
    }

    /// The moves that are still to be made, looked up before the first of them, so that they follow each other closely.
    fn ready(&self, steps: &[(Step, TreePath)]) -> Result<Vec<Move>, Failure> {
        let mut moves = Vec::new();
        for (step, path) in steps {
            let (staged, target) = (self.staged(path), path.below(self.root));
            match step {
                Step::Place { .. } if entry(&staged)?.is_some() => moves.push(Move { from: staged, to: target, kind: Kind::Free }),
                Step::Swap { old, .. } if entry(&staged)?.is_some() && moves::digest(&target)?.as_ref() == Some(old) => {
                    moves.push(Move { from: staged, to: target, kind: Kind::Exchange });
                }
                Step::TakeAway { old, .. } if moves::digest(&target)?.as_ref() == Some(old) => {
                    let aside = self.aside(path);
                    if let Some(folder) = aside.parent() {
                        fs::create_dir_all(folder).map_err(|error| Failure::io("cannot create", folder, &error))?;
                    }
                    moves.push(Move { from: target, to: aside, kind: Kind::Free });
                }
                _ => {}
            }
        }
        Ok(moves)
    }

    /// Makes all moves, or none: what was moved goes back if one of them is refused.
    fn make(&self, steps: &[(Step, TreePath)], moves: &[Move]) -> Result<(), Failure> {
        let mut made = Vec::with_capacity(moves.len());
        for each in moves {
            match each.make() {
                Ok(true) => made.push(each),
                Ok(false) => {}
                Err(mut failure) => {
                    let all_back = made.iter().rev().map(|each| each.undo()).fold(true, |all, undone| all && undone.is_ok());
                    let is_first_attempt = moves.len() == steps.iter().filter(|(step, _)| !matches!(step, Step::Prune { .. })).count();
                    if all_back && is_first_attempt {
                        self.withdraw()?;
                        failure.message.push_str("; nothing was changed");
                    } else {
                        failure.message.push_str("; the rest follows with the next run");
                    }
                    return Err(failure);
                }
            }
        }
        Ok(())
    }

    fn settle(&self, step: &Step, path: &TreePath) -> Result<Outcome, Failure> {
        let (staged, target) = (self.staged(path), path.below(self.root));
        match step {
            Step::Place { .. } => moves::settle_place(&staged, &target),
            Step::Swap { old, new, .. } => moves::settle_swap(&staged, &target, old, new),
            Step::TakeAway { old, .. } => moves::settle_removal(&self.aside(path), &target, old),
            Step::Prune { .. } => {
                // Not empty, or gone already: both are as they should be.
                let _ = fs::remove_dir(&target);
                Ok(Outcome::Done)
            }
        }
    }

    fn read(&self) -> Result<Vec<(Step, TreePath)>, Failure> {
        let journal = self.journal();
        let bytes = fs::read(&journal).map_err(|error| Failure::io("cannot read", &journal, &error))?;
        let wrong = |why: &str| {
            Failure::new(format!("`{}` cannot be read: {why}", journal.display()))
                .help("delete it, restore the files with Git, and run `ichor configure` again")
        };
        let on_disk: OnDisk = serde_json::from_slice(&bytes).map_err(|error| wrong(&error.to_string()))?;
        if on_disk.format != FORMAT {
            return Err(wrong("another version of ichor wrote it"));
        }
        let with_path = |step: Step| {
            let (Step::Place { path } | Step::Swap { path, .. } | Step::TakeAway { path, .. } | Step::Prune { path }) = &step;
            let path = TreePath::new(path)?;
            Ok((step, path))
        };
        on_disk.steps.into_iter().map(with_path).collect()
    }

    fn close(&self, steps: &[(Step, TreePath)]) -> Result<(), Failure> {
        let folders: BTreeSet<_> = steps.iter().map(|(_, path)| path.folders().next_back()).collect();
        for folder in folders {
            moves::sync_folder(&folder.map_or_else(|| self.root.to_owned(), |folder| folder.below(self.root)))?;
        }
        self.withdraw()
    }

    fn withdraw(&self) -> Result<(), Failure> {
        let journal = self.journal();
        fs::remove_file(&journal).map_err(|error| Failure::io("cannot remove", &journal, &error))?;
        self.discard()
    }
}

/// The moves that make a change; a folder that is all new moves as a whole.
fn steps(root: &Path, changes: &BTreeMap<TreePath, Change>) -> Result<Vec<Step>, Failure> {
    let mut places = BTreeSet::new();
    let mut swaps = Vec::new();
    let mut removals = Vec::new();
    let mut emptied = BTreeSet::new();
    for (path, change) in changes {
        match change {
            Change::Add { .. } => {
                places.insert(first_missing(root, path)?);
            }
            Change::Replace { old, new, .. } => {
                swaps.push(Step::Swap { path: path.to_string(), old: Digest::of(old), new: Digest::of(new) });
            }
            Change::Remove { old } => {
                removals.push(Step::TakeAway { path: path.to_string(), old: Digest::of(old) });
                emptied.extend(path.folders());
            }
        }
    }
    let mut steps: Vec<_> = places.into_iter().map(|path| Step::Place { path: path.into() }).collect();
    steps.append(&mut swaps);
    steps.append(&mut removals);
    // The innermost folder first.
    steps.extend(emptied.into_iter().rev().map(|path| Step::Prune { path: path.into() }));
    Ok(steps)
}

fn first_missing(root: &Path, path: &TreePath) -> Result<TreePath, Failure> {
    for folder in path.folders() {
        if entry(&folder.below(root))?.is_none() {
            return Ok(folder);
        }
    }
    Ok(path.clone())
}
