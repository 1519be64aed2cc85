//! What must hold of the tree of every cluster, whichever switches are on.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod argocd;
mod objects;
mod policies;
mod rights;
mod routes;
mod rows;
mod sample;

use std::collections::{BTreeMap, BTreeSet};

use ichor_templates::Tree;
use ichor_yaml::{Map, Node, Value};
use objects::{Object, Reader, text};
use sample::{MARK, Sample, tree};

/// Kinds that stand in no namespace.
const CLUSTER_WIDE: [&str; 18] = [
    "BFDProfile",
    "CiliumBGPAdvertisement",
    "CiliumBGPClusterConfig",
    "CiliumBGPPeerConfig",
    "CiliumClusterwideNetworkPolicy",
    "CiliumL2AnnouncementPolicy",
    "CiliumLoadBalancerIPPool",
    "ClusterIssuer",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "FloatingNextHop",
    "GatewayClass",
    "Namespace",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "CiliumCIDRGroup",
    "PriorityClass",
];

#[test]
fn the_tree_of_every_combination_holds_together() {
    std::thread::scope(|scope| {
        for layout in sample::LAYOUTS {
            scope.spawn(move || {
                let mut reader = Reader::default();
                Sample::all(layout).into_iter().for_each(|sample| holds_together(&mut reader, sample));
            });
        }
    });
}

fn holds_together(reader: &mut Reader, sample: Sample) {
    let tree = tree(&sample.text());
    let objects = reader.objects(&tree);
    let faults = [
        twice(&objects),
        out_of_place(&objects, sample.engine),
        unlisted(reader, &tree),
        told(&tree),
        unguarded(&objects),
        routes::unserved(&objects),
    ]
    .concat();
    assert!(faults.is_empty(), "{sample:?}\n{}", faults.join("\n"));
}

/// Objects that two files would both make.
fn twice(objects: &[Object]) -> Vec<String> {
    let mut seen = BTreeMap::new();
    let again = objects.iter().filter_map(|object| {
        let before = seen.insert(object.key(), &object.path)?;
        Some(format!("{} is in {before} and in {}", object.key(), object.path))
    });
    again.collect()
}

/// Objects without a namespace that need one, with one that they cannot have, or with one that nobody makes.
fn out_of_place(objects: &[Object], engine: &str) -> Vec<String> {
    let mut made: BTreeSet<&str> = ["kube-system", "default"].into();
    made.extend(match engine {
        "flux" => Some("flux-system"),
        "argocd" => Some("argocd"),
        _ => None,
    });
    made.extend(objects.iter().filter(|object| object.kind() == "Namespace").map(|object| object.text("/metadata/name")));
    let fault = |object: &&Object| {
        let namespace = object.text("/metadata/namespace");
        let wide = CLUSTER_WIDE.contains(&object.kind());
        wide != namespace.is_empty() || (!wide && !made.contains(namespace))
    };
    objects.iter().filter(fault).map(|object| format!("{} ({}) is in no namespace that is made", object.key(), object.path)).collect()
}

/// Files that no `kustomization.yaml` lists, and entries of one that are not there.
fn unlisted(reader: &mut Reader, tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    let mut listed = BTreeSet::new();
    let mut folders = BTreeSet::new();
    for (path, content) in tree.iter() {
        let Some(folder) = path.strip_suffix("/kustomization.yaml") else { continue };
        folders.insert(folder.to_owned());
        for entry in reader.documents(path, text(content).0)[0]["resources"].as_array().unwrap() {
            let target = resolve(folder, entry.as_str().unwrap());
            if tree.get(&target).is_none() && tree.get(&format!("{target}/kustomization.yaml")).is_none() {
                faults.push(format!("{path} lists {target}, which is not there"));
            }
            listed.insert(target);
        }
    }
    for (path, _) in tree.iter().filter(|(path, _)| folders.iter().any(|folder| path.starts_with(&format!("{folder}/")))) {
        if !path.ends_with("/kustomization.yaml") && !listed.contains(path) {
            faults.push(format!("{path} is listed nowhere"));
        }
    }
    faults
}

