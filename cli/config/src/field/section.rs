//! Sections: mappings with known keys, declared once for decoding, schema and reference.

use ichor_yaml::{Entry, Map, Node, Span, Value};
use serde_json::{Map as JsonMap, Value as Json, json};

use super::{Field, Spanned, wrong_type};
use crate::diagnostic::{Diagnostic, Diagnostics, Path};
use crate::nearest::nearest;

/// A mapping with known keys.
pub trait Section: Sized {
    const NAME: &'static str;
    const DOC: &'static str;

    /// The keys alone: every section of a file is held against them, and [`Section::fields`] is much more work.
    fn keys() -> Vec<&'static str>;
    fn fields() -> Vec<FieldDoc>;
    fn read(map: &Map, span: Span, path: &Path, out: &mut Diagnostics) -> Option<Self>;
    fn nested(out: &mut Vec<SectionDoc>);
}

/// One key as the reference page and the schema show it.
#[derive(Clone, Debug)]
pub struct FieldDoc {
    pub key: &'static str,
    pub doc: String,
    pub values: String,
    /// The words that may stand here, each with its sentence, if there are only a few.
    pub words: Vec<(&'static str, &'static str)>,
    /// The default as it would be written, or `None` when the key is required.
    pub default: Option<&'static str>,
    pub schema: Json,
}

/// One section as the reference page shows it.
#[derive(Clone, Debug)]
pub struct SectionDoc {
    pub name: &'static str,
    pub doc: String,
    pub fields: Vec<FieldDoc>,
}

/// Marks fields whose type is a section, for the link in the reference.
pub trait Documented {
    fn section_doc() -> SectionDoc;
}

impl<T: Section> Documented for T {
    fn section_doc() -> SectionDoc {
        SectionDoc { name: T::NAME, doc: T::DOC.trim().to_owned(), fields: T::fields() }
    }
}

pub(crate) fn decode<T: Section>(node: &Node, path: &Path, out: &mut Diagnostics) -> Option<T> {
    let Some(map) = node.as_map() else {
        // `section:` with nothing below it means a section with all its defaults.
        if node.is_null() {
            return T::read(&Map::new(), node.span, path, out);
        }
        let keys: Vec<_> = T::keys().into_iter().take(4).collect();
        out.push(wrong_type(node, path, "a mapping").help(format!("write keys such as {} below it, indented", keys.join(", "))));
        return None;
    };
    let known = T::keys();
    let strangers = map.entries.iter().filter(|entry| !known.contains(&entry.key.as_str()));
    let meant: Vec<_> = strangers.filter_map(|entry| unknown_key(entry, &known, path, out)).collect();
    let read = T::read(map, node.span, path, out);
    // Whoever misspelled a key need not hear that it is missing, too.
    meant.into_iter().for_each(|key| out.withdraw(&path.key(key), &is_missing(key)));
    read
}

fn is_missing(key: &str) -> String {
    format!("`{key}` is missing")
}

/// Tells of a key that is not known, and returns the one that was probably meant.
fn unknown_key(entry: &Entry, known: &[&'static str], path: &Path, out: &mut Diagnostics) -> Option<&'static str> {
    let at = path.key(&entry.key);
    if let Some(mistake) = crate::foreign::explain(entry, &at) {
        out.push(mistake);
        return None;
    }
    let mistake = Diagnostic::new(&at, entry.key_span, format!("unknown key `{}`", entry.key));
    let near = nearest(&entry.key, known.iter().copied());
    // What was meant is not known; a stranger at the top says nothing about the sections that are there.
    match near {
        Some(near) => out.doubt(&path.key(near)),
        None if path.as_str().is_empty() => {}
        None => out.doubt(path),
    }
    out.push(mistake.help(match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the keys here are {}", known.join(", ")),
    }));
    near
}

/// Reads one key of a section, or its default.
///
/// After a mistake the default or a stand-in takes the place of the value, so that the rest is still read.
pub(crate) fn field<T: Field>(
    map: &Map,
    span: Span,
    path: &Path,
    key: &str,
    default: Option<&str>,
    out: &mut Diagnostics,
) -> Option<Spanned<T>> {
    let path = path.key(key);
    let start = Span { start: span.start, end: span.start };
    let mut place = start;
    if let Some(entry) = map.entries.iter().find(|entry| entry.key == key) {
        place = if entry.node.span.start == entry.node.span.end { entry.key_span } else { entry.node.span };
        if let Some(value) = T::decode(&entry.node, &path, out) {
            return Some(Spanned { value, span: place, at: path, written: true });
        }
        out.doubt(&path);
    } else if default.is_none() {
        let help = format!("add `{key}: …` ({})", super::plain(&T::describe()));
        out.push(Diagnostic::new(&path, start, is_missing(key)).help(help));
    }
    let value = match default {
        None => T::stand_in(),
        Some(default) => {
            let mut node = ichor_yaml::parse_one(default).ok()?;
            relocate(&mut node, place);
            T::decode(&node, &path, out)
        }
    };
    Some(Spanned { value: value?, span: place, at: path, written: false })
}

/// Moves a default to where its section stands: a mistake in it is shown there.
fn relocate(node: &mut Node, place: Span) {
    node.span = Span { start: place.start, end: place.start };
    match &mut node.value {
        Value::Seq(items) => items.iter_mut().for_each(|item| relocate(item, place)),
        Value::Map(map) => {
            for entry in &mut map.entries {
                entry.key_span = node.span;
                relocate(&mut entry.node, place);
            }
        }
        _ => {}
    }
}

pub(crate) fn schema<T: Section>() -> Json {
    let mut properties = JsonMap::new();
    let mut required = Vec::new();
    for field in T::fields() {
        let mut schema = field.schema;
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".into(), Json::String(field.doc));
            match field.default {
                None => required.push(Json::from(field.key)),
                Some("null" | "") => {}
                Some(default) => {
                    if let Ok(node) = ichor_yaml::parse_one(default) {
                        object.insert("default".into(), ichor_yaml::to_json(&node));
                    }
                }
            }
        }
        properties.insert(field.key.into(), schema);
    }
    json!({ "type": "object", "description": T::DOC.trim(), "properties": properties, "required": required, "additionalProperties": false })
}

