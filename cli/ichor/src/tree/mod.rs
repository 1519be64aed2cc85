//! The output folder: what is in it, what would change, and changing it in one step.

pub mod apart;
pub mod compare;
mod digest;
pub mod found;
mod journal;
mod lock;
pub mod manifest;
mod path;
mod sync;
pub mod write;

pub use digest::Digest;
pub use lock::Lock;
pub use path::{RECORDS, TreePath};
