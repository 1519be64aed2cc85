//! The monitoring stack, with the labels of its projects' own charts.

use ichor_agent_api::policy::{Entity, PortProtocol};
use ichor_config::Cluster;

use super::Set;
use super::policy::{Pods, Policy, both};
use crate::apps::RUSTFS;

const PROMETHEUS: u16 = 9090;
const ALERTMANAGER: u16 = 9093;
const GRAFANA: u16 = 3000;
const LOKI: u16 = 3100;
/// The proxy that Loki's chart puts before it, and what stands beside it: a canary, and caches with their exporter.
const LOKI_GATEWAY: u16 = 8080;
const LOKI_CANARY: u16 = 3500;
const CACHE_EXPORTER: u16 = 9150;
const TEMPO: u16 = 3200;
/// OpenTelemetry over gRPC and over HTTP.
const OTLP: [u16; 2] = [4317, 4318];
/// What tells Prometheus and Alertmanager of a new configuration, in their own pods.
const RELOADER: u16 = 8080;

/// The stack's pods.
struct Stack<'a> {
    cluster: &'a Cluster,
}

pub(super) fn set(cluster: &Cluster) -> Option<Set> {
    if !*cluster.monitoring.enabled {
        return None;
    }
    let stack = Stack { cluster };
    let policies = vec![stack.prometheus(), stack.alertmanager(), stack.grafana(), stack.loki(), stack.tempo(), stack.alloy()];
    Some(Set { name: "policies-monitoring", namespace: cluster.monitoring.namespace.to_string(), policies })
}

impl Stack<'_> {
    fn pods(&self, names: &[&'static str]) -> Pods {
        Pods::named(self.cluster.monitoring.namespace.as_str(), names)
    }

    fn policy(&self, name: &'static str, description: &'static str) -> Policy {
        Policy::new(name, self.pods(&[name]), description).resolves().calls_api()
    }

    fn prometheus(&self) -> Policy {
        self.policy("prometheus", "Prometheus reads metrics everywhere in the cluster, nodes included")
            .behind_gateways(self.cluster, PROMETHEUS)
            .accept_pods(&self.pods(&["alertmanager", "alloy", "grafana", "prometheus", "tempo"]), [PortProtocol::tcp(PROMETHEUS)])
            .scraped(self.cluster, RELOADER)
            .reach_entities([Entity::Cluster], [])
    }

    fn alertmanager(&self) -> Policy {
        let peers = || both(9094);
        self.policy("alertmanager", "Alertmanager tells people of alerts, by HTTPS or mail")
            .behind_gateways(self.cluster, ALERTMANAGER)
            .accept_pods(&self.pods(&["alloy", "grafana", "loki", "prometheus"]), [PortProtocol::tcp(ALERTMANAGER)])
            .scraped(self.cluster, RELOADER)
            .accept_pods(&self.pods(&["alertmanager"]), peers())
            .reach_pods(&self.pods(&["alertmanager"]), peers())
            .reach_entities([Entity::World], [443, 465, 587].map(PortProtocol::tcp))
            .calls_gateways(self.cluster)
    }

    fn grafana(&self) -> Policy {
        self.policy("grafana", "Grafana asks the stores, and the internet for plugins and dashboards")
            .behind_gateways(self.cluster, GRAFANA)
            .scraped(self.cluster, GRAFANA)
            .reach_pods(&self.pods(&["prometheus"]), [PortProtocol::tcp(PROMETHEUS)])
            .reach_pods(&self.pods(&["alertmanager"]), [PortProtocol::tcp(ALERTMANAGER)])
            .reach_pods(&self.pods(&["loki"]), [LOKI, LOKI_GATEWAY].map(PortProtocol::tcp))
            .reach_pods(&self.pods(&["tempo"]), [LOKI, TEMPO].map(PortProtocol::tcp))
            .reach_entities([Entity::World], [PortProtocol::tcp(443)])
            .calls_gateways(self.cluster)
    }

    fn loki(&self) -> Policy {
        let policy = self
            .policy("loki", "Loki takes logs and keeps them in an object store")
            .accept_pods(&self.pods(&["alloy", "grafana", "prometheus"]), [LOKI, LOKI_GATEWAY].map(PortProtocol::tcp))
            .scraped(self.cluster, LOKI_CANARY)
            .reach_pods(&self.pods(&["alertmanager"]), [PortProtocol::tcp(ALERTMANAGER)]);
        self.members(policy, "loki")
    }

    fn tempo(&self) -> Policy {
        let policy = self
            .policy("tempo", "Tempo takes traces of every pod and keeps them in an object store")
            .accept_entities([Entity::Cluster], OTLP.map(PortProtocol::tcp))
            .accept_pods(&self.pods(&["alloy", "grafana", "prometheus"]), [LOKI, TEMPO].map(PortProtocol::tcp))
            .reach_pods(&self.pods(&["prometheus"]), [PortProtocol::tcp(PROMETHEUS)]);
        self.members(policy, "tempo")
    }

    fn alloy(&self) -> Policy {
        self.policy("alloy", "Alloy collects from every pod and node and hands on to the stores")
            .accept_entities([Entity::Cluster], OTLP.map(PortProtocol::tcp))
            .scraped(self.cluster, 12345)
            .reach_entities([Entity::Cluster], [])
    }

    /// Members of one store among themselves, their caches included, and the object store behind them.
    fn members(&self, policy: Policy, name: &'static str) -> Policy {
        let policy = policy
            .accept_pods(&self.pods(&[name]), [])
            .reach_pods(&self.pods(&[name]), [])
            .scraped(self.cluster, CACHE_EXPORTER)
            .reach_entities([Entity::World], [PortProtocol::tcp(443)]);
        match RUSTFS.is_enabled(self.cluster) {
            true => policy.reach_pods(&Pods::named(RUSTFS.namespace, &[RUSTFS.name]), [PortProtocol::tcp(RUSTFS.port)]),
            false => policy,
        }
    }
}
