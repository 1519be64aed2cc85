//! The full configuration of one machine, put together in memory.

use std::fmt;

use ichor_yaml::{Layout, Node};

use crate::base::base;
use crate::bundle::SecretsBundle;
use crate::input::{Cluster, Machine};
use crate::merge::{MergeError, merge};
use crate::patch::Patch;
use crate::secret::Secret;

/// A complete machine configuration: keys, tokens and all.
#[derive(Clone, PartialEq)]
pub struct MachineConfig {
    documents: Vec<Node>,
}

impl MachineConfig {
    /// What a machine takes as its configuration.
    pub fn to_yaml(&self) -> Secret {
        Secret::new(ichor_yaml::emit_all(&self.documents, Layout::Two))
    }

    /// The documents, secrets in clear.
    pub fn reveal(&self) -> &[Node] {
        &self.documents
    }
}

impl fmt::Debug for MachineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MachineConfig({} documents, ***)", self.documents.len())
    }
}

/// A patch that cannot be applied to a machine's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposeError {
    pub machine: String,
    /// [`Patch::file_name`] of the patch.
    pub patch: String,
    pub error: MergeError,
}

impl fmt::Display for ComposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the patch {} does not fit the configuration of {}: {}", self.patch, self.machine, self.error)
    }
}

impl std::error::Error for ComposeError {}

/// Applies all patches for the machine, in their order, to what Talos generates from the secrets.
pub fn compose(cluster: &Cluster, patches: &[Patch], machine: &Machine, secrets: &SecretsBundle) -> Result<MachineConfig, ComposeError> {
    let mut documents = base(cluster, machine.role, secrets);
    for patch in patches.iter().filter(|patch| patch.applies_to(machine)) {
        merge(&mut documents, &patch.documents).map_err(|error| ComposeError {
            machine: machine.name.clone(),
            patch: patch.file_name(),
            error,
        })?;
    }
    Ok(MachineConfig { documents })
}
