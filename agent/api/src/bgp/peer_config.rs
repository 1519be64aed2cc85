//! `CiliumBGPPeerConfig`: how a session is run, and what each family of it may advertise.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use serde_with::skip_serializing_none;

use super::{Afi, Safi};
use crate::{
    condition::ConditionsStatus,
    object::{Column, Kind, Resource, Scope, Version},
    schema::{fields_at, rules},
    selector::LabelSelector,
};

/// The configuration of the sessions with the peers that refer to it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CiliumBGPPeerConfig {
    /// How the sessions are run.
    pub spec: PeerConfigSpec,
    /// Whether the configuration could be used.
    pub status: Option<ConditionsStatus>,
}

/// How a session is run.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeerConfigSpec {
    /// The ends of the TCP connection.
    pub transport: Option<Transport>,
    /// The timers of the session.
    pub timers: Option<Timers>,
    /// The Secret whose key `password` signs the TCP segments (RFC 2385).
    pub auth_secret_ref: Option<String>,
    /// Whether routes outlive a restart of the speaker (RFC 4724).
    pub graceful_restart: Option<GracefulRestart>,
    /// How many hops away an eBGP peer may be.
    #[schemars(range(min = 1, max = 255), extend("default" = 1))]
    pub ebgp_multihop: Option<i32>,
    /// The families that are spoken; both unicast families, advertising nothing, if it is missing.
    pub families: Option<Vec<Family>>,
}

/// The ends of the TCP connection.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transport {
    /// The port of the peer.
    #[schemars(range(min = 1, max = 65535), extend("default" = 179))]
    pub peer_port: Option<i32>,
    /// The interface whose address the session comes from.
    pub source_interface: Option<String>,
}

/// The timers of a session (RFC 4271, section 10).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = rules(&[
    ("self.keepAliveTimeSeconds <= self.holdTimeSeconds", "keepAliveTimeSeconds must not exceed holdTimeSeconds, and a third of it is usual"),
])))]
pub struct Timers {
    /// How long to wait before a failed connection is tried again.
    #[serde(rename = "connectRetryTimeSeconds")]
    #[schemars(range(min = 1, max = i32::MAX), extend("default" = 120))]
    pub connect_retry_time_s: Option<i32>,
    /// After how long without a message the session is over; both ends use the lower value.
    #[serde(rename = "holdTimeSeconds")]
    #[schemars(range(min = 3, max = 65535), extend("default" = Self::HOLD_TIME_S))]
    pub hold_time_s: Option<i32>,
    /// How often a message is sent when there is nothing to say.
    #[serde(rename = "keepAliveTimeSeconds")]
    #[schemars(range(min = 1, max = 65535), extend("default" = Self::KEEP_ALIVE_TIME_S))]
    pub keep_alive_time_s: Option<i32>,
}

impl Timers {
    /// The hold time if the configuration does not say.
    pub const HOLD_TIME_S: i32 = 90;
    /// The keepalive time if the configuration does not say.
    pub const KEEP_ALIVE_TIME_S: i32 = 30;
}

/// Whether routes outlive a restart of the speaker.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GracefulRestart {
    /// Whether the peer is asked to keep the routes.
    pub enabled: bool,
    /// For how long it is asked to.
    #[serde(rename = "restartTimeSeconds")]
    #[schemars(range(min = 1, max = 4095), extend("default" = 120))]
    pub restart_time_s: Option<i32>,
}

/// A family that is spoken, and what is advertised in it.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Family {
    /// The address family.
    pub afi: Afi,
    /// The subsequent address family.
    pub safi: Safi,
    /// The `CiliumBGPAdvertisement` objects that are advertised: none if it is missing, all if it is empty.
    pub advertisements: Option<LabelSelector>,
}

impl Kind for CiliumBGPPeerConfig {
    const RESOURCE: Resource = Resource {
        group: "cilium.io",
        kind: "CiliumBGPPeerConfig",
        plural: "ciliumbgppeerconfigs",
        short_names: &["cbgppeer"],
        categories: &["cilium", "ciliumbgp"],
        scope: Scope::Cluster,
        status_subresource: true,
        columns: &[Column::AGE],
        versions: &[Version::current("v2"), Version::old("v2alpha1", with_local_port)],
    };
}

fn with_local_port(schema: &mut Value) {
    let Some(transport) = fields_at(schema, &["spec", "transport"]) else { return };
    transport.remove("sourceInterface");
    let local_port = json!({
        "type": "integer", "format": "int32", "minimum": 1, "maximum": 65535, "description": "The port on which the node takes the session."
    });
    transport.insert("localPort".into(), local_port);
}
