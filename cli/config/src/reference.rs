//! The reference page and the JSON Schema, both made out of the types.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::field::{Field, FieldDoc, SectionDoc};
use crate::model::Spec;

const PREFACE: &str = "# cluster.yaml

One file describes the cluster. `ichor init` writes a first one, `ichor validate` looks for mistakes, `ichor configure`
renders everything from it; [cluster.example.yaml](../cluster.example.yaml) is a whole one. `ichor schema` prints this page for
editors. A key without a default is required, and a key that is not here is refused.

This page is made out of the types by `cargo xtask docs`.
";

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
    let mut page = String::from(PREFACE);
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
        let _ = writeln!(page, "| `{}` | {} | {default} | {} |", field.key, values(field), field.doc);
    }
}

/// What may stand there; each of a few words with its sentence.
fn values(field: &FieldDoc) -> String {
    let is_list = field.values.starts_with("list of");
    let words: Vec<_> = field.words.iter().map(|(word, sentence)| format!("`{word}`: {sentence}")).collect();
    match (words.is_empty(), is_list) {
        (true, _) => field.values.replace('|', "\\|"),
        (false, true) => format!("list of<br>{}", words.join("<br>")),
        (false, false) => words.join("<br>"),
    }
}
