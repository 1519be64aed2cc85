//! The tables of connections are full: what is new works, and what is in use stays.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect as connect_to, socket};
use serde_json::Value as Json;

use crate::cluster::{self, OUTSIDE_V4, OUTSIDE_V6};
use crate::forgotten;
use crate::node::Node;
use crate::objects;
use crate::pod::Pod;
use crate::traffic::{PORT, Transport, from_namespace, serve};
use crate::world::inside;

const ENTRIES: usize = 8192;
/// How many connections a family's flood begins, at least: with two rows each, four times what there is room for.
const FLOOD: usize = 2 * ENTRIES;
const ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(5);
/// How often something is said on a connection that is in use.
const PACE: Duration = Duration::from_millis(5);
/// What a packet that is sent again may cost.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Below those that the kernel gives.
static NEXT_PORT: AtomicU16 = AtomicU16::new(LAST_PORT + 1);
/// Where nobody is.
const NOBODY: u16 = 20_000;
/// So many in each pause: what is new has about a second before it is pushed out, and whoever is asked has to answer in that.
const AT_ONCE: u16 = 10;
const FIRST_PORT: u16 = 2_000;
const LAST_PORT: u16 = 30_000;

#[derive(Debug, Default)]
struct Flood {
    ended: AtomicBool,
    begun: [AtomicUsize; 2],
    connected: AtomicUsize,
}

pub(crate) fn run() {
    let mut nodes = cluster::make("full");
    for mode in ["snat", "dsr"] {
        for node in &mut nodes {
            if mode == "dsr" {
                node.stop();
            }
            node.configure(mode, "disabled");
            node.add_to_config(&format!("conntrack: {{entries: {ENTRIES}}}\n"));
            node.start();
        }
        if mode == "snat" {
            let [first, second] = &nodes;
            let pods = [Pod::make(first, "a"), Pod::make(first, "b"), Pod::make(second, "c")];
            ["a", "b", "c", "outside"].into_iter().for_each(serve);
            objects::put(&first.objects, "web.yaml", &objects::service(&[(&pods[0], "node1"), (&pods[2], "node2")]));
        }
        nodes.iter().for_each(|node| node.wait_for("the service", "services", |services| services.as_array().unwrap().len() > 10));
        overrun(&nodes, mode);
        forgotten::check(&nodes, u32::try_from(ENTRIES).unwrap(), mode);
    }
    drop(nodes);
    cluster::unmake(&["a", "b", "c"]);
}

/// A service's or the outside's address, and from where it is asked.
fn ways(is_v4: bool) -> [(&'static str, &'static str, IpAddr); 4] {
    let of = |v4: &str, v6: &str| if is_v4 { v4.parse().unwrap() } else { v6.parse().unwrap() };
    [
        ("outside", "a load balancer's address", of("10.50.0.1", "fd00:50::1")),
        ("outside", "a node port", of("192.168.42.11", "fd00:42::11")),
        ("b", "a cluster IP", of("10.43.0.10", "fd00:10:43::10")),
        ("b", "the outside", of(OUTSIDE_V4, OUTSIDE_V6)),
    ]
}

fn port(what: &str, transport: Transport) -> u16 {
    match (what, transport) {
        ("the outside", _) => PORT,
        ("a node port", Transport::Tcp) => 30080,
        ("a node port", Transport::Udp) => 30081,
        _ => 80,
    }
}

