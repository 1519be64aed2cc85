//! What became of a policy.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::{condition::ConditionStatus, selector::Labels, wire::DateTime};

/// What became of a policy.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// The aspects of the policy's state; `Valid` says whether it could be used.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Option<Vec<PolicyCondition>>,
    /// The policies that were made of this one, by name.
    pub derivative_policies: Option<BTreeMap<String, PolicyNodeStatus>>,
}

/// One aspect of a policy's state.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyCondition {
    /// Which aspect.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it holds.
    #[schemars(with = "String")]
    pub status: ConditionStatus,
    /// When the status last changed.
    #[schemars(with = "Option<DateTime>")]
    pub last_transition_time: Option<String>,
    /// Why, as one word for programs.
    pub reason: Option<String>,
    /// Why, for a person.
    pub message: Option<String>,
}

/// What became of a policy on a node.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyNodeStatus {
    /// Whether it was read.
    pub ok: Option<bool>,
    /// Why it was not.
    pub error: Option<String>,
    /// When it was last looked at.
    #[schemars(with = "Option<DateTime>")]
    pub last_updated: Option<String>,
    /// The state of the node's policies since when it holds.
    pub local_policy_revision: Option<i64>,
    /// Whether it decides over traffic.
    pub enforcing: Option<bool>,
    /// The annotations that it was read with.
    pub annotations: Option<Labels>,
}
