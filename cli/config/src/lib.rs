//! `cluster.yaml` to a typed, validated [`Cluster`].
//!
//! [`parse`] reads the text and collects every mistake of form; [`validate`] then checks the values against each
//! other and against the tested versions. Both tell all mistakes at once, each with its place and its mend.

mod cluster;
pub mod diagnostic;
pub mod field;
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

/// Reads the text into a [`Spec`]; what has the right form may still make no sense.
pub fn parse(text: &str) -> Result<Spec, Vec<Diagnostic>> {
    let mut out = Diagnostics::default();
    let root = Path::default();
    let documents = match ichor_yaml::parse(text) {
        Ok(documents) => documents,
        Err(error) => return Err(vec![Diagnostic::new(&root, error.span, format!("this is not YAML: {}", error.message))]),
    };
    if let Some(second) = documents.get(1) {
        out.push(
            Diagnostic::new(&root, second.root.span, "a second document begins here").help("keep one cluster in one file, without `---`"),
        );
    }
    let Some(document) = documents.first() else {
        return Err(vec![Diagnostic::new(&root, ichor_yaml::Span::default(), "the file is empty").help("run `ichor init` to write one")]);
    };
    for duplicate in &document.duplicates {
        out.push(
            Diagnostic::new(
                &Path::from(duplicate.key.as_str()),
                duplicate.second,
                format!("the key `{}` stands here twice", duplicate.key),
            )
            .help("keep one of the two")
            .also(duplicate.first, "first here"),
        );
    }
    let spec = Spec::decode(&document.root, &root, &mut out);
    match spec {
        Some(spec) if out.is_empty() => Ok(spec),
        _ => Err(out.into_sorted()),
    }
}
