//! Looks at a manifest as the API server would, before there is one to ask.
//!
//! Fields, types, lists of values and ranges are looked at; patterns and rules in CEL are left to the API server.

use std::fmt;

use serde_json::{Map, Value};

use crate::crd::{Crd, crds};

/// The schemas of every kind, derived once.
#[derive(Clone, Debug)]
pub struct Schemas {
    crds: Vec<Crd>,
}

/// Something in a manifest that the API server would refuse or drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, as `spec.peers[0].name`.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// How to mend it, where that can be told.
    pub help: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

impl Default for Schemas {
    fn default() -> Self {
        Self { crds: crds() }
    }
}

impl Schemas {
    /// Every fault of a manifest; one of a kind that is not ours has none.
    pub fn check(&self, manifest: &Value) -> Vec<Fault> {
        let text = |key| manifest.get(key).and_then(Value::as_str).unwrap_or_default();
        let (group, version) = text("apiVersion").rsplit_once('/').unwrap_or_default();
        let Some(crd) = self.crds.iter().find(|crd| crd.resource.group == group && crd.resource.kind == text("kind")) else {
            return Vec::new();
        };
        let versions = crd.definition.pointer("/spec/versions").and_then(Value::as_array);
        let Some(served) = versions.into_iter().flatten().find(|served| served["name"] == version) else {
            let names: Vec<_> = crd.resource.versions.iter().map(|version| format!("{group}/{}", version.name)).collect();
            let problem = format!("{} is not served in version {version}", crd.resource.kind);
            return vec![Fault { path: "apiVersion".into(), problem, help: Some(format!("use {}", names.join(" or "))) }];
        };
        let root = served.pointer("/schema/openAPIV3Schema").unwrap_or(&Value::Null);
        let mut check = Check { root, faults: Vec::new() };
        check.value("", root, manifest);
        check.faults
    }
}

struct Check<'a> {
    root: &'a Value,
    faults: Vec<Fault>,
}

impl Check<'_> {
    fn fault(&mut self, path: &str, problem: String, help: Option<String>) {
        self.faults.push(Fault { path: path.to_owned(), problem, help });
    }

    fn value(&mut self, path: &str, schema: &Value, value: &Value) {
        if schema["x-kubernetes-int-or-string"] == true {
            if !value.is_i64() && !value.is_string() {
                self.fault(path, format!("{} where an integer or a string belongs", kind_of(value)), None);
            }
            return;
        }
        let wanted = schema["type"].as_str().unwrap_or_default();
        match (wanted, value) {
            ("object", Value::Object(fields)) => self.object(path, schema, fields),
            ("array", Value::Array(items)) => self.list(path, schema, items),
            ("string", Value::String(_)) | ("boolean", Value::Bool(_)) => self.allowed(path, schema, value),
            ("integer", Value::Number(number)) if number.is_i64() || number.is_u64() => self.range(path, schema, value),
            _ => {
                let help = (wanted == "string" && value.is_number()).then(|| format!("write \"{value}\" in quotes"));
                self.fault(path, format!("{} where {} belongs", kind_of(value), with_article(wanted)), help);
            }
        }
    }

    fn object(&mut self, path: &str, schema: &Value, fields: &Map<String, Value>) {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                self.fault(&join(path, name), "is required".into(), None);
            }
        }
        let rest = &schema["additionalProperties"];
        let Some(known) = schema["properties"].as_object() else {
            // Of metadata, no schema says more than that it is an object.
            if rest.is_object() {
                fields.iter().for_each(|(name, value)| self.value(&join(path, name), rest, value));
            }
            return;
        };
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
            match known.get(name) {
                Some(inner) => self.value(&join(path, name), inner, value),
                None => {
                    let help = self.elsewhere(name);
                    self.fault(&join(path, name), "there is no such field".into(), help);
                }
            }
        }
    }

    fn list(&mut self, path: &str, schema: &Value, items: &[Value]) {
        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
        if let Some(least) = schema["minItems"].as_u64().filter(|&least| count < least) {
            self.fault(path, format!("has {count} items, fewer than {least}"), None);
        }
        if let Some(most) = schema["maxItems"].as_u64().filter(|&most| count > most) {
            self.fault(path, format!("has {count} items, more than {most}"), None);
        }
        for (index, item) in items.iter().enumerate() {
            self.value(&format!("{path}[{index}]"), &schema["items"], item);
        }
    }

    fn allowed(&mut self, path: &str, schema: &Value, value: &Value) {
        let Some(values) = schema["enum"].as_array().filter(|values| !values.contains(value)) else { return };
        let values: Vec<_> = values.iter().filter_map(Value::as_str).collect();
        self.fault(path, format!("{value} is not a value of this field"), Some(format!("use {}", values.join(" or "))));
    }

    fn range(&mut self, path: &str, schema: &Value, value: &Value) {
        let number = |value: &Value| value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
        let (Some(given), least, most) = (number(value), number(&schema["minimum"]), number(&schema["maximum"])) else { return };
        if least.is_some_and(|least| given < least) || most.is_some_and(|most| given > most) {
            let end = |end: Option<i128>, open: &str| end.map_or_else(|| open.to_owned(), |end| end.to_string());
            self.fault(path, format!("{value} is out of range"), Some(format!("{} to {}", end(least, "any"), end(most, "any"))));
        }
    }

    /// A field of this name at one other place of the schema is most likely the one that was meant.
    fn elsewhere(&self, name: &str) -> Option<String> {
        let mut places = Vec::new();
        find(self.root, "", name, &mut places);
        match places.as_slice() {
            [only] => Some(format!("it belongs at {only}")),
            _ => None,
        }
    }
}

fn find(schema: &Value, path: &str, name: &str, places: &mut Vec<String>) {
    for (field, inner) in schema["properties"].as_object().into_iter().flatten() {
        let here = join(path, field);
        if field == name {
            places.push(here.clone());
        }
        find(inner, &here, name, places);
    }
    if schema["items"].is_object() {
        find(&schema["items"], &format!("{path}[]"), name, places);
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn with_article(kind: &str) -> &str {
    match kind {
        "array" => "a list",
        "boolean" => "true or false",
        "integer" => "an integer",
        "object" => "an object",
        "string" => "a string",
        other => other,
    }
}
