//! Two nodes on a switch, a pod that asks on the one and pods that answer on the other: the same shape for everyone.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use ichor_lab::namespace;

use crate::inside::{self, Server};
use crate::objects::{ENDPOINTS, PORT, server_address};
use crate::place::Place;

/// The pods that ask. The second one is for those whose processes are outside of the node's group: its packets meet a
/// service's address, and a port that it used must not be asked for by the first.
pub(crate) const CLIENTS: [&str; 2] = ["client", "outsider"];
pub(crate) const NODES: [&str; 2] = ["node1", "node2"];
const FORWARDS: [(&str, &str); 5] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv6/conf/all/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
];
const POD: [(&str, &str); 3] =
    [("net/ipv4/ip_local_port_range", "1024 65535"), ("net/ipv6/conf/all/accept_dad", "0"), ("net/ipv6/conf/default/accept_dad", "0")];

/// A cluster of two nodes.
#[derive(Debug)]
pub(crate) struct World {
    name: String,
    servers: Vec<Server>,
}

impl World {
    /// Switch and nodes, without pods.
    pub(crate) fn new(name: &str) -> Self {
        let world = Self { name: name.to_owned(), servers: Vec::new() };
        let make = |what: &str, settings: &[(&str, &str)]| namespace::make(&Place::namespace(&world.named(what)), settings).unwrap();
        make("lan", &FORWARDS);
        let mut lan = "link set lo up\nlink add lan type bridge stp_state 0 forward_delay 0 mcast_snooping 0\nlink set lan up\n".to_owned();
        for (node, number) in NODES.iter().zip(1..) {
            make(node, &FORWARDS);
            let namespace = Place::namespace(&world.named(node));
            let _ = writeln!(lan, "link add port{number} type veth peer name eth0 address 02:90:00:00:00:0{number} netns {namespace}");
            let _ = writeln!(lan, "link set port{number} master lan up");
        }
        world.batch("lan", &lan);
        for (node, number) in NODES.iter().zip(1..) {
            let lines = format!("link set lo up\nlink set eth0 up\naddress add 10.90.0.{number}/24 dev eth0\n");
            world.batch(node, &lines);
        }
        CLIENTS.iter().for_each(|pod| make(pod, &POD));
        Self::servers().iter().for_each(|pod| make(pod, &POD));
        world
    }

    /// The pods' cables and the nodes' routes, as the kernel does it without anybody's programs.
    pub(crate) fn lay_cables(&self) {
        let others = [(NODES[0], 2), (NODES[1], 1)];
        for (node, other) in others {
            self.batch(node, &format!("route add 10.91.{other}.0/24 via 10.90.0.{other}\n"));
        }
        for (pod, number) in CLIENTS.iter().zip(2..) {
            self.lay_cable(NODES[0], pod, number, Ipv4Addr::new(10, 91, 1, number));
        }
        for (pod, number) in Self::servers().iter().zip(0..) {
            self.lay_cable(NODES[1], pod, number, server_address(u32::from(number)));
        }
    }

    fn lay_cable(&self, node: &str, pod: &str, number: u8, address: Ipv4Addr) {
        self.batch(node, &cable(&Place::namespace(&self.named(pod)), number, address));
        self.batch(pod, &pod_side(number, address));
    }

    pub(crate) fn named(&self, what: &str) -> String {
        format!("{}-{what}", self.name)
    }

    /// The pods that answer.
    pub(crate) fn servers() -> Vec<String> {
        (1..=ENDPOINTS).map(|number| format!("server{number}")).collect()
    }

    pub(crate) fn serve(&mut self, place: &Place) {
        for pod in &Self::servers() {
            let spot = place.spot(&self.named(pod), &self.named("node2/pods"));
            self.servers.push(Server::start(inside::own(&spot, &["serve", &format!("0.0.0.0:{PORT}")])));
        }
    }

    /// What a client gets of an address in a second, by `kind`, `connections` and `seconds`.
    pub(crate) fn ask(&self, place: &Place, client: &str, load: [&str; 3], address: SocketAddr) -> f64 {
        let group = if client == CLIENTS[0] { "node1/pods" } else { "outside" };
        let spot = place.spot(&self.named(client), &self.named(group));
        let [kind, connections, seconds] = load;
        let words = ["ask", kind, connections, seconds, &address.to_string()];
        inside::answer(inside::own(&spot, &words)).parse().unwrap()
    }

    fn batch(&self, what: &str, lines: &str) {
        batch(&Place::namespace(&self.named(what)), lines);
    }
}

/// The node's half of a pod's cable.
pub(crate) fn cable(namespace: &str, number: u8, address: Ipv4Addr) -> String {
    format!(
        "link add pod{number} address 06:91:00:00:00:{number:02x} type veth peer name eth0 address 02:91:00:00:00:{number:02x} netns {namespace}\n\
         link set pod{number} up\n\
         neighbour replace {address} lladdr 02:91:00:00:00:{number:02x} dev pod{number} nud permanent\n\
         route add {address}/32 dev pod{number}\n"
    )
}

/// The pod's half.
pub(crate) fn pod_side(number: u8, address: Ipv4Addr) -> String {
    format!(
        "link set lo up\nlink set eth0 up\naddress add {address}/32 dev eth0\n\
         neighbour replace 169.254.0.1 lladdr 06:91:00:00:00:{number:02x} dev eth0 nud permanent\n\
         route add default via 169.254.0.1 dev eth0 onlink\n"
    )
}

/// Lets `ip` do all of it in a namespace.
pub(crate) fn batch(namespace: &str, lines: &str) {
    let mut ip = Command::new("ip").args(["-n", namespace, "-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    ip.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    assert!(ip.wait().unwrap().success(), "`ip` in {namespace} refuses: {lines}");
}
