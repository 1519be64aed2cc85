//! Asking a node's agent on its socket.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ichor_agent_api::inspect::{Line, Question, Refusal, SOCKET};
use ichor_lab::{Lab, LabName};
use serde::de::DeserializeOwned;

use crate::cli::inspect::Agent;
use crate::failure::{Failure, reason};

/// Names the socket, as `ichor lab exec` does.
const VARIABLE: &str = "ICHOR_SOCKET";
/// An agent at work says something in a fraction of this.
const PATIENCE: Duration = Duration::from_secs(10);
/// With this code the agent says that it does not understand, see `agent/daemon/src/request.rs`.
const NOT_UNDERSTOOD: u32 = 6;

/// Where an agent listens, and how a person starts it again.
#[derive(Clone, Debug)]
pub(super) struct Place {
    socket: PathBuf,
    mend: String,
}

impl Place {
    pub(super) fn of(agent: &Agent) -> Result<Self, Failure> {
        let Some(node) = &agent.node else {
            let named = agent.socket.clone().or_else(|| std::env::var_os(VARIABLE).map(PathBuf::from));
            let mend = "run it on a node, name the agent's socket by `--socket`, or a node of a lab by `--node`";
            return Ok(Self { socket: named.unwrap_or_else(|| SOCKET.into()), mend: mend.to_owned() });
        };
        let lab = agent.lab.as_deref().map(LabName::parse).transpose().and_then(|name| Lab::open(name.as_ref()));
        let lab = lab.map_err(super::super::lab::failure)?;
        let socket = lab.agent_socket(node).map_err(super::super::lab::failure)?;
        Ok(Self { socket, mend: format!("start it with `ichor lab mend agent {node} --name {}`", lab.name()) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.socket
    }
}

/// A question that was asked.
#[derive(Debug)]
pub(super) struct Asked {
    place: Place,
    lines: BufReader<UnixStream>,
}

/// Why there is no more of an answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// The agent is not there, or not any more.
    Away(Failure),
    Refused(Failure),
}

impl From<Silence> for Failure {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Away(failure) | Silence::Refused(failure) => failure,
        }
    }
}

pub(super) fn ask(place: &Place, question: &Question) -> Result<Asked, Silence> {
    let path = place.socket.display();
    let connection = UnixStream::connect(&place.socket).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Silence::Away(Failure::new(format!("there is no agent at `{path}`")).help(place.mend.clone())),
        ErrorKind::ConnectionRefused => {
            Silence::Away(Failure::new(format!("the agent at `{path}` has ended: nobody listens there any more")).help(place.mend.clone()))
        }
        ErrorKind::PermissionDenied => {
            Silence::Refused(Failure::new(format!("only root may ask the agent at `{path}`")).help("run it with `sudo`"))
        }
        _ => Silence::Refused(Failure::new(format!("cannot ask the agent at `{path}`: {}", reason(&error)))),
    })?;
    let asked = Asked { place: place.clone(), lines: BufReader::with_capacity(64 << 10, connection) };
    let line = serde_json::to_string(question).map_err(|error| Silence::Refused(Failure::new(format!("cannot ask: {error}"))))?;
    let mut connection = asked.lines.get_ref();
    let sent = connection.set_read_timeout(Some(PATIENCE)).and_then(|()| connection.set_write_timeout(Some(PATIENCE)));
    sent.and_then(|()| connection.write_all(format!("{line}\n").as_bytes())).map_err(|error| asked.broken(&error))?;
    Ok(asked)
}

impl Asked {
    /// The next line of the answer.
    pub(super) fn next_line<R: DeserializeOwned>(&mut self) -> Result<Line<R>, Silence> {
        let mut text = Vec::new();
        let read = self.lines.read_until(b'\n', &mut text).map_err(|error| self.broken(&error))?;
        if read == 0 || text.last() != Some(&b'\n') {
            let words = format!("the agent at `{}` ended in the middle of its answer", self.place.socket.display());
            return Err(Silence::Away(Failure::new(words).help("its log says why; when it runs again, ask again")));
        }
        match serde_json::from_slice(&text) {
            Ok(Line::Error(refusal)) => Err(Silence::Refused(self.refused(&refusal))),
            Ok(line) => Ok(line),
            Err(error) => Err(Silence::Refused(
                Failure::new(format!(
                    "the agent at `{}` answers in words that this ichor does not know: {error}",
                    self.place.socket.display()
                ))
                .help("agent and command line are of different versions: use the `ichor` of the agent's version"),
            )),
        }
    }

    fn broken(&self, error: &std::io::Error) -> Silence {
        let path = self.place.socket.display();
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Silence::Refused(
                Failure::new(format!("the agent at `{path}` does not answer within {} s", PATIENCE.as_secs()))
                    .help("it hangs or has too much to do: its log says more, and the datapath goes on when it is restarted"),
            ),
            _ => Silence::Away(Failure::new(format!("the agent at `{path}` broke off: {}", reason(error))).help(self.place.mend.clone())),
        }
    }

    fn refused(&self, refusal: &Refusal) -> Failure {
        let path = self.place.socket.display();
        if refusal.code == NOT_UNDERSTOOD {
            return Failure::new(format!("the agent at `{path}` does not know this question ({})", words(refusal))).help(format!(
                "it is older than this ichor, which is {}: update the agent, or use the `ichor` of its version",
                env!("CARGO_PKG_VERSION")
            ));
        }
        let failure = Failure::new(format!("the agent at `{path}` cannot answer: {}", words(refusal)));
        failure.help("its log says more; ask again when the reason is gone")
    }
}

fn words(refusal: &Refusal) -> String {
    if refusal.details.is_empty() { refusal.msg.clone() } else { format!("{}: {}", refusal.msg, refusal.details) }
}
