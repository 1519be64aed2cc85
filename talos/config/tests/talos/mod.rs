//! Comparing what two programs wrote.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use x509_cert::Certificate;
use x509_cert::der::{DecodePem as _, Encode as _};

/// Documents by kind and name, without the differences that mean nothing to Talos.
pub(crate) fn normalised(text: &str) -> BTreeMap<String, Value> {
    let documents = ichor_yaml::parse(text).unwrap();
    let mut out = BTreeMap::new();
    for document in documents {
        let json = ichor_yaml::to_json(&document.root);
        // What talosctl leaves where a patch deletes a document that is not there.
        if json == Value::Object(Map::new()) {
            continue;
        }
        let part = |key| json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = part("kind");
        let id = if kind.is_empty() { "v1alpha1".to_owned() } else { format!("{kind}/{}", part("name")) };
        let before = out.insert(id.clone(), without_empty(json).unwrap_or_default());
        assert!(before.is_none(), "{id} is there twice");
    }
    out
}

/// Talos' types know no difference between a field that is empty and one that is not there: talosctl writes
/// `key: ""` for the keys a worker has not, `network: {}` for 1.12 and `certSANs: []`, and leaves others out.
fn without_empty(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) => (!items.is_empty()).then(|| items.into_iter().filter_map(without_empty).collect()),
        Value::Object(map) => {
            let says = |key: &str, value: &Value| key != "key" || value.as_str() != Some("");
            let kept = map.into_iter().filter(|(key, value)| says(key, value));
            let kept: Map<_, _> = kept.filter_map(|(key, value)| Some((key, without_empty(value)?))).collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        other => Some(other),
    }
}

/// The paths at which two sets of documents differ; values stay unsaid, they may be secrets.
pub(crate) fn differences(ours: &BTreeMap<String, Value>, genuine: &BTreeMap<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    for id in ours.keys().chain(genuine.keys()) {
        match (ours.get(id), genuine.get(id)) {
            (Some(ours), Some(genuine)) => compare(id, ours, genuine, &mut found),
            (ours, _) => found.push(format!("{id}: only {}", if ours.is_some() { "here" } else { "in talosctl's" })),
        }
    }
    found.sort();
    found.dedup();
    found
}

fn compare(path: &str, ours: &Value, genuine: &Value, found: &mut Vec<String>) {
    match (ours, genuine) {
        (Value::Object(left), Value::Object(right)) => {
            for key in left.keys().chain(right.keys()) {
                match (left.get(key), right.get(key)) {
                    (Some(left), Some(right)) => compare(&format!("{path}.{key}"), left, right, found),
                    (left, _) => found.push(format!("{path}.{key}: only {}", if left.is_some() { "here" } else { "in talosctl's" })),
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                compare(&format!("{path}[{index}]"), left, right, found);
            }
        }
        _ if ours == genuine => {}
        _ => found.push(format!("{path}: differs")),
    }
}

/// How each authority of a bundle is made: everything about its certificate and key but what is random or the time of day.
pub(crate) fn certificates(bundle: &str) -> BTreeMap<String, Vec<String>> {
    let root = ichor_yaml::parse_one(bundle).unwrap();
    let decode = |text: &str| String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
    let mut out = BTreeMap::new();
    for entry in &root.get("certs").unwrap().as_map().unwrap().entries {
        let text = |part| entry.node.get(part).map(|node| decode(node.as_str().unwrap()));
        let mut facts = text("key").map(|key| key_facts(&key)).unwrap();
        facts.extend(text("crt").iter().flat_map(|pem| certificate_facts(pem)));
        out.insert(entry.key.clone(), facts);
    }
    out
}

fn key_facts(pem: &str) -> Vec<String> {
    let label = pem.lines().next().unwrap().to_owned();
    // An integer of DER may take a byte more or less, and RSA keys have five that are as long as they happen to be.
    let size = pem.lines().map(str::len).sum::<usize>() / 64;
    vec![label, format!("about {size} lines"), format!("ends with a newline: {}", pem.ends_with("-----\n"))]
}

fn certificate_facts(pem: &str) -> Vec<String> {
    let certificate = Certificate::from_pem(pem).unwrap();
    let tbs = certificate.tbs_certificate();
    let validity = tbs.validity();
    let lifetime = validity.not_after.to_unix_duration() - validity.not_before.to_unix_duration();
    let mut facts = vec![
        format!("{:?} from {} to {}", tbs.version(), tbs.issuer(), tbs.subject()),
        format!("for {lifetime:?}"),
        format!("{:?} {:?}", certificate.signature_algorithm(), tbs.subject_public_key_info().algorithm),
    ];
    for extension in tbs.extensions().unwrap() {
        // The identifier of the key is random.
        let value = if extension.extn_id.to_string() == "2.5.29.14" { vec![] } else { extension.extn_value.to_der().unwrap() };
        facts.push(format!("{} critical {} {value:?}", extension.extn_id, extension.critical));
    }
    facts
}
