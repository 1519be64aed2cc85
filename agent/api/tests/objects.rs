//! Manifests to typed objects and back, and what is said about those that are wrong.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use ichor_agent_api::{
    Kind, LabelSelector, Object, annotation,
    bgp::{self, BgpObjects, CiliumBGPAdvertisement, CiliumBGPClusterConfig, CiliumBGPPeerConfig, CiliumBGPPeeringPolicy},
    cidr_group::CiliumCIDRGroup,
    endpoint::CiliumEndpoint,
    failover::{BFDProfile, FloatingNextHop},
    identity::CiliumIdentity,
    l2::CiliumL2AnnouncementPolicy,
    manifest::Schemas,
    node::CiliumNode,
    policy::{CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy, DefaultDeny, EgressRule, Entity, IngressRule, PortProtocol, Rule},
    pool::CiliumLoadBalancerIPPool,
};
use ichor_yaml::{Layout, emit_all, from_json, parse_one, to_json};
use serde_json::Value;

fn manifests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests")
}

fn yaml(text: &str) -> Value {
    to_json(&parse_one(text).unwrap())
}

fn manifest(name: &str) -> Value {
    yaml(&std::fs::read_to_string(manifests().join(name).with_extension("yaml")).unwrap())
}

fn object<B: Kind>(name: &str) -> Object<B> {
    serde_json::from_value(manifest(name)).unwrap()
}

#[test]
fn every_manifest_comes_back_as_it_was() {
    fn same<B: Kind>(name: &str) {
        let read = object::<B>(name);
        assert_eq!(serde_json::to_value(&read).unwrap(), manifest(name), "{name}");
    }
    same::<BFDProfile>("bfd-profile");
    same::<CiliumBGPAdvertisement>("bgp-advertisement");
    same::<CiliumBGPClusterConfig>("bgp-cluster");
    same::<bgp::CiliumBGPNodeConfigOverride>("bgp-override");
    same::<CiliumBGPPeerConfig>("bgp-peer");
    same::<CiliumCIDRGroup>("cidr-group");
    same::<CiliumEndpoint>("endpoint");
    same::<FloatingNextHop>("floating-next-hop");
    same::<CiliumIdentity>("identity");
    same::<CiliumL2AnnouncementPolicy>("l2");
    same::<CiliumL2AnnouncementPolicy>("l2-as-v2");
    same::<CiliumNode>("node");
    same::<CiliumBGPPeeringPolicy>("peering-policy");
    same::<CiliumNetworkPolicy>("policy");
    same::<CiliumClusterwideNetworkPolicy>("policy-cluster");
    same::<CiliumNetworkPolicy>("policy-full");
    same::<CiliumLoadBalancerIPPool>("pool-range");
    same::<CiliumLoadBalancerIPPool>("pool-selector");
    assert_eq!(std::fs::read_dir(manifests()).unwrap().count(), 18, "a manifest is read by no line above");
}

#[test]
fn a_policy_is_built_from_typed_values() {
    let rule = Rule {
        description: Some("Policy description".into()),
        endpoint_selector: Some(LabelSelector::labels([("app", "myapp")])),
        enable_default_deny: Some(DefaultDeny::AUDIT),
        ingress: Some(vec![
            IngressRule::from_endpoints([LabelSelector::labels([
                (annotation::POD_NAMESPACE, "monitoring"),
                ("app.kubernetes.io/name", "prometheus"),
            ])])
            .to_ports(PortProtocol::tcp(8080)),
        ]),
        egress: Some(vec![
            EgressRule::to_endpoints([LabelSelector::labels([(annotation::POD_NAMESPACE, "kube-system"), ("k8s-app", "kube-dns")])])
                .to_ports(PortProtocol::udp(53)),
        ]),
        ..Rule::default()
    };
    let policy = Object::new("app-policy", CiliumNetworkPolicy::from(rule)).in_namespace("default");
    assert_eq!(serde_json::to_value(&policy).unwrap(), manifest("policy"));
}

