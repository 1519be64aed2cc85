//! The same packets through the programs in the kernel, in a network namespace of their own.

use std::io::Write as _;
use std::process::{Command, Stdio};

use ichor_datapath_loader::{Datapath, Events, Measured, OBJECT, Probe, Sizes};
use ichor_datapath_types::{Affinity, AffinityKey, Backend, DropReason, Event, Fragment, FragmentKey, Hook, Watch};
use nix::sched::{CloneFlags, unshare};

use crate::cluster::Setting;
use crate::host::{Place, Verdict};
use crate::names::UPLINK;
use crate::world::{Entry, World, flows};

/// As much of the counters as a packet can change: packets and bytes of each hook and reason.
pub(crate) type Counts = Vec<((&'static str, &'static str), (u64, u64))>;

pub(crate) struct Kernel {
    datapath: Datapath,
    events: Events,
}

/// Interfaces, addresses, routes and neighbours, in the words of `ip -batch`.
const NETWORK: &str = "
link set lo up
link add uplink index 10 address 02:00:00:00:00:0b type veth peer name lan index 11
link add to-a index 21 address 02:00:00:02:00:15 type veth peer name eth-a index 31
link add to-b index 22 address 02:00:00:02:00:16 type veth peer name eth-b index 32
link set lan up
link set uplink up
link set eth-a up
link set eth-b up
link set to-a up
link set to-b up
address add 10.0.0.11/24 dev uplink
address add fd00:10::11/64 dev uplink nodad
address add 169.254.116.108/32 dev lo
address add fd00:fe::108/128 dev lo nodad
route add default via 10.0.0.1
route add default via fd00:10::1
route add 10.244.2.0/24 via 10.0.0.12
route add fd00:244:2::/64 via fd00:10::12
route add 10.244.1.5/32 dev to-a
route add 10.244.1.6/32 dev to-b
route add fd00:244:1::5/128 dev to-a
route add fd00:244:1::6/128 dev to-b
route add blackhole 198.18.0.0/15
route add blackhole 2001:db8:dead::/48
neighbour add 10.0.0.1 lladdr 02:00:00:00:00:01 dev uplink nud permanent
neighbour add 10.0.0.12 lladdr 02:00:00:00:00:0c dev uplink nud permanent
neighbour add fd00:10::1 lladdr 02:00:00:00:00:01 dev uplink nud permanent
neighbour add fd00:10::12 lladdr 02:00:00:00:00:0c dev uplink nud permanent
";

/// Brings this thread into a new network namespace, which vanishes with the thread.
pub(crate) fn enter() {
    assert!(nix::unistd::geteuid().is_root(), "this test loads programs into the kernel: run it as root (sudo -E cargo test)");
    unshare(CloneFlags::CLONE_NEWNET).unwrap_or_else(|error| panic!("no new network namespace (is CAP_SYS_ADMIN missing?): {error}"));
    for family in ["ipv4", "ipv6"] {
        for who in ["all", "default"] {
            let path = format!("/proc/sys/net/{family}/conf/{who}/forwarding");
            std::fs::write(&path, "1").unwrap_or_else(|error| panic!("{path}: {error}"));
        }
    }
    let mut ip = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("ip (of iproute2, which makes the test's network) does not start: {error}"));
    ip.stdin.take().unwrap().write_all(NETWORK.as_bytes()).unwrap();
    let output = ip.wait_with_output().unwrap();
    assert!(output.status.success(), "ip refuses the test's network: {}", String::from_utf8_lossy(&output.stderr));
}

/// The clock of the programs, in units of `Config::CLOCK_SHIFT`.
pub(crate) fn clock() -> u32 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC_COARSE).unwrap();
    let nanoseconds = u64::try_from(time.tv_sec()).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap();
    u32::try_from(nanoseconds >> ichor_datapath_types::Config::CLOCK_SHIFT).unwrap()
}

