//! What load balancers ask over HTTP: whether a service has endpoints on this node.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use ichor_agent_state::HealthCheck;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::json;

use crate::fault::Fault;

type Checks = BTreeMap<u16, HealthCheck>;

/// Whoever asks says so at once.
const PATIENCE: Duration = Duration::from_secs(1);
const LONGEST_REQUEST: usize = 4096;

/// Answers on the ports that it is told, from a thread of its own.
#[derive(Debug)]
pub(crate) struct Health {
    checks: SyncSender<Checks>,
    bell: UnixStream,
}

impl Health {
    pub(crate) fn start() -> Result<Self, Fault> {
        let wrong = |error: std::io::Error| Fault::new(format!("starting to answer health checks: {error}"));
        let (bell, heard) = UnixStream::pair().map_err(wrong)?;
        let (checks, told) = sync_channel(4);
        let answer = move || Server { told, heard, checks: Checks::new(), listeners: BTreeMap::new() }.run();
        std::thread::Builder::new().name("health".to_owned()).spawn(answer).map_err(wrong)?;
        Ok(Self { checks, bell })
    }

    /// Makes the ports and answers these.
    pub(crate) fn set(&mut self, checks: Checks) {
        // A thread that has ended said so when it did.
        let _ended = self.checks.send(checks).is_ok() && self.bell.write_all(&[0]).is_ok();
    }
}

struct Server {
    told: Receiver<Checks>,
    heard: UnixStream,
    checks: Checks,
    listeners: BTreeMap<u16, TcpListener>,
}

impl Server {
    fn run(mut self) {
        loop {
            let ready = self.wait();
            let Some(ready) = ready else { return };
            for port in ready {
                self.answer(port);
            }
        }
    }

    /// The ports on which somebody asks; nothing when the agent ends.
    fn wait(&mut self) -> Option<Vec<u16>> {
        let mut places: Vec<_> = self.listeners.values().map(|listener| PollFd::new(listener.as_fd(), PollFlags::POLLIN)).collect();
        places.push(PollFd::new(self.heard.as_fd(), PollFlags::POLLIN));
        match poll(&mut places, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => return Some(Vec::new()),
            Err(_) => return None,
            Ok(_) => {}
        }
        let is_ready = |place: &PollFd<'_>| place.any().unwrap_or(false);
        let told = places.last().is_some_and(is_ready);
        let ready = self.listeners.keys().copied().zip(&places).filter(|(_, place)| is_ready(place)).map(|(port, _)| port).collect();
        if told {
            self.heard.read_exact(&mut [0]).ok()?;
            let checks = self.told.recv().ok()?;
            self.listen(checks);
        }
        Some(ready)
    }

    fn listen(&mut self, checks: Checks) {
        self.listeners.retain(|port, _| checks.contains_key(port));
        for port in checks.keys() {
            if !self.listeners.contains_key(port) {
                match listener(*port) {
                    Ok(listener) => drop(self.listeners.insert(*port, listener)),
                    Err(error) => crate::log::note(&format!("no health checks on port {port}: {error}")),
                }
            }
        }
        self.checks = checks;
    }

    fn answer(&self, port: u16) {
        let (Some(listener), Some(check)) = (self.listeners.get(&port), self.checks.get(&port)) else { return };
        if let Ok((connection, _)) = listener.accept() {
            // Whoever asks and does not listen has gone.
            let _gone = reply(&connection, check);
        }
    }
}

/// Both families, or IPv4 where the machine has no IPv6.
fn listener(port: u16) -> std::io::Result<TcpListener> {
    let both = TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)));
    let listener = both.or_else(|_| TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn reply(mut connection: &TcpStream, check: &HealthCheck) -> std::io::Result<()> {
    connection.set_nonblocking(false)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let _request = connection.read(&mut [0; LONGEST_REQUEST])?;
    let body = json!({
        "service": { "namespace": check.service.namespace, "name": check.service.name },
        "localEndpoints": check.endpoints,
        "serviceProxyHealthy": true,
    })
    .to_string();
    let status = if check.endpoints > 0 { "200 OK" } else { "503 Service Unavailable" };
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    connection.write_all(format!("{head}{body}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ichor_agent_state::Name;

    fn get(port: u16) -> Option<String> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
        connection.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut text = String::new();
        connection.read_to_string(&mut text).ok()?;
        Some(text)
    }

    #[test]
    fn each_port_answers_for_its_service_until_it_is_taken_away() {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut health = Health::start().unwrap();
        for (endpoints, status) in [(2, "200 OK"), (0, "503 Service Unavailable")] {
            health.set(Checks::from([(port, HealthCheck { service: Name::new("default", "web"), endpoints })]));
            let deadline = std::time::Instant::now() + Duration::from_secs(5);
            let mut said = String::new();
            while !said.contains(status) && std::time::Instant::now() < deadline {
                said = get(port).unwrap_or_default();
            }
            assert!(said.contains(status) && said.contains(&format!("\"localEndpoints\":{endpoints}")), "{said}");
        }
        health.set(Checks::new());
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        while get(port).is_some() {
            assert!(std::time::Instant::now() < deadline, "it goes on answering");
        }
    }
}
