//! What a service or a pod's host ports should be, before anything has a number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ichor_datapath_types::{Config, ServiceKey, scope, service_flag};
use ipnet::IpNet;

use crate::backend::BackendAddr;
use crate::desired::HealthCheck;
use crate::frontend::{Claim, Front, FrontendKind, LOOPBACK};
use crate::name::{Name, Unit};
use crate::object::{Protocol, Service};
use crate::select::{Selection, ready_here, select};
use crate::snapshot::{Algorithm, Snapshot};

/// Frontends that share a number, so that a client that has a backend by one has it by all. Who answers only on this node
/// is apart: a backend elsewhere must not be found through it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    pub(crate) port: Arc<str>,
    pub(crate) protocol: Protocol,
    pub(crate) local: bool,
}

/// Frontends that share a run of slots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RunKey {
    pub(crate) group: Group,
    pub(crate) v4: bool,
    pub(crate) maglev: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct WantedRow {
    pub(crate) key: ServiceKey,
    pub(crate) run: RunKey,
    pub(crate) kind: FrontendKind,
    pub(crate) flags: u16,
    pub(crate) affinity: u32,
}

/// What one unit should have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) rows: Vec<WantedRow>,
    /// Who answers, sorted.
    pub(crate) runs: BTreeMap<RunKey, Vec<BackendAddr>>,
    pub(crate) kept: BTreeSet<BackendAddr>,
    pub(crate) source_ranges: BTreeSet<(Group, IpNet)>,
    pub(crate) health_check: Option<(u16, HealthCheck)>,
    pub(crate) problems: Vec<String>,
}

pub(crate) fn wanted(snapshot: &Snapshot, unit: &Unit) -> Wanted {
    let mut wanted = Wanted::default();
    let fronts = won(snapshot, unit, &mut wanted.problems);
    match unit {
        Unit::Service(name) => {
            if let Some(service) = snapshot.service(name) {
                wanted.service(snapshot, name, service, &fronts);
            }
        }
        Unit::HostPorts(name) => wanted.host_ports(snapshot, name, &fronts),
        Unit::Nodes | Unit::Endpoints => {}
    }
    wanted
}

/// The frontends that are the unit's, each once.
fn won(snapshot: &Snapshot, unit: &Unit, problems: &mut Vec<String>) -> Vec<Front> {
    let mut seen = BTreeSet::new();
    let mut lost: BTreeMap<&Unit, Vec<String>> = BTreeMap::new();
    let mut fronts = snapshot.fronts(unit);
    fronts.retain(|front| {
        let claim = front.claim();
        let first = seen.insert(claim);
        match snapshot.holder(&claim).filter(|holder| *holder != unit) {
            Some(other) if first => lost.entry(other).or_default().push(claim.to_string()),
            Some(_) => {}
            None => return first,
        }
        false
    });
    problems.extend(lost.into_iter().map(|(other, claims)| taken(other, &claims.join(", "))));
    fronts
}

fn taken(by: &Unit, claims: &str) -> String {
    format!("{by} already has {claims}: its claim is older, or as that of a cluster IP better; give one of them another")
}

impl Wanted {
    fn service(&mut self, snapshot: &Snapshot, name: &Name, service: &Service, fronts: &[Front]) {
        let affinity = service.affinity_s.map_or(0, clock_units);
        let mut selections: BTreeMap<(usize, bool), Selection> = BTreeMap::new();
        for front in fronts {
            let (v4, Some(port)) = (front.addr.is_ipv4(), service.ports.get(front.index)) else { continue };
            let selection = selections.entry((front.index, v4)).or_insert_with(|| select(snapshot, name, &port.name, port.protocol, v4));
            for (scope, local, mut flags) in views(front, service) {
                let members = if local { &selection.local } else { &selection.cluster };
                let outside = flags & (service_flag::INTERNAL | service_flag::SPLIT) == 0;
                let maglev = outside && snapshot.host().algorithm == Algorithm::Maglev;
                let group = Group { port: port.name.clone(), protocol: port.protocol, local };
                if local && members.is_empty() && selection.any {
                    flags |= service_flag::SILENT;
                }
                if maglev {
                    flags |= service_flag::MAGLEV;
                }
                if outside && front.kind == FrontendKind::LoadBalancer && self.restrict(service, &group, v4) {
                    flags |= service_flag::SOURCE_RANGES;
                }
                let run = RunKey { group, v4, maglev };
                self.runs.entry(run.clone()).or_insert_with(|| members.clone());
                self.rows.push(WantedRow { key: front.key(scope), run, kind: front.kind, flags, affinity });
            }
        }
        self.kept = selections.into_values().flat_map(|selection| selection.kept).collect();
        self.unrestricted_family(service);
        if let Some(port) = service.health_check() {
            let claim = Claim::HealthCheck(port);
            match snapshot.holder(&claim).filter(|holder| **holder != Unit::Service(name.clone())) {
                Some(other) => self.problems.push(taken(other, &claim.to_string())),
                None => self.health_check = Some((port, health_check(snapshot, name))),
            }
        }
    }

