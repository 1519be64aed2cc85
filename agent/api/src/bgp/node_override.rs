//! `CiliumBGPNodeConfigOverride`: what one node does differently.

use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::{
    object::{Column, Kind, Resource, Scope, Version},
    pattern,
    wire::Asn,
};

/// What the node of the same name does differently from its cluster configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CiliumBGPNodeConfigOverride {
    /// The differences.
    pub spec: NodeOverrideSpec,
}

/// The differences of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeOverrideSpec {
    /// The instances that differ.
    #[schemars(length(min = 1), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub bgp_instances: Vec<InstanceOverride>,
}

/// The differences of an instance.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceOverride {
    /// The name of the instance in the cluster configuration.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// The node's autonomous system.
    #[serde(rename = "localASN")]
    #[schemars(range(min = 1))]
    pub local_asn: Option<Asn>,
    /// The port on which the node takes sessions.
    pub local_port: Option<i32>,
    /// The node's BGP identifier.
    #[serde(rename = "routerID")]
    #[schemars(with = "Option<String>", extend("format" = "ipv4"))]
    pub router_id: Option<Ipv4Addr>,
    /// The peers that differ.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub peers: Option<Vec<PeerOverride>>,
}

/// The differences of a session.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeerOverride {
    /// The name of the peer in the cluster configuration.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// The address that the session comes from.
    #[schemars(regex(pattern = pattern::ip_address()))]
    pub local_address: Option<String>,
    /// The port that the session comes from.
    pub local_port: Option<i32>,
}

impl Kind for CiliumBGPNodeConfigOverride {
    const RESOURCE: Resource = Resource {
        group: "cilium.io",
        kind: "CiliumBGPNodeConfigOverride",
        plural: "ciliumbgpnodeconfigoverrides",
        short_names: &["cbgpnodeoverride"],
        categories: &["cilium", "ciliumbgp"],
        scope: Scope::Cluster,
        status_subresource: false,
        columns: &[Column::AGE],
        versions: &[Version::current("v2"), Version::old("v2alpha1", |_| ())],
    };
}
