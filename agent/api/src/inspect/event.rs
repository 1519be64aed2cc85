//! What happens in the datapath, as it happens.

use serde::{Deserialize, Serialize};

use crate::inspect::row::End;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    Drop,
    NewFlow,
}

/// A drop, or the first packet of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub kind: EventKind,
    pub time_unix_ms: u64,
    pub hook: String,
    pub direction: String,
    /// Why it was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the reason means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    pub protocol: String,
    /// None where a process was refused before its socket had an address.
    pub source: Option<End>,
    pub destination: End,
    /// Where a new flow is translated: into what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub becomes_source: Option<End>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub becomes_destination: Option<End>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    pub length: u32,
    /// Such as `syn`; none without TCP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tcp_flags: Vec<String>,
}

/// Events that happened and were not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// More came at once than the datapath tells.
    pub drops: u64,
    pub new_flows: u64,
    /// Whoever listens did not read them in time.
    pub unread: u64,
}

impl Lost {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
