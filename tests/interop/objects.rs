//! Every Kubernetes object under a real API server that takes no unknown field, with the genuine definitions of all
//! projects, and then with ichor's own in the place of Cilium's.

use std::collections::BTreeSet;

use ichor_agent_api::CRD_FILES;
use ichor_tests::{ControlPlane, Scratch, crds};

use crate::described::{Described, all};

const OWN_GROUP: &str = "ichor.dev";

#[test]
fn the_api_server_takes_every_object() {
    let plane = ControlPlane::start();
    plane.install(&crds());
    install_own(&plane, |group| group == OWN_GROUP);
    make_namespaces(&plane);
    all().iter().for_each(|described| judge(&plane, described));

    install_own(&plane, |_| true);
    all().iter().for_each(|described| judge(&plane, described));
}

#[test]
fn an_unknown_field_would_be_found() {
    let plane = ControlPlane::start();
    install_own(&plane, |_| true);
    for described in all() {
        let pools = described.manifests().find(|(_, text)| text.lines().any(|line| line == "kind: CiliumLoadBalancerIPPool")).unwrap().1;
        assert!(plane.dry_run(pools).status.success());
        let refused = plane.dry_run(&pools.replace("  blocks:", "  block: 1\n  blocks:"));
        assert!(!refused.status.success() && refused.words().contains("spec.block"), "{}", refused.described());
    }
}

/// Installs ichor's definitions of the groups that are wanted, over others of the same name.
fn install_own(plane: &ControlPlane, wanted: impl Fn(&str) -> bool) {
    let scratch = Scratch::new();
    // A definition is called by its plural and its group.
    for file in CRD_FILES.iter().filter(|file| file.name.trim_end_matches(".yaml").split_once('.').is_some_and(|(_, group)| wanted(group)))
    {
        scratch.write(file.name, file.yaml);
    }
    let folder = format!("--filename={}", scratch.path().display());
    plane.kubectl(["apply", "--server-side", "--force-conflicts", &folder]).succeed();
    plane.install(&[scratch.path().to_path_buf()]);
}

fn make_namespaces(plane: &ControlPlane) {
    let mut namespaces = BTreeSet::new();
    for (_, text) in all().iter().flat_map(Described::manifests) {
        for document in ichor_yaml::parse(text).unwrap() {
            let namespace = document.root.get("metadata").and_then(|metadata| metadata.get("namespace")?.as_str().map(str::to_owned));
            namespaces.extend(namespace);
        }
    }
    for namespace in namespaces.iter().filter(|name| !["default", "kube-system"].contains(&name.as_str())) {
        plane.kubectl(["create", "namespace", namespace]).succeed();
    }
}

fn judge(plane: &ControlPlane, described: &Described) {
    let objects: Vec<_> = described.manifests().map(|(path, text)| format!("---\n# {path}\n{text}\n")).collect();
    let judged = plane.dry_run(&objects.concat());
    assert!(judged.status.success(), "{}: {}", described.name, judged.described());
    assert_eq!(judged.words(), "", "{}: no warnings either", described.name);
    let counted = objects.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("kind: ")).count();
    assert_eq!(judged.text().lines().count(), counted, "{}: {}", described.name, judged.text());
}
