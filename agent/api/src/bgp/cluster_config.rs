//! `CiliumBGPClusterConfig`: which nodes speak BGP, and with whom.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use serde_with::skip_serializing_none;

use crate::{
    condition::ConditionsStatus,
    object::{Column, Kind, Resource, Scope, Version},
    pattern,
    schema::fields_at,
    selector::LabelSelector,
    wire::Asn,
};

/// The BGP instances of a set of nodes.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CiliumBGPClusterConfig {
    /// The nodes and their instances.
    pub spec: ClusterConfigSpec,
    /// Whether the configuration could be used.
    pub status: Option<ConditionsStatus>,
}

/// The nodes and their instances.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterConfigSpec {
    /// The nodes that speak; all of them if it is missing.
    pub node_selector: Option<LabelSelector>,
    /// The instances that each of the nodes runs.
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub bgp_instances: Vec<Instance>,
}

/// A BGP speaker with its own autonomous system and peers.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// The name by which overrides and status refer to the instance.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// The autonomous system of the nodes.
    #[serde(rename = "localASN")]
    #[schemars(range(min = 1))]
    pub local_asn: Option<Asn>,
    /// The port on which the nodes take sessions; they only open sessions if it is missing.
    #[schemars(range(min = 1, max = 65535))]
    pub local_port: Option<i32>,
    /// Whom the nodes speak with.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub peers: Option<Vec<Peer>>,
}

/// A router that the nodes speak with.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// The name by which overrides and status refer to the peer.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// The address of the peer.
    #[schemars(regex(pattern = pattern::ip_address()))]
    pub peer_address: Option<String>,
    /// The autonomous system of the peer; any is taken if it is zero.
    #[serde(rename = "peerASN")]
    #[schemars(range(min = 0), extend("default" = 0))]
    pub peer_asn: Option<Asn>,
    /// How the address is found if it is not given.
    pub auto_discovery: Option<AutoDiscovery>,
    /// The configuration of the session.
    pub peer_config_ref: Option<PeerConfigRef>,
}

/// How the address of a peer is found.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoDiscovery {
    /// The way to find it.
    pub mode: AutoDiscoveryMode,
    /// Which default route is followed, for mode DefaultGateway.
    pub default_gateway: Option<DefaultGateway>,
}

/// A way to find the address of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AutoDiscoveryMode {
    /// The peer is the next hop of the default route.
    DefaultGateway,
}

/// A default route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefaultGateway {
    /// The family of the route.
    pub address_family: GatewayFamily,
}

/// The family of a default route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GatewayFamily {
    /// The default route of IPv4.
    Ipv4,
    /// The default route of IPv6.
    Ipv6,
}

/// A reference to a peer configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeerConfigRef {
    /// The name of the `CiliumBGPPeerConfig`.
    pub name: String,
}

impl Kind for CiliumBGPClusterConfig {
    const RESOURCE: Resource = Resource {
        group: "cilium.io",
        kind: "CiliumBGPClusterConfig",
        plural: "ciliumbgpclusterconfigs",
        short_names: &["cbgpcluster"],
        categories: &["cilium", "ciliumbgp"],
        scope: Scope::Cluster,
        status_subresource: true,
        columns: &[Column::AGE],
        versions: &[Version::current("v2"), Version::old("v2alpha1", with_typed_reference)],
    };
}

/// v2alpha1 had no discovery of peers, and could refer to peer configurations of another kind.
pub(super) fn with_typed_reference(schema: &mut Value) {
    let Some(peer) = fields_at(schema, &["spec", "bgpInstances", "peers"]) else { return };
    peer.remove("autoDiscovery");
    let Some(reference) = peer.get_mut("peerConfigRef").and_then(|field| field["properties"].as_object_mut()) else { return };
    reference
        .insert("group".into(), json!({ "type": "string", "default": "cilium.io", "description": "The group of the peer configuration." }));
    reference.insert(
        "kind".into(),
        json!({ "type": "string", "default": "CiliumBGPPeerConfig", "description": "The kind of the peer configuration." }),
    );
}
