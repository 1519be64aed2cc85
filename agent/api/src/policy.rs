//! `CiliumNetworkPolicy` and `CiliumClusterwideNetworkPolicy`: who may speak with whom, from addresses up to requests.

mod egress;
mod icmp;
mod ingress;
mod l7;
mod peer;
mod port;
mod rule;
mod status;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::{
    object::{Column, Kind, Resource, Scope, Version},
    schema::rules,
};

pub use egress::{Destinations, EgressDenyRule, EgressRule};
pub use icmp::{IcmpFamily, IcmpField, IcmpRule, IcmpType};
pub use ingress::{IngressDenyRule, IngressRule, Sources};
pub use l7::{HeaderMatch, HttpRule, L7Rules, Mismatch};
pub use peer::{AwsGroup, CidrRule, Entity, FqdnSelector, Groups, K8sService, K8sServiceSelector, Service};
pub use port::{EnvoyConfigKind, EnvoyConfigRef, Listener, PortDenyRule, PortProtocol, PortRule, Protocol, SecretRef, TlsContext};
pub use rule::{Authentication, AuthenticationMode, DefaultDeny, PolicyLabel, PolicyLog, Rule};
pub use status::{PolicyCondition, PolicyNodeStatus, PolicyStatus};

const SPEC_OR_SPECS: (&str, &str) = ("has(self.spec) || has(self.specs)", "a policy needs the field spec or the field specs");

/// Rules for the pods of a namespace.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = rules(&[SPEC_OR_SPECS])))]
pub struct CiliumNetworkPolicy {
    /// One rule.
    pub spec: Option<Rule>,
    /// More rules.
    pub specs: Option<Vec<Rule>>,
    /// Whether the policy could be used.
    pub status: Option<PolicyStatus>,
}

/// Rules for pods of every namespace, or for nodes.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = rules(&[SPEC_OR_SPECS])))]
pub struct CiliumClusterwideNetworkPolicy {
    /// One rule.
    pub spec: Option<Rule>,
    /// More rules.
    pub specs: Option<Vec<Rule>>,
    /// Whether the policy could be used.
    pub status: Option<PolicyStatus>,
}

impl From<Rule> for CiliumNetworkPolicy {
    fn from(rule: Rule) -> Self {
        Self { spec: Some(rule), ..Self::default() }
    }
}

impl From<Rule> for CiliumClusterwideNetworkPolicy {
    fn from(rule: Rule) -> Self {
        Self { spec: Some(rule), ..Self::default() }
    }
}

const VALID: Column = Column::new("Valid", "string", ".status.conditions[?(@.type=='Valid')].status");

impl Kind for CiliumNetworkPolicy {
    const RESOURCE: Resource = Resource {
        group: "cilium.io",
        kind: "CiliumNetworkPolicy",
        plural: "ciliumnetworkpolicies",
        short_names: &["cnp", "ciliumnp"],
        categories: &["cilium", "ciliumpolicy"],
        scope: Scope::Namespaced,
        status_subresource: true,
        columns: &[Column::AGE, VALID],
        versions: &[Version::current("v2")],
    };
}

impl Kind for CiliumClusterwideNetworkPolicy {
    const RESOURCE: Resource = Resource {
        group: "cilium.io",
        kind: "CiliumClusterwideNetworkPolicy",
        plural: "ciliumclusterwidenetworkpolicies",
        short_names: &["ccnp"],
        categories: &["cilium", "ciliumpolicy"],
        scope: Scope::Cluster,
        status_subresource: true,
        columns: &[VALID],
        versions: &[Version::current("v2")],
    };
}
