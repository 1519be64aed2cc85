//! Nanoseconds that the programs take for a packet of a known flow (`BPF_PROG_TEST_RUN`).

use ichor_datapath_loader::{Datapath, OBJECT, Probe, Sizes};
use ichor_datapath_types::{Addr, Config, Endpoint, EndpointKey, feature};
use ichor_lab::namespace;

use crate::figures::{Figures, at_most, head, progress};
use crate::flows::{Circle, Family, Path, V4, V6, foreign_frame};
use crate::inside::{answer, own, pin};
use crate::place::Place;
use crate::world::batch;

const UPLINK: u32 = 10;
const POD: u32 = 21;
/// Each run forwards the packet so often, so its hops must suffice.
const REPEAT: u32 = 200;
const MANY: u32 = 1 << 16;
/// One after another from where the last one ended: each flow of the large circle is met once.
const RUNS: u32 = MANY / REPEAT;
const NAMESPACE: &str = "packets";
const PATHS: [Path; 4] = [
    Path { program: "xdp_wire", delivers: false, begins_here: false },
    Path { program: "from_wire", delivers: true, begins_here: false },
    Path { program: "from_endpoint", delivers: false, begins_here: true },
    Path { program: "to_endpoint", delivers: true, begins_here: false },
];

const NETWORK: &str = "\
link set lo up
link add uplink index 10 address 02:00:00:00:00:0b type veth peer name lan index 11
link add to-pod index 21 address 02:00:00:02:00:15 type veth peer name eth0 index 31
link set lan up
link set uplink up
link set eth0 up
link set to-pod up
address add 10.0.0.11/24 dev uplink
address add fd00:10::11/64 dev uplink nodad
route add 10.244.2.0/24 via 10.0.0.12
route add fd00:244:2::/64 via fd00:10::12
neighbour add 10.0.0.12 lladdr 02:00:00:00:00:0c dev uplink nud permanent
neighbour add fd00:10::12 lladdr 02:00:00:00:00:0c dev uplink nud permanent
";

pub(crate) fn part(place: &Place) {
    progress("packets through the programs, without a network");
    let settings = ["net/ipv4/conf/all/forwarding", "net/ipv6/conf/all/forwarding"].map(|name| (name, "1"));
    namespace::make(&Place::namespace(NAMESPACE), &settings).unwrap();
    batch(&Place::namespace(NAMESPACE), NETWORK);
    println!("{}", answer(own(&place.spot(NAMESPACE, NAMESPACE), &["packets"])));
    namespace::remove(&Place::namespace(NAMESPACE)).unwrap();
}

/// In the namespace, whose routes the programs ask for.
pub(crate) fn inside() {
    pin(0);
    head(&format!("ns per packet, {RUNS} runs of {REPEAT} packets"));
    for path in PATHS {
        let mut datapath = load();
        let frame = foreign_frame();
        let foreign = (0..RUNS).map(|_| run(&datapath, path, &frame).0);
        Figures::of(foreign).row(&format!("{}, a frame that is not IP", path.program), "ns");
        let medians = [family::<V4>(&mut datapath, path), family::<V6>(&mut datapath, path)];
        for ([hot, many], family) in medians.iter().zip([V4::NAME, V6::NAME]).filter(|_| path.program == "xdp_wire") {
            at_most(&format!("XDP, {family}, a hot flow, median"), *hot, 150.0, "ns");
            at_most(&format!("XDP, {family}, 64k flows, median"), *many, 600.0, "ns");
        }
    }
}

/// The medians of a hot flow, and of many.
fn family<F: Family>(datapath: &mut Datapath, path: Path) -> [f64; 2] {
    [("hot", 2), ("64k", MANY)].map(|(name, flows)| {
        let circle = Circle { path, flows };
        circle.fill::<F>(datapath);
        let figures = Figures::of((0..RUNS).map(|turn| {
            let frame = circle.frame::<F>(turn * REPEAT);
            let (nanoseconds, after) = run(datapath, path, &frame);
            let wanted = circle.frame::<F>((turn + 1) * REPEAT);
            let ports = frame.len() - 20..frame.len() - 16;
            assert_eq!(after[ports.clone()], wanted[ports], "{}: not every packet met its flow", path.program);
            nanoseconds
        }));
        figures.row(&format!("{}, {}, {name}", path.program, F::NAME), "ns");
        figures.median()
    })
}

fn run(datapath: &Datapath, path: Path, frame: &[u8]) -> (f64, Vec<u8>) {
    let interface = if path.program.ends_with("endpoint") { POD } else { UPLINK };
    let measured = datapath.run(path.program, &Probe { packet: frame, interface, mark: 0, pieces: 0, repeat: REPEAT }).unwrap();
    (measured.nanoseconds as f64, measured.packet)
}

fn load() -> Datapath {
    let config = Config {
        features: feature::IPV4 | feature::IPV6 | feature::MASQUERADE_V4 | feature::MASQUERADE_V6,
        uplink: UPLINK,
        node_v4: Addr::from(std::net::Ipv4Addr::new(10, 0, 0, 11)).v4(),
        node_v6: Addr::from("fd00:10::11".parse::<std::net::Ipv6Addr>().unwrap()).0,
        first_port: 61000,
        last_port: 65535,
        mtu: 1500,
        mac: [2_u16.to_le(), 0, 0x0b00],
        ..Config::default()
    };
    let sizes = Sizes { flows_v4: 1 << 18, flows_v6: 1 << 18, ..Sizes::for_memory(1 << 33) };
    let mut datapath = Datapath::load(OBJECT, &config, &sizes).unwrap();
    // Only so does a veth tell XDP where a packet comes from.
    datapath.attach_xdp(UPLINK).unwrap();
    let pod = Endpoint { interface: POD, identity: 0, mac: [2, 0, 0], host_mac: [2, 0, 1], flags: 0 };
    for addr in [Addr::from_v4(V4::here()), Addr(V6::here())] {
        datapath.endpoints().unwrap().put(&EndpointKey { addr }, &pod).unwrap();
    }
    datapath
}
