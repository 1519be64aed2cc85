//! `CiliumBGPNodeConfig`: what one node speaks, put together from the cluster's configuration, and how its sessions are.

use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{Afi, AutoDiscovery, PeerConfigRef, Safi, cluster_config::with_typed_reference};
use crate::{
    condition::Condition,
    object::{Column, Kind, Resource, Scope, Version},
    pattern,
    wire::Asn,
};

/// The BGP instances of the node of the same name; written by the controller, reported on by the node.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CiliumBGPNodeConfig {
    /// The instances of the node.
    pub spec: NodeConfigSpec,
    /// How the sessions are.
    pub status: Option<NodeConfigStatus>,
}

/// The instances of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeConfigSpec {
    /// The instances of the node.
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub bgp_instances: Vec<NodeInstance>,
}

/// A BGP speaker on a node.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeInstance {
    /// The name of the instance.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// The node's autonomous system.
    #[serde(rename = "localASN")]
    #[schemars(range(min = 1))]
    pub local_asn: Option<Asn>,
    /// The node's BGP identifier.
    #[serde(rename = "routerID")]
    #[schemars(with = "Option<String>", extend("format" = "ipv4"))]
    pub router_id: Option<Ipv4Addr>,
    /// The port on which the node takes sessions.
    #[schemars(range(min = 1, max = 65535))]
    pub local_port: Option<i32>,
    /// Whom the node speaks with.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub peers: Option<Vec<NodePeer>>,
}

/// A router that a node speaks with.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodePeer {
    /// The name of the peer.
    pub name: String,
    /// The address of the peer.
    #[schemars(regex(pattern = pattern::ip_address()))]
    pub peer_address: Option<String>,
    /// The autonomous system of the peer.
    #[serde(rename = "peerASN")]
    #[schemars(range(min = 0))]
    pub peer_asn: Option<Asn>,
    /// How the address is found if it is not given.
    pub auto_discovery: Option<AutoDiscovery>,
    /// The address that the session comes from.
    #[schemars(regex(pattern = pattern::ip_address()))]
    pub local_address: Option<String>,
    /// The configuration of the session.
    pub peer_config_ref: Option<PeerConfigRef>,
}

/// How the sessions of a node are.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeConfigStatus {
    /// The instances of the node.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub bgp_instances: Option<Vec<InstanceStatus>>,
    /// The aspects of the node's state.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Option<Vec<Condition>>,
}

/// How the sessions of an instance are.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatus {
    /// The name of the instance.
    pub name: String,
    /// The node's autonomous system.
    #[serde(rename = "localASN")]
    #[schemars(with = "Option<i64>")]
    pub local_asn: Option<Asn>,
    /// The sessions.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub peers: Option<Vec<PeerStatus>>,
}

/// How a session is.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeerStatus {
    /// The name of the peer.
    pub name: String,
    /// The address of the peer.
    pub peer_address: String,
    /// The autonomous system of the peer.
    #[serde(rename = "peerASN")]
    #[schemars(with = "Option<i64>")]
    pub peer_asn: Option<Asn>,
    /// The state of the session by the names of RFC 4271.
    pub peering_state: Option<String>,
    /// The timers that both ends agreed on.
    pub timers: Option<AppliedTimers>,
    /// Since when the session is up.
    pub established_time: Option<String>,
    /// How many routes each family carries.
    pub route_count: Option<Vec<FamilyRoutes>>,
}

/// The timers that both ends agreed on.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppliedTimers {
    /// The hold time.
    #[serde(rename = "appliedHoldTimeSeconds")]
    pub hold_time_s: Option<i32>,
    /// The keepalive time.
    #[serde(rename = "appliedKeepaliveSeconds")]
    pub keep_alive_s: Option<i32>,
}

/// How many routes a family carries.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyRoutes {
    /// The address family.
    pub afi: Afi,
    /// The subsequent address family.
    pub safi: Safi,
    /// How many routes came from the peer.
    pub received: Option<i32>,
    /// How many routes went to the peer.
    pub advertised: Option<i32>,
}

impl Kind for CiliumBGPNodeConfig {
    const RESOURCE: Resource = Resource {
        group: "cilium.io",
        kind: "CiliumBGPNodeConfig",
        plural: "ciliumbgpnodeconfigs",
        short_names: &["cbgpnode"],
        categories: &["cilium", "ciliumbgp"],
        scope: Scope::Cluster,
        status_subresource: true,
        columns: &[Column::AGE],
        versions: &[Version::current("v2"), Version::old("v2alpha1", with_typed_reference)],
    };
}
