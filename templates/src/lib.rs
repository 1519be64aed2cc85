//! Everything that is rendered: templates and one typed context for each.
//!
//! Templates only lay out; every decision is made in a context, which is a plain struct built from the
//! [`ichor_config::Cluster`]. The same input gives the same bytes.

mod agent;
mod apps;
mod certificates;
mod component;
mod crds;
mod dns;
mod engine;
mod gateways;
mod gitops;
mod guards;
mod images;
mod layout;
mod namespaces;
mod network;
mod part;
mod policies;
mod render;
mod router;
mod secrets;
mod sops_config;
mod talos;
mod tree;
mod tunnel;
mod workload;

pub use agent::agent_config;
pub use component::{Component, ComponentFile};
pub use crds::{BundleError, GatewayApiBundle};
pub use engine::{Engine, Error, Template};
pub use render::{Inputs, render, template_names, wanted};
pub use secrets::{SecretOrigin, SecretText, Secrets, WantedSecret};
pub use talos::talos_cluster;
pub use tree::{Content, Tree};
