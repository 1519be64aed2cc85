//! What load balancers ask over HTTP: whether a service has endpoints on this node, and whether the node serves at all.
//! Both answer as kube-proxy does, on the same ports.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use ichor_agent_state::HealthCheck;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::json;

use crate::fault::Fault;
use crate::log::note;
use crate::timestamp::timestamp;

type Checks = BTreeMap<u16, HealthCheck>;

/// Whoever asks says so at once.
const PATIENCE: Duration = Duration::from_secs(1);
const LONGEST_REQUEST: usize = 4096;
/// More askers than load balancers have; one that only holds its connection must not keep the others waiting.
const AT_ONCE: usize = 32;
/// An agent that says nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(60);
/// A port that somebody else has may be free again.
const TRY_AGAIN_MS: u16 = 5000;

/// How the node is, when the agent last looked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pulse {
    /// The tables are what the objects ask for.
    pub(crate) in_step: bool,
    /// The node is about to go.
    pub(crate) leaves: bool,
    at: Instant,
    clock: SystemTime,
}

impl Pulse {
    pub(crate) fn now(in_step: bool, leaves: bool) -> Self {
        Self { in_step, leaves, at: Instant::now(), clock: SystemTime::now() }
    }

    fn is_healthy(&self) -> bool {
        self.in_step && self.at.elapsed() < SILENCE
    }
}

/// Answers on the ports that it is told, from a thread of its own.
#[derive(Debug)]
pub(crate) struct Health {
    checks: SyncSender<Checks>,
    bell: UnixStream,
    pulse: Arc<Mutex<Pulse>>,
}

impl Health {
    /// Answers for the node at an address at once, and for services when they are set.
    pub(crate) fn start(node: SocketAddr) -> Result<Self, Fault> {
        let wrong = |error: std::io::Error| Fault::new(format!("starting to answer health checks: {error}"));
        let (bell, heard) = UnixStream::pair().map_err(wrong)?;
        let (checks, told) = sync_channel(4);
        let pulse = Arc::new(Mutex::new(Pulse::now(false, false)));
        let shared = Arc::clone(&pulse);
        let answer = move || {
            let askers = Arc::new(AtomicUsize::new(0));
            Server {
                node,
                told,
                heard,
                checks: Checks::new(),
                listeners: BTreeMap::new(),
                missing: BTreeSet::new(),
                pulse: shared,
                askers,
            }
            .run();
        };
        std::thread::Builder::new().name("health".to_owned()).spawn(answer).map_err(wrong)?;
        Ok(Self { checks, bell, pulse })
    }

    /// Makes the ports and answers these.
    pub(crate) fn set(&mut self, checks: Checks) {
        // A thread that has ended said so when it did.
        let _ended = self.checks.send(checks).is_ok() && self.bell.write_all(&[0]).is_ok();
    }

    pub(crate) fn beat(&self, pulse: Pulse) {
        *self.pulse.lock().unwrap_or_else(PoisonError::into_inner) = pulse;
    }
}

/// Whose health is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Node,
    Service(u16),
}

struct Server {
    node: SocketAddr,
    told: Receiver<Checks>,
    heard: UnixStream,
    checks: Checks,
    listeners: BTreeMap<Subject, TcpListener>,
    /// Those that could not be made, so that it is said once.
    missing: BTreeSet<Subject>,
    pulse: Arc<Mutex<Pulse>>,
    askers: Arc<AtomicUsize>,
}

impl Server {
    fn run(mut self) {
        loop {
            self.listen();
            let Some(ready) = self.wait() else { return };
            for subject in ready {
                self.accept(subject);
            }
        }
    }

