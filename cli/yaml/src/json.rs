//! To and from JSON values, for typed objects that speak serde.

use serde_json::{Number, Value as Json};

use crate::node::{Entry, Map, Node, Span, Value};

/// A tree out of a JSON value, in its order of keys.
pub fn from_json(json: &Json) -> Node {
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)) {
            Some(int) => Value::Int(int),
            None => Value::Float(number.to_string()),
        },
        Json::String(text) => Value::Str(text.clone()),
        Json::Array(items) => Value::Seq(items.iter().map(from_json).collect()),
        Json::Object(object) => {
            let entry = |(key, value): (&String, &Json)| Entry { key: key.clone(), key_span: Span::default(), node: from_json(value) };
            Value::Map(Map { entries: object.iter().map(entry).collect(), tail: Vec::new() })
        }
    };
    Node::new(value)
}

/// A JSON value out of a tree; numbers that JSON cannot hold become strings.
pub fn to_json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(int) => match (i64::try_from(*int), u64::try_from(*int)) {
            (Ok(small), _) => Json::Number(small.into()),
            (_, Ok(large)) => Json::Number(large.into()),
            _ => Json::String(int.to_string()),
        },
        Value::Float(text) => text.parse().ok().and_then(Number::from_f64).map_or_else(|| Json::String(text.clone()), Json::Number),
        Value::Str(text) => Json::String(text.clone()),
        Value::Seq(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(map) => Json::Object(map.entries.iter().map(|entry| (entry.key.clone(), to_json(&entry.node))).collect()),
    }
}
