//! Everything that is rendered: templates and one typed context for each.
//!
//! Templates only lay out; every decision is made in a context, which is a plain struct built from the
//! [`ichor_config::Cluster`]. The same input gives the same bytes.

mod component;
mod engine;
mod secrets;
mod tree;

pub use component::{Component, ComponentFile};
pub use engine::{Engine, Error, Template};
pub use secrets::{SecretOrigin, SecretText, Secrets, WantedSecret};
pub use tree::{Content, Tree};
