//! Real connections, made by a process at one spot of the lab for the command that waits for it.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{Error, reason};
use crate::matrix::Protocol;
use crate::process::{self, Spot, Work};
use crate::server::{Answer, LONGEST};

const TIMEOUT_MS: u64 = 1_000;
/// How many connections wait at once when some wait in vain.
const AT_ONCE: usize = 16;

/// One connection to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) protocol: Protocol,
    pub(crate) to: SocketAddr,
    pub(crate) payload: String,
    /// How long an answer may take.
    pub(crate) timeout_ms: u64,
    /// Whether a UDP socket is connected to whom it asks, as some programs do it and some do not.
    pub(crate) connected: bool,
    /// From which port a UDP socket asks, or 0 for any.
    pub(crate) from_port: u16,
    /// Whether the payload is a path that is asked for over HTTP.
    pub(crate) http: bool,
    /// Whether a UDP socket sends something small first, so that the flow is known when the payload comes.
    pub(crate) warm: bool,
    /// Whether to ask once more: an answer that does not fit a link on its way is lost, and teaches its sender.
    pub(crate) again: bool,
}

impl Call {
    /// A connection without anything special about it.
    pub(crate) fn new(protocol: Protocol, to: SocketAddr, payload: String) -> Self {
        Self { protocol, to, payload, timeout_ms: TIMEOUT_MS, connected: true, from_port: 0, http: false, warm: false, again: false }
    }
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) answer: Result<Answer, String>,
    /// Whether somebody said no, instead of nobody saying anything.
    pub(crate) refused: bool,
    /// From the first packet to the answer.
    pub(crate) took_us: u64,
}

/// Lets a process at a spot make the connections; the outcomes come in the same order.
pub(crate) fn probe(executable: &Path, spot: &Spot, calls: &[Call]) -> Result<Vec<Outcome>, Error> {
    let what = format!("the probe in `{}`", spot.namespace);
    let input = serde_json::to_vec(calls).map_err(|error| Error::new(format!("cannot tell {what} what to do: {error}")))?;
    let output = process::finish(process::command(executable, spot, false, Work::Probe)?, &what, &input)?;
    let outcomes: Vec<Outcome> =
        serde_json::from_slice(&output).map_err(|error| Error::new(format!("{what} did not say what it found: {error}")))?;
    if outcomes.len() == calls.len() { Ok(outcomes) } else { Err(Error::new(format!("{what} left something out"))) }
}

/// The work of that process.
pub(crate) fn answer_calls() -> Result<(), Error> {
    let calls: Vec<Call> =
        serde_json::from_reader(io::stdin().lock()).map_err(|error| Error::new(format!("cannot understand the calls: {error}")))?;
    let outcomes = make_all(&calls);
    let output = serde_json::to_vec(&outcomes).map_err(|error| Error::new(format!("cannot say what was found: {error}")))?;
    io::stdout().write_all(&output).map_err(|error| Error::system("say what was found", error))
}

/// One after the other, so that each has the machine to itself, until one fails: from then on several at once, so that
/// many that fail do not take many times their timeout.
fn make_all(calls: &[Call]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut rest = calls.iter();
    for call in rest.by_ref() {
        let outcome = make(call);
        let failed = outcome.answer.is_err() && !outcome.refused;
        outcomes.push(outcome);
        if failed {
            break;
        }
    }
    for some in rest.as_slice().chunks(AT_ONCE) {
        outcomes.extend(std::thread::scope(|scope| {
            let threads: Vec<_> = some.iter().map(|call| scope.spawn(|| make(call))).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect::<Vec<_>>()
        }));
    }
    outcomes
}

fn make(call: &Call) -> Outcome {
    let start = Instant::now();
    let ask = || match call.protocol {
        Protocol::Tcp => over_tcp(call),
        Protocol::Udp => over_udp(call),
    };
    let got = match ask() {
        Err(_) if call.again => ask(),
        got => got,
    };
    let took_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    let refused =
        got.as_ref().is_err_and(|error| matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset));
    let answer = got.map_err(|error| words(&error)).and_then(|text| understood(text, call));
    Outcome { answer, refused, took_us }
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "no answer".to_owned(),
        _ => reason(error).to_lowercase(),
    }
}

fn understood(text: String, call: &Call) -> Result<Answer, String> {
    if text.is_empty() {
        return Err("closed without an answer".to_owned());
    }
    if call.http {
        return Ok(Answer { pod: String::new(), source: call.to.ip(), payload: text });
    }
    let answer: Answer = serde_json::from_str(&text).map_err(|_| format!("a strange answer: {text:?}"))?;
    if answer.payload == call.payload {
        Ok(answer)
    } else {
        Err(format!("another payload came back, {} bytes of {}", answer.payload.len(), call.payload.len()))
    }
}

fn over_tcp(call: &Call) -> io::Result<String> {
    let timeout = Duration::from_millis(call.timeout_ms);
    let mut stream = TcpStream::connect_timeout(&call.to, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    if call.http {
        write!(stream, "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", call.payload, call.to)?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        return Ok(text);
    }
    stream.write_all(format!("{}\n", call.payload).as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}

fn over_udp(call: &Call) -> io::Result<String> {
    let any: SocketAddr =
        if call.to.is_ipv4() { (Ipv4Addr::UNSPECIFIED, call.from_port).into() } else { (Ipv6Addr::UNSPECIFIED, call.from_port).into() };
    let socket = UdpSocket::bind(any)?;
    socket.set_read_timeout(Some(Duration::from_millis(call.timeout_ms)))?;
    let mut buffer = vec![0; LONGEST];
    if call.warm {
        socket.send_to(b"warm", call.to)?;
        socket.recv_from(&mut buffer)?;
    }
    let length = if call.connected {
        // Such a socket takes answers from the address that it asked, and from no other.
        socket.connect(call.to)?;
        socket.send(call.payload.as_bytes())?;
        socket.recv(&mut buffer)?
    } else {
        socket.send_to(call.payload.as_bytes(), call.to)?;
        let (length, from) = socket.recv_from(&mut buffer)?;
        if from != call.to {
            return Err(io::Error::other(format!("the answer came from {from}")));
        }
        length
    };
    Ok(String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned())
}
