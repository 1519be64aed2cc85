//! A real API server takes our CRDs, and the same manifests under ours as under the genuine ones.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use ichor_agent_api::{CRD_FILES, crds};
use ichor_tests::{ControlPlane, Scratch};
use serde_json::Value;

/// What only ours take, with the reason.
const ONLY_OURS: [&str; 3] = ["bfd-profile", "floating-next-hop", "l2-as-v2"];
/// What neither takes: the kind is gone.
const GONE: &str = "peering-policy";

fn manifests() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests");
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    found.sort();
    found
}

/// The manifests that every API server with the right definitions takes, as one stream.
fn accepted(except: &[&str]) -> String {
    let (others, common): (Vec<_>, Vec<_>) = manifests().into_iter().partition(|(name, _)| except.contains(&name.as_str()));
    assert_eq!(others.len(), except.len(), "{except:?}");
    common.into_iter().map(|(_, text)| format!("---\n{text}")).collect()
}

fn text(wanted: &str) -> String {
    manifests().into_iter().find(|(name, _)| name == wanted).unwrap().1
}

/// A definition that was only just made has no conditions yet, which `kubectl wait` takes calmly.
fn install(plane: &ControlPlane, folder: &Path) {
    plane.kubectl(["apply", "--server-side", "--filename", &folder.display().to_string()]).succeed();
    plane.kubectl(["wait", "--for=condition=Established", "--timeout=60s", "customresourcedefinitions", "--all"]).succeed();
}

fn with_ours() -> ControlPlane {
    let plane = ControlPlane::start();
    let folder = Scratch::new();
    for file in CRD_FILES {
        fs::write(folder.path().join(file.name), file.yaml).unwrap();
    }
    install(&plane, folder.path());
    plane
}

