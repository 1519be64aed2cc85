//! The optional applications, each with what it uses and who uses it.

use ichor_agent_api::policy::{Entity, PortProtocol};
use ichor_config::Cluster;

use super::Set;
use super::policy::{Pods, Policy};
use crate::apps::{
    App, CLICKHOUSE, CLICKHOUSE_HTTP_PORT, CLICKHOUSE_NATIVE_PORT, CONSOLE_PORT, DRAGONFLY, KEYCLOAK, LANGFUSE, LITELLM, MANAGEMENT_PORT,
    POSTGRES_PORT, RUSTFS, WORKER, WORKER_PORT,
};

/// What one application brings.
type Policies = fn(&Cluster) -> Vec<Policy>;

pub(super) fn sets(cluster: &Cluster) -> Vec<Set> {
    let set = |name, apps: &[(&App, Policies)]| {
        let enabled = apps.iter().filter(|(app, _)| app.is_enabled(cluster));
        let namespace = apps.first().map(|(app, _)| app.namespace.to_owned()).unwrap_or_default();
        Set { name, namespace, policies: enabled.flat_map(|(_, policies)| policies(cluster)).collect() }
    };
    vec![
        set("policies-storage", &[(&RUSTFS, |cluster| vec![rustfs(cluster)])]),
        set("policies-cache", &[(&DRAGONFLY, |_| vec![dragonfly()])]),
        set(
            "policies-identity",
            &[(&KEYCLOAK, |cluster| vec![keycloak(cluster), database("keycloak-postgres", &KEYCLOAK, &[KEYCLOAK.name])])],
        ),
        set(
            "policies-ai-system",
            &[
                (&LITELLM, |cluster| vec![litellm(cluster), database("litellm-postgres", &LITELLM, &[LITELLM.name])]),
                (&LANGFUSE, |cluster| {
                    let database = database("langfuse-postgres", &LANGFUSE, &[LANGFUSE.name, WORKER]);
                    vec![langfuse(cluster), langfuse_worker(cluster), clickhouse(), database]
                }),
            ],
        ),
    ]
}

fn pods(app: &App) -> Pods {
    Pods::named(app.namespace, &[app.name])
}

/// Langfuse's two halves, which use the same stores.
fn langfuse_pods() -> Pods {
    Pods::named(LANGFUSE.namespace, &[LANGFUSE.name, WORKER])
}

fn tcp(ports: &[u16]) -> Vec<PortProtocol> {
    ports.iter().copied().map(PortProtocol::tcp).collect()
}

fn rustfs(cluster: &Cluster) -> Policy {
    let stores = Pods::named(cluster.monitoring.namespace.as_str(), &["loki", "tempo"]);
    Policy::new("rustfs", pods(&RUSTFS), "The object store serves those who keep their data there")
        .resolves()
        .behind_gateways(cluster, CONSOLE_PORT)
        .accept_pods(&langfuse_pods(), tcp(&[RUSTFS.port]))
        .accept_pods(&stores, tcp(&[RUSTFS.port]))
}

fn dragonfly() -> Policy {
    Policy::new("dragonfly", pods(&DRAGONFLY), "The cache serves those who use it").accept_pods(&langfuse_pods(), tcp(&[DRAGONFLY.port]))
}

fn keycloak(cluster: &Cluster) -> Policy {
    Policy::new("keycloak", pods(&KEYCLOAK), "Keycloak asks its database, directories, other providers, and mail servers")
        .resolves()
        .behind_gateways(cluster, KEYCLOAK.port)
        .scraped(cluster, MANAGEMENT_PORT)
        .reach_pods(&Pods::named(KEYCLOAK.namespace, &["keycloak-postgres"]), tcp(&[POSTGRES_PORT]))
        .reach_entities([Entity::World], tcp(&[389, 443, 465, 587, 636]))
}

fn litellm(cluster: &Cluster) -> Policy {
    let policy = Policy::new("litellm", pods(&LITELLM), "LiteLLM asks providers of models, wherever they are outside the cluster")
        .resolves()
        .behind_gateways(cluster, LITELLM.port)
        .reach_pods(&Pods::named(LITELLM.namespace, &["litellm-postgres"]), tcp(&[POSTGRES_PORT]))
        .reach_entities([Entity::World], [])
        .calls_gateways(cluster);
    if LANGFUSE.is_enabled(cluster) { policy.reach_pods(&pods(&LANGFUSE), tcp(&[LANGFUSE.port])) } else { policy }
}

fn langfuse(cluster: &Cluster) -> Policy {
    let policy = Policy::new("langfuse", pods(&LANGFUSE), "Langfuse's web view asks its stores and providers of identities and models")
        .behind_gateways(cluster, LANGFUSE.port)
        .accept_pods(&pods(&LITELLM), tcp(&[LANGFUSE.port]));
    langfuse_stores(policy, cluster)
}

fn langfuse_worker(cluster: &Cluster) -> Policy {
    let worker = Pods::named(LANGFUSE.namespace, &[WORKER]);
    let policy = Policy::new("langfuse-worker", worker, "Langfuse's worker asks its stores and providers of models")
        .accept_pods(&pods(&LANGFUSE), tcp(&[WORKER_PORT]));
    langfuse_stores(policy, cluster)
}

fn langfuse_stores(policy: Policy, cluster: &Cluster) -> Policy {
    policy
        .resolves()
        .reach_pods(&Pods::named(LANGFUSE.namespace, &["langfuse-postgres"]), tcp(&[POSTGRES_PORT]))
        .reach_pods(&Pods::named(LANGFUSE.namespace, &[CLICKHOUSE]), tcp(&[CLICKHOUSE_HTTP_PORT, CLICKHOUSE_NATIVE_PORT]))
        .reach_pods(&pods(&DRAGONFLY), tcp(&[DRAGONFLY.port]))
        .reach_pods(&pods(&RUSTFS), tcp(&[RUSTFS.port]))
        .reach_entities([Entity::World], tcp(&[443, 465, 587]))
        .calls_gateways(cluster)
}

fn clickhouse() -> Policy {
    Policy::new("langfuse-clickhouse", Pods::named(LANGFUSE.namespace, &[CLICKHOUSE]), "ClickHouse serves Langfuse alone")
        .resolves()
        .accept_pods(&langfuse_pods(), tcp(&[CLICKHOUSE_HTTP_PORT, CLICKHOUSE_NATIVE_PORT]))
}

/// A PostgreSQL server serves its one application.
fn database(name: &'static str, app: &App, clients: &[&'static str]) -> Policy {
    Policy::new(name, Pods::named(app.namespace, &[name]), "The database serves its application alone")
        .accept_pods(&Pods::named(app.namespace, clients), tcp(&[POSTGRES_PORT]))
}
