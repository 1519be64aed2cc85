//! Who answers.

use std::net::{IpAddr, SocketAddr};

use ichor_datapath_types::{Addr, Backend};

/// Address and port of a backend. Its protocol is the service's: a server that answers over several is one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BackendAddr {
    pub addr: IpAddr,
    pub port: u16,
}

impl BackendAddr {
    pub(crate) fn row(self, flags: u16) -> Backend {
        Backend { addr: Addr::from(self.addr), port: self.port.to_be(), flags }
    }
}

impl From<&Backend> for BackendAddr {
    fn from(row: &Backend) -> Self {
        Self { addr: row.addr.into(), port: u16::from_be(row.port) }
    }
}

impl std::fmt::Display for BackendAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        SocketAddr::new(self.addr, self.port).fmt(f)
    }
}
