//! The agent is killed and started again under traffic, and nobody notices.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::cluster;
use crate::node::Node;
use crate::objects;
use crate::pod::Pod;
use crate::traffic::{PORT, roomy, serve};
use crate::world::inside;

/// How much of it: a full run takes its time.
struct Measure {
    kills: usize,
    /// For each target.
    connections: usize,
    /// Between two packets of a client: the machine must have time for the agent, too.
    pause: Duration,
}

const ORDINARY: Measure = Measure { kills: 10, connections: 4, pause: Duration::from_millis(2) };
const FULL: Measure = Measure { kills: 20, connections: 29, pause: Duration::from_millis(50) };
/// How often another build takes the place of this one, or this one of the other.
const UPGRADES: usize = 10;

static STOP: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicUsize = AtomicUsize::new(0);
static SENT: AtomicUsize = AtomicUsize::new(0);
static LOST: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn run() {
    let measure = if std::env::var_os("ICHOR_FULL").is_some() { FULL } else { ORDINARY };
    let other = std::env::var_os("ICHOR_OTHER").map(PathBuf::from);
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
        let (mut streams, pause) = (Vec::new(), measure.pause);
        for (client, to) in &targets {
            for number in 0..measure.connections {
                streams.push(scope.spawn(move || inside(client, || transfer(*to, number, pause))));
            }
            let to = *to;
            streams.push(scope.spawn(move || inside(client, || datagrams(to, pause))));
        }
        let (client, service) = targets[5];
        streams.push(scope.spawn(move || inside(client, || steady(service))));
        while BYTES.load(Ordering::Relaxed) == 0 {
            std::thread::park_timeout(pause);
        }
        let mut away = Duration::ZERO;
        for kill in 0..measure.kills {
            away += again(&mut nodes[kill % 2]);
        }
        println!("{} kills, away {away:?} in all: {}", measure.kills, so_far());
        if let Some(other) = other {
            for upgrade in 0..UPGRADES {
                for node in &mut nodes {
                    node.build = (upgrade % 2 == 0).then(|| other.clone());
                    again(node);
                }
            }
            println!("{UPGRADES} times another build, whose flows have another form, on both nodes: {}", so_far());
        }
        churn(&nodes[0]);
        STOP.store(true, Ordering::Relaxed);
        for stream in streams {
            stream.join().unwrap();
        }
        println!("in all, {} connections, none reset: {}", targets.len() * measure.connections, so_far());
    });
    assert_eq!(LOST.load(Ordering::Relaxed), 0, "datagrams lost");
    drop(nodes);
    cluster::unmake(&["a", "b", "c"]);
}

fn so_far() -> String {
    let [bytes, sent, lost] = [&BYTES, &SENT, &LOST].map(|count| count.load(Ordering::Relaxed));
    format!("{} MB checked, {sent} datagrams sent, {lost} lost", bytes / 1_000_000)
}

/// Ends an agent without a word, and starts the next; gives how long there was none.
fn again(node: &mut Node) -> Duration {
    node.kill();
    node.start()
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
fn transfer(to: SocketAddr, number: usize, pause: Duration) {
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
        std::thread::park_timeout(pause);
    }
}

/// A datagram at a time, each of which must come back.
fn datagrams(to: SocketAddr, pause: Duration) {
    let any: IpAddr = if to.is_ipv4() { "0.0.0.0".parse().unwrap() } else { "::".parse().unwrap() };
    let socket = UdpSocket::bind((any, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    while !STOP.load(Ordering::Relaxed) {
        let number = SENT.fetch_add(1, Ordering::Relaxed).to_string();
        socket.send_to(number.as_bytes(), to).unwrap_or_else(|error| panic!("{to}: {error}"));
        if let Err(error) = answer(&socket, &number) {
            LOST.fetch_add(1, Ordering::Relaxed);
            println!("{to}: no answer to {number}: {error}");
        }
        std::thread::park_timeout(pause);
    }
}

/// Waits for what is said to this number; what came too late for another was counted then.
fn answer(socket: &UdpSocket, number: &str) -> std::io::Result<()> {
    let mut buffer = [0; 200];
    loop {
        let length = socket.recv(&mut buffer)?;
        if buffer[..length].ends_with(format!("\n{number}").as_bytes()) {
            return Ok(());
        }
    }
}

/// Five thousand datagrams a second, whatever becomes of them; each must come back.
fn steady(to: SocketAddr) {
    const EACH: Duration = Duration::from_micros(200);
    let any: IpAddr = if to.is_ipv4() { "0.0.0.0".parse().unwrap() } else { "::".parse().unwrap() };
    let socket = UdpSocket::bind((any, 0)).unwrap();
    roomy(&socket);
    socket.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let done = AtomicBool::new(false);
    let sent = AtomicUsize::new(0);
    let back = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut buffer, mut back) = ([0; 200], 0);
            while !done.load(Ordering::Acquire) || back < sent.load(Ordering::Acquire) {
                match socket.recv(&mut buffer) {
                    Ok(_) => back += 1,
                    Err(_) if done.load(Ordering::Acquire) => break,
                    Err(_) => {}
                }
            }
            back
        });
        let begun = Instant::now();
        while !STOP.load(Ordering::Relaxed) {
            let number = sent.fetch_add(1, Ordering::AcqRel);
            socket.send_to(number.to_string().as_bytes(), to).unwrap_or_else(|error| panic!("{to}: {error}"));
            let due = EACH * u32::try_from(number).unwrap();
            std::thread::park_timeout(due.saturating_sub(begun.elapsed()));
        }
        done.store(true, Ordering::Release);
        reader.join().unwrap()
    });
    let sent = sent.into_inner();
    println!("{sent} datagrams at up to five thousand a second to {to}, {} lost", sent - back);
    SENT.fetch_add(sent, Ordering::Relaxed);
    LOST.fetch_add(sent - back, Ordering::Relaxed);
}
