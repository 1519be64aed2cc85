//! What the programs in the kernel and the agent both read and write.
//!
//! Layouts are fixed: integers only, padding spelled out as fields, size and offsets asserted. Addresses and ports are
//! in network byte order wherever they stand; everything else is in the machine's.
#![no_std]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]
#![allow(unsafe_code, reason = "layouts are vouched for here, and map values that the kernel shares are read here")]

mod addr;
mod config;
mod counter;
mod drop_reason;
mod endpoint;
mod event;
mod flow;
mod header;
mod pace;
mod pod;
mod service;
mod work;

pub use addr::{Addr, Octets};
pub use config::{Config, DECIDED_MARK, feature};
pub use counter::{Counter, CounterKey, Hook};
pub use drop_reason::DropReason;
pub use endpoint::{Endpoint, EndpointKey, Fragment, FragmentKey, Prefix, PrefixKey, endpoint_flag, prefix_flag};
pub use event::{Allowance, Event, Watch, event_kind};
pub use flow::{Flow, FlowKey, SharedFlow, Tuple, flow_flag, flow_state};
pub use header::{
    Arp, Direct4, Direct6, Eth, Icmp, Ipv4, Ipv6, Ipv6Extension, Ipv6Fragment, Ports, Tcp, Udp, ethertype, icmp4, icmp6, proto, tcp_flag,
};
pub use pace::{Pace, SharedPace};
pub use pod::{Pod, bytes_of, read, write};
pub use service::{
    Affinity, AffinityKey, Backend, Service, ServiceKey, SocketFlow, SocketFlowKey, SourceRangeKey, backend_flag, scope, service_flag,
};
pub use work::{Ip, Transport, Work, begun, piece, transport_kind};
