//! `cluster.yaml` to a typed, validated [`Cluster`].
//!
//! [`parse`] reads the text and collects every mistake of form; [`validate`] then checks the values against each
//! other and against the tested versions. Both tell all mistakes at once, each with its place and its mend.

mod cluster;
pub mod diagnostic;
pub mod field;
mod foreign;
pub mod import;
pub mod init;
mod lock;
pub mod model;
mod nearest;
mod reference;
mod validate;

pub use cluster::{Block, Cluster, Family, NodeNetwork, PoolBlocks};
pub use diagnostic::{Diagnostic, Path, Severity};
pub use field::{Address, Cidr, Int, Mac, Spanned, Text};
pub use lock::{GatewayApi, LOCK, Lock, TalosLine};
pub use model::Spec;
pub use reference::{json_schema, reference_page};
pub use validate::validate;

use diagnostic::Diagnostics;
use field::Field;
use ichor_yaml::{Document, Node, Position, Span, Value};

/// Reads the text into a [`Spec`]; what has the right form may still make no sense.
pub fn parse(text: &str) -> Result<Spec, Vec<Diagnostic>> {
    match decode(text) {
        (Some(spec), out) if out.is_empty() => Ok(spec),
        (_, out) => Err(out.into_sorted()),
    }
}

/// Reads and validates. Mistakes of form and of sense are told together: where the form is wrong, only that is told, and
/// everything that does not depend on it is checked all the same.
pub fn read(text: &str) -> Result<Cluster, Vec<Diagnostic>> {
    match decode(text) {
        (Some(spec), out) if out.is_empty() => validate(spec),
        (Some(spec), mut out) => {
            let found = validate::run(&spec, &out);
            out.append(found);
            Err(out.into_sorted())
        }
        (None, out) => Err(out.into_sorted()),
    }
}

fn decode(text: &str) -> (Option<Spec>, Diagnostics) {
    let mut out = Diagnostics::default();
    let root = Path::default();
    let documents = match ichor_yaml::parse(text) {
        Ok(documents) => documents,
        Err(error) => {
            out.push(
                Diagnostic::new(&root, error.span, format!("this is not YAML: {}", error.message))
                    .help("indent with spaces, two for each level, and put texts that hold `: `, `#` or brackets in quotes"),
            );
            return (None, out);
        }
    };
    let Some(document) = documents.first() else {
        let start = Position { offset: 0, line: 1, column: 1 };
        let place = Span { start, end: start };
        out.push(Diagnostic::new(&root, place, "the file is empty").help("run `ichor init` to write one"));
        return (None, out);
    };
    let spec = Spec::decode(&document.root, &root, &mut out);
    out.each(validate::bgp::explain_missing);
    tell_duplicates(document, &mut out);
    if let Some(second) = documents.get(1) {
        out.push(
            Diagnostic::new(&root, second.root.span, "a second document begins here").help("keep one cluster in one file, without `---`"),
        );
    }
    (spec, out)
}

fn tell_duplicates(document: &Document, out: &mut Diagnostics) {
    for duplicate in &document.duplicates {
        let path = path_of_key(&document.root, duplicate.first, &Path::default()).unwrap_or_default();
        out.push(
            Diagnostic::new(&path, duplicate.second, format!("the key `{}` stands here twice", duplicate.key))
                .help("keep one of the two")
                .also(duplicate.first, "first here"),
        );
    }
}

/// The path of the key that stands at `place`.
fn path_of_key(node: &Node, place: Span, path: &Path) -> Option<Path> {
    let holds = |inner: &Node| (inner.span.start.offset..inner.span.end.offset).contains(&place.start.offset);
    match &node.value {
        Value::Map(map) => {
            let entry = map.entries.iter().find(|entry| entry.key_span == place || holds(&entry.node))?;
            let path = path.key(&entry.key);
            if entry.key_span == place { Some(path) } else { path_of_key(&entry.node, place, &path) }
        }
        Value::Seq(items) => {
            let (index, item) = items.iter().enumerate().find(|(_, item)| holds(item))?;
            path_of_key(item, place, &path.index(index))
        }
        _ => None,
    }
}
