//! Everything that is rendered: templates and one typed context for each.
//!
//! Templates only lay out; every decision is made in a context, which is a plain struct built from the
//! [`ichor_config::Cluster`]. The same input gives the same bytes.

mod agent;
mod component;
mod crds;
mod engine;
mod gitops;
mod images;
mod layout;
mod namespaces;
mod network;
mod part;
mod render;
mod router;
mod secrets;
mod sops_config;
mod tree;

pub use component::{Component, ComponentFile};
pub use crds::{BundleError, GatewayApiBundle};
pub use engine::{Engine, Error, Template};
pub use render::{Inputs, render, template_names, wanted};
pub use secrets::{SecretOrigin, SecretText, Secrets, WantedSecret};
pub use tree::{Content, Tree};
