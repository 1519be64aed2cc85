//! What a pod may send is what its annotation says, wherever it sends to.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use crate::cluster::{self, OUTSIDE_V4, OUTSIDE_V6};
use crate::node::Node;
use crate::objects;
use crate::pod::Pod;
use crate::traffic::Transport;
use crate::world::inside;

const FOR: Duration = Duration::from_millis(1200);
const SILENCE: Duration = Duration::from_millis(400);
const SINK: u16 = 9999;
/// In the tenth part of a percent; headers, which are counted too, are one in twenty of what is sent.
const TOLERANCE: u64 = 200;

pub(crate) fn run() {
    let [mut first, mut second] = cluster::make("bandwidth");
    first.start();
    second.start();
    let (a, b, c) = (Pod::make(&first, "a"), Pod::make(&first, "b"), Pod::make(&second, "c"));
    let outside = Pod { name: "outside".to_owned(), v4: OUTSIDE_V4.parse().unwrap(), v6: OUTSIDE_V6.parse().unwrap() };
    let places = [("a pod of the same node", &b), ("a pod of the other node", &c), ("the outside", &outside)];

    let free = measure(&places, &a);
    assert!(free.iter().all(|(_, rate)| *rate > 100_000_000), "without a limit: {free:#?}");

    annotate(&first, "egress-bandwidth: 20M");
    says(&first, 20_000_000);
    all_near(&measure(&places, &a), 20_000_000);

    // The pod goes on, and so does what is begun.
    let (rate, before, after) = changed_under_way(&first, &a, &c);
    println!("one connection, before and after the limit became {rate}: {before} and {after} bit/s");

    first.kill();
    all_near(&measure(&places[1..2], &a), 40_000_000);
    annotate(&first, "egress-bandwidth: 10M");
    first.start();
    says(&first, 10_000_000);
    all_near(&measure(&places[1..2], &a), 10_000_000);

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
    let free = measure(&places, &a);
    assert!(free.iter().all(|(_, rate)| *rate > 100_000_000), "without a limit again: {free:#?}");
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
        if bits_per_s == 0 { limit.is_null() } else { *limit == bits_per_s }
    });
}

fn switched_off(node: &mut Node, places: &[(&str, &Pod)], from: &Pod) {
    annotate(node, "egress-bandwidth: 10M");
    says(node, 10_000_000);
    node.stop();
    node.configure_with("bandwidthLimits: false\n");
    node.start();
    node.wait_for("a problem", "status", |status| status["problems"].to_string().contains("bandwidth_limits of cluster.yaml is false"));
    let free = measure(places, from);
    assert!(free.iter().all(|(_, rate)| *rate > 100_000_000), "with limits switched off: {free:#?}");
}

fn all_near(rates: &[(String, u64)], limit: u64) {
    for (what, rate) in rates {
        let off = rate.abs_diff(limit) * 1000 / limit;
        assert!(off <= TOLERANCE, "{what}: {rate} bit/s, and the limit is {limit}");
    }
}

/// Bits per second from a pod to each place, over both transports and families.
fn measure(places: &[(&str, &Pod)], from: &Pod) -> Vec<(String, u64)> {
    let mut rates = Vec::new();
    for (what, place) in places {
        for is_v4 in [true, false] {
            for transport in [Transport::Tcp, Transport::Udp] {
                let rate = rate(transport, from, place, place.address(is_v4));
                let what = format!("{transport:?} {} to {what}", if is_v4 { "v4" } else { "v6" });
                println!("  {what}: {:.1} Mbit/s", rate as f64 / 1e6);
                rates.push((what, rate));
            }
        }
    }
    rates
}

fn rate(transport: Transport, from: &Pod, place: &Pod, address: IpAddr) -> u64 {
    let to = SocketAddr::new(address, SINK);
    match transport {
        Transport::Tcp => {
            let listener = inside(&place.name, || TcpListener::bind(to).unwrap());
            let counts = std::thread::spawn(move || drain(listener.accept().unwrap().0));
            inside(&from.name, || pour(TcpStream::connect_timeout(&to, Duration::from_secs(3)).unwrap()));
            counts.join().unwrap()
        }
        Transport::Udp => {
            let socket = inside(&place.name, || UdpSocket::bind(to).unwrap());
            let counts = std::thread::spawn(move || count(&socket));
            inside(&from.name, || flood(to));
            counts.join().unwrap()
        }
    }
}

fn pour(mut connection: TcpStream) {
    let (begun, bytes) = (Instant::now(), [7; 32_768]);
    while begun.elapsed() < FOR {
        connection.write_all(&bytes).unwrap();
    }
}

/// As fast as the socket takes it.
fn flood(to: SocketAddr) {
    let any: IpAddr = if to.is_ipv4() { "0.0.0.0".parse().unwrap() } else { "::".parse().unwrap() };
    let socket = UdpSocket::bind((any, 0)).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < FOR {
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
fn changed_under_way(node: &Node, from: &Pod, to: &Pod) -> (u64, u64, u64) {
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
    let changes = std::thread::scope(|scope| {
        scope.spawn(move || {
            told.recv().unwrap();
            annotate(node, "egress-bandwidth: 40M");
            says(node, 40_000_000);
        });
        // The reader goes away when it has seen enough.
        while connection.write_all(&[7; 32_768]).is_ok() {}
        reads.join().unwrap()
    });
    let (before, after) = changes;
    all_near(&[("before".to_owned(), before)], 20_000_000);
    all_near(&[("after".to_owned(), after)], 40_000_000);
    (40_000_000, before, after)
}
