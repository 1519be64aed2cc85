//! What happens to a packet: the same code in the kernel and in tests on the host.
//!
//! A packet is met in two steps. `decide` reads it, finds or begins its flow, and says what it becomes and where it
//! goes; `apply` writes that. Between the two a program may still leave the packet to a later hook.
//!
//! Everything is inlined into the program that calls it: the verifier follows one function best, and at this size a
//! call costs more than it saves.
#![no_std]

mod answer;
mod apply;
mod checksum;
mod decide;
mod error;
mod family;
mod flow;
mod open;
mod pace;
mod packet;
mod service;
mod socket;
mod v4;
mod v6;

pub use answer::answer;
pub use apply::apply;
pub use checksum::Diff;
pub use decide::{Next, Origin, decide};
pub use family::{ErrorHead, Family, Inner};
pub use flow::next_state;
pub use pace::departure;
pub use packet::{MAX_OFFSET, Packet, Place, transport};
pub use service::hash;
pub use socket::{Answer, Request, SocketTables, believed, connect};
pub use v4::V4;
pub use v6::V6;

use ichor_datapath_types::{
    Addr, Affinity, AffinityKey, Backend, Endpoint, Flow, FlowKey, Fragment, FragmentKey, Octets, Prefix, Service, ServiceKey, SharedFlow,
    Tuple,
};

/// The flows of one family.
pub trait FlowTable<A: Octets> {
    fn flow(&self, key: &FlowKey<A>) -> Option<SharedFlow<'_, A>>;
    /// Writes an entry, in place of one with the same key.
    fn put_flow(&self, key: &FlowKey<A>, flow: &Flow<A>) -> Option<()>;
    /// Writes an entry unless there is one with the same key.
    fn add_flow(&self, key: &FlowKey<A>, flow: &Flow<A>) -> Option<()>;
    /// Whether a packet that became this left for another machine a moment ago. Tables that do not remember it say no.
    fn just_left(&self, _becomes: &Tuple<A>, _protocol: u8) -> bool {
        false
    }
}

/// The tables of the agent and of the datapath itself. A lookup returns a copy; only flows are changed in place.
pub trait Tables: FlowTable<u32> + FlowTable<[u32; 4]> {
    /// The monotonic clock in units of `Config::CLOCK_SHIFT`.
    fn now(&self) -> u32;
    fn random(&self) -> u32;
    fn service(&self, key: &ServiceKey) -> Option<Service>;
    fn slot(&self, index: u32) -> Option<u32>;
    fn backend(&self, id: u32) -> Option<Backend>;
    fn affinity(&self, key: &AffinityKey) -> Option<Affinity>;
    fn put_affinity(&self, key: &AffinityKey, affinity: &Affinity);
    /// Whether the service may be used from this address.
    fn in_source_range(&self, service: u32, client: &Addr) -> bool;
    fn endpoint(&self, addr: &Addr) -> Option<Endpoint>;
    /// What is known of the longest prefix; the default where there is none, since the verifier must not meet what the
    /// compiler leaves in the place of an absent value.
    fn prefix(&self, addr: &Addr) -> Prefix;
    fn fragment(&self, key: &FragmentKey) -> Option<Fragment>;
    fn put_fragment(&self, key: &FragmentKey, fragment: &Fragment);
}