#[test]
fn ours_are_structural_and_take_every_manifest() {
    let plane = with_ours();
    let listed: Value = serde_json::from_str(plane.kubectl(["get", "crd", "--output=json"]).succeed().text()).unwrap();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), crds().len());
    for item in items {
        let name = &item["metadata"]["name"];
        let conditions: Vec<_> =
            item["status"]["conditions"].as_array().unwrap().iter().map(|one| format!("{}={}", one["type"], one["status"])).collect();
        assert_eq!(conditions, [r#""NamesAccepted"="True""#, r#""Established"="True""#], "{name}");
        assert_eq!(item["spec"]["preserveUnknownFields"], Value::Null, "{name}");
    }
    let run = plane.dry_run(&accepted(&[GONE]));
    assert!(run.status.success(), "{}", run.words());
    assert!(!plane.dry_run(&text(GONE)).status.success());
    refuses_what_is_wrong(&plane);
    shows_what_people_are_used_to(&plane);
}

fn refuses_what_is_wrong(plane: &ControlPlane) {
    for (name, from, to, expected) in [
        (
            "bgp-peer",
            "  timers:\n    holdTimeSeconds: 30\n    keepAliveTimeSeconds: 10\n",
            "  holdTimeSeconds: 30\n",
            "spec.holdTimeSeconds",
        ),
        ("bgp-peer", "keepAliveTimeSeconds: 10", "keepAliveTimeSeconds: 31", "must not exceed holdTimeSeconds"),
        ("bgp-peer", "holdTimeSeconds: 30", "holdTimeSeconds: 2", "greater than or equal to 3"),
        ("bgp-cluster", "peerAddress: 192.168.1.1", "peerAddress: 192.168.1.999", "spec.bgpInstances[0].peers[0].peerAddress"),
        ("bgp-cluster", "peer-4200000001-v6", "peer-64513-v4", "duplicate entries for key"),
        (
            "bgp-advertisement",
            "      service:\n        addresses:\n          - LoadBalancerIP\n",
            "",
            "type Service needs the field service",
        ),
        ("bgp-advertisement", "65000:100", "65536:100", "spec.advertisements[0].attributes.communities.standard[0]"),
        ("pool-range", "\"Yes\"", "\"Maybe\"", "Unsupported value"),
        ("pool-selector", "172.20.10.0/24", "172.20.10.0/33", "spec.blocks[0].cidr"),
        ("policy", "port: \"8080\"", "port: 8080", "expected string"),
        ("policy", "  endpointSelector:\n    matchLabels:\n      app: myapp\n", "", "spec.endpointSelector"),
        ("policy-full", "matchName: api.example.org", "matchName: api example", "toFQDNs[0].matchName"),
        ("policy-cluster", "- cluster\n", "- moon\n", "Unsupported value"),
        ("floating-next-hop", "192.168.1.9", "2001:db8::9", "spec.ipv4Address"),
        ("floating-next-hop", "  ipv4Address: 192.168.1.9\n  ipv6Address: 2001:db8:1::9\n", "", "spec.ipv4Address"),
        ("bfd-profile", "detectMultiplier: 3", "detectMultiplier: 1", "greater than or equal to 2"),
    ] {
        let good = text(name);
        let wrong = good.replace(from, to);
        assert_ne!(good, wrong, "{name}: there is no {from:?} to replace");
        let run = plane.dry_run(&wrong);
        assert!(!run.status.success(), "{name} with {to:?} was taken");
        assert!(run.words().contains(expected), "{name} with {to:?}: {}", run.words());
    }
}

fn shows_what_people_are_used_to(plane: &ControlPlane) {
    plane.kubectl(["apply", "--server-side", "--validate=strict", "--filename=-"]).input(accepted(&[GONE])).succeed();
    for (short, heading) in [
        ("cnp --all-namespaces", "NAMESPACE NAME AGE VALID"),
        ("ccnp", "NAME VALID"),
        ("ippools", "NAME DISABLED CONFLICTING IPS AVAILABLE AGE"),
        ("l2announcement", "NAME AGE"),
        ("cbgpcluster", "NAME AGE"),
        ("cbgppeer", "NAME AGE"),
        ("cbgpadvert", "NAME AGE"),
        ("cbgpnodeoverride", "NAME AGE"),
        ("ciliumid", "NAME NAMESPACE AGE"),
        ("cep --all-namespaces", "NAMESPACE NAME SECURITY IDENTITY ENDPOINT STATE IPV4 IPV6"),
        ("ciliumnodes", "NAME CILIUMINTERNALIP INTERNALIP AGE"),
        ("ccg", "NAME AGE"),
        ("bfdp", "NAME TRANSMIT RECEIVE MULTIPLIER AGE"),
        ("fnh", "NAME IPV4 IPV6 HOLDER AGE"),
    ] {
        let shown = plane.kubectl(["get"].into_iter().chain(short.split(' '))).succeed().text().to_string();
        let first: Vec<_> = shown.lines().next().unwrap_or_default().split_whitespace().collect();
        assert_eq!(first.join(" "), heading, "{short}");
        assert!(shown.lines().count() > 1, "{short} shows no object");
    }
    let kept = plane.kubectl(["get", "cnp", "everything", "--namespace=default", "--output=json"]).succeed();
    let kept: Value = serde_json::from_str(kept.text()).unwrap();
    assert_eq!(kept["specs"][0]["ingress"][3]["fromEndpoints"], serde_json::json!([]), "an empty list is kept apart from a missing one");
    plane.kubectl(["explain", "cnp.spec.ingress.fromEntities"]).succeed();
    let all = plane.kubectl(["get", "cilium", "--all-namespaces", "--output=name"]).succeed();
    assert!(all.text().contains("ciliumnetworkpolicy.cilium.io/everything"), "the category lists the kinds");
}

#[test]
fn the_genuine_ones_take_the_same_manifests() {
    let plane = ControlPlane::start();
    install(&plane, ichor_tests::crds().iter().find(|path| path.ends_with("cilium")).unwrap());
    let run = plane.dry_run(&accepted(&[&ONLY_OURS[..], &[GONE]].concat()));
    assert!(run.status.success(), "{}", run.words());
    for name in ONLY_OURS {
        assert!(!plane.dry_run(&text(name)).status.success(), "{name} is taken: say no more that only ours take it");
    }
}
