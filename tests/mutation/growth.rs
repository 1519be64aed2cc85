//! Keys with other values than in the example, most of which are not in it at all, out of the JSON Schema: at the ends of each range, beyond them, and
//! plausible texts.

use ichor_yaml::{Map, Node, Value};
use serde_json::Value as Json;

use crate::tree::{Dice, Way, at, ways};

/// Texts that fit one field or another.
const TEXTS: &[&str] = &[
    "192.168.42.200",
    "fd00:42::200",
    "192.168.60.0/24",
    "fd00:60::/112",
    "extra",
    "extra.example.org",
    "*.extra.example.org",
    "enp1s0",
    "^en.*",
    "v1.13.9",
    "v1.12.4",
    "v1.14.0",
    "v1.34.1",
    "/dev/sdb",
    "https://k8s.example.org:6443",
    "52:54:00:00:42:99",
    "0f0e0d0c-1234-4abc-8def-001122334455",
    "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba",
    "65000:100",
    "65000:1:2",
    "no-export",
    ">= 500GB",
    "age1gpxevf7wxtejdy25t38uu3m27kjrnyx2tghm670hmek0hy4kppusnq8zjn",
    "UXG-Enterprise",
    "ghcr.io/example/copy",
    "apps/extra.yaml",
    "extra.sops.yaml",
    "node-2",
    "controlplane",
];

/// One key of one mapping, with a value that it has not.
pub(crate) struct Growth {
    pub(crate) way: Way,
    pub(crate) key: String,
    pub(crate) value: Node,
}

/// For every mapping of the tree, every key that it could have.
pub(crate) fn growths(root: &Node, schema: &Json, dice: &mut Dice) -> Vec<Growth> {
    let mut found = Vec::new();
    for way in std::iter::once(Vec::new()).chain(ways(root)) {
        let (Some(map), Some(schema)) = (at(root, &way).as_map(), schema_at(root, schema, &way)) else { continue };
        for (key, inner) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
            // What is below a mapping or a list that is there has a turn of its own.
            let there = map.get(key);
            if there.is_none_or(|there| !matches!(there.value, Value::Map(_) | Value::Seq(_))) {
                let values = values(inner, dice, 0).into_iter().filter(|value| Some(value) != there);
                found.extend(values.map(|value| Growth { way: way.clone(), key: key.clone(), value }));
            }
        }
    }
    found
}

/// The schema of what is at the end of a way.
fn schema_at<'s>(root: &Node, schema: &'s Json, way: &[usize]) -> Option<&'s Json> {
    let mut here = schema;
    for (depth, index) in way.iter().enumerate() {
        here = match at(root, &way[..depth]).as_map() {
            Some(map) => here.get("properties")?.get(&map.entries[*index].key)?,
            None => here.get("items")?,
        };
        here = not_null(here);
    }
    Some(here)
}

/// What a field holds when it holds something.
fn not_null(schema: &Json) -> &Json {
    match schema.get("anyOf").and_then(|choices| choices.get(0)) {
        Some(first) if schema.get("type").is_none() => first,
        _ => schema,
    }
}

/// A handful of values that the schema takes, and for numbers also some that it does not.
fn values(schema: &Json, dice: &mut Dice, depth: usize) -> Vec<Node> {
    let schema = not_null(schema);
    if let Some(words) = schema.get("oneOf").and_then(Json::as_array) {
        return words.iter().filter_map(|word| word.get("const")?.as_str()).map(Node::from).collect();
    }
    let few = if depth == 0 { 4 } else { 1 };
    match schema.get("type").and_then(Json::as_str) {
        Some("boolean") => vec![Node::from(true), Node::from(false)],
        Some("integer") => integers(schema, depth),
        Some("string") => strings(schema, dice, few),
        Some("array") => {
            let Some(items) = schema.get("items") else { return Vec::new() };
            let choices = values(items, dice, depth + 1);
            let single = dice.some(choices, few).into_iter().map(|item| Node::from(vec![item]));
            single.chain([Node::from(Vec::new())]).collect()
        }
        Some("object") => (0..few).map(|_| object(schema, dice, depth)).collect(),
        _ => Vec::new(),
    }
}

fn integers(schema: &Json, depth: usize) -> Vec<Node> {
    let bound = |name: &str| schema.get(name).and_then(Json::as_i64);
    let (Some(least), Some(most)) = (bound("minimum"), bound("maximum")) else { return vec![Node::from(1)] };
    let usual = bound("default").unwrap_or((least + most) / 2);
    if depth > 0 {
        return vec![Node::from(usual)];
    }
    let all = [least - 1, least, usual, usual + 1, most, most + 1];
    all.into_iter().map(Node::from).collect()
}

fn strings(schema: &Json, dice: &mut Dice, few: usize) -> Vec<Node> {
    let pattern = schema.get("pattern").and_then(Json::as_str).map(|pattern| regex_lite::Regex::new(pattern).unwrap());
    let is_address = schema.get("anyOf").is_some();
    let fits = |text: &&&str| {
        pattern.as_ref().is_none_or(|pattern| pattern.is_match(text)) && (!is_address || text.parse::<std::net::IpAddr>().is_ok())
    };
    let fitting: Vec<_> = TEXTS.iter().filter(fits).copied().collect();
    dice.some(fitting, few).into_iter().map(Node::from).collect()
}

/// What is required, and at random some of the rest.
fn object(schema: &Json, dice: &mut Dice, depth: usize) -> Node {
    let required: Vec<_> = schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect();
    let mut map = Map::new();
    for (key, inner) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
        if required.contains(&key.as_str()) || (depth < 2 && dice.roll(3) == 0) {
            let mut choices = values(inner, dice, depth + 1);
            if !choices.is_empty() {
                let chosen = dice.roll(choices.len());
                map.set(key.as_str(), choices.swap_remove(chosen));
            }
        }
    }
    map.into()
}
