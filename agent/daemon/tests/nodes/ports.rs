//! All ports towards one peer are taken: what finds none is dropped and told, and others go on. What has ended gives its port
//! to who needs it, and is forgotten in the end.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use ichor_datapath_loader::{KeptTables, Table};
use ichor_datapath_types::{Addr, Flow, FlowKey, Octets, flow_flag, flow_state, proto};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, setsockopt, socket, sockopt};
use nix::unistd::write;
use serde_json::Value as Json;

use crate::cluster::{self, OUTSIDE_V4, OUTSIDE_V6};
use crate::node::Node;
use crate::objects;
use crate::pod::Pod;
use crate::sweep::{ago, tables};
use crate::traffic::{PORT, Transport, from_namespace, serve, serve_at};
use crate::world::inside;

/// How many ports of the node there are for translated connections.
const PORTS: usize = 65_535 - 61_000 + 1;
/// From how many ports of its own somebody asks.
const ASKED_FROM: std::ops::Range<u16> = 20_000..25_200;
const OTHER_PORT: u16 = 8081;
const ENTRIES: u32 = 1 << 17;
const AT_ONCE: usize = 100;
/// Whose packet is dropped gets no more time.
const SOON: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than anything is remembered.
const LONG_AGO_S: u64 = 10_000;
/// Long enough for a port that nobody seems to need, and too short to be forgotten.
const SPENT_S: u64 = 5;
/// Who asks when all ports are taken by who does not need them.
const LATECOMERS: std::ops::Range<u16> = 26_000..26_100;
/// The states of TCP, and of UDP.
const IN_USE: [u8; 2] = [flow_state::ESTABLISHED, flow_state::LASTING];
const SPENT: [u8; 2] = [flow_state::RESET, flow_state::ESTABLISHED];

/// Who asks whom, with whose address.
#[derive(Clone, Copy, Debug)]
struct Way {
    what: &'static str,
    from: &'static str,
    to: [&'static str; 2],
    ports: [u16; 2],
}

const WAYS: [Way; 2] = [
    Way { what: "a pod and the outside", from: "b", to: [OUTSIDE_V4, OUTSIDE_V6], ports: [PORT, PORT] },
    Way {
        what: "the outside and a node port with its backend elsewhere",
        from: "outside",
        to: ["192.168.42.11", "fd00:42::11"],
        ports: [30080, 30081],
    },
];

/// One pool of ports: those of a family and a protocol, towards one peer.
const POOLS: [(bool, Transport); 4] = [(true, Transport::Tcp), (true, Transport::Udp), (false, Transport::Tcp), (false, Transport::Udp)];

impl Way {
    fn to(self, is_v4: bool, transport: Transport) -> SocketAddr {
        let address: IpAddr = self.to[usize::from(!is_v4)].parse().unwrap();
        SocketAddr::new(address, self.ports[usize::from(transport == Transport::Udp)])
    }

