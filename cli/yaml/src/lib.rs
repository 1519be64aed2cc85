//! YAML as an ordered tree with source spans and comments.
//!
//! One tree serves the whole project: `cluster.yaml` needs spans to point at mistakes, SOPS files need
//! order and comments to survive an edit, and rendered files need one deterministic emitter.

mod emit;
mod json;
mod node;
mod parse;
mod scalar;

pub use emit::{Layout, emit, emit_all};
pub use json::{from_json, to_json};
pub use node::{Entry, Map, Node, Position, Span, Value};
pub use parse::{Document, Duplicate, Error, parse, parse_one};
