//! The lab: a cluster.yaml as a working cluster network on this machine, with nodes, pods, a router and a client outside
//! as network namespaces, and the real agent and CNI plugin in them.
//!
//! [`up`] makes one and [`down`] removes it, from whatever state it is in. [`Lab::check`] walks every path of the
//! [`matrix`] with real connections. Namespaces, control groups and processes in them can be had without a lab, too.

mod agent;
mod behaviour;
mod cable;
pub mod cgroup;
mod check;
mod down;
mod error;
mod lab;
pub mod matrix;
pub mod namespace;
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
pub use process::{Spot, Work, command, inside};
pub use status::{NodeStatus, PodStatus, ServiceStatus, Status};
pub use trouble::Part;
pub use up::{Options, Up, up};
