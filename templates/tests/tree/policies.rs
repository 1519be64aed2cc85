//! What policies may and may not do to a cluster, asked of the rendered objects.

use std::collections::{BTreeMap, BTreeSet};

use ichor_agent_api::manifest::Schemas;
use ichor_agent_api::policy::{CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy, DefaultDeny, Entity, PortRule, Protocol, Rule};
use ichor_agent_api::selector::Labels;

use crate::objects::{Object, Reader};
use crate::sample::{ENGINES, POLICIES, STACKS, Sample, Stack, tree};

fn objects(sample: Sample) -> Vec<Object> {
    Reader::default().objects(&tree(&sample.text()))
}

/// The rules of a cluster, each with the namespace that it is in.
fn rules(objects: &[Object]) -> Vec<(Option<String>, Rule)> {
    let mut rules = Vec::new();
    for object in objects {
        let body = serde_json::Value::clone(&object.json);
        if object.kind() == "CiliumNetworkPolicy" {
            let policy: CiliumNetworkPolicy = serde_json::from_value(body).unwrap();
            rules.extend(policy.spec.into_iter().map(|rule| (Some(object.text("/metadata/namespace").to_owned()), rule)));
        } else if object.kind() == "CiliumClusterwideNetworkPolicy" {
            let policy: CiliumClusterwideNetworkPolicy = serde_json::from_value(body).unwrap();
            rules.extend(policy.specs.into_iter().flatten().map(|rule| (None, rule)));
        }
    }
    rules
}

/// The labels of a pod as selectors see them.
fn pod(namespace: &str, labels: &[(&str, &str)]) -> Labels {
    let mut all: Labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    all.insert("io.kubernetes.pod.namespace".to_owned(), namespace.to_owned());
    all
}

fn named(namespace: &str, name: &str) -> Labels {
    pod(namespace, &[("app.kubernetes.io/name", name)])
}

/// A cluster's policies, as an agent would read them.
struct Policies(Vec<(Option<String>, Rule)>);

impl Policies {
    fn of(sample: Sample) -> Self {
        Self(rules(&objects(sample)))
    }

    fn about<'a>(&'a self, pod: &'a Labels) -> impl Iterator<Item = &'a Rule> {
        let inside =
            |namespace: &Option<String>| namespace.as_ref().is_none_or(|namespace| pod["io.kubernetes.pod.namespace"] == *namespace);
        let rules =
            self.0.iter().filter(move |(namespace, rule)| inside(namespace) && rule.endpoint_selector.as_ref().unwrap().matches(pod));
        rules.map(|(_, rule)| rule)
    }

    fn lets_out(&self, from: &Labels, to: &Labels, port: (u16, Protocol)) -> bool {
        let to_pod = |rule: &Rule| {
            rule.egress.iter().flatten().any(|egress| {
                let pods = egress.to.to_endpoints.iter().flatten().any(|selector| selector.matches(to));
                let everyone = egress.to.to_entities.iter().flatten().any(|entity| matches!(entity, Entity::Cluster | Entity::All));
                (pods || everyone) && opens(egress.to_ports.as_deref(), port)
            })
        };
        self.about(from).next().is_none() || self.about(from).any(to_pod)
    }

    fn lets_in(&self, from: &Labels, to: &Labels, port: (u16, Protocol)) -> bool {
        let from_pod = |rule: &Rule| {
            rule.ingress.iter().flatten().any(|ingress| {
                let pods = ingress.from.from_endpoints.iter().flatten().any(|selector| selector.matches(from));
                let everyone = ingress.from.from_entities.iter().flatten().any(|entity| matches!(entity, Entity::Cluster | Entity::All));
                (pods || everyone) && opens(ingress.to_ports.as_deref(), port)
            })
        };
        self.about(to).next().is_none() || self.about(to).any(from_pod)
    }

    fn let_through(&self, from: &Labels, to: &Labels, port: (u16, Protocol)) -> bool {
        self.lets_out(from, to, port) && self.lets_in(from, to, port)
    }

