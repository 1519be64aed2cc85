//! All ports towards one peer are taken: what finds none is dropped and told, others go on, and what ends gives its port back.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use ichor_datapath_loader::KeptTables;
use ichor_datapath_types::{Addr, Flow, FlowKey, Octets, flow_flag, proto};
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
/// Longer than UDP that was answered is remembered.
const LONG_AGO_S: u64 = 200;

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
    std::thread::scope(|scope| POOLS.map(|(is_v4, transport)| _ = scope.spawn(move || fill(way, is_v4, transport))));
    for (is_v4, transport) in POOLS {
        // What has ended while others began is asked again.
        let mut held = 0;
        ichor_tests::until(&format!("{way:?} {transport:?}"), PATIENCE, || {
            held = ports_held(tables, way.peer(is_v4, backend), transport);
            if held < PORTS * 9 / 10 {
                fill(way, is_v4, transport);
            }
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

    end(tables);
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

/// Asks once from each of many ports, some of them at once.
fn fill(way: Way, is_v4: bool, transport: Transport) {
    let (to, ports) = (way.to(is_v4, transport), ASKED_FROM.collect::<Vec<_>>());
    inside(way.from, || {
        for ports in ports.chunks(AT_ONCE) {
            let sockets: Vec<_> = ports.iter().map(|port| asks(*port, to, transport)).collect();
            await_answers(&sockets, transport);
        }
    });
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

/// Whose packet was dropped is not waited for.
fn await_answers(sockets: &[OwnedFd], transport: Transport) {
    let wanted = if transport == Transport::Tcp { PollFlags::POLLOUT } else { PollFlags::POLLIN };
    let deadline = Instant::now() + SOON;
    while Instant::now() < deadline {
        let mut all: Vec<_> = sockets.iter().map(|socket| PollFd::new(socket.as_fd(), wanted)).collect();
        poll(&mut all, PollTimeout::ZERO).unwrap();
        if all.iter().all(|one| one.any() == Some(true)) {
            return;
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

/// Puts everything that is remembered into the past.
fn end(tables: &mut KeptTables) {
    fn past<A>((key, flow): (FlowKey<A>, Flow<A>)) -> (FlowKey<A>, Flow<A>) {
        assert!([proto::TCP, proto::UDP].contains(&key.protocol) || key.protocol == proto::ICMP || key.protocol == proto::ICMP6);
        (key, Flow { seen: ago(LONG_AGO_S), ..flow })
    }
    let rows: Vec<_> = tables.flows_v4().unwrap().entries().unwrap().into_iter().map(past).collect();
    tables.flows_v4().unwrap().put_all(&rows).unwrap();
    let rows: Vec<_> = tables.flows_v6().unwrap().entries().unwrap().into_iter().map(past).collect();
    tables.flows_v6().unwrap().put_all(&rows).unwrap();
}
