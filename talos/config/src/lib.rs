//! Talos machine configuration documents and the secrets bundle.

mod base;
mod bundle;
mod check;
mod compose;
pub mod input;
mod merge;
mod names;
mod omni;
mod patch;
mod secret;
mod tree;
mod version;

pub use bundle::{BundleError, GenerateError, SecretsBundle};
pub use check::{PatchProblem, bgp_speaker, check_patch};
pub use compose::{ComposeError, MachineConfig, compose};
pub use merge::MergeError;
pub use names::MacAddress;
pub use omni::{OmniError, omni_template};
pub use patch::{Origin, Patch, Scope, patches};
pub use secret::{Entropy, Secret};
pub use version::{Form, KubernetesVersion, SUPPORTED_MINORS, TalosVersion};
