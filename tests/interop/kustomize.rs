//! Every folder under kustomize, and every path that an engine is given.

use std::collections::BTreeSet;

use ichor_tests::Run;

use crate::described::{Described, all};

#[test]
fn kustomize_builds_every_folder() {
    for described in all() {
        let scratch = described.write();
        let folders: Vec<_> = described.folders().collect();
        assert!(folders.len() > 5, "{}: {folders:?}", described.name);
        for folder in folders {
            let built = Run::tool("kustomize").folder(scratch.path()).args(["build", folder]).succeed();
            assert!(built.text().contains("kind: "), "{}: {folder} is empty", described.name);
            assert_eq!(built.words(), "", "{}: {folder}", described.name);
        }
    }
}

#[test]
fn engines_are_given_folders_that_exist() {
    for described in all() {
        let folders: BTreeSet<_> = described.folders().collect();
        let given: Vec<_> = engine_paths(described).collect();
        assert!(given.len() > 3, "{}: {given:?}", described.name);
        for path in given {
            assert!(folders.contains(path.trim_start_matches("./")), "{}: there is no {path}", described.name);
        }
    }
}

/// `spec.path` of Flux' Kustomizations, `spec.source.path` of Argo CD's Applications.
fn engine_paths(described: &Described) -> impl Iterator<Item = String> {
    let documents = described.manifests().flat_map(|(_, text)| ichor_yaml::parse(text).unwrap());
    documents.filter_map(|document| {
        let root = document.root;
        let path = match root.get("kind")?.as_str()? {
            "Kustomization" => root.get("spec")?.get("path")?,
            "Application" => root.get("spec")?.get("source")?.get("path")?,
            _ => return None,
        };
        path.as_str().map(str::to_owned)
    })
}
