//! The agent is killed and started again under traffic, and nobody notices.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::cluster;
use crate::node::Node;
use crate::objects;
use crate::pod::Pod;
use crate::traffic::{PORT, serve};
use crate::world::inside;

const KILLS: usize = 5;
const CONNECTIONS: usize = 4;
/// Between two packets of a client: the machine must have time for the agent, too.
const PAUSE: Duration = Duration::from_millis(2);

static STOP: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicUsize = AtomicUsize::new(0);
static SENT: AtomicUsize = AtomicUsize::new(0);
static LOST: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn run() {
    let mut nodes = cluster::make("restart");
    for node in &mut nodes {
        node.start();
    }
    let [first, second] = &nodes;
    let pods = [Pod::make(first, "a"), Pod::make(first, "b"), Pod::make(second, "c")];
    ["a", "b", "c", "outside"].into_iter().for_each(serve);
    let [a, _, c] = &pods;
    objects::put(&first.objects, "web.yaml", &objects::service(&[(a, "node1"), (c, "node2")]));
    for node in &nodes {
        node.wait_for("the service", "services", |services| services.as_array().unwrap().len() > 10);
    }
    let targets = targets(&pods);
    std::thread::scope(|scope| {
        let mut streams = Vec::new();
        for (client, to) in &targets {
            for number in 0..CONNECTIONS {
                streams.push(scope.spawn(move || inside(client, || transfer(*to, number))));
            }
            let to = *to;
            streams.push(scope.spawn(move || inside(client, || datagrams(to))));
        }
        while BYTES.load(Ordering::Relaxed) == 0 {
            std::thread::park_timeout(PAUSE);
        }
        let mut away = Duration::ZERO;
        for _ in 0..KILLS {
            for node in &mut nodes {
                node.kill();
                let begun = Instant::now();
                node.start();
                away += begun.elapsed();
            }
        }
        churn(&nodes[0]);
        STOP.store(true, Ordering::Relaxed);
        for stream in streams {
            stream.join().unwrap();
        }
        println!(
            "{} kills, away {away:?} in all: {} connections with {} MB checked, none reset; {} datagrams, {} lost",
            KILLS * nodes.len(),
            targets.len() * CONNECTIONS,
            BYTES.load(Ordering::Relaxed) / 1_000_000,
            SENT.load(Ordering::Relaxed),
            LOST.load(Ordering::Relaxed)
        );
    });
    assert_eq!(LOST.load(Ordering::Relaxed), 0, "datagrams lost");
    drop(nodes);
    cluster::unmake(&["a", "b", "c"]);
}

/// A thousand services come, change and go.
fn churn(node: &Node) {
    let count = |status: &serde_json::Value| status["frontends"].as_u64().unwrap();
    let before = count(&node.get("status"));
    for services in [1000, 400, 1000, 0] {
        let text = objects::many(services);
        let begun = Instant::now();
        objects::put(&node.objects, "many.yaml", &text);
        node.wait_for("the churn", "status", |status| count(status) == before + u64::from(services));
        println!(
            "{services} services more than the first: all in the tables after {:?}, {} KiB of memory",
            begun.elapsed(),
            node.memory_kib()
        );
    }
    println!("status: {}", node.get("status"));
}

/// From a pod to a pod of the other node, to the service, to the outside; and from there to the service.
fn targets(pods: &[Pod; 3]) -> Vec<(&'static str, SocketAddr)> {
    let [_, _, c] = pods;
    let to = |text: &str, port: u16| SocketAddr::new(text.parse::<IpAddr>().unwrap(), port);
    vec![
        ("b", SocketAddr::new(c.v4, PORT)),
        ("b", SocketAddr::new(c.v6, PORT)),
        ("b", to("10.43.0.10", 80)),
        ("b", to("fd00:10:43::10", 80)),
        ("b", to(cluster::OUTSIDE_V4, PORT)),
        ("outside", to("10.50.0.1", 80)),
        ("outside", to("fd00:50::1", 80)),
    ]
}

/// Sends and compares until it is told to stop.
fn transfer(to: SocketAddr, number: usize) {
    let mut connection = TcpStream::connect_timeout(&to, Duration::from_secs(5)).unwrap_or_else(|error| panic!("{to}: {error}"));
    connection.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    reader.read_line(&mut String::new()).unwrap();
    let mut round = number;
    let mut back = vec![0; 20_000];
    while !STOP.load(Ordering::Relaxed) {
        let sent: Vec<u8> = (0..back.len()).map(|index| u8::try_from((index + round) % 251).unwrap()).collect();
        connection.write_all(&sent).unwrap_or_else(|error| panic!("{to}: {error}"));
        reader.read_exact(&mut back).unwrap_or_else(|error| panic!("{to}: {error}"));
        assert!(back == sent, "{to}: other bytes came back");
        BYTES.fetch_add(sent.len(), Ordering::Relaxed);
        round += 1;
        std::thread::park_timeout(PAUSE);
    }
}

/// A datagram at a time, each of which must come back.
fn datagrams(to: SocketAddr) {
    let any: IpAddr = if to.is_ipv4() { "0.0.0.0".parse().unwrap() } else { "::".parse().unwrap() };
    let socket = UdpSocket::bind((any, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut buffer = [0; 200];
    while !STOP.load(Ordering::Relaxed) {
        let number = SENT.fetch_add(1, Ordering::Relaxed).to_string();
        socket.send_to(number.as_bytes(), to).unwrap_or_else(|error| panic!("{to}: {error}"));
        let came = socket.recv(&mut buffer).map(|length| buffer[..length].ends_with(format!("\n{number}").as_bytes()));
        if !came.unwrap_or(false) {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
        std::thread::park_timeout(PAUSE);
    }
}
