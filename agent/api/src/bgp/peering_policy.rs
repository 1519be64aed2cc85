//! `CiliumBGPPeeringPolicy`: the one object of the first BGP control plane, read to be turned into the objects of the second.

mod migrate;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{Afi, Communities, GracefulRestart, Safi, ServiceAddress};
use crate::{
    object::{Column, Kind, Resource, Scope, Version},
    selector::LabelSelector,
    wire::{Asn, Cidr},
};

pub use migrate::Migration;

/// The virtual routers of a set of nodes; no CRD is made of it, since nothing but an import reads it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CiliumBGPPeeringPolicy {
    /// The nodes and their routers.
    pub spec: Option<PeeringPolicySpec>,
}

/// The nodes and their routers.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeeringPolicySpec {
    /// The nodes that speak; all of them if it is missing.
    pub node_selector: Option<LabelSelector>,
    /// The routers that each of the nodes runs.
    pub virtual_routers: Vec<VirtualRouter>,
}

/// A BGP speaker with its own autonomous system, and what it advertises.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualRouter {
    /// The autonomous system of the nodes.
    #[serde(rename = "localASN")]
    pub local_asn: Asn,
    /// Whether each node advertises its pods.
    #[serde(rename = "exportPodCIDR")]
    pub export_pod_cidr: Option<bool>,
    /// The pools of pod addresses that are advertised; none if it is missing.
    #[serde(rename = "podIPPoolSelector")]
    pub pod_ip_pool_selector: Option<LabelSelector>,
    /// The Services that are advertised; none if it is missing.
    pub service_selector: Option<LabelSelector>,
    /// Which addresses of the Services; those of pools if it is missing.
    pub service_advertisements: Option<Vec<ServiceAddress>>,
    /// Whom the nodes speak with.
    pub neighbors: Vec<LegacyNeighbor>,
}

/// A router that the nodes speak with, and how.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegacyNeighbor {
    /// The address of the peer, as a CIDR of one host.
    pub peer_address: Cidr,
    /// The port of the peer.
    pub peer_port: Option<i32>,
    /// The autonomous system of the peer.
    #[serde(rename = "peerASN")]
    pub peer_asn: Asn,
    /// The Secret with the password.
    pub auth_secret_ref: Option<String>,
    /// How many hops away an eBGP peer may be.
    #[serde(rename = "eBGPMultihopTTL")]
    pub ebgp_multihop_ttl: Option<i32>,
    /// How long to wait before a failed connection is tried again.
    #[serde(rename = "connectRetryTimeSeconds")]
    pub connect_retry_time_s: Option<i32>,
    /// After how long without a message the session is over.
    #[serde(rename = "holdTimeSeconds")]
    pub hold_time_s: Option<i32>,
    /// How often a message is sent when there is nothing to say.
    #[serde(rename = "keepAliveTimeSeconds")]
    pub keep_alive_time_s: Option<i32>,
    /// Whether routes outlive a restart of the speaker.
    pub graceful_restart: Option<GracefulRestart>,
    /// The families that are spoken; both unicast families if it is missing.
    pub families: Option<Vec<LegacyFamily>>,
    /// What is said about routes of some kinds.
    pub advertised_path_attributes: Option<Vec<AttributesFor>>,
}

/// A family that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LegacyFamily {
    /// The address family.
    pub afi: Afi,
    /// The subsequent address family.
    pub safi: Safi,
}

/// What is said about routes of one kind.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttributesFor {
    /// The kind of object that the routes come from.
    pub selector_type: SelectorType,
    /// The objects that the routes come from; all of them if it is missing.
    pub selector: Option<LabelSelector>,
    /// The communities that the routes are in.
    pub communities: Option<Communities>,
    /// The preference inside the own autonomous system.
    pub local_preference: Option<i64>,
}

/// The kind of object that routes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SelectorType {
    /// The pods of a node.
    #[serde(rename = "PodCIDR")]
    PodCidr,
    /// Pools of Services' addresses.
    #[serde(rename = "CiliumLoadBalancerIPPool")]
    LoadBalancerIpPool,
    /// Pools of pods' addresses.
    #[serde(rename = "CiliumPodIPPool")]
    PodIpPool,
}

impl SelectorType {
    /// The name on the wire.
    pub fn kind(self) -> &'static str {
        match self {
            Self::PodCidr => "PodCIDR",
            Self::LoadBalancerIpPool => "CiliumLoadBalancerIPPool",
            Self::PodIpPool => "CiliumPodIPPool",
        }
    }
}

impl Kind for CiliumBGPPeeringPolicy {
    const RESOURCE: Resource = Resource {
        group: "cilium.io",
        kind: "CiliumBGPPeeringPolicy",
        plural: "ciliumbgppeeringpolicies",
        short_names: &["bgpp"],
        categories: &["cilium", "ciliumbgp"],
        scope: Scope::Cluster,
        status_subresource: false,
        columns: &[Column::AGE],
        versions: &[Version::current("v2alpha1")],
    };
}
