//! The JSON Schema says the same as the reader: what the one takes, the other takes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::path::Path;

use ichor_config::json_schema;
use ichor_yaml::to_json;
use serde_json::{Map, Value, json};

/// What `value` breaks in `schema`, with the place; every keyword that the schema uses is known here.
fn broken(schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let Some(schema) = schema.as_object() else { panic!("{place}: a schema is an object, not {schema}") };
    schema.iter().flat_map(|(keyword, rule)| keyword_broken(schema, keyword, rule, value, place)).collect()
}

fn keyword_broken(schema: &Map<String, Value>, keyword: &str, rule: &Value, value: &Value, place: &str) -> Vec<String> {
    let fail = |broken: bool| if broken { vec![format!("{place}: {keyword} does not take {value}")] } else { Vec::new() };
    let text = value.as_str();
    match keyword {
        "$schema" | "title" | "description" | "default" => Vec::new(),
        "type" => fail(!has_type(rule.as_str().unwrap(), value)),
        "const" => fail(rule != value),
        "not" => fail(broken(rule, value, place).is_empty()),
        "minimum" => fail(value.as_i64().is_some_and(|number| number < rule.as_i64().unwrap())),
        "maximum" => fail(value.as_i64().is_some_and(|number| number > rule.as_i64().unwrap())),
        "pattern" => fail(text.is_some_and(|text| !regex_lite::Regex::new(rule.as_str().unwrap()).unwrap().is_match(text))),
        "format" => {
            let is_v4 = rule == "ipv4";
            fail(text.is_some_and(|text| text.parse::<IpAddr>().map_or(true, |ip| ip.is_ipv4() != is_v4)))
        }
        "anyOf" => {
            let choices: Vec<_> = rule.as_array().unwrap().iter().map(|choice| broken(choice, value, place)).collect();
            let none = choices.iter().all(|broken| !broken.is_empty());
            // What is inside of each choice says more than that none fits.
            fail(none).into_iter().chain(choices.into_iter().filter(|_| none).flatten()).collect()
        }
        "oneOf" => fail(rule.as_array().unwrap().iter().filter(|choice| broken(choice, value, place).is_empty()).count() != 1),
        "items" => value.as_array().into_iter().flatten().flat_map(|item| broken(rule, item, &format!("{place}[]"))).collect(),
        "required" => {
            let missing = |key: &Value| value.as_object().is_some_and(|map| !map.contains_key(key.as_str().unwrap()));
            fail(rule.as_array().unwrap().iter().any(missing))
        }
        "properties" => {
            let inner = |(key, value)| Some(broken(rule.get(key)?, value, &format!("{place}.{key}")));
            value.as_object().into_iter().flatten().filter_map(inner).flatten().collect()
        }
        "additionalProperties" => {
            let known = |key: &str| schema.get("properties").is_some_and(|known| known.get(key).is_some());
            let others: Vec<_> = value.as_object().into_iter().flatten().filter(|(key, _)| !known(key)).collect();
            if *rule == json!(false) {
                return fail(!others.is_empty());
            }
            others.into_iter().flat_map(|(key, value)| broken(rule, value, &format!("{place}.{key}"))).collect()
        }
        "propertyNames" => {
            value.as_object().into_iter().flatten().flat_map(|(key, _)| broken(rule, &json!(key), &format!("{place}.{key}"))).collect()
        }
        other => panic!("{place}: the keyword {other} is not known here"),
    }
}

fn has_type(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not known here"),
    }
}

fn example() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cluster.example.yaml")).unwrap()
}

fn broken_in(text: &str) -> Vec<String> {
    broken(&json_schema(), &to_json(&ichor_yaml::parse_one(text).unwrap()), "")
}

#[test]
fn the_schema_takes_the_example() {
    assert_eq!(broken_in(&example()), [""; 0]);
}

#[test]
fn the_schema_refuses_typical_mistakes() {
    for (find, put, keyword) in [
        ("  node_asn: 64514", "  nodeAsn: 64514", "additionalProperties"),
        ("  node_asn: 64514\n", "", "required"),
        ("  node_asn: 64514", "  node_asn: AS64514", "type"),
        ("  node_asn: 64514", "  node_asn: 0", "minimum"),
        ("  node_asn: 64514", "  node_asn: 4294967296", "maximum"),
        ("engine: flux", "engine: fluxcd", "oneOf"),
        ("mode: audit", "mode: [audit]", "oneOf"),
        ("  ui: true", "  ui: \"yes\"", "type"),
        ("name: home\n", "name: Home_1\n", "pattern"),
        ("vip: 192.168.42.10", "vip: 192.168.42.256", "format"),
        ("192.168.42.0/24", "192.168.42.0", "pattern"),
        ("mac: \"52:54:00:00:42:13\"", "mac: \"52:54:00:00:42\"", "pattern"),
        ("talos: v1.13.9", "talos: v1.13", "pattern"),
        ("      md5: true", "      password: hunter2", "not"),
    ] {
        let text = example().replace(find, put);
        assert_ne!(text, example(), "`{find}` is not in the example");
        let broken = broken_in(&text);
        assert!(broken.iter().any(|one| one.contains(&format!(": {keyword} "))), "`{put}` breaks {broken:?}, and not {keyword}");
    }
}

/// What the reader takes and an editor should frown at: numbers in quotes, as the older templates have them.
#[test]
fn the_schema_takes_what_the_reader_takes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes/base");
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/seeds");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.extend(std::fs::read_dir(seeds).unwrap().map(|entry| entry.unwrap().path().join("cluster.yaml")));
    assert!(files.len() >= 7);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        if ichor_config::parse(&text).is_ok() {
            assert_eq!(broken_in(&text), [""; 0], "{}", file.display());
        }
    }
}
