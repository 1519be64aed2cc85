//! What a pod may send is what its annotation says, wherever it sends to.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::cluster::{self, OUTSIDE_V4, OUTSIDE_V6};
use crate::node::Node;
use crate::objects;
use crate::pod::Pod;
use crate::queues::tc;
use crate::traffic::Transport;
use crate::world::inside;

const FOR: Duration = Duration::from_millis(1200);
/// Long enough to see that there is no limit.
const FREE_FOR: Duration = Duration::from_millis(250);
const SILENCE: Duration = Duration::from_millis(400);
const SINK: u16 = 9999;
/// In the tenth part of a percent; headers, which are counted too, are one in twenty of what is sent.
const TOLERANCE: u64 = 200;
const TRIES: usize = 3;

pub(crate) fn run() {
    let [mut first, mut second] = cluster::make("bandwidth");
    first.start();
    second.start();
    let (a, b, c) = (Pod::make(&first, "a"), Pod::make(&first, "b"), Pod::make(&second, "c"));
    let outside = Pod { name: "outside".to_owned(), v4: OUTSIDE_V4.parse().unwrap(), v6: OUTSIDE_V6.parse().unwrap() };
    let node = Pod { name: "node1".to_owned(), v4: "192.168.42.11".parse().unwrap(), v6: "fd00:42::11".parse().unwrap() };
    let places = [("a pod of the same node", &b), ("a pod of the other node", &c), ("the outside", &outside)];

    not_limited("without a limit", &places, &a);

    queues(&first, |kind| kind != "fq");
    annotate(&first, "egress-bandwidth: 20M");
    says(&first, 20_000_000);
    let by_departures = means(&first);
    queues(&first, |kind| (kind == "fq") == by_departures);
    all_near(&places, &a, 20_000_000);
    // What does not wait begins with as much as may wait elsewhere.
    all_near_for(3 * FOR, &[("its own node", &node)], &a, 20_000_000);
    not_limited("beside a limited pod", &places[2..3], &b);
    if by_departures {
        another_queue(&first, &places[1..2], &a);
        // A pod that may change its own network may not change its limit.
        inside(&a.name, || tc("replace dev eth0 root pfifo"));
        all_near(&places[1..2], &a, 20_000_000);
        inside(&a.name, || tc("delete dev eth0 root"));
    }

    // The pod goes on, and so does what is begun.
    let both_near = (0..TRIES).any(|_| {
        annotate(&first, "egress-bandwidth: 20M");
        says(&first, 20_000_000);
        let (before, after) = changed_under_way(&first, &a, &c);
        println!("one connection, before and after the limit was doubled: {before} and {after} bit/s");
        is_near(before, 20_000_000) && is_near(after, 40_000_000)
    });
    assert!(both_near);

    first.kill();
    all_near(&places[1..2], &a, 40_000_000);
    annotate(&first, "egress-bandwidth: 10M");
    first.start();
    says(&first, 10_000_000);
    all_near(&places[1..2], &a, 10_000_000);

    annotate(&first, "egress-bandwidth: 10Mbit, kubernetes.io/ingress-bandwidth: 1M");
    for said in
        ["Pod default/a: the annotation kubernetes.io/egress-bandwidth is `10Mbit`", "kubernetes.io/ingress-bandwidth has no effect"]
    {
        first.wait_for("a problem", "status", |status| status["problems"].to_string().contains(said));
    }
    says(&first, 0);
    annotate(&first, "egress-bandwidth: 10M");
    says(&first, 10_000_000);
    objects::put(&first.objects, "pods.yaml", "");
    says(&first, 0);
    queues(&first, |kind| kind != "fq");
    not_limited("without a limit again", &places, &a);
    switched_off(&mut first, &places[..1], &a);
    drop((first, second));
    cluster::unmake(&["a", "b", "c"]);
}

fn annotate(node: &Node, annotation: &str) {
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a, namespace: default, annotations: {{kubernetes.io/{annotation}}}}}\n\
         spec: {{nodeName: node1}}\n"
    );
    objects::put(&node.objects, "pods.yaml", &text);
}

