//! Kubernetes objects from the files of a folder, and from the checkpoint until the folder can be read.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use ichor_agent_state::{Contents, Folder, Object, ObjectKey, Problem};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::checkpoint::{Checkpoint, kept};
use crate::fault::Fault;
use crate::socket::Event;

/// What changed in the folder.
#[derive(Debug)]
pub(crate) enum Change {
    File(String),
    /// So much that it was not said what.
    Unknown,
}

#[derive(Debug)]
pub(crate) struct Source {
    place: PathBuf,
    folder: Folder,
    checkpoint: Checkpoint,
    files: BTreeSet<String>,
    /// Objects that may be others than when they were last asked for.
    changed: BTreeSet<ObjectKey>,
    watched: bool,
}

impl Source {
    pub(crate) fn open(place: &Path, checkpoint: Checkpoint) -> Self {
        let files: BTreeSet<_> = checkpoint.texts().keys().cloned().collect();
        Self { place: place.to_owned(), folder: Folder::default(), checkpoint, files, changed: BTreeSet::new(), watched: false }
    }

    /// Begins to watch and to read everything, once the folder is there; until then the checkpoint stands for it.
    pub(crate) fn watch(&mut self, events: &SyncSender<Event>) -> Result<Option<Reading>, Fault> {
        if self.watched {
            return Ok(None);
        }
        if !self.place.is_dir() {
            let mend = format!("the folder of objects {} is missing: make it", self.place.display());
            if self.files.is_empty() {
                return Err(Fault::new(mend));
            }
            self.files.clone().iter().for_each(|name| self.recall(name));
            return Ok(None);
        }
        start_watching(&self.place, events.clone())?;
        self.watched = true;
        self.begin().map(Some)
    }

    /// What the checkpoint has of a file, as long as nothing else is known of it.
    fn recall(&mut self, name: &str) {
        if let Some(text) = self.checkpoint.texts().get(name).filter(|_| !self.folder.knows(name)) {
            self.changed.extend(self.folder.set(name, Contents::read(name, &ichor_yaml::parse(text))));
        }
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched
    }

    pub(crate) fn read(&mut self, change: &Change) -> Result<(), Fault> {
        match change {
            Change::File(name) if is_object_file(name) => self.read_file(name),
            Change::File(_) => Ok(()),
            Change::Unknown => {
                let mut outcome = Ok(());
                for some in self.begin()? {
                    outcome = outcome.and(self.take_all(some));
                }
                outcome
            }
        }
    }

    /// Begins to read everything.
    fn begin(&self) -> Result<Reading, Fault> {
        let wrong = |error: std::io::Error| Fault::file("reading the folder of objects", &self.place, &error);
        let mut there = BTreeSet::new();
        for entry in fs::read_dir(&self.place).map_err(wrong)? {
            there.extend(entry.map_err(wrong)?.file_name().into_string().ok().filter(|name| is_object_file(name)));
        }
        Ok(read_files(&self.place, self.files.union(&there).cloned().collect()))
    }

    /// Takes what was read; tells the first mistake after all of it.
    pub(crate) fn take_all(&mut self, some: Files) -> Result<(), Fault> {
        let mut outcome = Ok(());
        for (name, read) in some {
            outcome = outcome.and(self.take(&name, read));
        }
        outcome
    }

    fn read_file(&mut self, name: &str) -> Result<(), Fault> {
        self.take(name, read_file(&self.place, name))
    }

    fn take(&mut self, name: &str, read: io::Result<Read>) -> Result<(), Fault> {
        match read {
            Ok(Read { contents, kept }) => {
                if !contents.is_whole() {
                    self.recall(name);
                }
                self.changed.extend(self.folder.set(name, contents));
                if let Some(text) = kept {
                    self.checkpoint.keep(name, text);
                }
                self.files.insert(name.to_owned());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.changed.extend(self.folder.remove(name));
                self.checkpoint.forget(name);
                self.files.remove(name);
                Ok(())
            }
            Err(error) => {
                self.recall(name);
                Err(Fault::file("reading", &self.place.join(name), &error))
            }
        }
    }

    /// What has changed since this was last asked.
    pub(crate) fn changed(&mut self) -> BTreeSet<ObjectKey> {
        std::mem::take(&mut self.changed)
    }

    pub(crate) fn object(&self, key: &ObjectKey) -> Option<&Object> {
        self.folder.object(key)
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.folder.problems()
    }

    pub(crate) fn save(&mut self) -> Result<(), Fault> {
        self.checkpoint.save()
    }
}

/// What a file says, and what is to be kept of its text.
pub(crate) struct Read {
    contents: Contents,
    kept: Option<String>,
}

/// Takes a file apart on the thread that reads it: the tree is many times as large as what is kept of it, and memory is given
/// back most quickly where it was taken.
fn read_file(place: &Path, name: &str) -> io::Result<Read> {
    let text = fs::read_to_string(place.join(name))?;
    let documents = ichor_yaml::parse(&text);
    Ok(Read { contents: Contents::read(name, &documents), kept: kept(text, &documents) })
}

/// Some files by their names.
pub(crate) type Files = Vec<(String, io::Result<Read>)>;
/// Files as they are read.
pub(crate) type Reading = mpsc::IntoIter<Files>;

/// Reads files on every processor at once.
fn read_files(place: &Path, names: Vec<String>) -> Reading {
    /// Whoever hands over each by itself waits for the other side most of the time.
    const TOGETHER: usize = 32;
    /// What is read while the tables are made: of ten thousand files about half.
    const HELD: usize = 160;
    let readers = thread::available_parallelism().map_or(1, NonZero::get);
    let (sender, receiver) = sync_channel(HELD);
    let (place, names) = (place.to_owned(), Arc::new((names, AtomicUsize::new(0))));
    for _ in 0..readers {
        let (place, names, sender) = (place.clone(), Arc::clone(&names), sender.clone());
        thread::spawn(move || {
            let (names, next) = &*names;
            while let Some(some) = names.get(next.fetch_add(TOGETHER, Ordering::Relaxed)..).filter(|some| !some.is_empty()) {
                let some = some.iter().take(TOGETHER).map(|name| (name.clone(), read_file(&place, name)));
                if sender.send(some.collect()).is_err() {
                    return;
                }
            }
        });
    }
    receiver.into_iter()
}

fn is_object_file(name: &str) -> bool {
    !name.starts_with('.') && [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end))
}

/// Tells of every change, on a thread that ends with the process.
fn start_watching(place: &Path, events: SyncSender<Event>) -> Result<(), Fault> {
    let wrong = |error: nix::errno::Errno| Fault::new(format!("watching the folder {}: {error}", place.display()));
    let watcher = Inotify::init(InitFlags::IN_CLOEXEC).map_err(wrong)?;
    let changes = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_ONLYDIR;
    watcher.add_watch(place, changes).map_err(wrong)?;
    let watch = move || {
        while let Ok(seen) = watcher.read_events() {
            let now = Instant::now();
            for event in seen {
                let change = match event.name.and_then(|name| name.into_string().ok()) {
                    Some(name) => Change::File(name),
                    None => Change::Unknown,
                };
                if events.send(Event::Objects(change, now)).is_err() {
                    return;
                }
            }
        }
    };
    let started = std::thread::Builder::new().name("objects".to_owned()).spawn(watch);
    started.map(drop).map_err(|error| Fault::new(format!("starting a thread: {error}")))
}
