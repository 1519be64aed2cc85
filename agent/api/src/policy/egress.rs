//! What may and may not go out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{Authentication, CidrRule, Entity, FqdnSelector, Groups, IcmpRule, PortDenyRule, PortRule, Service};
use crate::{selector::LabelSelector, wire::Cidr};

/// Where traffic goes: one list of a rule is used, and a missing one does not limit the rule while an empty one matches nothing.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Destinations {
    /// Pods, by their labels; of the policy's namespace if the labels do not say another.
    pub to_endpoints: Option<Vec<LabelSelector>>,
    /// Always empty; kept so that an old manifest is refused rather than silently loosened.
    #[schemars(length(max = 0))]
    pub to_requires: Option<Vec<String>>,
    /// Blocks of addresses outside the cluster.
    #[serde(rename = "toCIDR")]
    pub to_cidr: Option<Vec<Cidr>>,
    /// Blocks of addresses outside the cluster, with exceptions.
    #[serde(rename = "toCIDRSet")]
    pub to_cidr_set: Option<Vec<CidrRule>>,
    /// Peers that have a name of their own.
    pub to_entities: Option<Vec<Entity>>,
    /// Services, by name or by labels.
    pub to_services: Option<Vec<Service>>,
    /// Blocks of addresses that a cloud provider knows.
    pub to_groups: Option<Vec<Groups>>,
    /// Nodes, by their labels.
    pub to_nodes: Option<Vec<LabelSelector>>,
}

/// What may go out: every part that is there must match.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EgressRule {
    /// Where it goes.
    #[serde(flatten)]
    pub to: Destinations,
    /// The ports it goes to, and the requests it makes there.
    pub to_ports: Option<Vec<PortRule>>,
    /// The names whose addresses it goes to, as the pods' own DNS queries resolve them; without another destination beside.
    #[serde(rename = "toFQDNs")]
    pub to_fqdns: Option<Vec<FqdnSelector>>,
    /// The ICMP messages it consists of.
    pub icmps: Option<Vec<IcmpRule>>,
    /// Whether both ends must prove who they are.
    pub authentication: Option<Authentication>,
}

/// What may not go out: every part that is there must match.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EgressDenyRule {
    /// Where it goes.
    #[serde(flatten)]
    pub to: Destinations,
    /// The ports it goes to.
    pub to_ports: Option<Vec<PortDenyRule>>,
    /// The ICMP messages it consists of.
    pub icmps: Option<Vec<IcmpRule>>,
}

impl EgressRule {
    /// To pods with any of these labels.
    pub fn to_endpoints(endpoints: impl IntoIterator<Item = LabelSelector>) -> Self {
        Self { to: Destinations { to_endpoints: Some(endpoints.into_iter().collect()), ..Destinations::default() }, ..Self::default() }
    }

    /// To peers that have a name of their own.
    pub fn to_entities(entities: impl IntoIterator<Item = Entity>) -> Self {
        Self { to: Destinations { to_entities: Some(entities.into_iter().collect()), ..Destinations::default() }, ..Self::default() }
    }

    /// To blocks of addresses outside the cluster.
    pub fn to_cidrs(cidrs: impl IntoIterator<Item = Cidr>) -> Self {
        Self { to: Destinations { to_cidr: Some(cidrs.into_iter().collect()), ..Destinations::default() }, ..Self::default() }
    }

    /// To the addresses behind names.
    pub fn to_fqdns(names: impl IntoIterator<Item = FqdnSelector>) -> Self {
        Self { to_fqdns: Some(names.into_iter().collect()), ..Self::default() }
    }

    /// The same rule, for these ports only.
    #[must_use]
    pub fn to_ports(mut self, rule: impl Into<PortRule>) -> Self {
        self.to_ports.get_or_insert_default().push(rule.into());
        self
    }
}