fn overrun(nodes: &[Node; 2], mode: &str) {
    let [first, _] = nodes;
    let flood = Flood::default();
    let active: Vec<_> = [true, false].into_iter().flat_map(|is_v4| each_backend(is_v4, "in use")).collect();
    std::thread::scope(|scope| {
        let ends = Ends(&flood);
        let talking: Vec<_> = active.into_iter().map(|connection| scope.spawn(|| connection.talk(&flood))).collect();
        for is_v4 in [true, false] {
            flood.begin_outside(scope, is_v4);
            flood.begin_in_pod(scope, is_v4);
        }
        let checked = begin_anew(&flood);
        ichor_tests::until("the flood", Duration::from_secs(60), || flood.begun.iter().all(|begun| begun.load(Ordering::Relaxed) >= FLOOD));
        let tables = first.get("tables");
        drop(ends);
        let ended: Vec<_> = talking.into_iter().map(|thread| thread.join().unwrap()).collect();
        let begun = flood.begun.each_ref().map(|begun| begun.load(Ordering::Relaxed));
        println!(
            "{mode}: {begun:?} connections of both families in a flood, {} of them by TCP, in {ENTRIES} rows each",
            flood.connected.load(Ordering::Relaxed)
        );
        println!("  {checked} new connections worked meanwhile; {tables}");
        for (name, said, pause) in ended {
            println!("  {name}: {said} times said and answered, the longest pause was {pause:?}");
            assert!(pause < LONGEST_PAUSE && said > 100, "{name}: {said} times, {pause:?}");
        }
        is_full(&tables);
        let most = begun.iter().sum::<usize>() * 2;
        ichor_tests::until("the count of what was pushed out", Duration::from_secs(30), || {
            pushed_out(&first.get("tables")).into_iter().all(|rows| rows > ENTRIES)
        });
        let counted = pushed_out(&first.get("tables"));
        println!("  {counted:?} rows were pushed out");
        assert!(counted.iter().all(|rows| *rows < most), "{counted:?}");
    });
}

/// Of each family.
fn pushed_out(tables: &Json) -> [usize; 2] {
    [0, 1].map(|family: usize| usize::try_from(tables[family]["pushed_out"].as_u64().unwrap()).unwrap())
}

fn is_full(tables: &Json) {
    for name in ["FLOWS4", "FLOWS6"] {
        let row = tables.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
        assert!(row["full"] == true && row["most"] == ENTRIES && row["entries"].as_u64().unwrap() as usize <= ENTRIES, "{row}");
    }
}

/// Every way, both transports and families, with payload.
fn begin_anew(flood: &Flood) -> usize {
    let (mut done, mut failed) = (0, Vec::new());
    for round in 0..ROUNDS {
        // Each round finds what the one before it left pushed out.
        let least = FLOOD / ROUNDS * (round + 1);
        ichor_tests::until("the flood", Duration::from_secs(60), || flood.begun.iter().all(|begun| begun.load(Ordering::Relaxed) >= least));
        for is_v4 in [true, false] {
            for (from, what, address) in ways(is_v4) {
                for transport in [Transport::Tcp, Transport::Udp] {
                    let to = SocketAddr::new(address, port(what, transport));
                    done += 1;
                    if let Err(error) = from_namespace(from, transport, to) {
                        failed.push(format!("{transport:?} from {from} to {what} {to}: {error}"));
                    }
                }
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    done
}

/// Ends the flood, also when something fails.
struct Ends<'f>(&'f Flood);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }
}

impl Flood {
    fn goes_on(&self) -> bool {
        !self.ended.load(Ordering::Relaxed)
    }