    /// Who sees the node's port.
    fn peer(self, is_v4: bool, backend: &Pod) -> SocketAddr {
        if self.from == "outside" { SocketAddr::new(backend.address(is_v4), PORT) } else { self.to(is_v4, Transport::Udp) }
    }
}

pub(crate) fn run() {
    let mut nodes = cluster::make("ports");
    for node in &mut nodes {
        node.configure_with(&format!("conntrack: {{entries: {ENTRIES}}}\n"));
        node.start();
    }
    let [first, second] = &nodes;
    let pods = [Pod::make(first, "b"), Pod::make(second, "c")];
    ["c", "outside"].into_iter().for_each(serve);
    serve_at("outside", SocketAddr::from(([0; 16], OTHER_PORT)));
    objects::put(&first.objects, "web.yaml", &objects::service(&[(&pods[1], "node2")]));
    nodes.iter().for_each(|node| node.wait_for("the service", "services", |services| services.as_array().unwrap().len() > 10));
    let mut tables = tables(first, ENTRIES);
    for way in WAYS {
        taken(first, way, &pods[1], &mut tables);
    }
    drop(nodes);
    cluster::unmake(&["b", "c"]);
}

fn taken(node: &Node, way: Way, backend: &Pod, tables: &mut KeptTables) {
    let (told, before) = (listen(node), dropped(node));
    let begun = Instant::now();
    for (is_v4, transport) in POOLS {
        let mut held = 0;
        ichor_tests::until(&format!("{way:?} {transport:?}"), PATIENCE, || {
            ask(way, is_v4, transport, ASKED_FROM);
            put_all_as(tables, IN_USE, 0);
            held = ports_held(tables, way.peer(is_v4, backend), transport);
            held >= PORTS * 9 / 10
        });
        println!("{}, {transport:?} {}: {held} of {PORTS} ports are taken", way.what, if is_v4 { "v4" } else { "v6" });
        assert!(held <= PORTS);
    }
    // Every one that was not served is counted, and somebody who listens is told of some.
    let counted = dropped(node) - before;
    assert!(counted > 0);
    for (is_v4, _) in &POOLS[1..3] {
        let is_it = |row: &Json| row["destination"]["address"].as_str().unwrap().parse::<IpAddr>().unwrap().is_ipv4() == *is_v4;
        let deadline = Instant::now() + PATIENCE;
        while !is_it(&told.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap()) {}
    }
    println!("{counted} drops are counted as no-port, and told; {:?}", begun.elapsed());
    others(way);
    for (is_v4, transport) in POOLS {
        put_all_as(tables, SPENT, SPENT_S);
        let unanswered = ask(way, is_v4, transport, LATECOMERS);
        let held = ports_held(tables, way.peer(is_v4, backend), transport);
        assert!(
            unanswered == 0 && held >= PORTS * 9 / 10,
            "{way:?}, {transport:?}: {unanswered} of {LATECOMERS:?} have no port, {held} are held"
        );
    }
    println!("what seems to need its port no more gives way");

    put_all_as(tables, SPENT, LONG_AGO_S);
    node.wait_for("the end of what was silent", "tables", |tables| {
        tables.as_array().unwrap().iter().all(|row| row["entries"].as_u64() < Some(1000))
    });
    for (is_v4, transport) in POOLS {
        for _ in 0..10 {
            from_namespace(way.from, transport, way.to(is_v4, transport)).unwrap_or_else(|error| panic!("{way:?} {transport:?}: {error}"));
        }
    }
    println!("what has ended has given its ports back");
}

/// Who asks somebody else finds a port.
fn others(way: Way) {
    for (is_v4, transport) in POOLS {
        let other: IpAddr = if is_v4 { OUTSIDE_V4 } else { OUTSIDE_V6 }.parse().unwrap();
        let seen = from_namespace("b", transport, SocketAddr::new(other, OTHER_PORT));
        assert_eq!(seen.as_ref().map(|seen| seen.server.as_str()), Ok("outside"), "beside {way:?}, {transport:?}");
    }
}

/// Asks once from each of many ports, some of them at once; gives how many were not answered.
fn ask(way: Way, is_v4: bool, transport: Transport, from: std::ops::Range<u16>) -> usize {
    let (to, ports) = (way.to(is_v4, transport), from.collect::<Vec<_>>());
    inside(way.from, || {
        let of_some = |ports: &[u16]| {
            let sockets: Vec<_> = ports.iter().map(|port| asks(*port, to, transport)).collect();
            await_answers(&sockets, transport)
        };
        ports.chunks(AT_ONCE).map(of_some).sum()
    })
}

fn asks(port: u16, to: SocketAddr, transport: Transport) -> OwnedFd {
    let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let kind = if transport == Transport::Tcp { SockType::Stream } else { SockType::Datagram };
    let socket = socket(family, kind, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC, None).unwrap();
    // A socket of IPv6 has its port in both families.
    let own = if to.is_ipv4() { SocketAddr::from(([0; 4], port)) } else { SocketAddr::from(([0; 16], port + 10_000)) };
    bind(socket.as_raw_fd(), &SockaddrStorage::from(own)).unwrap();
    match connect(socket.as_raw_fd(), &SockaddrStorage::from(to)) {
        Ok(()) => _ = write(&socket, b"port?").unwrap(),
        Err(error) => assert_eq!(error, Errno::EINPROGRESS),
    }
    // It ends with a reset, after which the port may be used again.
    setsockopt(&socket, sockopt::Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 }).unwrap();
    socket
}

