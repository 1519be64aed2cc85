//! The small server in each pod: it says who answers and whom it sees.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Longer lines and datagrams are no probes.
pub(crate) const LONGEST: usize = 256 << 10;

/// The answer to one line or datagram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) pod: String,
    /// The client's address as the server saw it.
    pub(crate) source: IpAddr,
    pub(crate) payload: String,
}

impl Answer {
    fn text(pod: &str, source: SocketAddr, payload: &str) -> Vec<u8> {
        let answer = Self { pod: pod.to_owned(), source: source.ip().to_canonical(), payload: payload.trim_end().to_owned() };
        let mut text = serde_json::to_vec(&answer).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

/// Listens on TCP and UDP of both families until it is killed.
pub(crate) fn serve(pod: &str, port: u16) -> Result<(), Error> {
    let listen = |error: io::Error| Error::system(format_args!("listen on port {port}"), error);
    let tcp = either(port, TcpListener::bind).map_err(listen)?;
    let udp = either(port, UdpSocket::bind).map_err(listen)?;
    let mut stdout = io::stdout();
    stdout.write_all(b"ready\n").and_then(|()| stdout.flush()).map_err(|error| Error::system("say that it listens", error))?;
    let pod: Arc<str> = pod.into();
    let name = Arc::clone(&pod);
    std::thread::spawn(move || answer_datagrams(&udp, &name));
    for stream in tcp.incoming().flatten() {
        let pod = Arc::clone(&pod);
        // Whoever hangs up early misses the answer, and nobody else does.
        std::thread::spawn(move || answer_lines(&stream, &pod));
    }
    Ok(())
}

/// Both families on one socket, or IPv4 alone on a kernel without IPv6.
fn either<T>(port: u16, bind: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match bind((Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(error) if error.kind() != ErrorKind::AddrInUse => bind((Ipv4Addr::UNSPECIFIED, port).into()),
        other => other,
    }
}

fn answer_lines(mut stream: &TcpStream, pod: &str) -> io::Result<()> {
    let source = stream.peer_addr()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.by_ref().take(LONGEST as u64).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let answer = Answer::text(pod, source, &line);
        if line.starts_with("GET ") {
            // For who plays with `curl` or a browser.
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
            stream.write_all(&[head.as_bytes(), &answer].concat())?;
            return stream.shutdown(Shutdown::Write).and_then(|()| io::copy(&mut reader, &mut io::sink())).map(drop);
        }
        stream.write_all(&answer)?;
    }
}

fn answer_datagrams(socket: &UdpSocket, pod: &str) {
    let mut buffer = vec![0; LONGEST];
    loop {
        // An error here is about an earlier answer that nobody wanted any more.
        let Ok((length, source)) = socket.recv_from(&mut buffer) else { continue };
        let payload = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
        let _ = socket.send_to(&Answer::text(pod, source, &payload), source);
    }
}
