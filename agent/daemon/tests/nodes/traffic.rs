//! Servers that say whom they see, and clients that check every byte.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};

use crate::node::program;
use crate::world::inside;

pub(crate) const PORT: u16 = 8080;
const PATIENCE: Duration = Duration::from_secs(3);
const PAYLOAD: usize = 200_000;
/// Larger than a packet, so that it comes in pieces.
const LARGE_DATAGRAM: usize = 3000;

/// Who answered, and from which address it saw the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) server: String,
    pub(crate) client: IpAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from(index * 7 % 251).unwrap()).collect()
}

fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Serves both transports in a namespace for as long as the test runs.
pub(crate) fn serve(namespace: &str) {
    serve_at(namespace, SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT)));
}

pub(crate) fn serve_at(namespace: &str, place: SocketAddr) {
    let (listener, socket) = inside(namespace, || (TcpListener::bind(place).unwrap(), UdpSocket::bind(place).unwrap()));
    roomy(&socket);
    let (name, udp_name) = (namespace.to_owned(), namespace.to_owned());
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let name = name.clone();
            std::thread::spawn(move || echo(&name, connection));
        }
    });
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let mut answer = format!("{udp_name} {}\n", plain(peer.ip())).into_bytes();
            answer.extend_from_slice(&buffer[..length]);
            let _gone = socket.send_to(&answer, peer);
        }
    });
}

/// A process that waits for its turn on a busy machine loses nothing.
pub(crate) fn roomy(socket: &UdpSocket) {
    setsockopt(socket, sockopt::RcvBufForce, &(16 << 20)).unwrap();
}

fn echo(name: &str, mut connection: TcpStream) {
    let Ok(peer) = connection.peer_addr() else { return };
    let _gone = connection.write_all(format!("{name} {}\n", plain(peer.ip())).as_bytes());
    let mut buffer = vec![0; 65536];
    while let Ok(length) = connection.read(&mut buffer) {
        if length == 0 || connection.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// Connects from where the thread is, and checks what comes back.
pub(crate) fn ask(transport: Transport, to: SocketAddr) -> Result<Seen, String> {
    match transport {
        Transport::Tcp => ask_tcp(to),
        Transport::Udp => ask_udp(to, 100).and_then(|first| {
            let large = ask_udp(to, LARGE_DATAGRAM).map_err(|error| format!("a datagram in pieces: {error}"))?;
            let _other_backend = large;
            Ok(first)
        }),
    }
}

fn ask_tcp(to: SocketAddr) -> Result<Seen, String> {
    let connection = TcpStream::connect_timeout(&to, PATIENCE).map_err(|error| format!("connect: {error}"))?;
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let peer = connection.peer_addr().map_err(|error| format!("peer: {error}"))?;
    if plain(peer.ip()) != to.ip() || peer.port() != to.port() {
        return Err(format!("the socket believes to talk to {peer}"));
    }
    let sent = pattern(PAYLOAD);
    let mut reader = BufReader::new(&connection);
    let mut greeting = String::new();
    reader.read_line(&mut greeting).map_err(|error| format!("greeting: {error}"))?;
    let mut back = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _seen_by_reader = (&connection).write_all(&sent);
            let _gone = connection.shutdown(Shutdown::Write);
        });
        reader.read_to_end(&mut back).map_err(|error| format!("payload after {} bytes: {error}", back.len()))
    })?;
    if back != sent {
        return Err(format!("sent {} bytes, and {} came back", sent.len(), back.len()));
    }
    seen(&greeting)
}

/// A port that no client had before: to the datapath it would be the same flow.
fn fresh_port() -> u16 {
    static LAST: AtomicU16 = AtomicU16::new(0);
    // Processes of control groups take others.
    let first = if std::env::args_os().len() > 2 { 0 } else { 10_000 };
    if first == 0 { 0 } else { first + LAST.fetch_add(1, Ordering::Relaxed) }
}

fn ask_udp(to: SocketAddr, length: usize) -> Result<Seen, String> {
    let any: IpAddr = if to.is_ipv4() { "0.0.0.0".parse().unwrap() } else { "::".parse().unwrap() };
    let socket = UdpSocket::bind((any, fresh_port())).map_err(|error| format!("bind: {error}"))?;
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let sent = pattern(length);
    socket.send_to(&sent, to).map_err(|error| format!("send: {error}"))?;
    let mut buffer = vec![0; 65536];
    let (length, peer) = socket.recv_from(&mut buffer).map_err(|error| format!("answer: {error}"))?;
    if peer != to {
        return Err(format!("asked {to}, and {peer} answered"));
    }
    let answer = &buffer[..length];
    let end = answer.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    if answer.get(end + 1..) != Some(&sent[..]) {
        return Err("the answer is another one".to_owned());
    }
    seen(&String::from_utf8_lossy(&answer[..end]))
}

fn seen(greeting: &str) -> Result<Seen, String> {
    let mut words = greeting.split_whitespace();
    let (server, client) = (words.next(), words.next().and_then(|client| client.parse().ok()));
    match (server, client) {
        (Some(server), Some(client)) => Ok(Seen { server: server.to_owned(), client }),
        _ => Err(format!("the greeting is `{greeting}`")),
    }
}

/// Asks from a namespace, by packets alone.
pub(crate) fn from_namespace(namespace: &str, transport: Transport, to: SocketAddr) -> Result<Seen, String> {
    inside(namespace, || ask(transport, to))
}

/// Asks from a process of a control group.
pub(crate) fn from_cgroup(namespace: &str, cgroup: &Path, transport: Transport, to: SocketAddr) -> Result<Seen, String> {
    let script = "echo $$ > \"$1/cgroup.procs\" && shift && exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(cgroup).arg(program("probe")).arg(format!("{transport:?}")).arg(to.to_string());
    let out = inside(namespace, move || command.output().unwrap());
    let text = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    if out.status.success() { seen(&text) } else { Err(format!("{text}{}", String::from_utf8_lossy(&out.stderr))) }
}

/// What such a process does.
pub(crate) fn probe_main(args: &[std::ffi::OsString]) -> ExitCode {
    let word = |index: usize| args.get(index).and_then(|word| word.to_str()).unwrap_or_default();
    let transport = if word(1) == "Tcp" { Transport::Tcp } else { Transport::Udp };
    match ask(transport, word(2).parse().unwrap()) {
        Ok(Seen { server, client }) => println!("{server} {client}"),
        Err(error) => {
            println!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