    /// From ever other ports, one datagram each; and TCP now and then.
    fn begin_outside<'s>(&'s self, scope: &'s Scope<'s, '_>, is_v4: bool) -> ScopedJoinHandle<'s, ()> {
        let [(_, _, service), ..] = ways(is_v4);
        let own: IpAddr = if is_v4 { OUTSIDE_V4.parse().unwrap() } else { OUTSIDE_V6.parse().unwrap() };
        scope.spawn(move || {
            inside("outside", || {
                for port in (FIRST_PORT..LAST_PORT).cycle().take_while(|_| self.goes_on()) {
                    self.send(SocketAddr::new(own, port), SocketAddr::new(service, 80), is_v4);
                    if port.is_multiple_of(40) && TcpStream::connect_timeout(&SocketAddr::new(service, 80), PATIENCE).is_ok() {
                        self.connected.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        })
    }

    /// To many places outside where nobody is.
    fn begin_in_pod<'s>(&'s self, scope: &'s Scope<'s, '_>, is_v4: bool) -> ScopedJoinHandle<'s, ()> {
        let [.., (pod, _, outside)] = ways(is_v4);
        let own: IpAddr = if is_v4 { "0.0.0.0".parse().unwrap() } else { "::".parse().unwrap() };
        scope.spawn(move || {
            inside(pod, || {
                for port in (FIRST_PORT..LAST_PORT).cycle().take_while(|_| self.goes_on()) {
                    self.send(SocketAddr::new(own, port), SocketAddr::new(outside, NOBODY + port % 100), is_v4);
                }
            });
        })
    }

    fn send(&self, from: SocketAddr, to: SocketAddr, is_v4: bool) {
        // A port that is taken, or a place where nobody is, is no matter in a flood.
        if from.port().is_multiple_of(AT_ONCE) {
            std::thread::park_timeout(PACE);
        }
        if UdpSocket::bind(from).is_ok_and(|socket| socket.send_to(b"flood", to).is_ok()) {
            self.begun[usize::from(!is_v4)].fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A connection to a server that repeats what is said.
pub(crate) struct Connection {
    pub(crate) name: String,
    pub(crate) stream: BufReader<TcpStream>,
}

/// One connection over every way, and to a backend on each node where there are two.
pub(crate) fn each_backend(is_v4: bool, use_: &str) -> Vec<Connection> {
    let mut all = Vec::new();
    for (from, what, address) in ways(is_v4) {
        let servers: &[&str] = if what == "the outside" { &["outside"] } else { &["a", "c"] };
        for server in servers {
            let to = SocketAddr::new(address, port(what, Transport::Tcp));
            let family = if is_v4 { "v4" } else { "v6" };
            let name = format!("{use_}, {family}, from {from} to {what}, answered by {server}");
            let stream = (0..200).find_map(|_| connect(from, to, server)).unwrap_or_else(|| panic!("{name}: never"));
            all.push(Connection { name, stream });
        }
    }
    all
}

/// With a port that is nobody else's: by two addresses of one backend, one port of a client is one connection to the backend
/// that answers directly.
fn connect_from(port: u16, to: SocketAddr) -> TcpStream {
    let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let own = if to.is_ipv4() { SocketAddr::from(([0; 4], port)) } else { SocketAddr::from(([0; 16], port)) };
    let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(socket.as_raw_fd(), &SockaddrStorage::from(own)).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    connect_to(stream.as_raw_fd(), &SockaddrStorage::from(to)).unwrap_or_else(|error| panic!("{to}: {error}"));
    stream
}

/// A connection, where this server took it.
fn connect(from: &str, to: SocketAddr, server: &str) -> Option<BufReader<TcpStream>> {
    let stream = inside(from, || connect_from(NEXT_PORT.fetch_add(1, Ordering::Relaxed), to));
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    let mut greeting = String::new();
    stream.read_line(&mut greeting).unwrap();
    greeting.starts_with(&format!("{server} ")).then_some(stream)
}

impl Connection {
    pub(crate) fn say(&mut self, number: usize) -> std::io::Result<Duration> {
        let begun = Instant::now();
        let line = format!("{number:063}\n");
        self.stream.get_mut().write_all(line.as_bytes())?;
        let mut answer = [0; 64];
        self.stream.read_exact(&mut answer)?;
        assert_eq!(answer, line.as_bytes(), "{}", self.name);
        Ok(begun.elapsed())
    }

    /// Says something every few milliseconds until the flood is over.
    fn talk(mut self, flood: &Flood) -> (String, usize, Duration) {
        let (mut said, mut pause) = (0, Duration::ZERO);
        while flood.goes_on() {
            pause = pause.max(self.say(said).unwrap_or_else(|error| panic!("{}: {error} after {said} words", self.name)));
            said += 1;
            std::thread::park_timeout(PACE);
        }
        (self.name, said, pause)
    }
}
