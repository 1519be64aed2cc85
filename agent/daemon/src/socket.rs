//! The socket on which the agent is asked, and the queue of everything that happens to it.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::fault::Fault;
use crate::request::{Code, Request, read, refusal};
use crate::source::Change;

/// Something that the agent has to do.
#[derive(Debug)]
pub(crate) enum Event {
    /// With the time at which it was read of.
    Objects(Change, Instant),
    Request(Request, SyncSender<Json>),
    Stop,
}

/// How many requests are worked on at once, and how many may wait.
const WORKERS: usize = 8;
pub(crate) const QUEUE: usize = 256;
/// Whoever says nothing for so long has gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// A list of every attachment on a large node is far below this.
const LONGEST_LINE: u64 = 1 << 20;
const FOR_ROOT: u32 = 0o600;

/// Answers on the socket, from threads that end with the process.
pub(crate) fn serve(place: &Path, events: &SyncSender<Event>) -> Result<(), Fault> {
    let wrong = |error: std::io::Error| Fault::file("listening on", place, &error);
    match fs::remove_file(place) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(wrong(error)),
        _ => {}
    }
    let listener = UnixListener::bind(place).map_err(wrong)?;
    fs::set_permissions(place, fs::Permissions::from_mode(FOR_ROOT)).map_err(wrong)?;
    for number in 0..WORKERS {
        let (listener, events) = (listener.try_clone().map_err(wrong)?, events.clone());
        let work = move || {
            for connection in listener.incoming().flatten() {
                // A client that goes away is its own affair.
                let _gone = talk(&connection, &events);
            }
        };
        thread::Builder::new().name(format!("socket-{number}")).spawn(work).map_err(wrong)?;
    }
    Ok(())
}

fn talk(connection: &UnixStream, events: &SyncSender<Event>) -> std::io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    while reader.by_ref().take(LONGEST_LINE).read_line(&mut line)? > 0 {
        let mut answer = ask(line.trim(), events).to_string();
        answer.push('\n');
        (&*connection).write_all(answer.as_bytes())?;
        line.clear();
    }
    Ok(())
}

fn ask(line: &str, events: &SyncSender<Event>) -> Json {
    let request = match read(line) {
        Ok(request) => request,
        Err(answer) => return answer,
    };
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
