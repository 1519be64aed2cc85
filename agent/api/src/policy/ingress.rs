//! What may and may not come in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{Authentication, CidrRule, Entity, Groups, IcmpRule, PortDenyRule, PortRule};
use crate::{selector::LabelSelector, wire::Cidr};

/// Where traffic comes from: one list of a rule is used, and a missing one does not limit the rule while an empty one matches nothing.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sources {
    /// Pods, by their labels; of the policy's namespace if the labels do not say another.
    pub from_endpoints: Option<Vec<LabelSelector>>,
    /// Always empty; kept so that an old manifest is refused rather than silently loosened.
    #[schemars(length(max = 0))]
    pub from_requires: Option<Vec<String>>,
    /// Blocks of addresses outside the cluster.
    #[serde(rename = "fromCIDR")]
    pub from_cidr: Option<Vec<Cidr>>,
    /// Blocks of addresses outside the cluster, with exceptions.
    #[serde(rename = "fromCIDRSet")]
    pub from_cidr_set: Option<Vec<CidrRule>>,
    /// Peers that have a name of their own.
    pub from_entities: Option<Vec<Entity>>,
    /// Blocks of addresses that a cloud provider knows.
    pub from_groups: Option<Vec<Groups>>,
    /// Nodes, by their labels.
    pub from_nodes: Option<Vec<LabelSelector>>,
}

/// What may come in: every part that is there must match.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressRule {
    /// Where it comes from.
    #[serde(flatten)]
    pub from: Sources,
    /// The ports it comes to, and the requests it makes there.
    pub to_ports: Option<Vec<PortRule>>,
    /// The ICMP messages it consists of.
    pub icmps: Option<Vec<IcmpRule>>,
    /// Whether both ends must prove who they are.
    pub authentication: Option<Authentication>,
}

/// What may not come in: every part that is there must match.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressDenyRule {
    /// Where it comes from.
    #[serde(flatten)]
    pub from: Sources,
    /// The ports it comes to.
    pub to_ports: Option<Vec<PortDenyRule>>,
    /// The ICMP messages it consists of.
    pub icmps: Option<Vec<IcmpRule>>,
}

impl IngressRule {
    /// From pods with any of these labels.
    pub fn from_endpoints(endpoints: impl IntoIterator<Item = LabelSelector>) -> Self {
        Self { from: Sources { from_endpoints: Some(endpoints.into_iter().collect()), ..Sources::default() }, ..Self::default() }
    }

    /// From peers that have a name of their own.
    pub fn from_entities(entities: impl IntoIterator<Item = Entity>) -> Self {
        Self { from: Sources { from_entities: Some(entities.into_iter().collect()), ..Sources::default() }, ..Self::default() }
    }

    /// The same rule, for these ports only.
    #[must_use]
    pub fn to_ports(mut self, rule: impl Into<PortRule>) -> Self {
        self.to_ports.get_or_insert_default().push(rule.into());
        self
    }
}
