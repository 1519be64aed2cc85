//! How long a connection that says nothing is remembered, by what it said before. Its rows are put into the past: nobody
//! waits two hours.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use ichor_datapath_loader::{KeptTables, Table};
use ichor_datapath_types::{Flow, FlowKey, Octets, flow_state};
use nix::sys::socket::{setsockopt, sockopt};

use crate::cluster::{OUTSIDE_V4, OUTSIDE_V6};
use crate::node::Node;
use crate::sweep::ago;
use crate::world::{inside, ip};

const PATIENCE: Duration = Duration::from_secs(20);
const PORT: u16 = 8088;
/// Whoever is asked there says nothing.
const SILENT: [&str; 2] = ["203.0.113.9", "2001:db8:9::9"];

/// What a connection is like, from which port of the pod, and how long it is remembered.
#[derive(Debug)]
struct Silent {
    what: &'static str,
    is_v4: bool,
    port: u16,
    states: [u8; 2],
    seconds: u64,
    /// What keeps it as it is.
    _sockets: (Option<TcpStream>, Option<TcpStream>, Option<UdpSocket>),
}

pub(crate) fn check(node: &Node, tables: &mut KeptTables, pod: &'static str) {
    ip(&format!("-n outside route add blackhole {}/32\n-n outside route add blackhole {}/128", SILENT[0], SILENT[1]));
    let all: Vec<_> = [true, false].into_iter().flat_map(|is_v4| begin(pod, is_v4)).collect();
    let mut in_tables = |idle_s: Option<fn(u64) -> u64>| -> Vec<usize> {
        let mut found = |silent: &Silent| {
            let seen = idle_s.map(|idle_s| ago(idle_s(silent.seconds)));
            match silent.is_v4 {
                true => rows(&mut tables.flows_v4().unwrap(), silent, seen),
                false => rows(&mut tables.flows_v6().unwrap(), silent, seen),
            }
        };
        all.iter().map(&mut found).collect()
    };
    let both = vec![2; all.len()];
    ichor_tests::until("the states", PATIENCE, || in_tables(None) == both);
    // Nearly over, and looked at: within five seconds, on a machine that has nothing else to do.
    assert_eq!(in_tables(Some(|seconds| seconds - 8)), both);
    let walks = || node.get("status")["lastWalk"]["walks"].as_u64().unwrap();
    let before = walks();
    ichor_tests::until("a walk", PATIENCE, || walks() > before);
    assert_eq!(in_tables(None), both, "{all:#?}");
    in_tables(Some(|seconds| seconds + 2));
    ichor_tests::until("their end", PATIENCE, || in_tables(None) == vec![0; all.len()]);
    for Silent { what, seconds, is_v4, .. } in &all {
        let family = if *is_v4 { 4 } else { 6 };
        println!("IPv{family}, {what}: there after {} s of silence, gone after {} s", seconds - 8, seconds + 2);
    }
}

/// Counts the rows of a connection in the states that it must have; and puts them into the past.
fn rows<A: Octets>(table: &mut Table<'_, FlowKey<A>, Flow<A>>, silent: &Silent, seen: Option<u32>) -> usize {
    let port = silent.port.to_be();
    let [begun, answer] = silent.states;
    let is_it = |key: &FlowKey<A>, flow: &Flow<A>| {
        (key.tuple.source_port == port && flow.state == begun) || (flow.becomes.destination_port == port && flow.state == answer)
    };
    let found: Vec<_> = table.entries().unwrap().into_iter().filter(|(key, flow)| is_it(key, flow)).collect();
    if let Some(seen) = seen {
        let past: Vec<_> = found.iter().map(|(key, flow)| (*key, Flow { seen, ..*flow })).collect();
        table.put_all(&past).unwrap();
    }
    found.len()
}

