//! The BGP kinds: who speaks to whom, how, and what is advertised.

mod advertisement;
mod cluster_config;
mod lint;
mod node_config;
mod node_override;
mod peer_config;
mod peering_policy;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use advertisement::{
    Advertisement, AdvertisementKind, AdvertisementSpec, Attributes, CiliumBGPAdvertisement, Communities, InterfaceOptions, ServiceAddress,
    ServiceOptions, WellKnownCommunity,
};
pub use cluster_config::{
    AutoDiscovery, AutoDiscoveryMode, CiliumBGPClusterConfig, ClusterConfigSpec, DefaultGateway, GatewayFamily, Instance, Peer,
    PeerConfigRef,
};
pub use lint::{BgpObjects, Finding, lint};
pub use node_config::{
    AppliedTimers, CiliumBGPNodeConfig, FamilyRoutes, InstanceStatus, NodeConfigSpec, NodeConfigStatus, NodeInstance, NodePeer, PeerStatus,
};
pub use node_override::{CiliumBGPNodeConfigOverride, InstanceOverride, NodeOverrideSpec, PeerOverride};
pub use peer_config::{CiliumBGPPeerConfig, Family, GracefulRestart, PeerConfigSpec, Timers, Transport};
pub use peering_policy::{
    AttributesFor, CiliumBGPPeeringPolicy, LegacyFamily, LegacyNeighbor, Migration, PeeringPolicySpec, SelectorType, VirtualRouter,
};

/// An address family of BGP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Afi {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// Layer 2 VPNs; known, not spoken.
    L2vpn,
    /// Link state; known, not spoken.
    Ls,
    /// Opaque; known, not spoken.
    Opaque,
}

/// A subsequent address family of BGP, by the names of its registry; ichor speaks unicast only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Safi {
    Unicast,
    Multicast,
    MplsLabel,
    Encapsulation,
    Vpls,
    Evpn,
    Ls,
    SrPolicy,
    Mup,
    MplsVpn,
    MplsVpnMulticast,
    RouteTargetConstraints,
    FlowspecUnicast,
    FlowspecVpn,
    KeyValue,
}