/// Whose packet was dropped is not waited for; gives how many that are.
fn await_answers(sockets: &[OwnedFd], transport: Transport) -> usize {
    let wanted = if transport == Transport::Tcp { PollFlags::POLLOUT } else { PollFlags::POLLIN };
    let deadline = Instant::now() + SOON;
    loop {
        let mut all: Vec<_> = sockets.iter().map(|socket| PollFd::new(socket.as_fd(), wanted)).collect();
        poll(&mut all, PollTimeout::ZERO).unwrap();
        let unanswered = all.iter().filter(|one| one.any() != Some(true)).count();
        if unanswered == 0 || Instant::now() >= deadline {
            return unanswered;
        }
        std::thread::yield_now();
    }
}

/// How many ports of the node are used towards this peer.
fn ports_held(tables: &mut KeptTables, peer: SocketAddr, transport: Transport) -> usize {
    fn count<A: Octets + PartialEq>(rows: &[(FlowKey<A>, Flow<A>)], address: A, port: u16, number: u8) -> usize {
        let is_it = |key: &FlowKey<A>| key.protocol == number && key.tuple.source == address && key.tuple.source_port == port.to_be();
        rows.iter()
            .filter(|(key, flow)| is_it(key) && flow.flags & flow_flag::REPLY != 0 && flow.flags & flow_flag::DESTINATION != 0)
            .count()
    }
    let (address, number) = (Addr::from(peer.ip()), if transport == Transport::Tcp { proto::TCP } else { proto::UDP });
    if peer.is_ipv4() {
        count(&tables.flows_v4().unwrap().entries().unwrap(), address.v4(), peer.port(), number)
    } else {
        count(&tables.flows_v6().unwrap().entries().unwrap(), address.0, peer.port(), number)
    }
}

fn dropped(node: &Node) -> u64 {
    let counters = node.get("counters");
    let rows = counters.as_array().unwrap().iter().filter(|row| row["reason"] == "no-port");
    rows.map(|row| row["packets"].as_u64().unwrap()).sum()
}

/// What is told of drops for want of a port.
fn listen(node: &Node) -> Receiver<Json> {
    let mut connection = UnixStream::connect(node.socket()).unwrap();
    connection.write_all(b"{\"inspect\":\"events\",\"filter\":{\"kind\":\"drop\",\"reasons\":[\"no-port\"]}}\n").unwrap();
    let mut lines = BufReader::new(connection).lines().map_while(Result::ok);
    assert!(lines.next().unwrap().contains("listening"));
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut rows = lines.filter_map(|line| serde_json::from_str::<Json>(&line).unwrap().get("row").cloned());
        while rows.next().is_some_and(|row| sender.send(row).is_ok()) {}
    });
    receiver
}

/// Has everything that is remembered be in this state, and silent for so long.
fn put_all_as(tables: &mut KeptTables, [tcp, udp]: [u8; 2], idle_s: u64) {
    fn put<A: Octets>(mut table: Table<'_, FlowKey<A>, Flow<A>>, changed: impl Fn(u8, u8) -> (u8, u32)) {
        let mut rows = table.entries().unwrap();
        for (key, flow) in &mut rows {
            (flow.state, flow.seen) = changed(key.protocol, flow.state);
        }
        table.put_all(&rows).unwrap();
    }
    let changed = |protocol, state| match protocol {
        proto::TCP => (tcp, ago(idle_s)),
        proto::UDP => (udp, ago(idle_s)),
        _ => (state, ago(idle_s)),
    };
    put(tables.flows_v4().unwrap(), changed);
    put(tables.flows_v6().unwrap(), changed);
}
