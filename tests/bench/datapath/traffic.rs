//! Requests and new connections from a pod to a service, at several numbers of services.

use std::net::SocketAddr;

use crate::figures::{Figures, at_least, head, number, progress};
use crate::inside::time;
use crate::node::Node;
use crate::objects::{PORT, Services, server_address};
use crate::place::Place;
use crate::world::{CLIENTS, NODES, World};
use crate::{iptables, nftables};

const SCALES: [u32; 3] = [10, 1000, 10_000];
const ROUNDS: usize = 7;
const SECONDS: &str = "0.5";
const LOADS: [(&str, &str, &str); 4] = [
    ("requests/s, one connection", "requests", "1"),
    ("requests/s, eight connections", "requests", "8"),
    ("connections/s, one at a time", "connections", "1"),
    ("connections/s, eight at a time", "connections", "8"),
];

/// The variants' places in their list.
const FLOOR: usize = 0;
const SOCKET: usize = 1;
const PACKET: usize = 2;
const NFTABLES: usize = 3;
const IPTABLES: usize = 4;

/// Everyone who is compared.
#[derive(Debug)]
struct Rivals<'p> {
    place: &'p Place,
    floor: World,
    nftables: World,
    iptables: World,
    ours: World,
    nodes: Vec<Node<'p>>,
}

/// Who is asked: the name, the world, the client, and whether it asks for the service.
type Variant<'r> = (&'static str, &'r World, &'static str, bool);

pub(crate) fn part(place: &Place) {
    progress("namespaces for the kernel alone, nftables, iptables and ichor");
    let rivals = Rivals::new(place);
    let mut all = Vec::new();
    for count in SCALES {
        let services = Services { count };
        rivals.fill(services);
        all.push(rivals.measure(services));
    }
    judge(&all);
}

impl<'p> Rivals<'p> {
    fn new(place: &'p Place) -> Self {
        let plain = |name: &str| {
            let mut world = World::new(name);
            world.lay_cables();
            world.serve(place);
            world
        };
        let (floor, nftables, iptables) = (plain("floor"), plain("nftables"), plain("iptables"));
        let mut ours = World::new("ours");
        let mut nodes = Node::all(place, &ours);
        for node in &mut nodes {
            node.start();
        }
        CLIENTS.iter().for_each(|pod| nodes[0].plugin("ADD", pod));
        World::servers().iter().for_each(|pod| nodes[1].plugin("ADD", pod));
        ours.serve(place);
        Self { place, floor, nftables, iptables, ours, nodes }
    }

    /// Gives all of them so many services.
    fn fill(&self, services: Services) {
        progress(&format!("{} services into the tables of each", services.count));
        services.write(&self.nodes[0].objects());
        let (nft, ipt) = (self.place.folder("rules").join("nft"), self.place.folder("rules").join("iptables"));
        nftables::whole(services, &nft);
        iptables::whole(services, &ipt);
        for node in NODES {
            let spot = |world: &World| self.place.spot(&world.named(node), "tools");
            time(&spot(&self.nftables), "nft", &["-f", nft.to_str().unwrap()]);
            time(&spot(&self.iptables), "iptables-restore", &[ipt.to_str().unwrap()]);
        }
        self.nodes.iter().for_each(|node| node.wait_for(services.count));
    }

    fn variants(&self) -> [Variant<'_>; 5] {
        [
            ("kernel floor", &self.floor, CLIENTS[0], false),
            ("ichor, socket", &self.ours, CLIENTS[0], true),
            ("ichor, per packet", &self.ours, CLIENTS[1], true),
            ("nftables", &self.nftables, CLIENTS[0], true),
            ("iptables", &self.iptables, CLIENTS[0], true),
        ]
    }

    /// What each gets, by load, variant and round.
    fn measure(&self, services: Services) -> Vec<Vec<Vec<f64>>> {
        let variants = self.variants();
        let mut samples = vec![vec![Vec::new(); variants.len()]; LOADS.len()];
        for round in 1..=ROUNDS {
            progress(&format!("{} services, round {round} of {ROUNDS}", services.count));
            for ((_, kind, connections), samples) in LOADS.iter().zip(&mut samples) {
                let load = [kind, connections, SECONDS];
                // Another one begins in each round.
                for turn in 0..variants.len() {
                    let which = (turn + round) % variants.len();
                    let (_, world, client, service) = variants[which];
                    let direct = SocketAddr::from((server_address(0), PORT));
                    let address = if service { services.frontend() } else { direct };
                    samples[which].push(world.ask(self.place, client, load, address));
                }
            }
        }
        for ((load, _, _), samples) in LOADS.iter().zip(&samples) {
            head(&format!("{load}, {} services, {ROUNDS} rounds in turns", services.count));
            for ((name, ..), of_variant) in variants.iter().zip(samples) {
                let times = ratio(&samples[SOCKET], of_variant);
                Figures::of(of_variant.iter().copied()).row(name, &format!("  ichor's socket LB is {} times", number(times)));
            }
        }
        samples
    }
}

/// By the median of the rounds' own ratios: what disturbs a round disturbs both.
fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    Figures::of(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs)).median()
}

/// Against the goals.
fn judge(all: &[Vec<Vec<Vec<f64>>>]) {
    println!("\ngoals of traffic, by the medians of the rounds' ratios");
    let (few, many) = (&all[0], &all[all.len() - 1]);
    for (load, (name, kind, _)) in LOADS.iter().enumerate() {
        let (few, many) = (&few[load], &many[load]);
        at_least(&format!("{name}: socket LB / nftables at 10k"), ratio(&many[SOCKET], &many[NFTABLES]), 1.15, "×");
        at_least(&format!("{name}: socket LB / nftables at 10"), ratio(&few[SOCKET], &few[NFTABLES]), 1.0, "×");
        if *kind == "connections" {
            at_least(&format!("{name}: socket LB / iptables at 10k"), ratio(&many[SOCKET], &many[IPTABLES]), 2.0, "×");
            let of_floor = [many, few].map(|samples| ratio(&samples[PACKET], &samples[FLOOR]));
            at_least(&format!("{name}: per-packet LB / floor at 10k"), of_floor[0], 0.9, "×");
            at_least(&format!("{name}: per-packet LB / floor, at 10k / at 10"), of_floor[0] / of_floor[1], 0.9, "×");
        }
    }
}
