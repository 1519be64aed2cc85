//! Every path, with the kinds of load balancing that the configuration knows.

use std::net::{IpAddr, SocketAddr};

use crate::cluster::{self, OUTSIDE_V4, OUTSIDE_V6};
use crate::node::Node;
use crate::objects;
use crate::pod::Pod;
use crate::traffic::{PORT, Seen, Transport, from_cgroup, from_namespace, serve};

/// What was tried and what failed.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    done: usize,
    failed: Vec<String>,
}

impl Tally {
    fn check(&mut self, what: &str, outcome: Result<Seen, String>, is_right: impl Fn(&Seen) -> bool) {
        self.done += 1;
        match outcome {
            Ok(seen) if is_right(&seen) => {}
            Ok(seen) => self.failed.push(format!("{what}: {} answered, and saw {}", seen.server, seen.client)),
            Err(error) => self.failed.push(format!("{what}: {error}")),
        }
    }

    pub(crate) fn print(&self, what: &str) {
        println!("{what}: {} connections checked, {} failed", self.done, self.failed.len());
        self.failed.iter().for_each(|failed| println!("  FAILED {failed}"));
    }
}

/// Connections to something with two backends: in one run of some hundred thousand, chance takes one of them each time.
const EACH: usize = 24;

pub(crate) fn run() {
    let mut nodes = cluster::make("paths");
    let times = nodes.each_mut().map(Node::start);
    println!("ready in {times:?}");
    let [first, second] = &nodes;
    let pods = [Pod::make(first, "a"), Pod::make(first, "b"), Pod::make(second, "c"), Pod::make(second, "d")];
    ["a", "b", "c", "d", "node1", "node2", "outside"].into_iter().for_each(serve);
    let [a, _, c, _] = &pods;
    objects::put(&first.objects, "web.yaml", &objects::service(&[(a, "node1"), (c, "node2")]));
    let (mut failed, mut drivers) = (0, None);
    for (mode, acceleration) in
        [("snat", "disabled"), ("dsr", "disabled"), ("snat", "native"), ("dsr", "best-effort"), ("hybrid", "generic")]
    {
        for node in &mut nodes {
            node.stop();
            node.configure(mode, acceleration);
            node.start();
            node.wait_for("the service", "services", |services| services.as_array().unwrap().len() > 10);
        }
        if acceleration != "disabled" && drivers.is_none() {
            drivers = Some(cluster::answer_drivers());
        }
        let mut tally = Tally::default();
        for is_v4 in [true, false] {
            for transport in [Transport::Tcp, Transport::Udp] {
                inside_cluster(&mut tally, &nodes, &pods, is_v4, transport);
                from_outside(&mut tally, &pods, is_v4, transport, mode);
            }
        }
        tally.print(&format!("loadBalancer {mode}, acceleration {acceleration}"));
        failed += tally.failed.len();
    }
    let [first, second] = &nodes;
    println!("counters of node1: {}", first.get("counters"));
    println!("counters of node2: {}", second.get("counters"));
    udp_follows_its_backend(first, &pods);
    assert_eq!(failed, 0, "paths that do not work");
    drop(nodes);
    cluster::unmake(&["a", "b", "c", "d"]);
}

fn of<'a>(is_v4: bool, v4: &'a str, v6: &'a str) -> IpAddr {
    if is_v4 { v4.parse().unwrap() } else { v6.parse().unwrap() }
}