pub(crate) fn program(hook: Hook) -> &'static str {
    match hook {
        Hook::FromEndpoint => "from_endpoint",
        Hook::FromWire => "from_wire",
        Hook::ToEndpoint => "to_endpoint",
        Hook::ToWire => "to_wire",
        Hook::Xdp => "xdp_wire",
        _ => panic!("{hook:?} is not run here"),
    }
}

impl Kernel {
    pub(crate) fn load(setting: Setting) -> Self {
        let sizes = Sizes {
            services: 1 << 8,
            slots: 1 << 10,
            backends: 1 << 8,
            endpoints: 1 << 8,
            prefixes: 1 << 8,
            source_ranges: 1 << 8,
            flows_v4: 1 << 16,
            flows_v6: 1 << 16,
        };
        let mut datapath = Datapath::load(OBJECT, &setting.config(), &sizes).unwrap_or_else(|error| panic!("{error}"));
        // Only so does a veth tell XDP where a packet comes from.
        datapath.attach_xdp(UPLINK).unwrap_or_else(|error| panic!("{error}"));
        let mut events = datapath.take_events().unwrap_or_else(|error| panic!("{error}"));
        events.watch(&Watch { until: u32::MAX, drops: u32::MAX, new_flows: u32::MAX, pad: 0 }).unwrap_or_else(|error| panic!("{error}"));
        Self { datapath, events }
    }

    /// Writes the tables of a world, and nothing else is in them.
    pub(crate) fn fill(&mut self, world: &World) {
        let datapath = &mut self.datapath;
        for (key, value) in &world.services {
            datapath.services().unwrap().put(key, value).unwrap();
        }
        for (index, value) in &world.slots {
            datapath.slots().unwrap().set(*index, value).unwrap();
        }
        for (index, value) in &world.backends {
            datapath.backends().unwrap().set(*index, value).unwrap();
        }
        for (key, value) in &world.endpoints {
            datapath.endpoints().unwrap().put(key, value).unwrap();
        }
        for (interface, value) in &world.paces {
            datapath.paces().unwrap().put(interface, &value.get()).unwrap();
        }
        for ((bits, addr), value) in &world.prefixes {
            datapath.prefixes().unwrap().put(*bits, addr, value).unwrap();
        }
        for ((bits, id, addr), value) in &world.source_ranges {
            let [a, b, c, d] = addr.0;
            datapath.source_ranges().unwrap().put(32 + bits, &[*id, a, b, c, d], value).unwrap();
        }
        for (key, value) in &*world.affinities.borrow() {
            datapath.affinities().unwrap().put(key, value).unwrap();
        }
        self.put_flows(world);
    }

    pub(crate) fn put_flows(&mut self, world: &World) {
        for (key, value) in flows(&world.flows_v4) {
            self.datapath.flows_v4().unwrap().put(&key, &value).unwrap();
        }
        for (key, value) in flows(&world.flows_v6) {
            self.datapath.flows_v6().unwrap().put(&key, &value).unwrap();
        }
    }

    /// Removes what `fill` wrote, and what the programs did.
    pub(crate) fn clear(&mut self, world: &World) {
        let datapath = &mut self.datapath;
        for key in world.services.keys() {
            datapath.services().unwrap().remove(key).unwrap();
        }
        for index in world.slots.keys() {
            datapath.slots().unwrap().set(*index, &0).unwrap();
        }
        for index in world.backends.keys() {
            datapath.backends().unwrap().set(*index, &Backend::default()).unwrap();
        }
        for key in world.endpoints.keys() {
            datapath.endpoints().unwrap().remove(key).unwrap();
        }
        for interface in world.paces.keys() {
            datapath.paces().unwrap().remove(interface).unwrap();
        }
        for (bits, addr) in world.prefixes.keys() {
            datapath.prefixes().unwrap().remove(*bits, addr).unwrap();
        }
        for (bits, id, addr) in world.source_ranges.keys() {
            let [a, b, c, d] = addr.0;
            datapath.source_ranges().unwrap().remove(32 + bits, &[*id, a, b, c, d]).unwrap();
        }
        for (key, _) in datapath.affinities().unwrap().entries().unwrap() {
            datapath.affinities().unwrap().remove(&key).unwrap();
        }
        for (key, _) in datapath.fragments().unwrap().entries().unwrap() {
            datapath.fragments().unwrap().remove(&key).unwrap();
        }
        for (key, _) in datapath.flows_v4().unwrap().entries().unwrap() {
            datapath.flows_v4().unwrap().remove(&key).unwrap();
        }
        for (key, _) in datapath.flows_v6().unwrap().entries().unwrap() {
            datapath.flows_v6().unwrap().remove(&key).unwrap();
        }
    }

