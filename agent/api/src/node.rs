//! `CiliumNode`: a node as its agent sees it.
//!
//! Without the parts for clouds, where an operator hands out pod addresses one by one: here a node has pod CIDRs or a share
//! of a pool.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::{
    endpoint::{AddressPair, Encryption},
    object::{Column, Kind, Resource, Scope, Version},
    wire::{Cidr, Integer},
};

/// A node as its agent sees it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CiliumNode {
    /// What other nodes need to know.
    pub spec: NodeSpec,
    /// What became of the node's requests.
    pub status: Option<NodeStatus>,
}

/// What other nodes need to know.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSpec {
    /// The addresses of the node.
    pub addresses: Option<Vec<NodeAddress>>,
    /// What the kernel calls its current boot.
    pub bootid: Option<String>,
    /// How traffic to the node is encrypted.
    pub encryption: Option<Encryption>,
    /// The addresses by which nodes check each other.
    pub health: Option<AddressPair>,
    /// The addresses that gateways of the node send from.
    pub ingress: Option<AddressPair>,
    /// The addresses for the node's pods.
    pub ipam: Option<NodeIpam>,
}

/// An address of a node.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeAddress {
    /// What the address is for, such as InternalIP or CiliumInternalIP.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The address.
    pub ip: Option<String>,
}

/// The addresses for a node's pods.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeIpam {
    /// The blocks of the node.
    #[serde(rename = "podCIDRs")]
    pub pod_cidrs: Option<Vec<Cidr>>,
    /// The node's shares of pools.
    pub pools: Option<NodePools>,
}

/// A node's shares of pools.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodePools {
    /// What the node asks for.
    pub requested: Option<Vec<PoolRequest>>,
    /// What the node has.
    pub allocated: Option<Vec<PoolShare>>,
}

/// What a node asks of a pool.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PoolRequest {
    /// The name of the pool.
    #[schemars(length(min = 1))]
    pub pool: String,
    /// How many addresses it needs.
    pub needed: Option<PoolDemand>,
}

/// How many addresses a node needs.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PoolDemand {
    /// Of IPv4.
    #[schemars(with = "Option<Integer>")]
    pub ipv4_addrs: Option<u32>,
    /// Of IPv6.
    #[schemars(with = "Option<Integer>")]
    pub ipv6_addrs: Option<u32>,
}

/// What a node has of a pool.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolShare {
    /// The name of the pool.
    #[schemars(length(min = 1))]
    pub pool: String,
    /// The blocks.
    pub cidrs: Option<Vec<Cidr>>,
    /// Whether pods may have the first address of a block.
    #[serde(rename = "allowFirstIP")]
    pub allow_first_ip: Option<bool>,
    /// Whether pods may have the last address of a block.
    #[serde(rename = "allowLastIP")]
    pub allow_last_ip: Option<bool>,
}

/// What became of a node's requests.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeStatus {
    /// About the addresses for its pods.
    pub ipam: Option<NodeIpamStatus>,
}

/// What became of a node's request for addresses.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NodeIpamStatus {
    /// What the controller says.
    pub operator_status: Option<OperatorStatus>,
    /// The blocks of the node, with the use of each.
    pub pod_cidrs: Option<BTreeMap<String, PodCidrStatus>>,
}

/// What the controller says about a request.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperatorStatus {
    /// Why the request was not met.
    pub error: Option<String>,
}

/// The use of a block.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PodCidrStatus {
    /// How much of it is in use.
    pub status: Option<PodCidrUse>,
}

/// How much of a block is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PodCidrUse {
    /// The node gave it back.
    Released,
    /// All of it.
    Depleted,
    /// Some of it.
    InUse,
}

impl Kind for CiliumNode {
    const RESOURCE: Resource = Resource {
        group: "cilium.io",
        kind: "CiliumNode",
        plural: "ciliumnodes",
        short_names: &["cn", "ciliumn"],
        categories: &["cilium"],
        scope: Scope::Cluster,
        status_subresource: true,
        columns: &[
            Column::new("CiliumInternalIP", "string", r#".spec.addresses[?(@.type=="CiliumInternalIP")].ip"#),
            Column::new("InternalIP", "string", r#".spec.addresses[?(@.type=="InternalIP")].ip"#),
            Column::AGE,
        ],
        versions: &[Version::current("v2")],
    };
}