    fn lets_out_to(&self, from: &Labels, entity: Entity, port: u16) -> bool {
        let out = |rule: &Rule| {
            let rules = rule.egress.iter().flatten();
            rules
                .filter(|egress| egress.to.to_entities.iter().flatten().any(|to| *to == entity))
                .any(|egress| opens(egress.to_ports.as_deref(), (port, Protocol::Tcp)))
        };
        self.about(from).any(out)
    }

    fn lets_in_from(&self, entity: Entity, to: &Labels, port: u16) -> bool {
        let from = |rule: &Rule| {
            let rules = rule.ingress.iter().flatten();
            rules
                .filter(|ingress| ingress.from.from_entities.iter().flatten().any(|from| *from == entity))
                .any(|ingress| opens(ingress.to_ports.as_deref(), (port, Protocol::Tcp)))
        };
        self.about(to).any(from)
    }
}

fn opens(rules: Option<&[PortRule]>, (port, protocol): (u16, Protocol)) -> bool {
    let Some(rules) = rules else { return true };
    let mut ports = rules.iter().flat_map(|rule| rule.ports.iter().flatten());
    ports.any(|open| open.port.as_deref() == Some(&port.to_string()) && open.protocol == Some(protocol))
}

#[test]
fn every_object_of_our_kinds_fits_its_schema() {
    let schemas = Schemas::default();
    let mut checked = BTreeSet::new();
    for (engine, stack) in ENGINES.into_iter().flat_map(|engine| STACKS.map(|stack| (engine, stack))) {
        for (policies, bgp) in POLICIES.into_iter().flat_map(|policies| [(policies, false), (policies, true)]) {
            for object in objects(Sample { engine, stack, policies, bgp, ..Sample::FULL }) {
                let faults = schemas.check(&object.json);
                assert!(faults.is_empty(), "{}: {}", object.path, faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
                checked.insert(object.kind().to_owned());
            }
        }
    }
    for kind in ["BFDProfile", "CiliumBGPPeerConfig", "CiliumClusterwideNetworkPolicy", "CiliumNetworkPolicy", "FloatingNextHop"] {
        assert!(checked.contains(kind), "no {kind} among {checked:?}");
    }
}

#[test]
fn no_policy_is_about_nodes_or_about_pods_that_it_does_not_name() {
    for mode in ["audit", "enforce"] {
        for (namespace, rule) in rules(&objects(Sample { policies: Some(mode), ..Sample::FULL })) {
            let about = format!("{namespace:?} {:?}", rule.description);
            assert!(rule.node_selector.is_none(), "{about} is about nodes");
            let selector = rule.endpoint_selector.unwrap();
            assert!(selector.faults().is_empty(), "{about}");
            let mut stranger = Labels::new();
            stranger.insert("io.kubernetes.pod.namespace".to_owned(), namespace.unwrap_or_else(|| "kube-system".to_owned()));
            assert!(!selector.matches(&stranger), "{about} is about pods without a name");
            assert!(rule.ingress_deny.is_none() && rule.egress_deny.is_none(), "{about} denies what nobody could allow again");
        }
    }
}

#[test]
fn auditing_denies_nothing_and_enforcing_denies_by_default() {
    for (mode, expected) in [("audit", DefaultDeny::AUDIT), ("enforce", DefaultDeny::ENFORCE)] {
        for (namespace, rule) in rules(&objects(Sample { policies: Some(mode), ..Sample::FULL })) {
            let deny = rule.enable_default_deny.unwrap();
            // The cluster-wide rules allow, and decide nothing about what comes in.
            let expected = if namespace.is_some() { expected } else { DefaultDeny { ingress: None, ..expected } };
            assert_eq!(deny, expected, "{namespace:?} {:?}", rule.description);
        }
    }
}

/// Pods that policies are about, and that ask for names.
fn clients() -> BTreeMap<&'static str, Labels> {
    let flux = |name| pod("flux-system", &[("app", name)]);
    [
        ("source-controller", flux("source-controller")),
        ("kustomize-controller", flux("kustomize-controller")),
        ("cert-manager", named("cert-manager", "cert-manager")),
        ("grafana", named("monitoring", "grafana")),
        ("prometheus", named("monitoring", "prometheus")),
        ("tunnel", named("network", "cloudflare-tunnel")),
        ("external-dns", named("network", "external-dns")),
        ("langfuse", named("ai-system", "langfuse")),
        ("keycloak", named("identity", "keycloak")),
        ("relay", named("kube-system", "hubble-relay")),
        ("metrics-server", named("kube-system", "metrics-server")),
        ("spegel", named("kube-system", "spegel")),
    ]
    .into()
}

