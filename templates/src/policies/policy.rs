//! One policy: the pods that it is about, and whom they may speak with.

use ichor_agent_api::LabelSelector;
use ichor_agent_api::annotation::POD_NAMESPACE;
use ichor_agent_api::policy::{DefaultDeny, Destinations, EgressRule, Entity, IngressRule, PortProtocol, PortRule, Rule};
use ichor_agent_api::selector::Operator;
use ichor_config::Cluster;
use ichor_config::model::PolicyMode;

use crate::gateways;

/// Pods of one namespace, by one label.
#[derive(Clone, Debug)]
pub(super) struct Pods {
    pub(super) namespace: String,
    pub(super) key: &'static str,
    pub(super) values: Vec<&'static str>,
}

impl Pods {
    /// Pods by the label that charts give them for their name.
    pub(super) fn named(namespace: &str, names: &[&'static str]) -> Self {
        Self::labelled(namespace, "app.kubernetes.io/name", names)
    }

    pub(super) fn labelled(namespace: &str, key: &'static str, values: &[&'static str]) -> Self {
        Self { namespace: namespace.to_owned(), key, values: values.to_vec() }
    }

    /// The selector inside the pods' own namespace.
    fn local(&self) -> LabelSelector {
        match self.values.as_slice() {
            [value] => LabelSelector::labels([(self.key, *value)]),
            values => LabelSelector::default().and(self.key, Operator::In, values),
        }
    }

    /// The selector anywhere.
    pub(super) fn anywhere(&self) -> LabelSelector {
        let mut selector = self.local();
        selector.match_labels.insert(POD_NAMESPACE.to_owned(), self.namespace.clone());
        selector
    }
}

/// A policy of one namespace.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) name: &'static str,
    pub(super) pods: Pods,
    description: &'static str,
    ingress: Vec<IngressRule>,
    egress: Vec<EgressRule>,
    /// Whether they ask CoreDNS for names; the cluster-wide policy says so.
    pub(super) resolves: bool,
    /// Whether they call the API server; the cluster-wide policy says so.
    pub(super) calls_api: bool,
}

/// The nodes and the API server on them: what asks webhooks and aggregated APIs.
const CONTROL_PLANE: [Entity; 3] = [Entity::Host, Entity::KubeApiserver, Entity::RemoteNode];
/// Every node, the pod's own included.
pub(super) const NODES: [Entity; 2] = [Entity::Host, Entity::RemoteNode];

impl Policy {
    /// A policy under which the kubelet can probe the pods, and nothing else.
    pub(super) fn new(name: &'static str, pods: Pods, description: &'static str) -> Self {
        let probes = IngressRule::from_entities([Entity::Host]);
        Self { name, pods, description, ingress: vec![probes], egress: Vec::new(), resolves: false, calls_api: false }
    }

    /// They ask CoreDNS for names.
    pub(super) fn resolves(self) -> Self {
        Self { resolves: true, ..self }
    }

    /// They call the API server.
    pub(super) fn calls_api(self) -> Self {
        Self { calls_api: true, ..self }
    }

    pub(super) fn accept_pods(mut self, pods: &Pods, ports: impl IntoIterator<Item = PortProtocol>) -> Self {
        let rule = IngressRule::from_endpoints([pods.anywhere()]);
        self.ingress.push(IngressRule { to_ports: port_rules(ports), ..rule });
        self
    }

    pub(super) fn accept_entities(
        mut self,
        entities: impl IntoIterator<Item = Entity>,
        ports: impl IntoIterator<Item = PortProtocol>,
    ) -> Self {
        let rule = IngressRule::from_entities(entities);
        self.ingress.push(IngressRule { to_ports: port_rules(ports), ..rule });
        self
    }

    pub(super) fn reach_pods(mut self, pods: &Pods, ports: impl IntoIterator<Item = PortProtocol>) -> Self {
        let rule = EgressRule::to_endpoints([pods.anywhere()]);
        self.egress.push(EgressRule { to_ports: port_rules(ports), ..rule });
        self
    }

