//! The CRDs as files are what the types say.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, path::Path};

use ichor_agent_api::{CRD_FILES, crds};
use ichor_yaml::{Layout, emit, from_json};
use serde_json::Value;

/// `cargo xtask bless` writes the files anew; one for a new kind must exist first, empty, for the crate to build.
#[test]
fn golden_crds() {
    let files: BTreeMap<_, _> =
        crds().into_iter().map(|crd| (crd.file, emit(&from_json(&crd.definition), Layout::Two).into_bytes())).collect();
    ichor_tests::assert_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("crds"), &files);
}

#[test]
fn every_crd_is_embedded_in_order() {
    let derived: Vec<_> = crds().into_iter().map(|crd| crd.file).collect();
    let embedded: Vec<_> = CRD_FILES.iter().map(|file| file.name).collect();
    assert_eq!(embedded, derived);
}

#[test]
fn the_embedded_text_is_the_definition() {
    for (file, crd) in CRD_FILES.iter().zip(crds()) {
        let read = ichor_yaml::parse_one(file.yaml).unwrap();
        assert_eq!(ichor_yaml::to_json(&read), crd.definition, "{}", file.name);
    }
}

/// `kubectl apply` keeps the object that it sent in an annotation, and annotations may not be larger together.
const MOST_ANNOTATIONS: usize = 256 * 1024;

#[test]
fn kubectl_can_apply_every_crd() {
    for crd in crds() {
        assert!(crd.definition.to_string().len() < MOST_ANNOTATIONS, "{}", crd.file);
    }
}

#[test]
fn kubectl_explain_has_a_sentence_for_every_field() {
    fn silent(schema: &Value, path: &str, found: &mut Vec<String>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            let sentence = field["description"].as_str().unwrap_or_default();
            if !sentence.ends_with('.') && path != ".metadata" {
                found.push(path.clone());
            }
            silent(field, &path, found);
        }
        for inner in ["items", "additionalProperties"].map(|key| &schema[key]).into_iter().filter(|inner| inner.is_object()) {
            silent(inner, path, found);
        }
    }
    for crd in crds() {
        for version in crd.definition["spec"]["versions"].as_array().unwrap() {
            let mut found = Vec::new();
            silent(&version["schema"]["openAPIV3Schema"], "", &mut found);
            assert_eq!(found, [""; 0], "{} {}", crd.file, version["name"]);
        }
    }
}
