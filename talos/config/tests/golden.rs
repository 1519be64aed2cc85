//! The patches and the Omni template of a cluster that uses everything, in both forms, as files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod sample;

use std::collections::BTreeMap;
use std::path::Path;

use ichor_talos_config::input::Cluster;
use ichor_talos_config::{omni_template, patches};

fn tree(cluster: &Cluster) -> BTreeMap<String, Vec<u8>> {
    let mut tree: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for patch in patches(cluster) {
        let before = tree.insert(patch.file_name(), patch.to_yaml().into_bytes());
        assert!(before.is_none(), "two patches are called {}", patch.file_name());
    }
    if cluster.nodes.iter().all(|machine| machine.uuid.is_some()) {
        tree.insert("omni.yaml".into(), omni_template(cluster).unwrap().into_bytes());
    }
    tree
}

fn assert_golden(folder: &str, cluster: &Cluster) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    ichor_tests::assert_tree(&path, &tree(cluster));
}

fn with_own_patches(mut cluster: Cluster) -> Cluster {
    cluster.patches.all = vec![sample::patch("machine:\n  sysctls:\n    vm.max_map_count: \"262144\"\n"), vec![]];
    cluster.patches.worker = vec![sample::patch("apiVersion: v1alpha1\nkind: WatchdogTimerConfig\ndevice: /dev/watchdog0\n")];
    cluster.nodes[0].patches = vec![sample::patch("machine:\n  install:\n    legacyBIOSSupport: true\n")];
    cluster
}

#[test]
fn golden_v1alpha1() {
    assert_golden("v1alpha1", &with_own_patches(sample::full("v1.13.9")));
}

#[test]
fn golden_documents() {
    assert_golden("documents", &sample::full("v1.14.0"));
}

#[test]
fn golden_small() {
    assert_golden("small-v1alpha1", &sample::small("v1.12.4"));
    assert_golden("small-documents", &sample::small("v1.14.0"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for talos in ["v1.12.4", "v1.13.9", "v1.14.0"] {
        assert_eq!(tree(&sample::full(talos)), tree(&sample::full(talos)));
    }
}
