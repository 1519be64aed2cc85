//! Brings the programs into the kernel, and gives their tables types.
#![allow(unsafe_code, reason = "plain data is handed to the kernel byte by byte")]

mod about;
mod attach;
mod batch;
mod btf;
mod datapath;
mod error;
mod events;
mod layout;
mod mapped;
mod object;
mod pins;
mod probe;
mod sizes;
mod table;
mod tables;
mod takeover;

pub use attach::{Direction, FILTER_HANDLE, TrafficControl, detach_filters};
pub use batch::Cursor;
pub use datapath::Datapath;
pub use error::Error;
pub use events::Events;
pub use mapped::Values;
pub use object::{OBJECT, PROGRAMS};
pub use pins::{Acceleration, Interface, Pins};
pub use probe::{Measured, Probe};
pub use sizes::Sizes;
pub use table::{Array, Batch, Counters, Prefixes, Table};
pub use tables::KeptTables;
pub use takeover::{Pass, Taken};
