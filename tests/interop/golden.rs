//! The whole tree of each user, as files that a review can read.

use std::collections::BTreeMap;

use ichor_tests::assert_tree;
use sha2::{Digest, Sha256};

use crate::described::{all, root};

#[test]
fn every_tree_is_as_it_was_reviewed() {
    for described in all() {
        let tree: BTreeMap<_, _> = described.tree.iter().map(|(path, text)| (path.clone(), reviewed(path, text).into_bytes())).collect();
        assert_tree(&root().join("tests/golden").join(described.name), &tree);
    }
}

/// Definitions are reviewed where they come from; here their hash must do, and the Gateway API's are no part of the repository.
fn reviewed(path: &str, text: &str) -> String {
    let definition = text.lines().any(|line| line == "kind: CustomResourceDefinition" || line.starts_with("kind: ValidatingAdmission"));
    if definition && !path.ends_with("kustomization.yaml") {
        let hash: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        return format!("sha256 {hash}\n");
    }
    text.to_owned()
}
