//! The objects as they are now, and what a change of one of them concerns.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::frontend::{Bid, Claim, Front, FrontendKind, of_pod, of_service};
use crate::name::{Name, ObjectKey, Unit};
use crate::object::{EndpointSlice, Namespace, Node, Object, Pod, Service};

/// How a backend is chosen for a connection from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    #[default]
    Random,
    /// By a hash of the connection that all nodes agree on.
    Maglev,
}

/// This node, as far as no object says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// The name of its Node.
    pub name: String,
    /// What its interfaces have and clients may connect to: no loopback and no link-local ones. Those of its Node object come
    /// on top.
    pub addresses: BTreeSet<IpAddr>,
    pub algorithm: Algorithm,
    /// Beyond the cluster's own addresses: where pods are known under theirs.
    pub not_masqueraded: Vec<IpNet>,
    /// Where nobody but services has an address.
    pub services: Vec<IpNet>,
    /// Whether nodes get their networks for pods from the cluster pool, and not from Kubernetes' controller manager.
    pub cluster_pool: bool,
    /// Whether `spec.externalIPs` of services count for nothing.
    pub no_external_ips: bool,
}

/// A pod's cable, as the CNI plugin laid it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalEndpoint {
    pub pod: Name,
    pub addresses: Vec<IpAddr>,
    /// The host's end.
    pub interface: u32,
    pub identity: u32,
    /// Of the pod's end.
    pub mac: [u8; 6],
    /// Of the host's end.
    pub host_mac: [u8; 6],
}

/// What is to be compiled again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dirty {
    All,
    Units(BTreeSet<Unit>),
}

impl Default for Dirty {
    fn default() -> Self {
        Self::Units(BTreeSet::new())
    }
}

impl Dirty {
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Units(units) if units.is_empty())
    }

    pub fn mark(&mut self, unit: Unit) {
        if let Self::Units(units) = self {
            units.insert(unit);
        }
    }
}

/// All objects, with what is needed to find those that a change concerns.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    host: Host,
    nodes: BTreeMap<String, Node>,
    /// What the cluster pool gave to nodes.
    pool_parts: BTreeMap<String, Vec<IpNet>>,
    namespaces: BTreeMap<String, Namespace>,
    pods: BTreeMap<Name, Arc<Pod>>,
    services: BTreeMap<Name, Arc<Service>>,
    slices: BTreeMap<Name, Arc<EndpointSlice>>,
    /// By container: a pod that is made anew has two for a moment.
    endpoints: BTreeMap<String, LocalEndpoint>,
    slices_by_service: BTreeMap<Name, Vec<Name>>,
    /// With the bids for each, sorted: hardly ever more than one.
    claims: BTreeMap<Claim, Vec<Bid>>,
    own_addresses: BTreeSet<IpAddr>,
}

impl Snapshot {
    pub fn set_host(&mut self, host: Host, dirty: &mut Dirty) {
        if self.host != host {
            self.host = host;
            self.own_node_changed();
            *dirty = Dirty::All;
        }
    }

    pub fn put(&mut self, object: Object, dirty: &mut Dirty) {
        match object {
            Object::Node(name, node) => self.set_node(name, Some(node), dirty),
            Object::CiliumNode(name, part) => self.set_pool_part(name, Some(part), dirty),
            Object::Namespace(name, namespace) => drop(self.namespaces.insert(name, namespace)),
            Object::Pod(name, pod) => self.set_pod(name, Some(pod), dirty),
            Object::Service(name, service) => self.set_service(name, Some(service), dirty),
            Object::EndpointSlice(name, slice) => self.set_slice(name, Some(slice), dirty),
        }
    }

    pub fn remove(&mut self, key: &ObjectKey, dirty: &mut Dirty) {
        match key {
            ObjectKey::Node(name) => self.set_node(name.clone(), None, dirty),
            ObjectKey::CiliumNode(name) => self.set_pool_part(name.clone(), None, dirty),
            ObjectKey::Namespace(name) => drop(self.namespaces.remove(name)),
            ObjectKey::Pod(name) => self.set_pod(name.clone(), None, dirty),
            ObjectKey::Service(name) => self.set_service(name.clone(), None, dirty),
            ObjectKey::EndpointSlice(name) => self.set_slice(name.clone(), None, dirty),
        }
    }

    /// Says which pod is behind a container's cable, or that it is cut.
    pub fn set_endpoint(&mut self, container: &str, endpoint: Option<LocalEndpoint>, dirty: &mut Dirty) {
        let old = self.endpoints.get(container);
        if old == endpoint.as_ref() {
            return;
        }
        let pods: BTreeSet<_> = old.into_iter().chain(&endpoint).map(|endpoint| endpoint.pod.clone()).collect();
        let has_ports = |pod: &Name| self.pods.get(pod).is_some_and(|pod| !pod.host_ports.is_empty());
        let units: Vec<_> = pods.into_iter().filter(has_ports).map(Unit::HostPorts).collect();
        units.iter().for_each(|unit| self.withdraw(unit, dirty));
        set(&mut self.endpoints, container.to_owned(), endpoint);
        units.iter().for_each(|unit| self.stake(unit, dirty));
        dirty.mark(Unit::Endpoints);
    }

