//! What processes may do at the API server, where a missing right would stop them.

use crate::objects::{Object, Reader};
use crate::sample::{Sample, Stack, tree};

fn objects() -> Vec<Object> {
    Reader::default().objects(&tree(&Sample { stack: Stack::V4, ..Sample::FULL }.text()))
}

fn may(objects: &[Object], role: &str, verb: &str, group: &str, resource: &str) -> bool {
    let has = |list: &serde_json::Value, wanted: &str| list.as_array().unwrap().iter().any(|item| item == wanted || item == "*");
    let role = objects.iter().find(|object| object.kind() == "ClusterRole" && object.text("/metadata/name") == role).unwrap();
    let mut rules = role.json["rules"].as_array().unwrap().iter();
    rules.any(|rule| has(&rule["apiGroups"], group) && has(&rule["verbs"], verb) && has(&rule["resources"], resource))
}

const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// The DNS server answers nothing before it has read every kind of which it finds the definition.
#[test]
fn the_dns_server_reads_every_kind_that_it_waits_for() {
    let objects = objects();
    for resource in ["gatewayclasses", "gateways", "grpcroutes", "httproutes", "listenersets"] {
        for verb in ["list", "watch"] {
            assert!(may(&objects, "k8s-gateway", verb, GATEWAY_API, resource), "{verb} {resource}");
        }
    }
}

#[test]
fn the_controller_reads_what_gateways_refer_to_and_answers_every_route() {
    let objects = objects();
    for resource in ["configmaps", "secrets"] {
        assert!(may(&objects, "ichor-controller", "list", "", resource), "{resource}");
    }
    for resource in ["gateways", "grpcroutes", "httproutes", "listenersets", "tcproutes", "tlsroutes", "udproutes"] {
        assert!(may(&objects, "ichor-controller", "patch", GATEWAY_API, &format!("{resource}/status")), "{resource}");
    }
}