#[test]
fn everyone_gets_names_probes_and_whoever_needs_it_the_api_server() {
    let policies = Policies::of(Sample::FULL);
    let talos_dns = pod("kube-system", &[("k8s-app", "kube-dns")]);
    for (name, labels) in clients() {
        for protocol in [Protocol::Udp, Protocol::Tcp] {
            assert!(policies.let_through(&labels, &talos_dns, (53, protocol)), "{name} gets no names by {protocol:?}");
        }
        assert!(policies.about(&labels).count() > 1, "{name} has no policy of its own");
        assert!(policies.lets_in_from(Entity::Host, &labels, 8080), "the kubelet cannot probe {name}");
    }
    for name in ["source-controller", "kustomize-controller", "cert-manager", "prometheus", "external-dns", "relay", "metrics-server"] {
        assert!(policies.lets_out_to(&clients()[name], Entity::KubeApiserver, 6443), "{name} cannot call the API server");
    }
    assert!(!policies.lets_out_to(&clients()["tunnel"], Entity::KubeApiserver, 6443));
    assert!(policies.lets_in_from(Entity::Cluster, &talos_dns, 53));
    assert!(policies.lets_out_to(&talos_dns, Entity::World, 53) && policies.lets_out_to(&talos_dns, Entity::Host, 53));
}

#[test]
fn what_has_to_speak_may() {
    let policies = Policies::of(Sample::FULL);
    let prometheus = named("monitoring", "prometheus");
    let flux = |name| pod("flux-system", &[("app", name)]);
    let tcp = |from: &Labels, to: &Labels, port| policies.let_through(from, to, (port, Protocol::Tcp));

    assert!(tcp(&flux("kustomize-controller"), &flux("source-controller"), 9090));
    assert!(tcp(&flux("helm-controller"), &flux("notification-controller"), 9090));
    for port in [22, 443, 2222] {
        assert!(policies.lets_out_to(&flux("source-controller"), Entity::World, port), "Flux cannot reach a Git server at {port}");
    }
    assert!(policies.lets_in_from(Entity::Ingress, &flux("notification-controller"), 9292));
    for (namespace, name, port) in [
        ("cert-manager", "cert-manager", 9402),
        ("identity", "keycloak", 9000),
        ("kube-system", "hubble-relay", 9966),
        ("kube-system", "metrics-server", 10250),
        ("network", "cloudflare-tunnel", 8080),
        ("network", "external-dns", 7979),
        ("network", "k8s-gateway", 9153),
    ] {
        assert!(tcp(&prometheus, &named(namespace, name), port), "{name} is not scraped");
    }
    assert!(tcp(&prometheus, &flux("helm-controller"), 8080));
    // The reloaders beside them, and what Loki's chart puts beside Loki.
    for (name, port) in [("prometheus", 8080), ("alertmanager", 8080), ("loki", 3500), ("loki", 9150)] {
        assert!(tcp(&prometheus, &named("monitoring", name), port), "{name} is not scraped at {port}");
    }
    for client in ["alloy", "grafana"] {
        assert!(tcp(&named("monitoring", client), &named("monitoring", "loki"), 8080), "{client} does not reach Loki by its gateway");
    }
    for (store, port) in [("loki", 8080), ("loki", 11211), ("tempo", 11211)] {
        assert!(tcp(&named("monitoring", store), &named("monitoring", store), port), "{store} does not reach its own at {port}");
    }
    for entity in [Entity::Host, Entity::KubeApiserver, Entity::RemoteNode] {
        assert!(policies.lets_in_from(entity, &named("cert-manager", "webhook"), 10250), "{entity:?} cannot ask the webhook");
        assert!(policies.lets_in_from(entity, &named("kube-system", "metrics-server"), 10250), "{entity:?} cannot ask for metrics");
    }
    for entity in [Entity::Host, Entity::RemoteNode] {
        assert!(policies.lets_out_to(&named("kube-system", "metrics-server"), entity, 10250));
        assert!(policies.lets_out_to(&named("kube-system", "hubble-relay"), entity, 4244));
    }
    assert!(tcp(&named("kube-system", "hubble-ui"), &named("kube-system", "hubble-relay"), 4245));
    for (namespace, name, port) in [
        ("ai-system", "langfuse", 3000),
        ("ai-system", "litellm", 4000),
        ("identity", "keycloak", 8080),
        ("kube-system", "hubble-ui", 8081),
        ("monitoring", "grafana", 3000),
        ("storage", "rustfs", 9001),
    ] {
        assert!(policies.lets_in_from(Entity::Ingress, &named(namespace, name), port), "gateways cannot reach {name}");
    }
    for entity in [Entity::World, Entity::Cluster] {
        assert!(policies.lets_in_from(entity, &named("network", "k8s-gateway"), 1053));
    }
    for port in [443, 7844] {
        assert!(policies.lets_out_to(&named("network", "cloudflare-tunnel"), Entity::World, port));
    }
    assert!(policies.lets_out_to(&named("network", "cloudflare-tunnel"), Entity::Ingress, 443));
}

