//! The reference page and the JSON Schema, both made out of the types.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::field::{Field, SectionDoc};
use crate::model::Spec;

/// The JSON Schema of `cluster.yaml`, for editors.
pub fn json_schema() -> Json {
    let mut schema = Spec::schema();
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        object.insert("title".into(), json!("cluster.yaml"));
    }
    schema
}

/// Every key with its values, its default and its sentence, as Markdown.
pub fn reference_page() -> String {
    let mut sections = Vec::new();
    Spec::sections(&mut sections);
    let mut page =
        String::from("# cluster.yaml\n\nEvery key, made out of the types by `cargo xtask docs`. A key without a default is required.\n");
    for section in &sections {
        write_section(&mut page, section);
    }
    page
}

fn write_section(page: &mut String, section: &SectionDoc) {
    let _ = write!(page, "\n## {}\n\n{}\n\n| key | values | default | |\n|---|---|---|---|\n", section.name, section.doc);
    for field in &section.fields {
        let default = match field.default {
            None => "required".to_owned(),
            Some("null") => "none".to_owned(),
            Some("") => "its defaults".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", field.key, field.values, default, field.doc);
    }
}
