//! The journal: once it is on disk the change happens, in this run or in the next one.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::compare::Change;
use super::digest::Digest;
use super::found::{Found, look};
use super::path::{RECORDS, TreePath};
use crate::failure::Failure;

const JOURNAL: &str = ".ichor/journal.json";
/// Its name in the staging folder.
const DRAFT: &str = "journal.json";
const FORMAT: u32 = 1;

/// What happens to one file; it names digests, never contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    path: String,
    /// What is there before; none is a file that is new.
    old: Option<Digest>,
    /// What waits in the staging folder; none is a file that goes.
    new: Option<Digest>,
}

/// Where a step stands, by the file that is there.
enum State {
    Due,
    Done,
    /// It is neither the old file nor the new one: somebody changed it.
    Overtaken,
}

#[derive(Serialize, Deserialize)]
struct OnDisk {
    format: u32,
    steps: Vec<Step>,
}

/// The journal and the staging folder of an output folder.
#[derive(Debug)]
pub(super) struct Journal<'a> {
    root: &'a Path,
}

impl<'a> Journal<'a> {
    pub(super) fn of(root: &'a Path) -> Self {
        Self { root }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.root.join(RECORDS)
    }

    fn file(&self) -> PathBuf {
        self.root.join(JOURNAL)
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.folder().join("staging")
    }

    /// Where a new file waits.
    pub(super) fn staged(&self, path: &TreePath) -> PathBuf {
        path.below(&self.staging().join("tree"))
    }

    /// Whether a change was decided and not completed.
    pub(super) fn is_pending(&self) -> Result<bool, Failure> {
        match look(self.root, &TreePath::new(JOURNAL)?)? {
            Found::Nothing => Ok(false),
            Found::File { .. } => Ok(true),
            Found::Other(what) => {
                Err(Failure::new(format!("`{JOURNAL}` is in the way: {what}")).help("remove it: ichor keeps its records there"))
            }
        }
    }

    /// Removes what is staged.
    pub(super) fn discard(&self) -> Result<(), Failure> {
        let staging = self.staging();
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Failure::io("cannot remove", &staging, &error)),
            _ => Ok(()),
        }
    }

    /// Writes the journal where it waits, too, and says where that is.
    pub(super) fn draft(&self, changes: &BTreeMap<TreePath, Change>) -> Result<PathBuf, Failure> {
        let steps = changes.iter().map(|(path, change)| step(path, change)).collect();
        let place = self.staging().join(DRAFT);
        let text = serde_json::to_vec(&OnDisk { format: FORMAT, steps }).unwrap_or_default();
        fs::write(&place, text).map_err(|error| Failure::io("cannot write", &place, &error))?;
        Ok(place)
    }

    /// Decides the change, once all of it has reached the disk: after this it will happen, before this nothing has.
    pub(super) fn commit(&self) -> Result<(), Failure> {
        let file = self.file();
        // The moves that follow cannot reach the disk before this does: filesystems keep the order of such changes.
        fs::rename(self.staging().join(DRAFT), &file).map_err(|error| Failure::io("cannot write", &file, &error))
    }

    /// Carries out what the journal says, however much of it is done already, and returns the files that somebody else
    /// changed meanwhile: those stay as they are.
    pub(super) fn carry_out(&self) -> Result<Vec<TreePath>, Failure> {
        let mut due = Vec::new();
        let mut overtaken = Vec::new();
        for (step, path) in self.read()? {
            match self.state(&step, &path)? {
                State::Due => due.push((step, path)),
                State::Done => {}
                State::Overtaken => overtaken.push(path),
            }
        }
        if let Some((_, path)) = due.iter().find(|(step, path)| step.new.is_some() && self.staged(path).symlink_metadata().is_err()) {
            return Err(self.unusable(&format!("`{path}` does not wait in the staging folder")));
        }
        // Everything was looked at before, so that the moves follow each other closely.
        due.iter().try_for_each(|(step, path)| self.make(step, path)).map_err(|mut failure| {
            failure.message.push_str("; the rest follows with the next `ichor configure`");
            failure
        })?;
        let file = self.file();
        fs::remove_file(&file).map_err(|error| Failure::io("cannot remove", &file, &error))?;
        self.discard()?;
        Ok(overtaken)
    }

    fn state(&self, step: &Step, path: &TreePath) -> Result<State, Failure> {
        let there = match look(self.root, path)? {
            Found::Nothing => None,
            Found::File { bytes, .. } => Some(Digest::of(&bytes)),
            Found::Other(_) => return Ok(State::Overtaken),
        };
        Ok(match there {
            there if there == step.new => State::Done,
            there if there == step.old => State::Due,
            _ => State::Overtaken,
        })
    }

    fn make(&self, step: &Step, path: &TreePath) -> Result<(), Failure> {
        let target = path.below(self.root);
        if step.new.is_some() {
            let staged = self.staged(path);
            let moved = fs::rename(&staged, &target).or_else(|error| match target.parent() {
                Some(folder) if error.kind() == ErrorKind::NotFound => {
                    fs::create_dir_all(folder).and_then(|()| fs::rename(&staged, &target))
                }
                _ => Err(error),
            });
            return moved.map_err(|error| Failure::io("cannot write", &target, &error));
        }
        fs::remove_file(&target).map_err(|error| Failure::io("cannot remove", &target, &error))?;
        // A folder goes with its last file; where something is left it stays.
        let mut folders = path.folders().rev();
        while folders.next().is_some_and(|folder| fs::remove_dir(folder.below(self.root)).is_ok()) {}
        Ok(())
    }

    fn read(&self) -> Result<Vec<(Step, TreePath)>, Failure> {
        let file = self.file();
        let bytes = fs::read(&file).map_err(|error| Failure::io("cannot read", &file, &error))?;
        let on_disk: OnDisk = serde_json::from_slice(&bytes).map_err(|error| self.unusable(&error.to_string()))?;
        if on_disk.format != FORMAT {
            return Err(self.unusable("another version of ichor wrote it"));
        }
        let with_path = |step: Step| TreePath::new(&step.path).map(|path| (step, path));
        on_disk.steps.into_iter().map(with_path).collect::<Result<_, _>>().map_err(|failure| self.unusable(&failure.message))
    }

    fn unusable(&self, why: &str) -> Failure {
        Failure::new(format!("`{}` cannot be carried out: {why}", self.file().display()))
            .help("delete it, restore the files with Git, and run `ichor configure` again")
    }
}

fn step(path: &TreePath, change: &Change) -> Step {
    let (old, new) = match change {
        Change::Add { new } => (None, Some(Digest::of(new))),
        Change::Replace { old, new, .. } => (Some(Digest::of(old)), Some(Digest::of(new))),
        Change::Remove { old } => (Some(Digest::of(old)), None),
    };
    Step { path: path.to_string(), old, new }
}