    pub fn nodes(&self) -> &BTreeMap<String, Node> {
        &self.nodes
    }

    /// The networks of a node's pods, from whoever gives them in this cluster.
    pub fn pod_cidrs(&self, node: &str) -> &[IpNet] {
        let of_pool = self.pool_parts.get(node);
        let of_node = self.nodes.get(node).map(|node| &node.pod_cidrs);
        if self.host.cluster_pool { of_pool } else { of_node }.map_or(&[], Vec::as_slice)
    }

    pub fn pods(&self) -> &BTreeMap<Name, Arc<Pod>> {
        &self.pods
    }

    pub fn namespaces(&self) -> &BTreeMap<String, Namespace> {
        &self.namespaces
    }

    /// By the identifier of their container.
    pub fn endpoints(&self) -> &BTreeMap<String, LocalEndpoint> {
        &self.endpoints
    }

    fn set_node(&mut self, name: String, node: Option<Node>, dirty: &mut Dirty) {
        let old = self.nodes.get(&name);
        if old == node.as_ref() {
            return;
        }
        let seen_by_services = |node: Option<&Node>| node.map(|node| (node.zone.clone(), node.addresses.clone()));
        let own = name == self.host.name && seen_by_services(old) != seen_by_services(node.as_ref());
        set(&mut self.nodes, name, node);
        dirty.mark(Unit::Nodes);
        if own {
            self.own_node_changed();
            *dirty = Dirty::All;
        }
    }

    fn set_pool_part(&mut self, node: String, part: Option<Vec<IpNet>>, dirty: &mut Dirty) {
        if self.pool_parts.get(&node) != part.as_ref() {
            set(&mut self.pool_parts, node, part);
            dirty.mark(Unit::Nodes);
        }
    }

    fn set_pod(&mut self, name: Name, pod: Option<Arc<Pod>>, dirty: &mut Dirty) {
        let old = self.pods.get(&name);
        if old == pod.as_ref() {
            return;
        }
        let unit = Unit::HostPorts(name.clone());
        // Most pods have no host ports, and most changes of pods change nothing here.
        let concerned = old.into_iter().chain(&pod).any(|pod| !pod.host_ports.is_empty() && self.is_own_node(pod.node.as_deref()));
        let bandwidth =
            |pod: Option<&Arc<Pod>>| pod.map(|pod| (pod.egress_bandwidth.clone(), pod.ingress_bandwidth.clone())).unwrap_or_default();
        if bandwidth(old) != bandwidth(pod.as_ref()) && self.endpoints.values().any(|endpoint| endpoint.pod == name) {
            dirty.mark(Unit::Endpoints);
        }
        if concerned {
            self.withdraw(&unit, dirty);
        }
        set(&mut self.pods, name, pod);
        if concerned {
            self.stake(&unit, dirty);
        }
    }

    fn set_service(&mut self, name: Name, service: Option<Arc<Service>>, dirty: &mut Dirty) {
        if self.services.get(&name) != service.as_ref() {
            let unit = Unit::Service(name.clone());
            let announced =
                |service: Option<&Arc<Service>>| service.into_iter().flat_map(|service| service.announced(true)).collect::<BTreeSet<_>>();
            if announced(self.services.get(&name)) != announced(service.as_ref()) {
                dirty.mark(Unit::Nodes);
            }
            self.withdraw(&unit, dirty);
            set(&mut self.services, name, service);
            self.stake(&unit, dirty);
        }
    }

    fn set_slice(&mut self, name: Name, slice: Option<Arc<EndpointSlice>>, dirty: &mut Dirty) {
        let old = self.slices.get(&name);
        if old == slice.as_ref() {
            return;
        }
        let service = |slice: Option<&Arc<EndpointSlice>>| Some(Name::new(name.namespace.clone(), slice?.service.clone()?));
        let (before, after) = (service(old), service(slice.as_ref()));
        if let Some(before) = before {
            if let Some(slices) = self.slices_by_service.get_mut(&before) {
                slices.retain(|other| *other != name);
                if slices.is_empty() {
                    self.slices_by_service.remove(&before);
                }
            }
            dirty.mark(Unit::Service(before));
        }
        if let Some(after) = after {
            let slices = self.slices_by_service.entry(after.clone()).or_default();
            if let Err(place) = slices.binary_search(&name) {
                slices.reserve_exact(1);
                slices.insert(place, name.clone());
            }
            dirty.mark(Unit::Service(after));
        }
        set(&mut self.slices, name, slice);
    }

    /// Takes back what a unit claims, before it changes. Whoever claims the same may get it now.
    fn withdraw(&mut self, unit: &Unit, dirty: &mut Dirty) {
        for (claim, bid) in self.bids(unit) {
            if let Some(bids) = self.claims.get_mut(&claim) {
                bids.retain(|other| *other != bid);
                bids.iter().for_each(|bid| dirty.mark(bid.unit.clone()));
                if bids.is_empty() {
                    self.claims.remove(&claim);
                }
            }
        }
        dirty.mark(unit.clone());
    }