/// Waits until the agent names this limit for the pod.
fn says(node: &Node, bits_per_s: u64) {
    node.wait_for("the limit", "endpoints", |endpoints| {
        let of_a = endpoints.as_array().unwrap().iter().find(|endpoint| endpoint["pod"] == "a").unwrap();
        let limit = &of_a["egress_bits_per_s"];
        let means = &of_a["egress_limited_by"];
        if bits_per_s == 0 { limit.is_null() && means.is_null() } else { *limit == bits_per_s && means.is_string() }
    });
}

/// Whether limits are kept by times to leave; `cargo xtask test --full kernels` looks for this line.
fn means(node: &Node) -> bool {
    node.wait_for("a way to keep limits", "status", |status| status["egressLimits"].is_string());
    let status = node.get("status");
    let (means, because) = (status["egressLimits"].as_str().unwrap(), &status["egressLimitsBecause"]);
    println!("limits are kept by {means}");
    match means {
        "departure times" => assert!(because.is_null()),
        "token buckets" => assert_eq!(*because, "the kernel has no queue `fq`"),
        other => panic!("limits are kept by {other}"),
    }
    means == "departure times"
}

/// Waits until each of the node's interfaces has such a queue.
fn queues(node: &Node, is_right: impl Fn(&str) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let links = Command::new("ip").args(["-n", &node.name, "-o", "link"]).output().unwrap();
        let links = String::from_utf8(links.stdout).unwrap();
        let kind = |line: &str| line.split_once(" qdisc ").unwrap().1.split_whitespace().next().unwrap().to_owned();
        if links.lines().filter(|line| !line.contains(" lo: ")).all(|line| is_right(&kind(line))) {
            return;
        }
        assert!(Instant::now() < deadline, "other queues:\n{links}");
        std::thread::yield_now();
    }
}

/// What somebody has chosen for the uplink is left alone, and the limit holds.
fn another_queue(node: &Node, places: &[(&str, &Pod)], from: &Pod) {
    inside(&node.name, || tc("replace dev eth0 root handle 1: pfifo"));
    node.wait_for("the other way", "status", |status| {
        status["egressLimitsBecause"] == "the interface eth0 has another queue, `pfifo`, which somebody has chosen"
    });
    all_near(places, from, 20_000_000);
    inside(&node.name, || tc("delete dev eth0 root"));
    node.wait_for("the first way again", "status", |status| status["egressLimits"] == "departure times");
    all_near(places, from, 20_000_000);
}

fn switched_off(node: &mut Node, places: &[(&str, &Pod)], from: &Pod) {
    annotate(node, "egress-bandwidth: 10M");
    says(node, 10_000_000);
    node.stop();
    node.configure_with("bandwidthLimits: false\n");
    node.start();
    node.wait_for("a problem", "status", |status| status["problems"].to_string().contains("bandwidth_limits of cluster.yaml is false"));
    not_limited("with limits switched off", places, from);
}

fn not_limited(when: &str, places: &[(&str, &Pod)], from: &Pod) {
    for cell in cells(places) {
        let rate = measure(&cell, from, FREE_FOR);
        assert!(rate > 50_000_000, "{when}: {}: {rate} bit/s", cell.what);
    }
}

/// From a pod to each place, over both transports and families.
fn all_near(places: &[(&str, &Pod)], from: &Pod, limit: u64) {
    all_near_for(FOR, places, from, limit);
}

fn all_near_for(time: Duration, places: &[(&str, &Pod)], from: &Pod, limit: u64) {
    for cell in cells(places) {
        // A machine that has much else to do sends less at times, but never more.
        let near = (0..TRIES).map(|_| measure(&cell, from, time)).find(|rate| is_near(*rate, limit) || *rate > limit);
        assert!(near.is_some_and(|rate| is_near(rate, limit)), "{}: {near:?} bit/s, and the limit is {limit}", cell.what);
    }
}

fn is_near(rate: u64, limit: u64) -> bool {
    rate.abs_diff(limit) * 1000 / limit <= TOLERANCE
}

struct Cell<'p> {
    what: String,
    place: &'p Pod,
    transport: Transport,
    address: IpAddr,
}

