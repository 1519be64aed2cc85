//! The lab: a cluster.yaml as a working cluster network on this machine, with nodes, pods, a router and a client outside
//! as network namespaces, and the real agent and CNI plugin in them.
//!
//! [`up`] makes one and [`down`] removes it, from whatever state it is in. [`Lab::check`] walks every path of the
//! [`matrix`] with real connections.

mod agent;
mod behaviour;
mod cable;
mod cgroup;
mod check;
mod down;
mod error;
mod lab;
pub mod matrix;
mod namespace;
mod need;
mod node;
mod object;
mod place;
mod probe;
mod process;
mod server;
mod service;
mod state;
mod status;
mod topology;
mod trouble;
mod up;
mod wait;

pub use behaviour::Behaviour;
pub use check::{Report, Walked};
pub use down::{Down, down};
pub use error::Error;
pub use lab::Lab;
pub use place::LabName;
pub use process::inside;
pub use status::{NodeStatus, PodStatus, ServiceStatus, Status};
pub use trouble::Part;
pub use up::{Options, Up, up};
