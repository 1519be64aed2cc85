//! Asking the node agent.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;

use crate::input::Call;

/// Shorter than container runtimes wait.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) enum Unanswered {
    /// Nobody is at the socket.
    Away(String),
    /// Somebody is, and what was done is unknown.
    Silent(String),
}

pub(crate) fn ask(socket: &Path, request: &Json) -> Result<Json, Unanswered> {
    let mut connection = UnixStream::connect(socket).map_err(|error| Unanswered::Away(error.to_string()))?;
    let silent = |error: std::io::Error| Unanswered::Silent(error.to_string());
    connection.set_read_timeout(Some(PATIENCE)).map_err(silent)?;
    connection.set_write_timeout(Some(PATIENCE)).map_err(silent)?;
    connection.write_all(format!("{request}\n").as_bytes()).map_err(silent)?;
    let mut line = String::new();
    BufReader::new(connection).read_line(&mut line).map_err(silent)?;
    if line.is_empty() {
        return Err(Unanswered::Silent("it ended in between".to_owned()));
    }
    serde_json::from_str(&line).map_err(|error| Unanswered::Silent(error.to_string()))
}

/// Leaves word of a deletion for the agent. Without a folder for it there is no agent that could have to know.
pub(crate) fn write_down(call: &Call) {
    let plain = |text: &str| !text.contains('/') && !text.starts_with('.');
    if let Some(folder) = call.socket.parent().map(|folder| folder.join("deleted"))
        && plain(&call.container)
        && plain(&call.interface)
    {
        // What cannot be written down, the agent finds out by the interface that is gone.
        let _full = fs::write(folder.join(format!("{}+{}", call.container, call.interface)), "");
    }
}