fn inside_cluster(tally: &mut Tally, nodes: &[Node; 2], pods: &[Pod; 4], is_v4: bool, transport: Transport) {
    let [a, b, c, d] = pods;
    let name = |what: &str| format!("{transport:?} {} {what}", if is_v4 { "v4" } else { "v6" });
    let to = |pod: &Pod| SocketAddr::new(pod.address(is_v4), PORT);
    // Pods see each other's own addresses, on the same node and on the other.
    for (client, server) in [(b, a), (b, c), (d, a), (d, c)] {
        let outcome = from_namespace(&client.name, transport, to(server));
        let right = |seen: &Seen| seen.server == server.name && seen.client == client.address(is_v4);
        tally.check(&name(&format!("pod {} to pod {}", client.name, server.name)), outcome, right);
    }
    // The node and its pods, and pods of the other node.
    for (client, server) in [("node1", a), ("node1", c), ("node2", a)] {
        tally.check(&name(&format!("{client} to pod {}", server.name)), from_namespace(client, transport, to(server)), |seen| {
            seen.server == server.name
        });
    }
    for (client, server, v4, v6) in [(a, "node1", "192.168.42.11", "fd00:42::11"), (a, "node2", "192.168.42.12", "fd00:42::12")] {
        let to = SocketAddr::new(of(is_v4, v4, v6), PORT);
        let right = |seen: &Seen| seen.server == server && seen.client == client.address(is_v4);
        tally.check(&name(&format!("pod to {server}")), from_namespace(&client.name, transport, to), right);
    }
    // The outside sees the node instead of the pod.
    let outside = SocketAddr::new(of(is_v4, OUTSIDE_V4, OUTSIDE_V6), PORT);
    let node = of(is_v4, "192.168.42.11", "fd00:42::11");
    tally.check(&name("pod to outside, masqueraded"), from_namespace("a", transport, outside), |seen| {
        seen.server == "outside" && seen.client == node
    });
    // A service from pods, by packets and by sockets; and from the node, by sockets.
    let cluster_ip = SocketAddr::new(of(is_v4, "10.43.0.10", "fd00:10:43::10"), 80);
    let node_port = SocketAddr::new(of(is_v4, "192.168.42.11", "fd00:42::11"), if transport == Transport::Tcp { 30080 } else { 30081 });
    let answered = |seen: &Seen| ["a", "c"].contains(&seen.server.as_str());
    let cgroup = &nodes[0].cgroup.0;
    // Random or not, some of so many meet each backend, and one of them is the client itself.
    for _ in 0..8 {
        for client in ["b", "a"] {
            tally.check(&name(&format!("pod {client} to ClusterIP by packets")), from_namespace(client, transport, cluster_ip), answered);
            tally.check(
                &name(&format!("pod {client} to ClusterIP by sockets")),
                from_cgroup(client, cgroup, transport, cluster_ip),
                answered,
            );
        }
    }
    for _ in 0..3 {
        tally.check(&name("node to ClusterIP by sockets"), from_cgroup("node1", cgroup, transport, cluster_ip), answered);
        tally.check(&name("pod to NodePort by packets"), from_namespace("b", transport, node_port), answered);
        tally.check(&name("pod to NodePort by sockets"), from_cgroup("b", cgroup, transport, node_port), answered);
    }
}

fn from_outside(tally: &mut Tally, pods: &[Pod; 4], is_v4: bool, transport: Transport, mode: &str) {
    let port = if transport == Transport::Tcp { 30080 } else { 30081 };
    let client = of(is_v4, OUTSIDE_V4, OUTSIDE_V6);
    let node = of(is_v4, "192.168.42.11", "fd00:42::11");
    let is_direct = mode == "dsr" || (mode == "hybrid" && transport == Transport::Tcp);
    let targets = [
        ("NodePort", SocketAddr::new(node, port)),
        ("LB IP", SocketAddr::new(of(is_v4, "10.50.0.1", "fd00:50::1"), 80)),
        ("external IP", SocketAddr::new(of(is_v4, "10.51.0.1", "fd00:51::1"), 80)),
    ];
    let [a, _, c, _] = pods;
    for (kind, target) in targets {
        let mut met = std::collections::BTreeSet::new();
        for _ in 0..EACH {
            let what = format!("{transport:?} {} outside to {kind}", if is_v4 { "v4" } else { "v6" });
            let outcome = from_namespace("outside", transport, target);
            met.extend(outcome.as_ref().ok().map(|seen| seen.server.clone()));
            // The node that has the backend itself hides nobody; for the other one, answers must come back through it.
            let right = |seen: &Seen| {
                (seen.server == a.name && seen.client == client)
                    || (seen.server == c.name && seen.client == if is_direct { client } else { node })
            };
            tally.check(&what, outcome, right);
        }
        if met.len() < 2 {
            tally.failed.push(format!("{kind} {target}: {EACH} connections met {met:?} only"));
        }
    }
}

/// A UDP client that keeps its port gets another backend when its own one goes.
fn udp_follows_its_backend(node: &Node, pods: &[Pod; 4]) {
    let [a, _, c, _] = pods;
    let count = |services: &serde_json::Value| {
        let web = services.as_array().unwrap().iter().find(|row| row["address"] == "10.43.0.10" && row["protocol"] == "UDP");
        web.map_or(0, |row| row["backends"].as_array().unwrap().len())
    };
    objects::put(&node.objects, "web.yaml", &objects::service(&[(c, "node2")]));
    node.wait_for("one backend", "services", |services| count(services) == 1);
    crate::world::inside("b", || {
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_secs(3))).unwrap();
        let ask = || {
            socket.send_to(b"x", "10.43.0.10:80").unwrap();
            let mut buffer = [0; 100];
            let length = socket.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..1.min(length)]).into_owned()
        };
        assert_eq!(ask(), "c");
        objects::put(&node.objects, "web.yaml", &objects::service(&[(a, "node1")]));
        node.wait_for("another backend", "frontends", |frontends| !frontends.to_string().contains(&c.v4.to_string()));
        // What is remembered of those that are gone is cut beside the agent's own work.
        ichor_tests::until("the other backend", std::time::Duration::from_secs(10), || ask() == "a");
    });
    println!("a UDP client that keeps its port follows the service to another backend");
}