    /// Who is asked for; nothing when the agent ends.
    fn wait(&mut self) -> Option<Vec<Subject>> {
        let mut places: Vec<_> = self.listeners.values().map(|listener| PollFd::new(listener.as_fd(), PollFlags::POLLIN)).collect();
        places.push(PollFd::new(self.heard.as_fd(), PollFlags::POLLIN));
        let patience = if self.missing.is_empty() { PollTimeout::NONE } else { PollTimeout::from(TRY_AGAIN_MS) };
        match poll(&mut places, patience) {
            Err(nix::errno::Errno::EINTR) => return Some(Vec::new()),
            Err(_) => return None,
            Ok(_) => {}
        }
        let is_ready = |place: &PollFd<'_>| place.any().unwrap_or(false);
        let told = places.last().is_some_and(is_ready);
        let ready = self.listeners.keys().copied().zip(&places).filter(|(_, place)| is_ready(place)).map(|(subject, _)| subject).collect();
        if told {
            self.heard.read_exact(&mut [0]).ok()?;
            self.checks = self.told.recv().ok()?;
        }
        Some(ready)
    }

    fn listen(&mut self) {
        let wanted: BTreeSet<_> = self.checks.keys().copied().map(Subject::Service).chain([Subject::Node]).collect();
        self.listeners.retain(|subject, _| wanted.contains(subject));
        self.missing.retain(|subject| wanted.contains(subject));
        for subject in wanted {
            if self.listeners.contains_key(&subject) {
                continue;
            }
            let (made, port) = match subject {
                Subject::Node => (listener(self.node), self.node.port()),
                Subject::Service(port) => (on_every_address(port), port),
            };
            match made {
                Ok(listener) => {
                    self.missing.remove(&subject);
                    self.listeners.insert(subject, listener);
                }
                Err(error) => {
                    if self.missing.insert(subject) {
                        note(&format!("no health checks are answered on port {port} as long as this lasts: {error}"));
                    }
                }
            }
        }
    }