    /// What the program's verdict means; a reason is not in it.
    pub(crate) fn run(&self, place: Place, frame: &[u8]) -> (Result<Verdict, ()>, Measured) {
        self.run_whole(place, frame, 0)
    }

    /// Of a packet that is cut into so many pieces later.
    pub(crate) fn run_whole(&self, place: Place, frame: &[u8], pieces: u32) -> (Result<Verdict, ()>, Measured) {
        let probe = Probe { packet: frame, interface: place.interface, mark: place.mark, pieces, repeat: 1 };
        let measured = self.datapath.run(program(place.hook), &probe).unwrap_or_else(|error| panic!("{error}\n{frame:02x?}"));
        let verdict = match (place.hook, measured.verdict) {
            (Hook::Xdp, 2) | (Hook::FromEndpoint | Hook::ToEndpoint | Hook::FromWire | Hook::ToWire, 0) => Ok(Verdict::Passed),
            (Hook::Xdp, 3 | 4) | (Hook::FromEndpoint | Hook::ToEndpoint | Hook::FromWire | Hook::ToWire, 7) => Ok(Verdict::Redirected),
            (Hook::Xdp, 1) | (Hook::FromEndpoint | Hook::ToEndpoint | Hook::FromWire | Hook::ToWire, 2) => Err(()),
            (hook, verdict) => panic!("{} gave verdict {verdict}, which no program may give: {frame:02x?}", hook.name()),
        };
        (verdict, measured)
    }

    pub(crate) fn counts(&mut self) -> Counts {
        let mut counts = Vec::new();
        let counters = self.datapath.counters().unwrap();
        for hook in Hook::ALL {
            let reasons = DropReason::ALL.iter().map(|reason| (*reason as u8, reason.name()));
            for (number, name) in [(0, "")].into_iter().chain(reasons) {
                let count = counters.get(hook, number).unwrap();
                counts.push(((hook.name(), name), (count.packets, count.bytes)));
            }
        }
        counts
    }

    /// What was told since this was asked last.
    pub(crate) fn told(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.next_event()).collect()
    }

    /// Says what is to be told from here on.
    pub(crate) fn watch(&mut self, watch: &Watch) {
        self.events.watch(watch).unwrap_or_else(|error| panic!("{error}"));
    }

    pub(crate) fn held_back(&self) -> (u64, u64) {
        self.events.held_back().unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn flows_v4(&mut self) -> Vec<Entry<u32>> {
        self.datapath.flows_v4().unwrap().entries().unwrap()
    }

    pub(crate) fn flows_v6(&mut self) -> Vec<Entry<[u32; 4]>> {
        self.datapath.flows_v6().unwrap().entries().unwrap()
    }

    pub(crate) fn affinities(&mut self) -> Vec<(AffinityKey, Affinity)> {
        self.datapath.affinities().unwrap().entries().unwrap()
    }

    pub(crate) fn fragments(&mut self) -> Vec<(FragmentKey, Fragment)> {
        self.datapath.fragments().unwrap().entries().unwrap()
    }
}
