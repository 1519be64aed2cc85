//! How long a large cluster takes. Printed, and not judged: machines differ.

use std::net::Ipv4Addr;
use std::time::Instant;

use ichor_agent_state::{Algorithm, Dirty, Host, Ids, Limits, Object, Observed, Snapshot, compile, diff};

use crate::objects::{endpoint, service, slice};

const SERVICES: u32 = 10_000;
const ENDPOINTS: u32 = 5;
const LIMITS: Limits = Limits { services: 1 << 16, backends: 1 << 17, slots: 1 << 22 };

fn endpoints(number: u32, first: u32) -> Object {
    let addresses = (first..first + ENDPOINTS).map(|n| endpoint(Ipv4Addr::from(0x0b00_0000 + number * 16 + n).into()));
    slice(&format!("s{number}"), addresses.collect())
}

fn fill(snapshot: &mut Snapshot, external: u32, dirty: &mut Dirty) {
    for number in 0..SERVICES {
        let (name, mut service) = service(&format!("s{number}"), Ipv4Addr::from(0x0a60_0000 + number).into());
        if number < external {
            service.external_ips.push(Ipv4Addr::from(0xc000_0200 + number).into());
        }
        snapshot.put(Object::Service(name, service), dirty);
        snapshot.put(endpoints(number, 0), dirty);
    }
}

fn measure(title: &str, algorithm: Algorithm, external: u32) {
    let mut snapshot = Snapshot::default();
    let mut dirty = Dirty::default();
    snapshot.set_host(Host { name: "worker-1".into(), algorithm, ..Host::default() }, &mut dirty);
    let start = Instant::now();
    fill(&mut snapshot, external, &mut dirty);
    let put = start.elapsed();

    let (mut ids, mut observed) = (Ids::restore(&Observed::default(), LIMITS), Observed::default());
    let start = Instant::now();
    let (mut desired, problems) = compile(&snapshot, &mut ids, &dirty);
    let compiled = start.elapsed();
    let start = Instant::now();
    let ops = diff(&desired, &observed);
    let compared = start.elapsed();
    ops.iter().for_each(|op| observed.apply(op));
    ids.applied();
    assert!(problems.is_empty() && ops.len() >= SERVICES as usize * 7, "{} steps, {problems:?}", ops.len());

    let start = Instant::now();
    let (again, _) = compile(&snapshot, &mut ids, &Dirty::All);
    let nothing = diff(&again, &observed).len();
    let resync = start.elapsed();
    assert_eq!(nothing, 0);

    let start = Instant::now();
    let (again, _) = compile(&snapshot, &mut Ids::restore(&observed, LIMITS), &Dirty::All);
    assert_eq!(diff(&again, &observed), []);
    let restart = start.elapsed();

    let start = Instant::now();
    for number in 0..1000 {
        let mut dirty = Dirty::default();
        snapshot.put(endpoints(number * 7, 1), &mut dirty);
        let (newer, _) = compile(&snapshot, &mut ids, &dirty);
        let ops = diff(&newer, &observed);
        assert!(ops.len() >= 4, "{ops:?}");
        desired.update(newer);
        ops.iter().for_each(|op| observed.apply(op));
        ids.applied();
    }
    let change = start.elapsed() / 1000;
    println!(
        "{title}: {SERVICES} services, {ENDPOINTS} endpoints each: objects in {put:.1?}, compile {compiled:.1?}, diff {compared:.1?} \
         ({} steps), full resync {resync:.1?}, restart {restart:.1?}, one endpoint changes {change:.1?}",
        ops.len()
    );
}

#[test]
#[ignore = "prints times: run it with --release --ignored --nocapture"]
fn ten_thousand_services() {
    measure("cluster IPs, random", Algorithm::Random, 0);
    measure("100 of them external, Maglev", Algorithm::Maglev, 100);
    measure("1000 of them external, Maglev", Algorithm::Maglev, 1000);
}
