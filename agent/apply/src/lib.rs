//! Brings a node to what it should be: the datapath's tables, and the interfaces, addresses, neighbours and routes of the
//! network namespace that the calling thread is in.
//!
//! Everything can be done twice: what is there already is left alone. Only who makes an interface is told that there is one.

mod cable;
mod departures;
mod echo;
mod error;
mod filter;
mod limit;
mod link;
mod namespace;
mod neighbour;
mod netlink;
mod queue;
mod route;
mod switch;
mod sysctl;
mod tables;

pub use cable::{Cable, GATEWAY_V4, GATEWAY_V6, check, cut, lay};
pub use departures::Departures;
pub use echo::echo;
pub use error::Error;
pub use limit::limit;
pub use link::{End, Link, Signal};
pub use namespace::inside;
pub use netlink::Netlink;
pub use route::{PROTOCOL, Route};
pub use sysctl::forward;
pub use tables::{observe, take};
