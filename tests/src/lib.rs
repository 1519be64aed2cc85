//! What tests from outside need: the tools, a deadline for every program, expected files, and a
//! Kubernetes control plane. A test fails by panicking, so these do, with everything that helps to see why.
#![expect(clippy::panic, reason = "a test fails by panicking, and this is part of tests")]

mod control_plane;
mod golden;
mod many;
mod offload;
mod run;
mod scratch;
mod tools;

pub use control_plane::ControlPlane;
pub use golden::{assert_file, assert_tree};
pub use many::many_nodes;
pub use offload::{offload, whole_checksums};
pub use run::{Finished, Run, until};
pub use scratch::Scratch;
pub use tools::{crds, ichor, tool};