    fn accept(&self, subject: Subject) {
        let Some((connection, _)) = self.listeners.get(&subject).and_then(|listener| listener.accept().ok()) else { return };
        if self.askers.fetch_add(1, Ordering::Relaxed) >= AT_ONCE {
            self.askers.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let pulse = *self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        let check = if let Subject::Service(port) = subject { self.checks.get(&port).cloned() } else { None };
        let askers = Arc::clone(&self.askers);
        let answer = move || {
            // Whoever asks and does not listen has gone.
            let _gone = reply(&connection, |path| check.as_ref().map_or_else(|| of_node(path, &pulse), |check| of_service(check, &pulse)));
            askers.fetch_sub(1, Ordering::Relaxed);
        };
        if std::thread::Builder::new().name("health-answer".to_owned()).spawn(answer).is_err() {
            self.askers.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Both families, or IPv4 where the machine has no IPv6.
fn on_every_address(port: u16) -> std::io::Result<TcpListener> {
    listener((Ipv6Addr::UNSPECIFIED, port).into()).or_else(|_| listener((Ipv4Addr::UNSPECIFIED, port).into()))
}

fn listener(place: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(place)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Status, how many endpoints, and body.
struct Answer {
    is_well: bool,
    endpoints: Option<usize>,
    body: String,
}

fn of_service(check: &HealthCheck, pulse: &Pulse) -> Option<Answer> {
    let healthy = pulse.is_healthy();
    let body = json!({
        "service": { "namespace": &*check.service.namespace, "name": &*check.service.name },
        "localEndpoints": check.endpoints,
        "serviceProxyHealthy": healthy,
    });
    Some(Answer { is_well: check.endpoints > 0 && healthy, endpoints: Some(check.endpoints), body: body.to_string() })
}

/// A node that is about to go still lives, and gets no new connections.
fn of_node(path: &str, pulse: &Pulse) -> Option<Answer> {
    let is_well = match path {
        "/healthz" => pulse.is_healthy() && !pulse.leaves,
        "/livez" => pulse.is_healthy(),
        _ => return None,
    };
    let body = json!({
        "lastUpdated": timestamp(pulse.clock),
        "currentTime": timestamp(SystemTime::now()),
        "nodeEligible": !pulse.leaves,
    });
    Some(Answer { is_well, endpoints: None, body: body.to_string() })
}

fn reply(mut connection: &TcpStream, answer: impl FnOnce(&str) -> Option<Answer>) -> std::io::Result<()> {
    connection.set_nonblocking(false)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut part = [0; LONGEST_REQUEST];
    while request.len() < LONGEST_REQUEST && !request.windows(4).any(|four| four == b"\r\n\r\n") {
        match connection.read(&mut part)? {
            0 => break,
            length => request.extend_from_slice(part.get(..length).unwrap_or_default()),
        }
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split_whitespace().nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let text = match answer(path) {
        None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
        Some(Answer { is_well, endpoints, body }) => {
            let status = if is_well { "200 OK" } else { "503 Service Unavailable" };
            let weight = endpoints.map(|count| format!("X-Load-Balancing-Endpoint-Weight: {count}\r\n")).unwrap_or_default();
            let length = body.len();
            format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n{weight}\
                 Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
        }
    };
    connection.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ichor_agent_state::Name;

    fn get(port: u16, path: &str) -> Option<String> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
        // A port that is being taken away may end the connection at any time.
        write!(connection, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").ok()?;
        let mut text = String::new();
        connection.read_to_string(&mut text).ok()?;
        Some(text)
    }

    fn free_port() -> u16 {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
    }

    /// Asks until it is answered so.
    fn says(port: u16, path: &str, parts: &[&str]) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let said = get(port, path).unwrap_or_default();
            if parts.iter().all(|part| said.contains(part)) {
                return;
            }
            assert!(Instant::now() < deadline, "{path}: {said}, and not {parts:?}");
        }
    }

    fn start() -> (Health, u16) {
        let port = free_port();
        (Health::start((Ipv4Addr::LOCALHOST, port).into()).unwrap(), port)
    }

    #[test]
    fn each_port_answers_for_its_service_until_it_is_taken_away() {
        let (mut health, _) = start();
        let port = free_port();
        health.beat(Pulse::now(true, false));
        for (endpoints, status) in [(2, "200 OK"), (0, "503 Service Unavailable")] {
            health.set(Checks::from([(port, HealthCheck { service: Name::new("default", "web"), endpoints })]));
            let (local, weight) = (format!("\"localEndpoints\":{endpoints}"), format!("X-Load-Balancing-Endpoint-Weight: {endpoints}"));
            says(port, "/", &[status, &local, &weight, "\"namespace\":\"default\"", "\"serviceProxyHealthy\":true"]);
        }
        health.set(Checks::from([(port, HealthCheck { service: Name::new("default", "web"), endpoints: 2 })]));
        health.beat(Pulse::now(false, false));
        says(port, "/", &["503 ", "\"serviceProxyHealthy\":false"]);
        health.set(Checks::new());
        let deadline = Instant::now() + Duration::from_secs(5);
        while get(port, "/").is_some() {
            assert!(Instant::now() < deadline, "it goes on answering");
        }
    }

    #[test]
    fn the_node_is_healthy_in_step_and_while_it_stays() {
        let (health, port) = start();
        says(port, "/healthz", &["503 "]);
        health.beat(Pulse::now(true, false));
        says(port, "/healthz", &["200 OK", "\"nodeEligible\":true", "\"lastUpdated\":\"20"]);
        says(port, "/healthz?verbose", &["200 OK"]);
        health.beat(Pulse::now(true, true));
        says(port, "/healthz", &["503 ", "\"nodeEligible\":false"]);
        says(port, "/livez", &["200 OK"]);
        says(port, "/other", &["404 "]);
        let silent = Pulse { at: Instant::now().checked_sub(SILENCE).unwrap(), ..Pulse::now(true, false) };
        health.beat(silent);
        says(port, "/livez", &["503 "]);
    }

    #[test]
    fn who_only_holds_a_connection_keeps_nobody_waiting() {
        let (health, port) = start();
        health.beat(Pulse::now(true, false));
        says(port, "/livez", &["200 OK"]);
        let idle: Vec<_> = (0..AT_ONCE / 2).map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap()).collect();
        let begun = Instant::now();
        says(port, "/livez", &["200 OK"]);
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
        drop(idle);
    }
}
