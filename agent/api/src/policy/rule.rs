//! A rule: whom it is about, what comes in, what goes out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{EgressDenyRule, EgressRule, IngressDenyRule, IngressRule};
use crate::{pattern, schema::alternatives, selector::LabelSelector};

/// What the selected endpoints may do; deny rules win over the others.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend(
    "oneOf" = alternatives(&["endpointSelector", "nodeSelector"]),
    "anyOf" = alternatives(&["ingress", "ingressDeny", "egress", "egressDeny"]),
))]
pub struct Rule {
    /// What the rule is for, in words.
    pub description: Option<String>,
    /// The pods that the rule is about; an empty selector is all of them.
    pub endpoint_selector: Option<LabelSelector>,
    /// The nodes that the rule is about, in cluster-wide policies only.
    pub node_selector: Option<LabelSelector>,
    /// Whether traffic that no rule allows is dropped; ichor reports it with the verdict AUDIT where it is not.
    pub enable_default_deny: Option<DefaultDeny>,
    /// What may come in; an empty list allows nothing.
    pub ingress: Option<Vec<IngressRule>>,
    /// What may not come in, whatever else says it may.
    pub ingress_deny: Option<Vec<IngressDenyRule>>,
    /// What may go out; an empty list allows nothing.
    pub egress: Option<Vec<EgressRule>>,
    /// What may not go out, whatever else says it may.
    pub egress_deny: Option<Vec<EgressDenyRule>>,
    /// Labels by which the rule itself is found.
    pub labels: Option<Vec<PolicyLabel>>,
    /// What is written beside the flows that the rule decides.
    pub log: Option<PolicyLog>,
}

/// Whether traffic that no rule allows is dropped, by direction; it is where the rule has a section for it.
#[skip_serializing_none]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DefaultDeny {
    /// For what comes in.
    pub ingress: Option<bool>,
    /// For what goes out.
    pub egress: Option<bool>,
}

impl DefaultDeny {
    /// Nothing is dropped in either direction; what would have been is reported.
    pub const AUDIT: Self = Self { ingress: Some(false), egress: Some(false) };
    /// What no rule allows is dropped in both directions.
    pub const ENFORCE: Self = Self { ingress: Some(true), egress: Some(true) };
}

/// A label of a rule.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyLabel {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Option<String>,
    /// Who gave the label.
    pub source: Option<String>,
}

/// What is written beside flows.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyLog {
    /// A few printable words.
    #[schemars(length(max = 32), regex(pattern = pattern::PRINTABLE))]
    pub value: Option<String>,
}

/// Whether both ends must prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Authentication {
    /// What is asked of them.
    pub mode: AuthenticationMode,
}

/// What is asked of the ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthenticationMode {
    /// Nothing.
    Disabled,
    /// A mutual proof of identity.
    Required,
    /// A proof that never succeeds, for tests.
    TestAlwaysFail,
}
