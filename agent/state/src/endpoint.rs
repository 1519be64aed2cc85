//! Who is on this node.

use ichor_datapath_types::{Addr, Endpoint, EndpointKey, endpoint_flag};

use crate::bandwidth::egress_limit;
use crate::snapshot::{LocalEndpoint, Snapshot};

/// The node's own addresses and those of its pods.
pub(crate) fn endpoints(snapshot: &Snapshot) -> Vec<(EndpointKey, Endpoint)> {
    let key = |addr: &std::net::IpAddr| EndpointKey { addr: Addr::from(*addr) };
    let host = Endpoint { flags: endpoint_flag::HOST, ..Endpoint::default() };
    let mut rows: Vec<_> = snapshot.own_addresses().iter().map(|addr| (key(addr), host)).collect();
    for endpoint in snapshot.endpoints().values() {
        let flags = if egress_limit(snapshot, endpoint).is_some() { endpoint_flag::LIMITED } else { 0 };
        let row = Endpoint { flags, ..endpoint.row() };
        rows.extend(endpoint.addresses.iter().map(|addr| (key(addr), row)));
    }
    rows
}

impl LocalEndpoint {
    /// What the table says under each of its addresses, beside its flags.
    pub fn row(&self) -> Endpoint {
        Endpoint { interface: self.interface, identity: self.identity, mac: words(self.mac), host_mac: words(self.host_mac), flags: 0 }
    }
}

/// The bytes of a hardware address, in the order in which they are sent.
fn words([a, b, c, d, e, f]: [u8; 6]) -> [u16; 3] {
    [[a, b], [c, d], [e, f]].map(u16::from_ne_bytes)
}