#[test]
fn an_empty_list_is_not_a_missing_one() {
    let lists = |json: &str| serde_json::from_str::<IngressRule>(json).unwrap().from.from_endpoints.map(|list| list.len());
    assert_eq!((lists("{}"), lists(r#"{"fromEndpoints":[]}"#), lists(r#"{"fromEndpoints":[{}]}"#)), (None, Some(0), Some(1)));
    let nobody = IngressRule::from_endpoints([]);
    assert_eq!(serde_json::to_string(&nobody).unwrap(), r#"{"fromEndpoints":[]}"#);
    assert_eq!(serde_json::to_string(&EgressRule::to_entities([Entity::KubeApiserver])).unwrap(), r#"{"toEntities":["kube-apiserver"]}"#);
}

#[test]
fn an_object_of_another_kind_or_version_is_refused() {
    let error = |value: Value| serde_json::from_value::<Object<CiliumLoadBalancerIPPool>>(value).unwrap_err().to_string();
    assert_eq!(
        error(manifest("l2")),
        "CiliumL2AnnouncementPolicy of cilium.io/v2alpha1 is not a CiliumLoadBalancerIPPool (cilium.io/v2 or cilium.io/v2alpha1)"
    );
    let mut older = manifest("pool-range");
    older["apiVersion"] = "cilium.io/v1".into();
    assert!(error(older).starts_with("CiliumLoadBalancerIPPool of cilium.io/v1 is not a"));
}

#[test]
fn good_manifests_have_no_faults() {
    let schemas = Schemas::default();
    for entry in std::fs::read_dir(manifests()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(schemas.check(&yaml(&std::fs::read_to_string(&path).unwrap())), [], "{}", path.display());
    }
}

#[test]
fn each_fault_names_its_place_and_its_mend() {
    let schemas = Schemas::default();
    let faults = |name: &str, at: &str, value: Value| {
        let mut wrong = manifest(name);
        let (parent, key) = at.rsplit_once('/').unwrap();
        wrong.pointer_mut(parent).unwrap()[key] = value;
        schemas.check(&wrong).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for (name, at, value, expected) in [
        (
            "bgp-peer",
            "/spec/holdTimeSeconds",
            30.into(),
            "spec.holdTimeSeconds: there is no such field; it belongs at spec.timers.holdTimeSeconds",
        ),
        ("bgp-peer", "/spec/timers/holdTimeSeconds", 2.into(), "spec.timers.holdTimeSeconds: 2 is out of range; 3 to 65535"),
        ("bgp-peer", "/spec/gracefulRestart", serde_json::json!({}), "spec.gracefulRestart.enabled: is required"),
        ("bgp-peer", "/spec/families", "ipv4".into(), "spec.families: a string where a list belongs"),
        (
            "pool-range",
            "/apiVersion",
            "cilium.io/v1".into(),
            "apiVersion: CiliumLoadBalancerIPPool is not served in version v1; use cilium.io/v2 or cilium.io/v2alpha1",
        ),
        ("pool-range", "/spec/allowFirstLastIPs", true.into(), "spec.allowFirstLastIPs: true or false where a string belongs"),
        (
            "pool-range",
            "/spec/allowFirstLastIPs",
            "yes".into(),
            "spec.allowFirstLastIPs: \"yes\" is not a value of this field; use Yes or No",
        ),
        (
            "pool-selector",
            "/spec/serviceSelector/matchLabels/a",
            1.into(),
            "spec.serviceSelector.matchLabels.a: a number where a string belongs; write \"1\" in quotes",
        ),
        ("bgp-cluster", "/spec/bgpInstances", Value::Array(vec![]), "spec.bgpInstances: has 0 items, fewer than 1"),
        (
            "policy",
            "/spec/ingress",
            serde_json::json!([{ "fromRequires": ["x"] }]),
            "spec.ingress[0].fromRequires: has 1 items, more than 0",
        ),
        (
            "policy",
            "/spec/ingress",
            serde_json::json!([{ "toPorts": [{ "ports": [{ "port": 80 }] }] }]),
            "spec.ingress[0].toPorts[0].ports[0].port: a number where a string belongs; write \"80\" in quotes",
        ),
        (
            "policy",
            "/spec/egress",
            serde_json::json!([{ "icmps": [{ "fields": [{ "type": true }] }] }]),
            "spec.egress[0].icmps[0].fields[0].type: true or false where an integer or a string belongs",
        ),
    ] {
        assert_eq!(faults(name, at, value), [expected]);
    }
}

const PEER_OF_THE_SEED: &str = "
apiVersion: cilium.io/v2
kind: CiliumBGPPeerConfig
metadata: {name: bgp-peer-config-v4}
spec: {authSecretRef: bgp-peer-password, holdTimeSeconds: 30, keepAliveTimeSeconds: 10,
  families: [{afi: ipv4, safi: unicast, advertisements: {matchLabels: {advertise: bgp}}}]}
";
const ADVERTISEMENT_OF_THE_SEED: &str = "
apiVersion: cilium.io/v2
kind: CiliumBGPAdvertisement
metadata: {name: bgp-advertisement-config}
spec: {advertisements: [{advertisementType: Service, service: {addresses: [LoadBalancerIP]}}]}
";

fn findings(cluster: Value, peer: Value, advertisement: Value) -> Vec<String> {
    let cluster_configs: [Object<CiliumBGPClusterConfig>; 1] = [serde_json::from_value(cluster).unwrap()];
    let peer_configs: [Object<CiliumBGPPeerConfig>; 1] = [serde_json::from_value(peer).unwrap()];
    let advertisements: [Object<CiliumBGPAdvertisement>; 1] = [serde_json::from_value(advertisement).unwrap()];
    let objects = BgpObjects { cluster_configs: &cluster_configs, peer_configs: &peer_configs, advertisements: &advertisements };
    bgp::lint(objects).into_iter().map(|found| format!("{} {}: {}; {}", found.object, found.field, found.problem, found.help)).collect()
}

#[test]
fn bgp_objects_that_advertise_nothing_are_found() {
    let seed = findings(manifest("bgp-cluster"), yaml(PEER_OF_THE_SEED), yaml(ADVERTISEMENT_OF_THE_SEED));
    assert_eq!(
        seed,
        [
            "CiliumBGPPeerConfig/bgp-peer-config-v4 spec.families[0].advertisements: the selector matches no CiliumBGPAdvertisement; \
             give a CiliumBGPAdvertisement the labels that are selected here",
            "CiliumBGPAdvertisement/bgp-advertisement-config metadata.labels: the object has no labels, so no peer configuration selects it; \
             add the label advertise: bgp",
            "CiliumBGPAdvertisement/bgp-advertisement-config spec.advertisements[0].selector: without a selector no Services are advertised; \
             add a selector; an empty one, written {}, selects all",
        ]
    );
    assert_eq!(findings(manifest("bgp-cluster"), manifest("bgp-peer"), manifest("bgp-advertisement")), [""; 0]);
}

#[test]
fn a_session_without_configuration_is_found() {
    let mut cluster = manifest("bgp-cluster");
    cluster["spec"]["bgpInstances"][0]["peers"][0]["peerConfigRef"]["name"] = "missing".into();
    cluster["spec"]["bgpInstances"][0]["peers"][1]["peerConfigRef"] = Value::Null;
    let mut peer = manifest("bgp-peer");
    peer["spec"]["families"][0]["advertisements"] = Value::Null;
    let found = findings(cluster.clone(), peer.clone(), manifest("bgp-advertisement"));
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found[0].contains("peers[0].peerConfigRef.name: there is no CiliumBGPPeerConfig named \"missing\"; use bgp-peer-config-v4"));
    assert!(found[1].contains("peers[1].peerConfigRef: peer \"peer-4200000001-v6\" has no peer configuration"));
    assert!(found[2].contains("a family without a selector advertises nothing"));
    assert!(found[3].contains("no peer configuration selects the labels of the object"));
    peer["spec"]["families"] = Value::Null;
    assert!(
        findings(cluster, peer, manifest("bgp-advertisement"))[2].contains("without families the session comes up and advertises nothing")
    );
}

#[test]
fn golden_migration_of_a_peering_policy() {
    let made = object::<CiliumBGPPeeringPolicy>("peering-policy").migrate();
    let mut objects = vec![serde_json::to_value(&made.cluster_config).unwrap()];
    objects.extend(made.peer_configs.iter().map(|object| serde_json::to_value(object).unwrap()));
    objects.extend(made.advertisements.iter().map(|object| serde_json::to_value(object).unwrap()));
    let schemas = Schemas::default();
    assert_eq!(objects.iter().flat_map(|object| schemas.check(object)).collect::<Vec<_>>(), []);
    let notes: String = made.notes.iter().map(|note| format!("# {note}\n")).collect();
    let nodes: Vec<_> = objects.iter().map(from_json).collect();
    let text = notes + &emit_all(&nodes, Layout::Two);
    ichor_tests::assert_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/migrated/peering-policy.yaml"), text.as_bytes());

    let objects = BgpObjects {
        cluster_configs: std::slice::from_ref(&made.cluster_config),
        peer_configs: &made.peer_configs,
        advertisements: &made.advertisements,
    };
    assert_eq!(bgp::lint(objects), []);
}
