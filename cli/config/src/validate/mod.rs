//! Checks of values against each other; one module for each part of the file.

use crate::cluster::Cluster;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Spec;

/// Checks the values against each other and against the tested versions.
pub fn validate(spec: Spec) -> Result<Cluster, Vec<Diagnostic>> {
    let out = Diagnostics::default();
    let all = out.into_sorted();
    Ok(Cluster::new(spec, all))
}