fn cells<'p>(places: &[(&str, &'p Pod)]) -> Vec<Cell<'p>> {
    let mut cells = Vec::new();
    for (to, place) in places {
        for (family, is_v4) in [("v4", true), ("v6", false)] {
            for transport in [Transport::Tcp, Transport::Udp] {
                cells.push(Cell { what: format!("{transport:?} {family} to {to}"), place, transport, address: place.address(is_v4) });
            }
        }
    }
    cells
}

fn measure(cell: &Cell<'_>, from: &Pod, time: Duration) -> u64 {
    let rate = rate(cell, from, time);
    println!("  {}: {:.1} Mbit/s", cell.what, rate as f64 / 1e6);
    rate
}

/// In bits per second.
fn rate(cell: &Cell<'_>, from: &Pod, time: Duration) -> u64 {
    let place = cell.place;
    let to = SocketAddr::new(cell.address, SINK);
    match cell.transport {
        Transport::Tcp => {
            let listener = inside(&place.name, || TcpListener::bind(to).unwrap());
            let counts = std::thread::spawn(move || drain(listener.accept().unwrap().0));
            inside(&from.name, || pour(TcpStream::connect_timeout(&to, Duration::from_secs(3)).unwrap(), time));
            counts.join().unwrap()
        }
        Transport::Udp => {
            let socket = inside(&place.name, || UdpSocket::bind(to).unwrap());
            let counts = std::thread::spawn(move || count(&socket));
            inside(&from.name, || flood(to, time));
            counts.join().unwrap()
        }
    }
}

fn pour(mut connection: TcpStream, time: Duration) {
    let (begun, bytes) = (Instant::now(), [7; 32_768]);
    while begun.elapsed() < time {
        connection.write_all(&bytes).unwrap();
    }
}

/// As fast as the socket takes it.
fn flood(to: SocketAddr, time: Duration) {
    let any: IpAddr = if to.is_ipv4() { "0.0.0.0".parse().unwrap() } else { "::".parse().unwrap() };
    let socket = UdpSocket::bind((any, 0)).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < time {
        socket.send_to(&[7; 1400], to).unwrap();
    }
}

fn per_second(bytes: usize, time: Duration) -> u64 {
    (bytes as u128 * 8_000_000 / time.as_micros().max(1)) as u64
}

fn drain(mut connection: TcpStream) -> u64 {
    let (begun, mut all, mut buffer) = (Instant::now(), 0, vec![0; 65536]);
    loop {
        match connection.read(&mut buffer).unwrap() {
            0 => return per_second(all, begun.elapsed()),
            length => all += length,
        }
    }
}

/// From the first datagram to the last.
fn count(socket: &UdpSocket) -> u64 {
    let mut buffer = [0; 2048];
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut all = socket.recv(&mut buffer).unwrap();
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    let begun = Instant::now();
    let mut last = begun;
    while let Ok(length) = socket.recv(&mut buffer) {
        all += length;
        last = Instant::now();
    }
    per_second(all, last - begun)
}

/// A connection whose limit is doubled half-way.
fn changed_under_way(node: &Node, from: &Pod, to: &Pod) -> (u64, u64) {
    let address = SocketAddr::new(to.v4, SINK);
    let listener = inside(&to.name, || TcpListener::bind(address).unwrap());
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let reads = std::thread::spawn(move || {
        let mut connection = listener.accept().unwrap().0;
        let mut part = |until: &dyn Fn(Duration) -> bool| {
            let (begun, mut all, mut buffer) = (Instant::now(), 0, vec![0; 65536]);
            while !until(begun.elapsed()) {
                all += connection.read(&mut buffer).unwrap();
            }
            per_second(all, begun.elapsed())
        };
        let before = part(&|passed| passed > FOR);
        tell.send(()).unwrap();
        // Until the agent has set it, and what waited before is through.
        part(&|passed| passed > FOR);
        (before, part(&|passed| passed > FOR))
    });
    let mut connection = inside(&from.name, || TcpStream::connect_timeout(&address, Duration::from_secs(3)).unwrap());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            told.recv().unwrap();
            annotate(node, "egress-bandwidth: 40M");
            says(node, 40_000_000);
        });
        // The reader goes away when it has seen enough.
        while connection.write_all(&[7; 32_768]).is_ok() {}
        reads.join().unwrap()
    })
}
