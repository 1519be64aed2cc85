//! Our CRDs beside the genuine ones of Cilium, field by field.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use ichor_agent_api::crds;
use serde_json::{Map, Value, json};

/// Differences that are meant, with the reason. One that is not there any more fails the test.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("CiliumL2AnnouncementPolicy v2", "manifests are about that say v2, which Cilium never served: it is an alias here"),
    ("CiliumCIDRGroup v2 required", "every object has metadata; the other kinds say so too"),
    ("CiliumCIDRGroup v2alpha1 required", "every object has metadata; the other kinds say so too"),
    ("*.icmps[].fields[].type pattern", "the genuine one spells ExtendedEchoReply with a blank and so refuses it; see the test on names"),
    ("CiliumNode v2.spec.alibaba-cloud", CLOUD),
    ("CiliumNode v2.spec.azure", CLOUD),
    ("CiliumNode v2.spec.eni", CLOUD),
    ("CiliumNode v2.spec.instance-id", CLOUD),
    ("CiliumNode v2.spec.ipam.ipv6-pool", SINGLE),
    ("CiliumNode v2.spec.ipam.max-above-watermark", SINGLE),
    ("CiliumNode v2.spec.ipam.max-allocate", SINGLE),
    ("CiliumNode v2.spec.ipam.min-allocate", SINGLE),
    ("CiliumNode v2.spec.ipam.pool", SINGLE),
    ("CiliumNode v2.spec.ipam.pre-allocate", SINGLE),
    ("CiliumNode v2.spec.ipam.static-ip-tags", CLOUD),
    ("CiliumNode v2.status.alibaba-cloud", CLOUD),
    ("CiliumNode v2.status.azure", CLOUD),
    ("CiliumNode v2.status.eni", CLOUD),
    ("CiliumNode v2.status.ipam.assigned-static-ip", CLOUD),
    ("CiliumNode v2.status.ipam.ipv6-used", SINGLE),
    ("CiliumNode v2.status.ipam.release-ips", SINGLE),
    ("CiliumNode v2.status.ipam.release-ipv6s", SINGLE),
    ("CiliumNode v2.status.ipam.used", SINGLE),
];
const CLOUD: &str = "written by the agent of a node in a cloud, and no node of ours is in one";
const SINGLE: &str = "for addresses that an operator hands out one by one; here a node has whole blocks";

/// Every place in which the definitions differ, as a path with what ours and theirs say there.
type Differences = BTreeMap<String, String>;

#[test]
fn every_field_is_that_of_the_genuine_definition() {
    let genuine = genuine();
    let mut differences = Differences::new();
    let mut compared = 0;
    for crd in crds().iter().filter(|crd| crd.resource.group == "cilium.io") {
        let name = crd.definition["metadata"]["name"].as_str().unwrap();
        let theirs = genuine.get(name).unwrap_or_else(|| panic!("{name} is not among the genuine definitions"));
        compare(crd.resource.kind, &crd.definition["spec"], &theirs["spec"], &mut differences);
        compared += 1;
    }
    assert_eq!(compared, 13, "compared with {:?}", genuine.keys());
    let unused: Vec<_> = EXCEPTIONS.iter().filter(|(path, _)| !differences.keys().any(|found| covers(path, found))).collect();
    differences.retain(|path, _| !EXCEPTIONS.iter().any(|(known, _)| covers(known, path)));
    let listed: String = differences.iter().map(|(path, what)| format!("{path}: {what}\n")).collect();
    assert!(differences.is_empty(), "{} differences without a reason:\n{listed}", differences.len());
    assert!(unused.is_empty(), "reasons for differences that are not there: {unused:#?}");
}