#[test]
fn applications_reach_their_stores_and_strangers_do_not() {
    let policies = Policies::of(Sample::FULL);
    let ai = |name| named("ai-system", name);
    let stranger = named("default", "shell");
    for (from, to, port) in [
        (ai("langfuse"), ai("langfuse-postgres"), 5432),
        (ai("langfuse-worker"), ai("langfuse-postgres"), 5432),
        (ai("langfuse"), ai("langfuse-clickhouse"), 8123),
        (ai("langfuse"), ai("langfuse-clickhouse"), 9000),
        (ai("langfuse-worker"), named("cache", "dragonfly"), 6379),
        (ai("langfuse"), named("storage", "rustfs"), 9000),
        (ai("litellm"), ai("litellm-postgres"), 5432),
        (ai("litellm"), ai("langfuse"), 3000),
        (named("identity", "keycloak"), named("identity", "keycloak-postgres"), 5432),
        (named("monitoring", "loki"), named("storage", "rustfs"), 9000),
        (named("monitoring", "alloy"), named("monitoring", "loki"), 3100),
        (named("monitoring", "grafana"), named("monitoring", "prometheus"), 9090),
    ] {
        assert!(policies.let_through(&from, &to, (port, Protocol::Tcp)), "{from:?} cannot reach {to:?} at {port}");
        assert!(!policies.let_through(&stranger, &to, (port, Protocol::Tcp)), "a stranger reaches {to:?} at {port}");
    }
}

#[test]
fn each_set_follows_its_switch() {
    let namespaces = |sample| -> BTreeSet<String> { rules(&objects(sample)).into_iter().filter_map(|(namespace, _)| namespace).collect() };
    let all = ["ai-system", "cache", "cert-manager", "flux-system", "identity", "kube-system", "monitoring", "network", "storage"];
    assert_eq!(namespaces(Sample::FULL), all.map(str::to_owned).into());
    let bare = Sample { observed: false, apps: false, edge: false, engine: "argocd", stack: Stack::V4, ..Sample::FULL };
    assert_eq!(namespaces(bare), ["kube-system".to_owned()].into());
    assert!(namespaces(Sample { policies: None, ..Sample::FULL }).is_empty());
}
