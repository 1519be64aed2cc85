//! `CiliumCIDRGroup`: blocks of addresses that policies refer to by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    object::{Kind, Resource, Scope, Version},
    wire::Cidr,
};

/// Blocks of addresses that the CIDR sets of policies refer to by name or by label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CiliumCIDRGroup {
    /// The blocks of the group.
    pub spec: CidrGroupSpec,
}

/// The blocks of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CidrGroupSpec {
    /// Blocks outside the cluster, of either family.
    #[serde(rename = "externalCIDRs")]
    #[schemars(length(min = 0))]
    pub external_cidrs: Vec<Cidr>,
}

impl Kind for CiliumCIDRGroup {
    const RESOURCE: Resource = Resource {
        group: "cilium.io",
        kind: "CiliumCIDRGroup",
        plural: "ciliumcidrgroups",
        short_names: &["ccg"],
        categories: &["cilium"],
        scope: Scope::Cluster,
        status_subresource: false,
        columns: &[],
        versions: &[Version::current("v2"), Version::old("v2alpha1", |_| ())],
    };
}
