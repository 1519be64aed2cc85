//! What the agent computes for a large cluster, without a kernel: from objects to rows, and the steps from what is there.

use std::net::Ipv4Addr;
use std::time::Instant;

use ichor_agent_state::{
    Algorithm, Dirty, EndpointSlice, Host, Ids, Limits, Name, Object, Observed, Protocol, Service, ServicePort, SliceEndpoint, SlicePort,
    Snapshot, compile, diff,
};

use crate::figures::{Figures, head, progress};
use crate::place::Place;

const SERVICES: u32 = 10_000;
const ENDPOINTS: u32 = 5;
const CHANGES: u32 = 1000;
const ROUNDS: usize = 3;
const LIMITS: Limits = Limits { services: 1 << 16, backends: 1 << 17, slots: 1 << 22 };
const STEPS: [&str; 6] = ["objects in", "compile", "diff", "full resync", "restart", "one endpoint changes"];

pub(crate) fn part(_: &Place) {
    for (title, algorithm, external) in [
        ("cluster IPs, random", Algorithm::Random, 0),
        ("100 of them external, Maglev", Algorithm::Maglev, 100),
        ("1000 of them external, Maglev", Algorithm::Maglev, 1000),
    ] {
        progress(&format!("computing {SERVICES} services: {title}"));
        let mut figures = [const { Vec::new() }; STEPS.len()];
        for _ in 0..ROUNDS {
            figures.iter_mut().zip(measure(algorithm, external)).for_each(|(figures, sample)| figures.push(sample));
        }
        head(&format!("computing {SERVICES} services with {ENDPOINTS} endpoints each: {title}"));
        STEPS.iter().zip(figures).for_each(|(step, samples)| Figures::of(samples).row(step, "ms"));
    }
}

fn endpoints(number: u32, first: u32) -> Object {
    let endpoint = |n: u32| SliceEndpoint {
        address: Ipv4Addr::from(0x0b00_0000 + number * 16 + n).into(),
        ready: true,
        serving: true,
        terminating: false,
        node: None,
        zone_hints: Vec::new(),
        node_hints: Vec::new(),
    };
    let ports = vec![SlicePort { name: String::new(), protocol: Protocol::Tcp, port: 8080 }];
    let endpoints = (first..first + ENDPOINTS).map(endpoint).collect();
    let name = format!("s{number}");
    let slice = EndpointSlice { service: Some(name.as_str().into()), ports, endpoints };
    Object::EndpointSlice(Name::new("bench", name), slice.into())
}

fn fill(snapshot: &mut Snapshot, external: u32, dirty: &mut Dirty) {
    for number in 0..SERVICES {
        let port = ServicePort { name: "".into(), protocol: Protocol::Tcp, port: 80, node_port: None };
        let mut service =
            Service { cluster_ips: vec![Ipv4Addr::from(0x0a60_0000 + number).into()], ports: vec![port], ..Service::default() };
        if number < external {
            service.external_ips.push(Ipv4Addr::from(0xc000_0200 + number).into());
        }
        snapshot.put(Object::Service(Name::new("bench", format!("s{number}")), service.into()), dirty);
        snapshot.put(endpoints(number, 0), dirty);
    }
}

/// Milliseconds of each step.
fn measure(algorithm: Algorithm, external: u32) -> [f64; STEPS.len()] {
    let (mut snapshot, mut dirty) = (Snapshot::default(), Dirty::default());
    snapshot.set_host(Host { name: "node1".into(), algorithm, ..Host::default() }, &mut dirty);
    let ((), put) = timed(|| fill(&mut snapshot, external, &mut dirty));
    let (mut ids, mut observed) = (Ids::restore(&Observed::default(), LIMITS), Observed::default());
    let ((mut desired, problems), compiled) = timed(|| compile(&snapshot, &mut ids, &dirty));
    let (ops, compared) = timed(|| diff(&desired, &observed));
    ops.iter().for_each(|op| observed.apply(op));
    ids.applied();
    assert!(problems.is_empty() && ops.len() >= SERVICES as usize * 7, "{} steps, {problems:?}", ops.len());
    let (left, resync) = timed(|| diff(&compile(&snapshot, &mut ids, &Dirty::All).0, &observed));
    assert_eq!(left, []);
    let (left, restart) = timed(|| diff(&compile(&snapshot, &mut Ids::restore(&observed, LIMITS), &Dirty::All).0, &observed));
    assert_eq!(left, []);
    let ((), changes) = timed(|| {
        for number in 0..CHANGES {
            let mut dirty = Dirty::default();
            snapshot.put(endpoints(number * 7, 1), &mut dirty);
            let (newer, _) = compile(&snapshot, &mut ids, &dirty);
            let ops = diff(&newer, &observed);
            assert!(ops.len() >= 4, "{ops:?}");
            desired.update(newer);
            ops.iter().for_each(|op| observed.apply(op));
            ids.applied();
        }
    });
    [put, compiled, compared, resync, restart, changes / f64::from(CHANGES)]
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let outcome = work();
    (outcome, start.elapsed().as_secs_f64() * 1000.0)
}
