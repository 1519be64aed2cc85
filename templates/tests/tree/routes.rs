//! Whether a gateway takes the routes that name it.

use crate::objects::{Object, Reader};
use crate::sample::{Sample, tree};

/// Routes that no listener of a gateway takes.
pub(crate) fn unserved(objects: &[Object]) -> Vec<String> {
    let routes = objects.iter().filter(|object| object.kind() == "HTTPRoute");
    let mut faults = Vec::new();
    for route in routes {
        for parent in route.json["spec"]["parentRefs"].as_array().unwrap() {
            let namespace = parent["namespace"].as_str().unwrap_or(route.text("/metadata/namespace"));
            let gateway = objects.iter().find(|object| {
                object.kind() == "Gateway"
                    && object.text("/metadata/name") == parent["name"]
                    && object.text("/metadata/namespace") == namespace
            });
            let listeners = gateway.map(|gateway| gateway.json["spec"]["listeners"].as_array().unwrap().clone()).unwrap_or_default();
            if !listeners.iter().any(|listener| takes(listener, parent, route, namespace)) {
                faults.push(format!("{} ({}) is taken by no listener of {}", route.key(), route.path, parent["name"]));
            }
        }
    }
    faults
}

fn takes(listener: &serde_json::Value, parent: &serde_json::Value, route: &Object, namespace: &str) -> bool {
    let named = parent["sectionName"].is_null() || parent["sectionName"] == listener["name"];
    let allowed = listener["allowedRoutes"]["namespaces"]["from"] == "All" || route.text("/metadata/namespace") == namespace;
    let names = route.json["spec"]["hostnames"].as_array().cloned().unwrap_or_default();
    let serves = |name: &str| {
        listener["hostname"].as_str().is_none_or(|own| name == own || own.strip_prefix('*').is_some_and(|domain| name.ends_with(domain)))
    };
    named && allowed && (names.is_empty() || names.iter().any(|name| serves(name.as_str().unwrap())))
}

fn with_hostnames(hostnames: &str) -> Vec<Object> {
    let text = Sample { observed: false, ..Sample::FULL }.text();
    let changed = text.replacen("  internal: { ", &format!("  internal: {{ hostnames: [{hostnames}], "), 1);
    assert_ne!(text, changed);
    Reader::default().objects(&tree(&changed))
}

fn host<'a>(objects: &'a [Object], route: &str) -> Option<&'a str> {
    let found = objects.iter().find(|object| object.kind() == "HTTPRoute" && object.text("/metadata/name") == route)?;
    Some(found.text("/spec/hostnames/0"))
}

#[test]
fn applications_have_names_that_the_internal_gateway_serves() {
    for (hostnames, keycloak, langfuse) in [
        ("\"*.lan.example.org\"", Some("keycloak.lan.example.org"), Some("langfuse.lan.example.org")),
        ("\"*.lan.example.org\", \"*.home.example.org\"", Some("keycloak.home.example.org"), Some("langfuse.home.example.org")),
        ("keycloak.home.example.org", Some("keycloak.home.example.org"), None),
    ] {
        let objects = with_hostnames(hostnames);
        assert_eq!(unserved(&objects), [""; 0], "{hostnames}");
        assert_eq!((host(&objects, "keycloak"), host(&objects, "langfuse")), (keycloak, langfuse), "{hostnames}");
    }
}
