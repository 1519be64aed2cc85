//! Requests that may be made over an allowed connection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{FqdnSelector, SecretRef};
use crate::schema::alternatives;

/// Requests of one protocol.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("oneOf" = alternatives(&["http", "dns"])))]
pub struct L7Rules {
    /// Requests of HTTP.
    pub http: Option<Vec<HttpRule>>,
    /// Queries of DNS, by the names that are asked for.
    pub dns: Option<Vec<FqdnSelector>>,
}

/// A request of HTTP: every part that is there must match.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpRule {
    /// A regular expression for the path.
    pub path: Option<String>,
    /// A regular expression for the method.
    pub method: Option<String>,
    /// A regular expression for the host.
    #[schemars(extend("format" = "idn-hostname"))]
    pub host: Option<String>,
    /// Headers that must be there, as a name or as a name and a value.
    pub headers: Option<Vec<String>>,
    /// Headers that must have a value, and what is done if they have not.
    pub header_matches: Option<Vec<HeaderMatch>>,
}

/// A header that must have a value.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeaderMatch {
    /// The name of the header.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The value.
    pub value: Option<String>,
    /// The Secret with the value.
    pub secret: Option<SecretRef>,
    /// What is done with a request that has another value; it is refused if this is missing.
    pub mismatch: Option<Mismatch>,
}

/// What is done with a request whose header has another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mismatch {
    /// It is passed on and reported.
    Log,
    /// It gets the header beside its own.
    Add,
    /// It loses the header.
    Delete,
    /// It gets the value instead of its own.
    Replace,
}
