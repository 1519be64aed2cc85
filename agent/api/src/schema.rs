//! From a type to the structural schema that the API server wants.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The schema of a kind's own fields, with those that every object has.
pub(crate) fn structural<B: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
        settings.transforms.clear();
    });
    let mut schema = settings.into_generator().into_root_schema_for::<B>().to_value();
    tidy(&mut schema);
    envelope(&mut schema);
    schema.sort_all_objects();
    schema
}

fn envelope(schema: &mut Value) {
    let Value::Object(root) = schema else { return };
    let Value::Object(properties) = root.entry("properties").or_insert_with(|| json!({})) else { return };
    properties
        .insert("apiVersion".into(), json!({ "type": "string", "description": "The group and version that the object is written in." }));
    properties.insert("kind".into(), json!({ "type": "string", "description": "The kind of the object, in CamelCase." }));
    properties.insert("metadata".into(), json!({ "type": "object" }));
    if let Value::Array(required) = root.entry("required").or_insert_with(|| json!([])) {
        required.insert(0, "metadata".into());
    }
}

/// Rewrites JSON Schema 2020-12 as the subset of OpenAPI 3 that a structural schema is.
fn tidy(schema: &mut Value) {
    let Value::Object(node) = schema else { return };
    node.remove("title");
    drop_null(node);
    collapse_constants(node);
    drop_width(node);
    if node.get("default").is_some_and(is_blank) {
        node.remove("default");
    }
    if let Some(Value::String(text)) = node.get_mut("description") {
        *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = node.get_mut(key) {
            tidy(inner);
        }
    }
    if let Some(Value::Object(properties)) = node.get_mut("properties") {
        properties.values_mut().for_each(tidy);
    }
}

/// A missing field and an empty one are the same, so `null` is never a value.
fn drop_null(node: &mut Map<String, Value>) {
    let null = json!({ "type": "null" });
    if let Some(Value::Array(either)) = node.get("anyOf")
        && let [Value::Object(value), other] = either.as_slice()
        && *other == null
    {
        let value = value.clone();
        node.remove("anyOf");
        for (key, value) in value {
            node.entry(key).or_insert(value);
        }
    }
    if let Some(Value::Array(types)) = node.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            node.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = node.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}

/// Variants with a sentence each come as constants; the API server wants one list of values.
fn collapse_constants(node: &mut Map<String, Value>) {
    let Some(Value::Array(variants)) = node.get("oneOf") else { return };
    let constant = |variant: &Value| match (variant.get("const"), variant.get("enum")) {
        (Some(value), _) => Some(vec![value.clone()]),
        (_, Some(Value::Array(values))) => Some(values.clone()),
        _ => (variant.get("type") == Some(&json!("null"))).then(Vec::new),
    };
    let Some(values) = variants.iter().map(constant).collect::<Option<Vec<_>>>() else { return };
    node.remove("oneOf");
    node.insert("type".into(), json!("string"));
    node.insert("enum".into(), Value::Array(values.concat()));
}

/// The API server knows two widths of integers; the others are said by `minimum` and `maximum`.
fn drop_width(node: &mut Map<String, Value>) {
    let width = node.get("format").and_then(Value::as_str);
    if width.is_some_and(|width| matches!(width, "uint8" | "uint16" | "uint32" | "uint64")) {
        node.remove("format");
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// The fields at a path of field names; lists are entered on the way.
pub(crate) fn fields_at<'a>(schema: &'a mut Value, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    let mut node = schema;
    for name in path {
        node = node.get_mut("properties")?.get_mut(*name)?;
        if node.get("items").is_some() {
            node = node.get_mut("items")?;
        }
    }
    node.get_mut("properties")?.as_object_mut()
}

/// For `oneOf` and `anyOf`: each alternative is that one of the fields is there.
pub(crate) fn alternatives(fields: &[&str]) -> Value {
    fields.iter().map(|field| json!({ "properties": { *field: {} }, "required": [field] })).collect()
}

/// For `x-kubernetes-validations`: rules in CEL with the message for the person who broke them.
pub(crate) fn rules(rules: &[(&str, &str)]) -> Value {
    rules.iter().map(|(rule, message)| json!({ "rule": rule, "message": message })).collect()
}