    fn stake(&mut self, unit: &Unit, dirty: &mut Dirty) {
        for (claim, bid) in self.bids(unit) {
            let bids = self.claims.entry(claim).or_default();
            bids.iter().for_each(|bid| dirty.mark(bid.unit.clone()));
            if let Err(place) = bids.binary_search(&bid) {
                // A vector makes room for four at once.
                bids.reserve_exact(1);
                bids.insert(place, bid);
            }
        }
        dirty.mark(unit.clone());
    }

    fn bids(&self, unit: &Unit) -> Vec<(Claim, Bid)> {
        let (created, health_check) = match unit {
            Unit::Service(name) => match self.services.get(name) {
                Some(service) => (&service.created, service.health_check()),
                None => return Vec::new(),
            },
            Unit::HostPorts(name) => match self.pods.get(name) {
                Some(pod) => (&pod.created, None),
                None => return Vec::new(),
            },
            Unit::Nodes | Unit::Endpoints => return Vec::new(),
        };
        let bid = |kind| Bid::new(kind, created, unit);
        let mut bids: Vec<_> = self.fronts(unit).iter().map(|front| (front.claim(), bid(front.kind))).collect();
        bids.extend(health_check.map(|port| (Claim::HealthCheck(port), bid(FrontendKind::LoadBalancer))));
        bids
    }

    fn own_node_changed(&mut self) {
        let node = self.nodes.get(&self.host.name).map(|node| node.addresses.clone());
        self.own_addresses = self.host.addresses.iter().copied().chain(node.into_iter().flatten()).collect();
        self.claims.clear();
        for unit in self.units() {
            self.stake(&unit, &mut Dirty::All);
        }
    }
}

/// What the compiler asks.
impl Snapshot {
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn own_name(&self) -> &str {
        &self.host.name
    }

    pub(crate) fn own_zone(&self) -> Option<&str> {
        self.nodes.get(&self.host.name)?.zone.as_deref()
    }

    pub(crate) fn own_addresses(&self) -> &BTreeSet<IpAddr> {
        &self.own_addresses
    }

    pub(crate) fn is_own_node(&self, name: Option<&str>) -> bool {
        name.is_some_and(|name| name == self.host.name)
    }

    /// Addresses of services beyond the cluster's own.
    pub(crate) fn announced(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let external = !self.host.no_external_ips;
        self.services.values().flat_map(move |service| service.announced(external))
    }

    pub(crate) fn service(&self, name: &Name) -> Option<&Service> {
        self.services.get(name).map(Arc::as_ref)
    }

    pub(crate) fn pod(&self, name: &Name) -> Option<&Pod> {
        self.pods.get(name).map(Arc::as_ref)
    }

    pub(crate) fn slices_of(&self, service: &Name) -> impl Iterator<Item = &EndpointSlice> {
        self.slices_by_service.get(service).into_iter().flatten().filter_map(|name| self.slices.get(name)).map(Arc::as_ref)
    }

    /// A pod's addresses: what its cable was given here is true before the API server knows it.
    pub(crate) fn addresses_of(&self, name: &Name) -> Vec<IpAddr> {
        let laid: Vec<_> =
            self.endpoints.values().filter(|endpoint| endpoint.pod == *name).flat_map(|endpoint| endpoint.addresses.clone()).collect();
        if laid.is_empty() { self.pods.get(name).map(|pod| pod.addresses.clone()).unwrap_or_default() } else { laid }
    }

    /// What a unit claims.
    pub(crate) fn fronts(&self, unit: &Unit) -> Vec<Front> {
        match unit {
            Unit::Service(name) => self
                .services
                .get(name)
                .map(|service| of_service(service, &self.own_addresses, !self.host.no_external_ips))
                .unwrap_or_default(),
            Unit::HostPorts(name) => match self.pods.get(name) {
                Some(pod) if !pod.host_ports.is_empty() && self.is_own_node(pod.node.as_deref()) => {
                    of_pod(pod, &self.addresses_of(name), &self.own_addresses)
                }
                _ => Vec::new(),
            },
            Unit::Nodes | Unit::Endpoints => Vec::new(),
        }
    }

    /// Who gets it.
    pub(crate) fn holder(&self, claim: &Claim) -> Option<&Unit> {
        self.claims.get(claim)?.first().map(|bid| &bid.unit)
    }

    /// Every unit there is.
    pub(crate) fn units(&self) -> BTreeSet<Unit> {
        let services = self.services.keys().cloned().map(Unit::Service);
        let pods = self.pods.iter().filter(|(_, pod)| !pod.host_ports.is_empty()).map(|(name, _)| Unit::HostPorts(name.clone()));
        services.chain(pods).chain([Unit::Nodes, Unit::Endpoints]).collect()
    }
}

fn set<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}
