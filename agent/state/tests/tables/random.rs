//! After any edits in any order, what was compiled step by step is what a full compile gives, the tables hold it, and at no
//! step between was a packet without a place to go.

use std::net::IpAddr;

use ichor_agent_state::{
    Algorithm, Dirty, EndpointSlice, Host, HostPort, LocalEndpoint, Name, Node, Object, ObjectKey, Pod, Protocol, Service, ServiceKind,
    ServicePort, SliceEndpoint, SlicePort,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::machine::{Machine, OWN_NAME};

#[derive(Clone, Debug)]
enum Edit {
    Put(Box<Object>),
    Remove(ObjectKey),
    Cable(u8, Option<LocalEndpoint>),
    Host(Host),
}

/// How a batch of edits ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Well,
    Failure(usize),
    Crash(usize),
    Restart,
}

const NODES: [&str; 2] = [OWN_NAME, "worker-2"];

/// Small worlds, so that everything meets everything.
fn ip(pool: &'static [&'static str]) -> impl Strategy<Value = IpAddr> {
    select(pool).prop_map(|text| text.parse().unwrap())
}

fn ips(pool: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<IpAddr>> {
    subsequence(pool, 0..=most).prop_map(|texts| texts.iter().map(|text| text.parse().unwrap()).collect())
}

fn name() -> impl Strategy<Value = Name> {
    select(&["a", "b", "c"][..]).prop_map(|name| Name::new("default", name))
}

fn protocol() -> impl Strategy<Value = Protocol> {
    select(&[Protocol::Tcp, Protocol::Udp][..])
}

fn created() -> impl Strategy<Value = ichor_agent_state::Timestamp> {
    select(&["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"][..]).prop_map(|text| text.parse().unwrap())
}

fn service() -> impl Strategy<Value = Service> {
    let kinds = select(&[ServiceKind::ClusterIp, ServiceKind::NodePort, ServiceKind::LoadBalancer, ServiceKind::ExternalName][..]);
    let port = (protocol(), select(&[80_u16, 81][..]), select(&[None, Some(30_080_u16), Some(30_081)][..]));
    let ports = prop::collection::vec(port, 1..3).prop_map(|ports| {
        let port =
            |(index, (protocol, port, node_port)): (usize, _)| ServicePort { name: index.to_string().into(), protocol, port, node_port };
        ports.into_iter().enumerate().map(port).collect::<Vec<_>>()
    });
    let addresses = (
        ips(&["10.96.0.1", "10.96.0.2", "fd00:96::1"], 2),
        ips(&["192.0.2.1", "10.96.0.1", "2001:db8::1"], 2),
        ips(&["192.0.2.1", "10.0.0.1", "2001:db8::1"], 2),
    );
    let ranges = subsequence(&["10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32"][..], 0..=2);
    let rest = (any::<[bool; 2]>(), select(&[None, Some(10_u32)][..]), select(&[None, Some(31_000_u16)][..]), prop::bool::weighted(0.1));
    (created(), kinds, ports, addresses, ranges, rest).prop_map(|(created, kind, ports, addresses, ranges, rest)| {
        let (cluster_ips, external_ips, load_balancer_ips) = addresses;
        let ([internal_local, external_local], affinity_s, health_check_port, foreign) = rest;
        let source_ranges = ranges.iter().map(|text| text.parse().unwrap()).collect();
        Service {
            created,
            kind,
            cluster_ips,
            ports,
            external_ips,
            load_balancer_ips,
            source_ranges,
            internal_local,
            external_local,
            affinity_s,
            health_check_port,
            foreign,
        }
    })
}

fn slice() -> impl Strategy<Value = EndpointSlice> {
    let address = ip(&["10.244.1.5", "10.244.1.6", "10.244.2.5", "fd00:244::5", "fd00:244::6"]);
    let hints = || subsequence(&["a", "b"][..], 0..=2);
    let endpoint = (address, any::<[bool; 3]>(), select(&[None, Some(0), Some(1)][..]), hints(), any::<bool>());
    let endpoint = endpoint.prop_map(|(address, [ready, serving, terminating], node, zones, node_hint)| SliceEndpoint {
        address,
        ready,
        serving,
        terminating,
        node: node.map(|index: usize| NODES[index].to_owned()),
        zone_hints: zones.iter().map(ToString::to_string).collect(),
        node_hints: node_hint.then(|| OWN_NAME.to_owned()).into_iter().collect(),
    });
    let port = (select(&["0", "1"][..]), protocol(), select(&[8080_u16, 8081][..]));
    let port = port.prop_map(|(name, protocol, port)| SlicePort { name: name.into(), protocol, port });
    let service = prop::option::weighted(0.9, select(&["a", "b", "c"][..]));
    (service, prop::collection::vec(port, 0..3), prop::collection::vec(endpoint, 0..5))
        .prop_map(|(service, ports, endpoints)| EndpointSlice { service: service.map(Into::into), ports, endpoints })
}

fn pod() -> impl Strategy<Value = Pod> {
    let host_ip = prop::option::of(ip(&["10.0.0.1", "127.0.0.1"]));
    let port = (host_ip, select(&[30_080_u16, 443][..]), select(&[8080_u16, 8443][..]), protocol());
    let port = port.prop_map(|(host_ip, host_port, port, protocol)| HostPort { host_ip, host_port, port, protocol });
    let node = prop::option::of(select(&NODES[..]));
    let flags = (prop::bool::weighted(0.1), prop::bool::weighted(0.2));
    (created(), node, flags, ips(&["10.244.1.5", "10.244.1.9", "fd00:244::5"], 2), prop::collection::vec(port, 0..3)).prop_map(
        |(created, node, (host_network, ended), addresses, host_ports)| Pod {
            created,
            node: node.map(str::to_owned),
            host_network,
            ended,
            addresses,
            host_ports,
            ..Pod::default()
        },
    )
}

fn node() -> impl Strategy<Value = Node> {
    let prefixes = subsequence(&["10.244.1.0/24", "10.244.2.0/24", "fd00:244::/64"][..], 0..=2);
    let zone = prop::option::of(select(&["a", "b"][..]));
    (zone, prefixes, ips(&["10.0.0.1", "10.0.0.2", "fd00::1"], 2)).prop_map(|(zone, prefixes, addresses)| Node {
        zone: zone.map(str::to_owned),
        pod_cidrs: prefixes.iter().map(|text| text.parse().unwrap()).collect(),
        addresses,
        leaves: false,
    })
}

fn cable() -> impl Strategy<Value = LocalEndpoint> {
    (name(), ips(&["10.244.1.5", "10.244.1.9", "fd00:244::5"], 2), 1..5_u8).prop_map(|(pod, addresses, number)| LocalEndpoint {
        pod,
        addresses,
        interface: number.into(),
        identity: 0,
        mac: [2, 0, 0, 0, 0, number],
        host_mac: [6, 0, 0, 0, 0, number],
    })
}

fn host() -> impl Strategy<Value = Host> {
    (any::<bool>(), ips(&["10.0.0.1", "10.9.0.1", "fd00::1"], 2)).prop_map(|(maglev, addresses)| Host {
        name: OWN_NAME.into(),
        addresses: addresses.into_iter().collect(),
        algorithm: if maglev { Algorithm::Maglev } else { Algorithm::Random },
        ..Host::default()
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let boxed = |object: Object| Edit::Put(Box::new(object));
    let node_name = || select(&NODES[..]).prop_map(str::to_owned);
    prop_oneof![
        8 => (name(), service()).prop_map(move |(name, service)| boxed(Object::Service(name, service.into()))),
        8 => (name(), slice()).prop_map(move |(name, slice)| boxed(Object::EndpointSlice(name, slice.into()))),
        4 => (name(), pod()).prop_map(move |(name, pod)| boxed(Object::Pod(name, pod.into()))),
        1 => (node_name(), node()).prop_map(move |(name, node)| boxed(Object::CiliumNode(name, node.pod_cidrs))),
        2 => (node_name(), node()).prop_map(move |(name, node)| boxed(Object::Node(name, node))),
        2 => name().prop_map(|name| Edit::Remove(ObjectKey::Service(name))),
        2 => name().prop_map(|name| Edit::Remove(ObjectKey::EndpointSlice(name))),
        2 => name().prop_map(|name| Edit::Remove(ObjectKey::Pod(name))),
        1 => node_name().prop_map(|name| Edit::Remove(ObjectKey::Node(name))),
        1 => node_name().prop_map(|name| Edit::Remove(ObjectKey::CiliumNode(name))),
        3 => (0..3_u8, prop::option::of(cable())).prop_map(|(container, cable)| Edit::Cable(container, cable)),
        1 => host().prop_map(Edit::Host),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        8 => Just(End::Well),
        2 => (0..12_usize).prop_map(End::Failure),
        1 => (0..12_usize).prop_map(End::Crash),
        1 => Just(End::Restart),
    ]
}

fn play(batches: Vec<(Vec<Edit>, End)>) -> Result<(), String> {
    let mut machine = Machine::new();
    for (edits, end) in batches {
        let mut dirty = Dirty::default();
        for edit in edits {
            match edit {
                Edit::Put(object) => machine.put(*object, &mut dirty),
                Edit::Remove(key) => machine.snapshot.remove(&key, &mut dirty),
                Edit::Cable(container, cable) => machine.lay(&format!("c{container}"), cable, &mut dirty),
                Edit::Host(host) => machine.snapshot.set_host(host, &mut dirty),
            }
        }
        match end {
            End::Well => machine.run(&dirty)?,
            End::Failure(after) => machine.run_with_failure(&dirty, after)?,
            End::Crash(after) => machine.run_with_crash(&dirty, after)?,
            End::Restart => {
                machine.run(&dirty)?;
                machine.restart(&[])?;
                let ops = machine.ops_of_restart();
                (ops == 0).then_some(()).ok_or(format!("a restart takes {ops} steps"))?;
            }
        }
    }
    machine.end()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn step_by_step_is_as_all_at_once(batches in prop::collection::vec((prop::collection::vec(edit(), 1..5), end()), 1..20)) {
        play(batches).map_err(TestCaseError::fail)?;
    }
}
