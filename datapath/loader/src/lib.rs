//! Brings the programs into the kernel, and gives their tables types.
#![allow(unsafe_code, reason = "plain data is handed to the kernel byte by byte")]

mod datapath;
mod error;
mod object;
mod sizes;
mod table;

pub use datapath::{Datapath, Measured};
pub use error::Error;
pub use object::{OBJECT, PROGRAMS};
pub use sizes::Sizes;
pub use table::{Array, Counters, Prefixes, Table};
