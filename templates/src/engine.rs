//! minijinja with our delimiters, strict about what is undefined.

use std::collections::BTreeMap;
use std::fmt;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, escape_formatter};
use serde::Serialize;

/// A template of this crate: its path below `templates/`, and its text.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    pub name: &'static str,
    pub text: &'static str,
}

/// Declares the template at a path below `templates/j2/`.
macro_rules! template {
    ($name:literal) => {
        $crate::engine::Template { name: $name, text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/j2/", $name)) }
    };
}
pub(crate) use template;

/// A template that cannot be used, or that asks for something that is not there.
#[derive(Debug)]
pub enum Error {
    /// A file in the user's template folder replaces nothing.
    UnknownOverride { name: String, nearest: Option<String> },
    /// A template failed, with the engine's account of line and reason.
    Render { name: String, overridden: bool, account: String },
    /// Two components want the same file.
    Clash { path: String },
    /// A value that passed validation and still fits nowhere.
    Unusable { what: String, why: String },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOverride { name, nearest } => {
                write!(f, "the template override `{name}` replaces no template of this version")?;
                match nearest {
                    Some(near) => write!(f, "; did you mean `{near}`?"),
                    None => write!(f, "; `ichor configure --list-templates` shows their names"),
                }
            }
            Self::Render { name, overridden, account } => {
                let whose = if *overridden { "your override of the template" } else { "the template" };
                write!(f, "{whose} `{name}` failed: {account}")
            }
            Self::Clash { path } => write!(f, "two components want to write `{path}`"),
            Self::Unusable { what, why } => write!(f, "`{what}` cannot be used: {why}"),
        }
    }
}

impl std::error::Error for Error {}

/// The templates of this crate, some of them replaced by the user's.
pub struct Engine {
    environment: Environment<'static>,
    overrides: BTreeMap<String, String>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("overrides", &self.overrides.keys()).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine in which files of the user stand in for templates of the same name.
    pub fn new(overrides: BTreeMap<String, String>, known: &[Template]) -> Result<Self, Error> {
        for name in overrides.keys() {
            if !known.iter().any(|template| template.name == name) {
                let file = name.rsplit('/').next().unwrap_or(name);
                let nearest = known.iter().find(|template| template.name.rsplit('/').next() == Some(file));
                return Err(Error::UnknownOverride { name: name.clone(), nearest: nearest.map(|template| template.name.to_owned()) });
            }
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_formatter(write_value);
        environment.add_filter("yaml", yaml_scalar);
        let syntax = SyntaxConfig::builder()
            .block_delimiters("#%", "%#")
            .variable_delimiters("#{", "}#")
            .comment_delimiters("#|", "|#")
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()
            .map_err(|error| Error::Render { name: "delimiters".into(), overridden: false, account: account(&error) })?;
        environment.set_syntax(syntax);
        Ok(Self { environment, overrides })
    }

    /// Renders one template with its context.
    pub fn render(&self, template: Template, context: &impl Serialize) -> Result<String, Error> {
        let text = self.overrides.get(template.name).map_or(template.text, String::as_str);
        self.environment.render_named_str(template.name, text, minijinja::value::Serde(context)).map_err(|error| Error::Render {
            name: template.name.to_owned(),
            overridden: self.overrides.contains_key(template.name),
            account: account(&error),
        })
    }
}

/// Booleans are written as YAML has them; a value that is absent is written by mistake.
fn write_value(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &minijinja::Value) -> Result<(), minijinja::Error> {
    match value.kind() {
        ValueKind::Bool => Ok(out.write_str(if value.is_true() { "true" } else { "false" })?),
        ValueKind::None => Err(minijinja::Error::new(ErrorKind::InvalidOperation, "a value that is absent would be written")),
        _ => escape_formatter(out, state, value),
    }
}

/// A value as one YAML scalar, quoted where a reader could take it for something else.
fn yaml_scalar(value: &minijinja::Value) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    // A block would need to know how deep it stands; JSON's form of a text is YAML as well, and is one line.
    if json.as_str().is_some_and(|text| text.contains('\n')) {
        return json.to_string();
    }
    ichor_yaml::emit(&ichor_yaml::from_json(&json), ichor_yaml::Layout::Two).trim_end().to_owned()
}

/// The whole chain of reasons, once.
fn account(error: &minijinja::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &'static str) -> Result<String, Error> {
        let context = serde_json::json!({ "on": true, "off": false, "none": null, "text": "yes", "lines": "a\nb: c" });
        Engine::new(BTreeMap::new(), &[])?.render(Template { name: "t", text }, &context)
    }

    #[test]
    fn values_are_written_as_yaml_has_them() {
        assert_eq!(rendered("#{ on }# #{ off }#").unwrap(), "true false");
        assert_eq!(rendered("#{ text | yaml }# #{ lines | yaml }#").unwrap(), "\"yes\" \"a\\nb: c\"");
    }

    #[test]
    fn what_is_absent_or_unknown_is_an_error() {
        assert!(rendered("#{ none }#").unwrap_err().to_string().contains("absent"));
        assert!(rendered("#{ nothing }#").unwrap_err().to_string().contains("undefined"));
    }

    #[test]
    fn an_override_of_nothing_names_its_neighbour() {
        let known = [Template { name: "network/lb-pool.yaml.j2", text: "" }];
        let overrides = BTreeMap::from([("lb-pool.yaml.j2".to_owned(), String::new())]);
        assert!(Engine::new(overrides, &known).unwrap_err().to_string().contains("did you mean `network/lb-pool.yaml.j2`?"));
    }
}