/// A connection of each kind, from a pod to the outside.
fn begin(pod: &'static str, is_v4: bool) -> Vec<Silent> {
    use flow_state::{CLOSING, ESTABLISHED, NEW, RESET};
    let address = |all: [&str; 2]| -> IpAddr { all[usize::from(!is_v4)].parse().unwrap() };
    let (to, silent) = (SocketAddr::new(address([OUTSIDE_V4, OUTSIDE_V6]), PORT), SocketAddr::new(address(SILENT), PORT));
    let listener = inside("outside", || TcpListener::bind((Ipv6Addr::UNSPECIFIED, PORT)).unwrap());
    let server = inside("outside", || UdpSocket::bind((Ipv6Addr::UNSPECIFIED, PORT)).unwrap());
    let connected = || {
        let client = inside(pod, || TcpStream::connect_timeout(&to, PATIENCE).unwrap());
        let mut server = listener.accept().unwrap().0;
        (&client).write_all(b"x").unwrap();
        server.read_exact(&mut [0]).unwrap();
        (client, server)
    };
    let of = |what, states, seconds, (client, server): (TcpStream, TcpStream)| {
        let port = client.local_addr().unwrap().port();
        Silent { what, is_v4: to.is_ipv4(), port, states, seconds, _sockets: (Some(client), Some(server), None) }
    };
    let open = of("TCP, open", [ESTABLISHED, ESTABLISHED], 8000, connected());
    let closed = connected();
    closed.0.shutdown(Shutdown::Write).unwrap();
    closed.1.shutdown(Shutdown::Write).unwrap();
    let closed = of("TCP, closed by both", [CLOSING, CLOSING], 10, closed);
    let half = connected();
    half.0.shutdown(Shutdown::Write).unwrap();
    let half = of("TCP, closed by one", [CLOSING, ESTABLISHED], 8000, half);
    let (client, reset) = connected();
    let port = client.local_addr().unwrap().port();
    setsockopt(&reset, sockopt::Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 }).unwrap();
    drop(reset);
    let reset = Silent { what: "TCP, reset", is_v4, port, states: [ESTABLISHED, RESET], seconds: 10, _sockets: (Some(client), None, None) };
    let [unanswered, answered] = [(silent, None), (to, Some(&server))].map(|(to, server)| datagrams(pod, to, 1, server));
    let again = datagrams(pod, to, 2, Some(&server));
    vec![open, closed, half, reset, half_open(pod, silent, [NEW, NEW]), unanswered, answered, again]
}

/// Somebody who never answers.
fn half_open(pod: &str, to: SocketAddr, states: [u8; 2]) -> Silent {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, socket};
    use std::os::fd::AsRawFd as _;
    let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let client = inside(pod, || {
        let client = socket(family, SockType::Stream, SockFlag::SOCK_NONBLOCK, None).unwrap();
        assert_eq!(connect(client.as_raw_fd(), &SockaddrStorage::from(to)), Err(nix::errno::Errno::EINPROGRESS));
        TcpStream::from(client)
    });
    let port = client.local_addr().unwrap().port();
    // It would ask again, and be remembered for longer.
    drop(client);
    Silent { what: "TCP, never answered", is_v4: to.is_ipv4(), port, states, seconds: 60, _sockets: (None, None, None) }
}

/// As many questions as that, each in another tick of the datapath's clock.
fn datagrams(pod: &str, to: SocketAddr, questions: usize, server: Option<&UdpSocket>) -> Silent {
    use flow_state::{ESTABLISHED, LASTING, NEW};
    let any: IpAddr = if to.is_ipv4() { "0.0.0.0" } else { "::" }.parse().unwrap();
    let client = inside(pod, || UdpSocket::bind((any, 0)).unwrap());
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..questions {
        client.send_to(b"x", to).unwrap();
        if let Some(server) = server {
            let (_, peer) = server.recv_from(&mut [0; 8]).unwrap();
            server.send_to(b"y", peer).unwrap();
            client.recv(&mut [0; 8]).unwrap();
        }
        let tick = ago(0);
        ichor_tests::until("the next tick", PATIENCE, || questions == 1 || ago(0) != tick);
    }
    let port = client.local_addr().unwrap().port();
    let (what, states, seconds) = match (server, questions) {
        (None, _) => ("UDP, never answered", [ESTABLISHED, NEW], 30),
        (_, 1) => ("UDP, answered", [ESTABLISHED, ESTABLISHED], 30),
        _ => ("UDP, asked and answered again", [LASTING, LASTING], 180),
    };
    Silent { what, is_v4: to.is_ipv4(), port, states, seconds, _sockets: (None, None, Some(client)) }
}
