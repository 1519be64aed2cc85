//! How long the tables take to follow: all services from nothing, and one endpoint that changes among many; and what the
//! agent costs with so many.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ichor_datapath_loader::Datapath;
use ichor_datapath_types::{Addr, ServiceKey, proto, scope};
use ichor_lab::{Spot, namespace};

use crate::figures::{Figures, at_most, head, progress};
use crate::inside::time;
use crate::node::Node;
use crate::objects::{Services, name};
use crate::place::Place;
use crate::world::World;
use crate::{footprint, iptables, nftables};

const SERVICES: Services = Services { count: 10_000 };
const ROUNDS: usize = 3;
const CHANGES: u32 = 15;
/// Of the agent's start, as it tells them: filling the tables is what the peers' programs do.
const PHASES: [(&str, &str); 3] =
    [("objects", "  reading the objects"), ("tables", "  filling the tables"), ("programs", "  waiting for the programs")];

/// The peers' tables, each in a namespace of its own.
struct Peers {
    nft: Spot,
    iptables: Spot,
    rules: PathBuf,
}

pub(crate) fn part(place: &Place) {
    let peers = Peers::new(place);
    let world = World::new("tables");
    let mut node = Node::all(place, &world).remove(0);
    SERVICES.write(&node.objects());
    from_nothing(&mut node, &peers);
    one_change(&node, &peers);
    footprint::with_many(&node, SERVICES);
}

impl Peers {
    fn new(place: &Place) -> Self {
        for name in ["tables-nft", "tables-iptables"] {
            namespace::make(&Place::namespace(name), &[]).unwrap();
        }
        let spot = |name| place.spot(name, "tables-tools");
        let peers = Self { nft: spot("tables-nft"), iptables: spot("tables-iptables"), rules: place.folder("tables-rules") };
        nftables::whole(SERVICES, &peers.file("nft"));
        iptables::whole(SERVICES, &peers.file("iptables"));
        peers
    }

    fn file(&self, name: &str) -> PathBuf {
        self.rules.join(name)
    }

    fn nft(&self, file: &str) -> f64 {
        time(&self.nft, "nft", &["-f", self.file(file).to_str().unwrap()])
    }

    fn iptables_restore(&self, args: &[&str], file: &str) -> f64 {
        time(&self.iptables, "iptables-restore", &[args, &[self.file(file).to_str().unwrap()]].concat())
    }

    fn clear(&self) {
        time(&self.nft, "nft", &["flush", "ruleset"]);
        time(&self.iptables, "iptables", &["-t", "nat", "-F"]);
        time(&self.iptables, "iptables", &["-t", "nat", "-X"]);
    }
}

fn from_nothing(node: &mut Node<'_>, peers: &Peers) {
    let (mut ours, mut nft, mut ipt) = (Figures::default(), Figures::default(), Figures::default());
    let mut phases = PHASES.map(|_| Figures::default());
    for round in 1..=ROUNDS {
        progress(&format!("{} services from nothing, round {round} of {ROUNDS}", SERVICES.count));
        if round > 1 {
            node.forget();
            peers.clear();
        }
        ours.add(node.start().as_secs_f64() * 1000.0);
        let status = node.get("status");
        assert_eq!(status["frontends"], SERVICES.count);
        PHASES.iter().zip(&mut phases).for_each(|((phase, _), figures)| figures.add(status["start"][phase].as_f64().unwrap()));
        nft.add(peers.nft("nft"));
        ipt.add(peers.iptables_restore(&[], "iptables"));
    }
    head(&format!("{} services from nothing", SERVICES.count));
    ours.row("ichor, start of the agent to ready", "ms");
    PHASES.iter().zip(&phases).for_each(|((_, name), figures)| figures.row(name, "ms"));
    nft.row("nft -f", "ms");
    ipt.row("iptables-restore", "ms");
    println!("  nft takes {:.1} times as long, iptables {:.1} times", nft.median() / ours.median(), ipt.median() / ours.median());
    at_most("from read objects to full tables, median", phases[1].median(), 500.0, "ms");
    at_most("from the start of the agent to full tables, median", ours.median(), 500.0, "ms");
}

fn one_change(node: &Node<'_>, peers: &Peers) {
    progress("one endpoint changes, again and again");
    let mut tables = node.tables();
    let [mut ours, mut inside, mut nft, mut ipt] = [const { Vec::new() }; 4];
    let mut before = SERVICES.endpoints(1);
    for turn in 0..CHANGES {
        let (all, of_agent) = change(node, &mut tables, (turn * 97) % SERVICES.count, turn);
        ours.push(all);
        inside.push(of_agent);
        let after = SERVICES.moved(1, turn);
        nftables::change(SERVICES, 1, &before, &after, &peers.file("nft-change"));
        iptables::change(SERVICES, 1, &before, &after, &peers.file("iptables-change"));
        nft.push(peers.nft("nft-change"));
        ipt.push(peers.iptables_restore(&["--noflush"], "iptables-change"));
        before = after;
    }
    let [ours, inside, nft, ipt] = [ours, inside, nft, ipt].map(Figures::of);
    head(&format!("one endpoint changes, {} services", SERVICES.count));
    ours.row("ichor, rename to row in the table", "ms");
    inside.row("ichor, event to row, in the agent", "ms");
    nft.row("nft -f, one transaction", "ms");
    ipt.row("iptables-restore --noflush", "ms");
    let share = 100.0 * (1.0 - inside.median() / ours.median());
    println!("  {share:.0} % of ichor's time passes before the agent has read of the change");
    println!("  nft takes {:.0} times as long, iptables {:.0} times", nft.median() / ours.median(), ipt.median() / ours.median());
    at_most("one endpoint changes: from event to map, median", inside.median(), 1.0, "ms");
}

/// Milliseconds from the rename until another process reads the new row, and those of them that the agent tells.
fn change(node: &Node<'_>, tables: &mut Datapath, service: u32, turn: u32) -> (f64, f64) {
    let folder = node.objects();
    let key =
        ServiceKey { addr: Addr::from(SERVICES.cluster_ip(service)), port: 80_u16.to_be(), protocol: proto::TCP, scope: scope::CLUSTER };
    let row = tables.services().unwrap().get(&key).unwrap().unwrap();
    let new = SERVICES.prepare(&folder, service, &SERVICES.moved(service, turn));
    let start = Instant::now();
    fs::rename(&new, folder.join(name(service))).unwrap();
    let mut table = tables.services().unwrap();
    while table.get(&key).unwrap() == Some(row) {
        assert!(start.elapsed() < Duration::from_secs(10), "the change of service {service} does not arrive");
    }
    let all = start.elapsed().as_secs_f64() * 1000.0;
    (all, node.get("status")["lastChange"]["microseconds"].as_f64().unwrap() / 1000.0)
}
