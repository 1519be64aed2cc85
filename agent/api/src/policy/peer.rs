//! The other end of traffic, where labels do not name it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::{
    pattern,
    schema::alternatives,
    selector::{LabelSelector, Labels},
    wire::Cidr,
};

/// A peer that has a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Entity {
    /// Every peer.
    All,
    /// Every address outside the cluster, of both families.
    World,
    /// Everything inside the cluster, nodes included.
    Cluster,
    /// Everything inside the clusters of a mesh.
    ClusterMesh,
    /// The node that the pod runs on.
    Host,
    /// Pods whose identity is not known yet.
    Init,
    /// The gateways that take traffic into the cluster.
    Ingress,
    /// Pods that the agent does not look after.
    Unmanaged,
    /// The other nodes.
    RemoteNode,
    /// The endpoints by which nodes check each other.
    Health,
    /// No peer.
    None,
    /// The API server.
    KubeApiserver,
}

/// A block of addresses with exceptions, or a group of blocks.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("oneOf" = alternatives(&["cidr", "cidrGroupRef", "cidrGroupSelector"])))]
pub struct CidrRule {
    /// The block.
    pub cidr: Option<Cidr>,
    /// The `CiliumCIDRGroup` with the blocks.
    #[schemars(length(max = 253), regex(pattern = pattern::OBJECT_NAME))]
    pub cidr_group_ref: Option<String>,
    /// The `CiliumCIDRGroup` objects with the blocks, by their labels.
    pub cidr_group_selector: Option<LabelSelector>,
    /// Blocks inside that do not belong.
    pub except: Option<Vec<Cidr>>,
}

/// A name in DNS, or a pattern of names.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("oneOf" = alternatives(&["matchName", "matchPattern"])))]
pub struct FqdnSelector {
    /// The name itself.
    #[schemars(length(max = 255), regex(pattern = pattern::HOST_NAME))]
    pub match_name: Option<String>,
    /// A name in which `*` stands for any characters but the dot, and a leading `**.` for any number of labels.
    #[schemars(length(max = 255), regex(pattern = pattern::HOST_PATTERN))]
    pub match_pattern: Option<String>,
}

impl FqdnSelector {
    /// The name itself.
    pub fn name(name: impl Into<String>) -> Self {
        Self { match_name: Some(name.into()), match_pattern: None }
    }

    /// A pattern of names.
    pub fn pattern(pattern: impl Into<String>) -> Self {
        Self { match_name: None, match_pattern: Some(pattern.into()) }
    }
}

/// A Service, or Services with the same labels.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// A Service by name.
    pub k8s_service: Option<K8sService>,
    /// Services by their labels.
    pub k8s_service_selector: Option<K8sServiceSelector>,
}

/// A Service by name.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct K8sService {
    /// The name.
    pub service_name: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
}

/// Services by their labels.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct K8sServiceSelector {
    /// The labels.
    pub selector: LabelSelector,
    /// The namespace.
    pub namespace: Option<String>,
}

/// Blocks of addresses that a cloud provider knows; ichor runs on no cloud, and such a rule matches nothing.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Groups {
    /// Addresses of machines at AWS.
    pub aws: Option<AwsGroup>,
}

/// Addresses of machines at AWS.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsGroup {
    /// The labels of the interfaces.
    pub labels: Option<Labels>,
    /// Not used any more.
    pub region: Option<String>,
    /// Security groups by their identifiers.
    pub security_groups_ids: Option<Vec<String>>,
    /// Security groups by their names.
    pub security_groups_names: Option<Vec<String>>,
}