    pub(super) fn reach_entities(
        mut self,
        entities: impl IntoIterator<Item = Entity>,
        ports: impl IntoIterator<Item = PortProtocol>,
    ) -> Self {
        let rule = EgressRule::to_entities(entities);
        self.egress.push(EgressRule { to_ports: port_rules(ports), ..rule });
        self
    }

    /// Addresses that may be taken for the node's own or for the outside.
    pub(super) fn reach_addresses(
        mut self,
        addresses: impl IntoIterator<Item = std::net::IpAddr>,
        ports: impl IntoIterator<Item = PortProtocol>,
    ) -> Self {
        let cidrs: Vec<_> = addresses.into_iter().map(|address| ichor_agent_api::Cidr(address.into())).collect();
        if !cidrs.is_empty() {
            let to = Destinations { to_cidr: Some(cidrs), ..Destinations::default() };
            self.egress.push(EgressRule { to, to_ports: port_rules(ports), ..EgressRule::default() });
        }
        self
    }

    /// The API server calls them, and its address is that of a node.
    pub(super) fn called_by_api(self, port: u16) -> Self {
        self.accept_entities(CONTROL_PLANE, [PortProtocol::tcp(port)])
    }

    /// Prometheus and Alloy read their metrics, where there is monitoring.
    pub(super) fn scraped(self, cluster: &Cluster, port: u16) -> Self {
        if !*cluster.monitoring.enabled {
            return self;
        }
        self.accept_pods(&Pods::named(cluster.monitoring.namespace.as_str(), &["alloy", "prometheus"]), [PortProtocol::tcp(port)])
    }

    /// Gateways hand them requests: ichor's own, and those of an Envoy Gateway that runs beside it.
    pub(super) fn behind_gateways(self, cluster: &Cluster, port: u16) -> Self {
        if !*cluster.gateways.enabled {
            return self;
        }
        let ports = || [PortProtocol::tcp(port)];
        self.accept_entities([Entity::Ingress], ports()).accept_pods(&envoy(cluster), ports())
    }

    /// They call names that the cluster's own gateways serve.
    pub(super) fn calls_gateways(self, cluster: &Cluster) -> Self {
        if !*cluster.gateways.enabled {
            return self;
        }
        let web = [PortProtocol::tcp(80), PortProtocol::tcp(443)];
        self.reach_entities([Entity::Ingress], []).reach_pods(&envoy(cluster), []).reach_addresses(gateways::addresses(cluster), web)
    }

    /// The rule in this mode.
    pub(super) fn rule(&self, mode: PolicyMode) -> Rule {
        Rule {
            description: Some(self.description.to_owned()),
            endpoint_selector: Some(self.pods.local()),
            enable_default_deny: Some(match mode {
                PolicyMode::Audit => DefaultDeny::AUDIT,
                PolicyMode::Enforce => DefaultDeny::ENFORCE,
            }),
            ingress: Some(self.ingress.clone()),
            egress: Some(self.egress.clone()),
            ..Rule::default()
        }
    }
}

/// The proxies of an Envoy Gateway.
pub(super) fn envoy(cluster: &Cluster) -> Pods {
    Pods::labelled(&gateways::namespace(cluster), "app.kubernetes.io/managed-by", &["envoy-gateway"])
}

fn port_rules(ports: impl IntoIterator<Item = PortProtocol>) -> Option<Vec<PortRule>> {
    let ports: Vec<_> = ports.into_iter().collect();
    (!ports.is_empty()).then(|| vec![PortRule { ports: Some(ports), ..PortRule::default() }])
}

/// A port of both transports.
pub(super) fn both(port: u16) -> [PortProtocol; 2] {
    [PortProtocol::udp(port), PortProtocol::tcp(port)]
}
