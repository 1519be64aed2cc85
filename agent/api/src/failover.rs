//! The kinds of `ichor.dev`: fast failover, for which the `cilium.io` group has no place.
//!
//! A `CiliumBGPPeerConfig` names them by annotation, so that it stays valid under the genuine CRD.

use std::net::{Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::{
    condition::Condition,
    object::{Column, Kind, Resource, Scope, Version},
    schema::alternatives,
    selector::LabelSelector,
    wire::DateTime,
};

/// Timers of Bidirectional Forwarding Detection, used by every peer configuration that names it by annotation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BFDProfile {
    /// The timers.
    pub spec: BfdProfileSpec,
}

/// The timers of RFC 5880; a session takes the slower of both ends.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BfdProfileSpec {
    /// How often packets are sent while the session is up.
    #[serde(rename = "transmitIntervalMilliseconds")]
    #[schemars(range(min = 10, max = 60000), extend("default" = Self::TRANSMIT_INTERVAL_MS))]
    pub transmit_interval_ms: Option<i32>,
    /// How often packets of the peer are wanted.
    #[serde(rename = "receiveIntervalMilliseconds")]
    #[schemars(range(min = 10, max = 60000), extend("default" = Self::RECEIVE_INTERVAL_MS))]
    pub receive_interval_ms: Option<i32>,
    /// After how many missed packets the path is down.
    #[schemars(range(min = 2, max = 255), extend("default" = Self::DETECT_MULTIPLIER))]
    pub detect_multiplier: Option<i32>,
    /// The lowest TTL that a packet of a peer several hops away may arrive with (RFC 5883).
    #[serde(rename = "minimumTTL")]
    #[schemars(range(min = 1, max = 254))]
    pub minimum_ttl: Option<i32>,
}

impl BfdProfileSpec {
    /// What is sent if the profile does not say.
    pub const TRANSMIT_INTERVAL_MS: i32 = 100;
    /// What is wanted of the peer if the profile does not say.
    pub const RECEIVE_INTERVAL_MS: i32 = 100;
    /// What the profile means if it does not say.
    pub const DETECT_MULTIPLIER: i32 = 3;
}

impl Kind for BFDProfile {
    const RESOURCE: Resource = Resource {
        group: "ichor.dev",
        kind: "BFDProfile",
        plural: "bfdprofiles",
        short_names: &["bfdp"],
        categories: &["ichor"],
        scope: Scope::Cluster,
        status_subresource: false,
        columns: &[
            Column::new("Transmit", "integer", ".spec.transmitIntervalMilliseconds"),
            Column::new("Receive", "integer", ".spec.receiveIntervalMilliseconds"),
            Column::new("Multiplier", "integer", ".spec.detectMultiplier"),
            Column::AGE,
        ],
        versions: &[Version::current("v1alpha1")],
    };
}

/// An address on the nodes' LAN that one live node holds at a time, and that routers send traffic for Services to.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FloatingNextHop {
    /// The addresses, and who may hold them.
    pub spec: FloatingNextHopSpec,
    /// Who holds the addresses.
    pub status: Option<FloatingNextHopStatus>,
}

/// The addresses, one for a family at most, and who may hold them.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("anyOf" = alternatives(&["ipv4Address", "ipv6Address"])))]
pub struct FloatingNextHopSpec {
    /// The IPv4 address, never one that belongs to a node.
    #[schemars(with = "Option<String>", extend("format" = "ipv4"))]
    pub ipv4_address: Option<Ipv4Addr>,
    /// The IPv6 address, never one that belongs to a node.
    #[schemars(with = "Option<String>", extend("format" = "ipv6"))]
    pub ipv6_address: Option<Ipv6Addr>,
    /// Regular expressions of interface names, one of which must match.
    #[schemars(length(min = 1))]
    pub interfaces: Vec<String>,
    /// The nodes that may hold the addresses; all of them if it is missing.
    pub node_selector: Option<LabelSelector>,
}

/// Who holds the addresses.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FloatingNextHopStatus {
    /// The node that answers for the addresses.
    pub holder: Option<String>,
    /// Since when it does.
    #[schemars(with = "Option<DateTime>")]
    pub held_since: Option<String>,
    /// The aspects of the object's state.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Option<Vec<Condition>>,
}

impl Kind for FloatingNextHop {
    const RESOURCE: Resource = Resource {
        group: "ichor.dev",
        kind: "FloatingNextHop",
        plural: "floatingnexthops",
        short_names: &["fnh"],
        categories: &["ichor"],
        scope: Scope::Cluster,
        status_subresource: true,
        columns: &[
            Column::new("IPv4", "string", ".spec.ipv4Address"),
            Column::new("IPv6", "string", ".spec.ipv6Address"),
            Column::new("Holder", "string", ".status.holder"),
            Column::AGE,
        ],
        versions: &[Version::current("v1alpha1")],
    };
}
