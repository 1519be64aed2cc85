//! What asks from a pod.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::inside::pin;

/// Of a request, and of its answer.
pub(crate) const SIZE: usize = 64;
/// The first byte of a request after which the server closes.
pub(crate) const ASK_ONCE: u8 = 1;
const ASK_AGAIN: u8 = 2;

/// How many requests, or connections with one request, there are in a second.
pub(crate) fn ask(kind: &str, connections: usize, seconds: f64, address: SocketAddr) -> f64 {
    pin(0);
    let work = match kind {
        "requests" => requests,
        "connections" => new_connections,
        _ => panic!("there is no kind `{kind}`"),
    };
    let start = Instant::now();
    let end = start + Duration::from_secs_f64(seconds);
    let done: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(|| work(address, end))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    done as f64 / start.elapsed().as_secs_f64()
}

fn requests(address: SocketAddr, end: Instant) -> u64 {
    let mut connection = connect(address);
    let mut buffer = [ASK_AGAIN; SIZE];
    let mut done = 0;
    while Instant::now() < end {
        connection.write_all(&buffer).unwrap();
        connection.read_exact(&mut buffer).unwrap();
        done += 1;
    }
    done
}

fn new_connections(address: SocketAddr, end: Instant) -> u64 {
    let mut done = 0;
    while Instant::now() < end {
        let mut connection = connect(address);
        connection.write_all(&[ASK_ONCE; SIZE]).unwrap();
        let mut answer = [0; SIZE + 1];
        let mut length = 0;
        loop {
            match connection.read(&mut answer[length..]).unwrap() {
                0 => break,
                more => length += more,
            }
        }
        assert_eq!(length, SIZE, "half an answer");
        done += 1;
    }
    done
}

fn connect(address: SocketAddr) -> TcpStream {
    let connection = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    connection.set_nodelay(true).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    connection
}