    /// Writes the source ranges of a family down, and says whether there are any.
    fn restrict(&mut self, service: &Service, group: &Group, v4: bool) -> bool {
        let ranges: Vec<_> = service.source_ranges.iter().filter(|range| range.addr().is_ipv4() == v4).collect();
        self.source_ranges.extend(ranges.iter().map(|range| (group.clone(), **range)));
        !ranges.is_empty()
    }

    /// Ranges of one family say nothing about the other: it stays open, as with kube-proxy. Few who write them know that.
    fn unrestricted_family(&mut self, service: &Service) {
        let ranges = |v4: bool| service.source_ranges.iter().any(|range| range.addr().is_ipv4() == v4);
        for (v4, open, wide) in [(true, "IPv4", "0.0.0.0/0"), (false, "IPv6", "::/0")] {
            let served = self.rows.iter().any(|row| row.kind == FrontendKind::LoadBalancer && row.run.v4 == v4);
            if served && !ranges(v4) && ranges(!v4) {
                self.problems.push(format!(
                    "spec.loadBalancerSourceRanges has no {open} range, so everybody may connect over {open}; add those who may, or {wide}"
                ));
            }
        }
    }

    fn host_ports(&mut self, snapshot: &Snapshot, name: &Name, fronts: &[Front]) {
        let Some(pod) = snapshot.pod(name) else { return };
        let addresses = snapshot.addresses_of(name);
        for front in fronts {
            let Some(port) = pod.host_ports.get(front.index) else { continue };
            let v4 = front.addr.is_ipv4();
            let Some(addr) = addresses.iter().find(|addr| addr.is_ipv4() == v4) else { continue };
            // Two addresses of the node may lead to two ports of the pod under the same number.
            let group = Group { port: format!("{}-{}", port.host_port, port.port).into(), protocol: port.protocol, local: true };
            let run = RunKey { group, v4, maglev: false };
            let backend = BackendAddr { addr: *addr, port: port.port };
            let flags = if LOOPBACK.contains(&front.addr) { service_flag::INTERNAL } else { 0 };
            self.kept.insert(backend);
            self.runs.insert(run.clone(), vec![backend]);
            self.rows.push(WantedRow { key: front.key(scope::CLUSTER), run, kind: front.kind, flags, affinity: 0 });
        }
    }
}

/// The rows of one frontend: its scope, whether only local endpoints answer, and flags.
///
/// Who is inside the cluster reaches an external address as if the policy were `Cluster`: packets would not pass a load
/// balancer that could pick a better node.
fn views(front: &Front, service: &Service) -> Vec<(u8, bool, u16)> {
    if front.kind == FrontendKind::ClusterIp {
        return vec![(scope::CLUSTER, service.internal_local, service_flag::INTERNAL)];
    }
    if LOOPBACK.contains(&front.addr) {
        return vec![(scope::CLUSTER, false, service_flag::INTERNAL)];
    }
    if service.external_local {
        return vec![(scope::CLUSTER, false, service_flag::SPLIT), (scope::EXTERNAL, true, 0)];
    }
    vec![(scope::CLUSTER, false, 0)]
}

/// Endpoints in the family that has more of them: a pod with two addresses is one endpoint.
fn health_check(snapshot: &Snapshot, name: &Name) -> HealthCheck {
    let ready = ready_here(snapshot, name);
    let v4 = ready.iter().filter(|addr| addr.is_ipv4()).count();
    HealthCheck { service: name.clone(), endpoints: v4.max(ready.len() - v4) }
}

/// Seconds in the unit of the datapath's clock, rounded up.
fn clock_units(seconds: u32) -> u32 {
    let nanoseconds = u64::from(seconds) * 1_000_000_000;
    u32::try_from(nanoseconds.div_ceil(1 << Config::CLOCK_SHIFT)).unwrap_or(u32::MAX)
}
