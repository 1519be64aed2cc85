//! What the datapath's tables should hold, and the steps from what they hold now.
//!
//! [`Snapshot`] holds the objects and marks in a [`Dirty`] what a change of one concerns. [`compile`] makes the rows of what
//! is dirty, with numbers from [`Ids`]; [`diff`] holds them against what the tables hold and gives the steps, in an order in
//! which each packet between two of them is still served. Nothing here does anything: the caller takes the steps.

mod backend;
mod bandwidth;
mod compile;
mod desired;
mod diff;
mod endpoint;
mod folder;
mod frontend;
mod ids;
mod maglev;
mod name;
mod node;
mod object;
mod observed;
mod problem;
mod read;
mod select;
mod service;
mod snapshot;

pub use backend::BackendAddr;
pub use bandwidth::{BitRate, egress_limits};
pub use compile::compile;
pub use desired::{Desired, Frontend, HealthCheck, Rows};
pub use diff::diff;
pub use folder::{Contents, Documents, Folder, objects_of};
pub use frontend::FrontendKind;
pub use ids::{Ids, Limits};
pub use name::{Name, ObjectKey, Unit};
pub use object::{
    EndpointSlice, HostPort, Namespace, Node, Object, Pod, Protocol, Service, ServiceKind, ServicePort, SliceEndpoint, SlicePort, Timestamp,
};
pub use observed::{Observed, Op};
pub use problem::{Place, Problem};
pub use read::read_object;
pub use snapshot::{Algorithm, Dirty, Host, LocalEndpoint, Snapshot};
