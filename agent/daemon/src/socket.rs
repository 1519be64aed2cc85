//! The socket on which the agent is asked, and the queue of everything that happens to it.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::fault::Fault;
use crate::inspect::{Inspector, Services, View};
use crate::request::{Asked, Code, Request, read, refusal};
use crate::source::Change;

/// Something that the agent has to do.
#[derive(Debug)]
pub(crate) enum Event {
    /// With the time at which it was read of.
    Objects(Change, Instant),
    Request(Request, SyncSender<Json>),
    /// Somebody wants to know what the agent knows; of services only where they are told.
    View(Services, SyncSender<View>),
    Stop,
}

/// How many may be connected at once, and how many of them may inspect: the others are for the CNI plugin.
const MOST_CONNECTIONS: usize = 64;
const MOST_INSPECTING: usize = 32;
/// How many events may wait.
pub(crate) const QUEUE: usize = 256;
/// Whoever says nothing for so long has gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// A person may look at a page for a while before the next one is read.
const PATIENCE_OF_PAGERS: Duration = Duration::from_secs(120);
/// A list of every attachment on a large node is far below this.
const LONGEST_LINE: u64 = 1 << 20;
const FOR_ROOT: u32 = 0o600;

/// Who is served now.
#[derive(Debug, Default)]
struct Served {
    connections: AtomicUsize,
    inspecting: AtomicUsize,
}

/// One of so many, until it is dropped.
struct Place<'n>(&'n AtomicUsize);

impl<'n> Place<'n> {
    fn take(number: &'n AtomicUsize, most: usize) -> Option<Self> {
        let place = Self(number);
        (number.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers on the socket, from threads that end with the process.
pub(crate) fn serve(place: &Path, events: &SyncSender<Event>, inspector: &Inspector) -> Result<(), Fault> {
    let wrong = |error: std::io::Error| Fault::file("listening on", place, &error);
    match fs::remove_file(place) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(wrong(error)),
        _ => {}
    }
    let listener = UnixListener::bind(place).map_err(wrong)?;
    fs::set_permissions(place, fs::Permissions::from_mode(FOR_ROOT)).map_err(wrong)?;
    let (events, inspector, served) = (events.clone(), inspector.clone(), Arc::new(Served::default()));
    let accept = move || {
        for connection in listener.incoming().flatten() {
            let (events, inspector, served) = (events.clone(), inspector.clone(), Arc::clone(&served));
            let work = move || {
                // A client that goes away is its own affair.
                let _gone = talk(&connection, &events, &inspector, &served);
            };
            // Without a thread the connection ends, and whoever asked tries again.
            let _none_left = thread::Builder::new().name("connection".to_owned()).spawn(work);
        }
    };
    thread::Builder::new().name("socket".to_owned()).spawn(accept).map(drop).map_err(wrong)
}

fn talk(connection: &UnixStream, events: &SyncSender<Event>, inspector: &Inspector, served: &Served) -> std::io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let Some(_place) = Place::take(&served.connections, MOST_CONNECTIONS) else {
        return say(connection, &refusal(Code::TryAgain, "too many ask at once", "try again"));
    };
    let mut reader = BufReader::new(connection);
    let mut line = Vec::new();
    while reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? > 0 {
        match read(&line) {
            Err(answer) => say(connection, &answer)?,
            Ok(Asked::Do(request)) => say(connection, &ask(request, events))?,
            Ok(Asked::Tell(question)) => {
                let Some(_place) = Place::take(&served.inspecting, MOST_INSPECTING) else {
                    return say(connection, &refusal(Code::TryAgain, "too many inspect at once", "end some of them, and try again"));
                };
                connection.set_write_timeout(Some(PATIENCE_OF_PAGERS))?;
                inspector.answer(&question, connection)?;
            }
        }
        line.clear();
    }
    Ok(())
}

fn say(mut connection: &UnixStream, answer: &Json) -> std::io::Result<()> {
    connection.write_all(format!("{answer}\n").as_bytes())
}

fn ask(request: Request, events: &SyncSender<Event>) -> Json {
    let (sender, answers) = sync_channel(1);
    let asked = events.send(Event::Request(request, sender));
    let answer = asked.ok().and_then(|()| answers.recv().ok());
    answer.unwrap_or_else(|| refusal(Code::TryAgain, "the agent is about to end", ""))
}

/// Turns the signals that ask for an end into an event.
pub(crate) fn watch_signals(events: SyncSender<Event>) -> Result<(), Fault> {
    let wrong = |error: std::io::Error| Fault::new(format!("waiting for signals: {error}"));
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(wrong)?;
    let wait = move || {
        for _signal in signals.forever() {
            if events.send(Event::Stop).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(wait).map(drop).map_err(wrong)
}
