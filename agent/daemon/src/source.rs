//! Kubernetes objects from the files of a folder, and from the checkpoint until the folder can be read.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use ichor_agent_state::{Documents, Folder, Object, ObjectKey, Problem};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::checkpoint::Checkpoint;
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
        let mut folder = Folder::default();
        let files: BTreeSet<_> = checkpoint.texts().keys().cloned().collect();
        let changed = checkpoint.texts().iter().flat_map(|(file, text)| folder.set(file, &ichor_yaml::parse(text))).collect();
        Self { place: place.to_owned(), folder, checkpoint, files, changed, watched: false }
    }

    /// Begins to watch and reads everything, once the folder is there.
    pub(crate) fn watch(&mut self, events: &SyncSender<Event>) -> Result<bool, Fault> {
        if self.watched {
            return Ok(false);
        }
        if !self.place.is_dir() {
            let mend = format!("the folder of objects {} is missing: make it", self.place.display());
            return if self.files.is_empty() { Err(Fault::new(mend)) } else { Ok(false) };
        }
        start_watching(&self.place, events.clone())?;
        self.watched = true;
        self.read_all()?;
        Ok(true)
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched
    }

    pub(crate) fn read(&mut self, change: &Change) -> Result<(), Fault> {
        match change {
            Change::File(name) if is_object_file(name) => self.read_file(name),
            Change::File(_) => Ok(()),
            Change::Unknown => self.read_all(),
        }
    }

    fn read_all(&mut self) -> Result<(), Fault> {
        let wrong = |error: std::io::Error| Fault::file("reading the folder of objects", &self.place, &error);
        let mut there = BTreeSet::new();
        for entry in fs::read_dir(&self.place).map_err(wrong)? {
            there.extend(entry.map_err(wrong)?.file_name().into_string().ok().filter(|name| is_object_file(name)));
        }
        let names: Vec<_> = self.files.union(&there).cloned().collect();
        let mut outcome = Ok(());
        read_files(&self.place.clone(), &names, |name, read| {
            let taken = self.take(name, read);
            if outcome.is_ok() {
                outcome = taken;
            }
        });
        outcome
    }

    fn read_file(&mut self, name: &str) -> Result<(), Fault> {
        self.take(name, read_file(&self.place, name))
    }

    fn take(&mut self, name: &str, read: io::Result<Read>) -> Result<(), Fault> {
        match read {
            Ok(Read { text, documents }) => {
                self.changed.extend(self.folder.set(name, &documents));
                self.checkpoint.keep(name, text, &documents);
                self.files.insert(name.to_owned());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.changed.extend(self.folder.remove(name));
                self.checkpoint.forget(name);
                self.files.remove(name);
                Ok(())
            }
            Err(error) => Err(Fault::file("reading", &self.place.join(name), &error)),
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

/// A file, and what it says.
struct Read {
    text: String,
    documents: Documents,
}

fn read_file(place: &Path, name: &str) -> io::Result<Read> {
    let text = fs::read_to_string(place.join(name))?;
    let documents = ichor_yaml::parse(&text);
    Ok(Read { text, documents })
}

/// Reads many files on every processor at once, and hands each to `take` as it comes.
fn read_files(place: &Path, names: &[String], mut take: impl FnMut(&str, io::Result<Read>)) {
    // Few are held at a time: what is read is many times as large as what is kept of it.
    const HELD: usize = 32;
    let readers = thread::available_parallelism().map_or(1, NonZero::get).min(names.len());
    let (next, (sender, receiver)) = (AtomicUsize::new(0), sync_channel(HELD));
    thread::scope(|scope| {
        for _ in 0..readers {
            let (next, sender) = (&next, sender.clone());
            scope.spawn(move || {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if sender.send((name, read_file(place, name))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        receiver.iter().for_each(|(name, read)| take(name, read));
    });
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