#[test]
fn the_comparison_sees_every_kind_of_difference() {
    let theirs = json!({ "type": "object", "required": ["a"], "properties": {
        "a": { "type": "string", "pattern": "^x$", "enum": ["p", "q"], "description": "theirs" },
        "b": { "type": "array", "items": { "type": "integer", "minimum": 1, "x-kubernetes-validations": [{ "rule": "self > 0", "message": "m" }] } },
    } });
    let differences = |change: &dyn Fn(&mut Value)| {
        let mut ours = theirs.clone();
        change(&mut ours);
        let mut found = Differences::new();
        schema("k", &ours, &theirs, &mut found);
        found.into_keys().collect::<Vec<_>>()
    };
    let change = |at: &'static str, value: Value| move |schema: &mut Value| *schema.pointer_mut(at).unwrap() = value.clone();
    assert_eq!(differences(&|_| ()), [""; 0]);
    assert_eq!(differences(&change("/properties/a/description", json!("ours"))), [""; 0]);
    assert_eq!(differences(&change("/properties/a/enum", json!(["q", "p"]))), [""; 0]);
    assert_eq!(differences(&change("/properties/b/items/x-kubernetes-validations/0/message", json!("ours"))), [""; 0]);
    assert_eq!(differences(&change("/properties/a/enum", json!(["q"]))), ["k.a enum"]);
    assert_eq!(differences(&change("/properties/a/pattern", json!("^y$"))), ["k.a pattern"]);
    assert_eq!(differences(&change("/properties/b/items/minimum", json!(0))), ["k.b[] minimum"]);
    assert_eq!(differences(&change("/properties/b/items/x-kubernetes-validations", json!([]))), ["k.b[] x-kubernetes-validations"]);
    assert_eq!(differences(&change("/required", json!([]))), ["k required"]);
    assert_eq!(differences(&change("/properties/b", json!({ "type": "array" }))), ["k.b[]"]);
    assert_eq!(differences(&|schema| drop(schema["properties"].as_object_mut().unwrap().remove("b"))), ["k.b"]);
    assert_eq!(differences(&|schema| schema["properties"]["c"] = json!({})), ["k.c"]);
    assert_eq!(differences(&|schema| schema["properties"]["a"]["nullable"] = json!(true)), ["k.a nullable"]);
}

#[test]
fn the_names_of_icmp_types_are_the_genuine_ones_spelt_right() {
    let place = "/properties/spec/properties/ingress/items/properties/icmps/items/properties/fields/items/properties/type/pattern";
    let names = |definition: &Value| -> BTreeSet<String> {
        let pattern = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].pointer(place).and_then(Value::as_str).unwrap();
        pattern.trim_matches(['^', '$', '(', ')']).split('|').map(str::to_owned).collect()
    };
    let ours = crds().into_iter().find(|crd| crd.resource.kind == "CiliumNetworkPolicy").unwrap().definition;
    let (ours, theirs) = (names(&ours), names(&genuine()["ciliumnetworkpolicies.cilium.io"]));
    assert_eq!(theirs.difference(&ours).collect::<Vec<_>>(), ["ExtendedEcho Reply"]);
    assert_eq!(ours.difference(&theirs).collect::<Vec<_>>(), ["ExtendedEchoReply"]);
}

/// The definitions below `cilium` in the folder of definitions, by name.
fn genuine() -> BTreeMap<String, Value> {
    let projects = ichor_tests::crds();
    let cilium = projects.iter().find(|path| path.ends_with("cilium")).unwrap_or_else(|| panic!("no folder cilium in {projects:?}"));
    let mut found = BTreeMap::new();
    collect(cilium, &mut found);
    found
}

fn collect(folder: &Path, found: &mut BTreeMap<String, Value>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            let node = ichor_yaml::parse_one(&fs::read_to_string(&path).unwrap()).unwrap();
            let definition = ichor_yaml::to_json(&node);
            found.insert(definition["metadata"]["name"].as_str().unwrap().to_owned(), definition);
        }
    }
}

