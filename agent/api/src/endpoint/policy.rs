//! What a pod may do, as its node worked it out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::{selector::Labels, wire::Integer};

/// What a pod may do.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointPolicy {
    /// What may come in.
    pub ingress: Option<DirectionPolicy>,
    /// What may go out.
    pub egress: Option<DirectionPolicy>,
}

/// What a pod may do in one direction.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectionPolicy {
    /// Whether anything is dropped.
    pub enforcing: bool,
    /// Whether anything is dropped, and whether it is only reported.
    pub state: Option<String>,
    /// Who may.
    pub allowed: Option<Vec<Allowed>>,
    /// Who may not.
    pub denied: Option<Vec<Allowed>>,
    /// Who is about to be added.
    pub adding: Option<Vec<Allowed>>,
    /// Who is about to be removed.
    pub removing: Option<Vec<Allowed>>,
}

/// An identity, and the port that it is about.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Allowed {
    /// The number of the identity; zero for any.
    pub identity: Option<i64>,
    /// The labels of the identity.
    pub identity_labels: Option<Labels>,
    /// The port; zero for any.
    #[schemars(with = "Option<Integer>")]
    pub dest_port: Option<u16>,
    /// The number of the protocol; zero for any.
    #[schemars(with = "Option<Integer>")]
    pub protocol: Option<u8>,
}
