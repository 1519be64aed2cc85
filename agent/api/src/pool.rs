//! `CiliumLoadBalancerIPPool`: the addresses that Services of type LoadBalancer get.

mod range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::{
    condition::ConditionsStatus,
    object::{Column, Kind, Resource, Scope, Version},
    selector::LabelSelector,
    wire::Cidr,
};

pub use range::{AddressRange, BlockError};

/// A pool of addresses for Services of type LoadBalancer.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CiliumLoadBalancerIPPool {
    /// The addresses, and the Services that may have them.
    pub spec: PoolSpec,
    /// How full the pool is, and whether it overlaps with another.
    pub status: Option<ConditionsStatus>,
}

/// The addresses, and the Services that may have them.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolSpec {
    /// The Services that may have an address; all of them if it is missing.
    pub service_selector: Option<LabelSelector>,
    /// Whether the first and the last address of a CIDR may be given out, which they may if it is missing; ranges are not affected.
    #[serde(rename = "allowFirstLastIPs")]
    pub allow_first_last_ips: Option<AllowFirstLast>,
    /// The blocks of addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
    /// Whether the pool gives out no more addresses; those in use stay.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schemars(extend("default" = false))]
    pub disabled: bool,
}

/// Whether the ends of a CIDR may be given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AllowFirstLast {
    /// They are addresses like the others.
    Yes,
    /// They are kept back, unless the CIDR has only two addresses or one.
    No,
}

/// A CIDR, or a range from a first to a last address.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// The block as a CIDR; if it is there the range is not looked at.
    pub cidr: Option<Cidr>,
    /// The first address of a range.
    pub start: Option<String>,
    /// The last address of a range; the first alone if it is missing.
    pub stop: Option<String>,
}

/// Reported in the status: whether the pool overlaps with another.
pub const POOL_CONFLICT: &str = "cilium.io/PoolConflict";
/// Reported in the status: how many addresses the pool has, in the message.
pub const IPS_TOTAL: &str = "cilium.io/IPsTotal";
/// Reported in the status: how many addresses are free, in the message.
pub const IPS_AVAILABLE: &str = "cilium.io/IPsAvailable";
/// Reported in the status: how many addresses are in use, in the message.
pub const IPS_USED: &str = "cilium.io/IPsUsed";

impl Kind for CiliumLoadBalancerIPPool {
    const RESOURCE: Resource = Resource {
        group: "cilium.io",
        kind: "CiliumLoadBalancerIPPool",
        plural: "ciliumloadbalancerippools",
        short_names: &["ippools", "ippool", "lbippool", "lbippools"],
        categories: &["cilium"],
        scope: Scope::Cluster,
        status_subresource: true,
        columns: &[
            Column::new("Disabled", "boolean", ".spec.disabled"),
            Column::new("Conflicting", "string", r#".status.conditions[?(@.type=="cilium.io/PoolConflict")].status"#),
            Column::new("IPs Available", "string", r#".status.conditions[?(@.type=="cilium.io/IPsAvailable")].message"#),
            Column::AGE,
        ],
        versions: &[Version::current("v2"), Version::old("v2alpha1", |_| ())],
    };
}

fn is_false(flag: &bool) -> bool {
    !flag
}