fn resolve(folder: &str, entry: &str) -> String {
    let mut parts: Vec<_> = folder.split('/').collect();
    for part in entry.split('/') {
        match part {
            ".." => {
                parts.pop().unwrap();
            }
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Files in clear that hold a secret, Secrets in clear, and sealed files that hold nothing to hide.
fn told(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, content) in tree.iter() {
        let (text, secret) = text(content);
        if !secret && (text.contains(MARK) || text.lines().any(|line| line == "kind: Secret")) {
            faults.push(format!("{path} tells a secret"));
        }
        if secret && !text.contains(MARK) {
            faults.push(format!("{path} is sealed and has no secret"));
        }
        if secret != path.contains(".sops.") && path != ".sops.yaml" {
            faults.push(format!("{path} is named for what it is not"));
        }
    }
    faults
}

/// What must outlive its file: definitions, namespaces, the agent, and what it announces.
fn unguarded(objects: &[Object]) -> Vec<String> {
    const KINDS: [&str; 9] = [
        "BFDProfile",
        "CiliumBGPAdvertisement",
        "CiliumBGPClusterConfig",
        "CiliumBGPPeerConfig",
        "CiliumL2AnnouncementPolicy",
        "CiliumLoadBalancerIPPool",
        "CustomResourceDefinition",
        "FloatingNextHop",
        "Namespace",
    ];
    let must = |object: &&Object| {
        KINDS.contains(&object.kind())
            || ["ichor-agent", "ichor-announcer"].contains(&object.text("/metadata/name")) && object.kind() == "DaemonSet"
    };
    let open = |object: &&Object| {
        object.annotation("kustomize.toolkit.fluxcd.io/prune") != "disabled"
            || object.annotation("argocd.argoproj.io/sync-options") != "Prune=false,Delete=false"
    };
    objects.iter().filter(must).filter(open).map(|object| format!("{} may be pruned", object.key())).collect()
}

#[test]
fn the_order_of_keys_changes_nothing() {
    for engine in sample::ENGINES {
        let sample = Sample { engine, ..Sample::FULL };
        let plain = ichor_yaml::parse_one(&sample.text()).unwrap();
        let turned = ichor_yaml::emit(&reversed(plain), ichor_yaml::Layout::Two);
        assert_ne!(sample.text(), turned);
        assert_eq!(files(&tree(&sample.text())), files(&tree(&turned)), "{engine}");
    }
}

/// The same mapping with all keys the other way round; lists have an order that means something.
fn reversed(node: Node) -> Node {
    Node::new(match node.value {
        Value::Map(map) => {
            Value::Map(map.entries.into_iter().rev().fold(Map::new(), |map, entry| map.with(entry.key, reversed(entry.node))))
        }
        Value::Seq(items) => Value::Seq(items.into_iter().map(reversed).collect()),
        value => value,
    })
}

fn files(tree: &Tree) -> Vec<(&str, &str)> {
    tree.iter().map(|(path, content)| (path, text(content).0)).collect()
}

#[test]
fn the_example_renders() {
    let tree = tree(include_str!("../../../cluster.example.yaml"));
    for path in
        ["talos/all.yaml", "cluster/apps/kube-system/ichor/app/agent.yaml", "cluster/apps/kube-system/ichor/ks.yaml", "unifi/bgp.sops.conf"]
    {
        assert!(tree.get(path).is_some(), "{path} is not among {:?}", files(&tree).iter().map(|(path, _)| *path).collect::<Vec<_>>());
    }
}

/// The engine finds every folder below the path that the repository has the tree at.
#[test]
fn the_engine_is_pointed_at_folders_that_are_there() {
    let mut reader = Reader::default();
    for (engine, kind, pointer) in [("flux", "Kustomization", "/spec/path"), ("argocd", "Application", "/spec/source/path")] {
        for layout in sample::LAYOUTS {
            let tree = tree(&Sample { engine, layout, ..Sample::FULL }.text());
            let objects = reader.objects(&tree);
            let paths: Vec<_> = objects.iter().filter(|object| object.kind() == kind).map(|object| object.text(pointer)).collect();
            assert!(paths.len() > 20, "{engine} {layout}: {paths:?}");
            for path in paths {
                let folder =
                    path.trim_start_matches("./").strip_prefix("clusters/home/").unwrap_or_else(|| panic!("{engine} {layout}: {path}"));
                assert!(tree.get(&format!("{folder}/kustomization.yaml")).is_some(), "{engine} {layout}: {path} is not there");
            }
        }
    }
}

/// What bootstrap applies is a list of the folders that the engine applies.
#[test]
fn bootstrap_has_nothing_of_its_own_but_secrets_and_the_hand_over() {
    for (engine, layout) in sample::ENGINES.into_iter().flat_map(|engine| sample::LAYOUTS.map(|layout| (engine, layout))) {
        let tree = tree(&Sample { engine, layout, ..Sample::FULL }.text());
        let own: Vec<_> = tree.iter().filter(|(path, _)| path.contains("bootstrap/") && !path.ends_with("/kustomization.yaml")).collect();
        assert!(own.iter().all(|(_, content)| text(content).1), "{engine} {layout}: {own:?}");
        let units: BTreeSet<_> =
            tree.iter().filter_map(|(path, _)| path.split_once("bootstrap/")?.1.split_once('/')).map(|(unit, _)| unit.to_owned()).collect();
        for unit in ["10-gateway-api-crds", "15-namespaces", "20-ichor-crds", "30-ichor"] {
            assert!(units.contains(unit), "{engine} {layout}: {units:?}");
        }
    }
}

/// A hand-over restarts nothing, whoever takes over and wherever the folders are.
#[test]
fn the_base_layer_is_the_same_for_every_engine_and_layout() {
    let base = |sample: Sample| -> Vec<(String, String)> {
        let tree = tree(&sample.text());
        let inside =
            tree.iter().filter(|(path, _)| path.contains("/ichor/") && !path.ends_with("ks.yaml") && !path.ends_with("application.yaml"));
        let files = inside.filter(|(path, _)| !path.ends_with("kustomization.yaml"));
        files.map(|(path, content)| (path.rsplit('/').next().unwrap().to_owned(), text(content).0.to_owned())).collect()
    };
    let expected = base(Sample::FULL);
    assert_eq!(expected.len(), 7);
    for (engine, layout) in sample::ENGINES.into_iter().flat_map(|engine| sample::LAYOUTS.map(|layout| (engine, layout))) {
        assert_eq!(base(Sample { engine, layout, policies: None, apps: false, ..Sample::FULL }), expected, "{engine} {layout}");
    }
}

#[test]
fn a_cluster_may_be_called_like_one_of_its_components() {
    for (engine, name) in [("flux", "ichor"), ("argocd", "ichor"), ("flux", "gateways")] {
        let text = Sample { engine, ..Sample::FULL }.text().replace("name: home\n", &format!("name: {name}\n"));
        assert_eq!(twice(&Reader::default().objects(&tree(&text))), [""; 0], "{engine} {name}");
    }
}

#[test]
fn a_user_may_replace_a_template() {
    let cluster = sample::cluster(&Sample::FULL.text());
    let text = "#% for pool in pools %#\n---\nkind: Pool\nmetadata:\n  name: #{ pool.name }#\n#% endfor %#\n";
    let overrides = BTreeMap::from([("network/lb-pool.yaml.j2".to_owned(), text.to_owned())]);
    let tree = ichor_templates::render(&cluster, &ichor_templates::Inputs { overrides, ..Default::default() }).unwrap();
    let Some(ichor_templates::Content::Clear(text)) = tree.get("cluster/apps/kube-system/ichor-network/app/lb-pool.yaml") else {
        panic!("{tree:?}")
    };
    assert!(text.contains("kind: Pool") && text.contains("  name: main"), "{text}");
}