/// Declares a section. A field without a default is required; a default is written as it would be in the file.
macro_rules! section {
    ($(#[doc = $doc:literal])+ pub struct $name:ident { $($(#[doc = $fdoc:literal])+ $key:ident $(as $name_in_file:literal)? : $ty:ty $(= $default:literal)?),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[doc = $fdoc])+ pub $key: $crate::field::Spanned<$ty>),+ }

        impl $crate::field::Section for $name {
            const NAME: &'static str = stringify!($name);
            const DOC: &'static str = concat!($($doc),+);

            fn keys() -> Vec<&'static str> {
                vec![$($crate::field::section!(@key $key $($name_in_file)?)),+]
            }

            fn fields() -> Vec<$crate::field::FieldDoc> {
                vec![$($crate::field::FieldDoc {
                    key: $crate::field::section!(@key $key $($name_in_file)?),
                    doc: concat!($($fdoc),+).trim().to_owned(),
                    values: <$ty as $crate::field::Field>::describe(),
                    words: <$ty as $crate::field::Field>::words(),
                    default: $crate::field::section!(@default $($default)?),
                    schema: <$ty as $crate::field::Field>::schema(),
                }),+]
            }

            fn read(map: &ichor_yaml::Map, span: ichor_yaml::Span, path: &$crate::diagnostic::Path, out: &mut $crate::diagnostic::Diagnostics) -> Option<Self> {
                // Every field is read before any is missed: all mistakes are told at once.
                $(let $key = $crate::field::read_field::<$ty>(map, span, path, $crate::field::section!(@key $key $($name_in_file)?), $crate::field::section!(@default $($default)?), out);)+
                Some(Self { $($key: $key?),+ })
            }

            fn nested(out: &mut Vec<$crate::field::SectionDoc>) {
                $(<$ty as $crate::field::Field>::sections(out);)+
            }
        }

        impl $crate::field::Field for $name {
            fn decode(node: &ichor_yaml::Node, path: &$crate::diagnostic::Path, out: &mut $crate::diagnostic::Diagnostics) -> Option<Self> {
                $crate::field::decode_section(node, path, out)
            }

            fn describe() -> String {
                format!("[{}](#{})", stringify!($name), stringify!($name).to_ascii_lowercase())
            }

            fn schema() -> serde_json::Value {
                $crate::field::section_schema::<Self>()
            }

            fn stand_in() -> Option<Self> {
                let mut unheard = $crate::diagnostic::Diagnostics::default();
                <Self as $crate::field::Section>::read(&ichor_yaml::Map::new(), Default::default(), &Default::default(), &mut unheard)
            }

            fn sections(out: &mut Vec<$crate::field::SectionDoc>) {
                if !out.iter().any(|section| section.name == stringify!($name)) {
                    out.push(<Self as $crate::field::Documented>::section_doc());
                    <Self as $crate::field::Section>::nested(out);
                }
            }
        }
    };
    (@key $key:ident) => { stringify!($key).trim_start_matches("r#") };
    (@key $key:ident $name:literal) => { $name };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}
pub(crate) use section;
