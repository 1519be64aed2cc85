//! Services as a process asks for them: the backend is chosen when a socket connects, and no packet is translated.

use ichor_datapath_types::{
    Addr, Affinity, AffinityKey, Backend, Service, ServiceKey, SocketFlow, SocketFlowKey, prefix_flag, proto, scope,
};

use crate::Tables;
use crate::service::{drawn_at_random, kept};

/// What sockets remember.
pub trait SocketTables: Tables {
    fn socket_flow(&self, key: &SocketFlowKey) -> Option<SocketFlow>;
    fn put_socket_flow(&self, key: &SocketFlowKey, flow: &SocketFlow);
}

/// Who asks for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub addr: Addr,
    pub port: u16,
    pub protocol: u8,
    /// The socket's own number.
    pub cookie: u64,
    /// That of its network namespace: the client, as far as session affinity is concerned.
    pub namespace: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// No service: the socket goes where it wanted to.
    Unchanged,
    Backend {
        addr: Addr,
        port: u16,
    },
    /// Nobody answers there.
    Refused,
}

/// Where a socket shall connect or send to.
#[inline(always)]
pub fn connect<T: SocketTables>(tables: &T, request: &Request) -> Answer {
    let key = ServiceKey { addr: request.addr, port: request.port, protocol: request.protocol, scope: scope::CLUSTER };
    let Some(service) = tables.service(&key) else {
        // Packets would be refused as well, later. Not for UDP: whoever looks for a way to an address connects a socket to it.
        let nowhere = request.protocol == proto::TCP && tables.prefix(&request.addr).flags & prefix_flag::SERVICE != 0;
        return if nowhere { Answer::Refused } else { Answer::Unchanged };
    };
    let Some(backend) = backend(tables, &service, request) else { return Answer::Refused };
    let seen_by_socket =
        SocketFlowKey { cookie: request.cookie, addr: backend.addr, port: backend.port, protocol: request.protocol, pad: 0, pad2: 0 };
    tables.put_socket_flow(&seen_by_socket, &SocketFlow { addr: request.addr, service: service.id, port: request.port, pad: 0 });
    Answer::Backend { addr: backend.addr, port: backend.port }
}

/// Whom a socket believes to talk to when it talks to this address.
#[inline(always)]
pub fn believed<T: SocketTables>(tables: &T, request: &Request) -> Option<(Addr, u16)> {
    let key = SocketFlowKey { cookie: request.cookie, addr: request.addr, port: request.port, protocol: request.protocol, pad: 0, pad2: 0 };
    tables.socket_flow(&key).map(|flow| (flow.addr, flow.port))
}

#[inline(always)]
fn backend<T: Tables>(tables: &T, service: &Service, request: &Request) -> Option<Backend> {
    if service.slots == 0 {
        return None;
    }
    let key = AffinityKey { client: client(request), service: service.id };
    if service.affinity != 0
        && let Some(backend) = kept(tables, service, &key)
    {
        return Some(backend);
    }
    let (id, backend) = drawn_at_random(tables, service).ok()?;
    if service.affinity != 0 {
        tables.put_affinity(&key, &Affinity { backend: id, seen: tables.now() });
    }
    Some(backend)
}

/// A namespace in the place of an address; none of either family looks like this. It has a backend in each family, for the
/// service has one number for both.
#[inline(always)]
fn client(request: &Request) -> Addr {
    let family = if request.addr.is_v4() { 4 } else { 6 };
    Addr([0, family, (request.namespace >> 32) as u32, request.namespace as u32])
}