fn compare(kind: &str, ours: &Value, theirs: &Value, found: &mut Differences) {
    for key in ["group", "names", "scope"] {
        equal(&format!("{kind} {key}"), &ours[key], &theirs[key], found);
    }
    let versions = |spec: &Value| -> BTreeMap<String, Value> {
        spec["versions"].as_array().unwrap().iter().map(|version| (version["name"].as_str().unwrap().to_owned(), version.clone())).collect()
    };
    let (ours, theirs) = (versions(ours), versions(theirs));
    for name in ours.keys().chain(theirs.keys().filter(|name| !ours.contains_key(*name))) {
        let at = format!("{kind} {name}");
        let (Some(ours), Some(theirs)) = (ours.get(name), theirs.get(name)) else {
            found.insert(at, format!("{} has it", if ours.contains_key(name) { "only ours" } else { "only theirs" }));
            continue;
        };
        for key in ["served", "storage", "deprecated"] {
            equal(&format!("{at} {key}"), &ours[key], &theirs[key], found);
        }
        equal(&format!("{at} columns"), &columns(ours), &columns(theirs), found);
        equal(&format!("{at} status"), &ours["subresources"]["status"], &theirs["subresources"]["status"], found);
        schema(&at, &ours["schema"]["openAPIV3Schema"], &theirs["schema"]["openAPIV3Schema"], found);
    }
}

/// As text, because their order counts.
fn columns(version: &Value) -> Value {
    let column = |column: &Value| ["name", "type", "jsonPath", "priority"].map(|key| column[key].to_string()).join(" ");
    version["additionalPrinterColumns"].as_array().into_iter().flatten().map(column).collect::<Vec<_>>().join("\n").into()
}

fn schema(path: &str, ours: &Value, theirs: &Value, found: &mut Differences) {
    let empty = Map::new();
    let object = |value: &Value| value.as_object().unwrap_or(&empty).clone();
    let keys = union(&object(ours), &object(theirs));
    for key in keys.iter().filter(|key| !matches!(key.as_str(), "description" | "properties" | "items" | "additionalProperties")) {
        equal(&format!("{path} {key}"), &ours[key], &theirs[key], found);
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        child(&format!("{path}{mark}"), &ours[key], &theirs[key], found);
    }
    for name in union(&object(&ours["properties"]), &object(&theirs["properties"])) {
        child(&format!("{path}.{name}"), &ours["properties"][&name], &theirs["properties"][&name], found);
    }
}

fn child(path: &str, ours: &Value, theirs: &Value, found: &mut Differences) {
    match (ours.is_null(), theirs.is_null()) {
        (true, true) => (),
        (false, false) => schema(path, ours, theirs, found),
        (ours_lacks_it, _) => {
            drop(found.insert(path.to_owned(), format!("only {} have it", if ours_lacks_it { "theirs" } else { "ours" })));
        }
    }
}

fn union(one: &Map<String, Value>, other: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<_> = one.keys().chain(other.keys()).cloned().collect();
    names.sort();
    names.dedup();
    names
}

fn equal(path: &str, ours: &Value, theirs: &Value, found: &mut Differences) {
    if normal(ours) != normal(theirs) {
        found.insert(path.to_owned(), format!("ours {ours}, theirs {theirs}"));
    }
}

/// What means the same becomes the same: the order of a set, and the words of a rule's message.
fn normal(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(normal).collect();
            items.sort_by_key(ToString::to_string);
            Value::Array(items)
        }
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| *key != "message" || !fields.contains_key("rule"));
            let mut fields: Vec<_> = kept.map(|(key, value)| (key.clone(), normal(value))).collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(fields.into_iter().collect())
        }
        other => other.clone(),
    }
}

/// A known difference covers the place itself and everything below it; `*` stands for a part of the path.
fn covers(known: &str, found: &str) -> bool {
    let Some((before, after)) = known.split_once('*') else {
        return found.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '{', ' ']));
    };
    found.strip_prefix(before).is_some_and(|rest| rest.ends_with(after))
}
