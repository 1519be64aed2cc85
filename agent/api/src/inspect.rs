//! The agent's local API, as far as it tells what the agent and its datapath hold.
//!
//! A line of JSON asks ([`Question`]), and lines of JSON answer ([`Line`]): rows as they are read, and an end, so that
//! whoever reads knows whether this was all. Events have no end. Rows carry what a person reads, and their JSON form is what
//! `--output json` prints.

mod event;
mod filter;
mod row;

use serde::{Deserialize, Serialize};

pub use event::{Event, EventKind, Lost};
pub use filter::{Family, Filter, Reference};
pub use row::{Backend, Check, Checked, Counter, End, Endpoint, Flow, Frontend, Health, Node, Owner, OwnerKind, Service, State, Table};

/// Where the agent listens on Talos.
pub const SOCKET: &str = "/var/lib/ichor/agent.sock";

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    Endpoints,
    Health,
    Services,
    Nodes,
    Frontends,
    Flows,
    Translations,
    Counters,
    Tables,
    Events,
}

/// What is asked, and which rows of the answer are wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub inspect: Subject,
    #[serde(default)]
    pub filter: Filter,
    /// No more rows than these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// One line of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line<R> {
    Row(R),
    /// Events that were not told.
    Lost(Lost),
    /// Nothing happened for a while, or the first event is awaited from here on.
    Listening {
        node: String,
    },
    End(Whole),
    Error(Refusal),
}

/// The end of an answer, which says how much it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    pub node: String,
    pub rows: u64,
    /// The limit was reached: there may be more.
    pub limited: bool,
}

/// Why there is no answer, as the CNI specification writes errors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: u32,
    pub msg: String,
    #[serde(default)]
    pub details: String,
}
