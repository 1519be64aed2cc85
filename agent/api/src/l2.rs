//! `CiliumL2AnnouncementPolicy`: which Services answer ARP and NDP, from which nodes and interfaces.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::{
    condition::ConditionsStatus,
    object::{Column, Kind, Resource, Scope, Version},
    selector::LabelSelector,
};

/// A rule for answering ARP and NDP for the addresses of Services.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CiliumL2AnnouncementPolicy {
    /// What is announced, and where.
    pub spec: Option<L2Spec>,
    /// Whether the policy could be used.
    pub status: Option<ConditionsStatus>,
}

/// What is announced, and where.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct L2Spec {
    /// The Services that are announced; all of them if it is missing.
    pub service_selector: Option<LabelSelector>,
    /// The nodes that may announce; all of them if it is missing.
    pub node_selector: Option<LabelSelector>,
    /// Whether the addresses that a pool gave a Service are announced.
    #[serde(rename = "loadBalancerIPs")]
    pub load_balancer_ips: Option<bool>,
    /// Whether the addresses in spec.externalIPs of a Service are announced.
    #[serde(rename = "externalIPs")]
    pub external_ips: Option<bool>,
    /// Regular expressions of interface names, one of which must match; any interface if it is missing.
    pub interfaces: Option<Vec<String>>,
}

impl Kind for CiliumL2AnnouncementPolicy {
    const RESOURCE: Resource = Resource {
        group: "cilium.io",
        kind: "CiliumL2AnnouncementPolicy",
        plural: "ciliuml2announcementpolicies",
        short_names: &["l2announcement"],
        categories: &["cilium"],
        scope: Scope::Cluster,
        status_subresource: true,
        columns: &[Column::AGE],
        // Manifests are about that say v2, which Cilium never served: it is taken as another name for the same fields.
        versions: &[Version::current("v2alpha1"), Version::current("v2")],
    };
}
