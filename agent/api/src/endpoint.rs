//! `CiliumEndpoint`: a pod as the agent of its node sees it.

mod policy;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::{
    object::{Column, Kind, Resource, Scope, Version},
    wire::Integer,
};

pub use policy::{Allowed, DirectionPolicy, EndpointPolicy};

/// A pod as the agent of its node sees it; the node writes it, and the other nodes learn the pod's identity from it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CiliumEndpoint {
    /// All that is known of the pod.
    pub status: Option<EndpointStatus>,
}

/// All that is known of a pod.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct EndpointStatus {
    /// The number of the endpoint on its node.
    pub id: Option<i64>,
    /// Where the endpoint is in its life.
    pub state: Option<EndpointState>,
    /// The identity of the pod.
    pub identity: Option<EndpointIdentity>,
    /// The addresses of the pod and its node.
    pub networking: Option<EndpointNetworking>,
    /// The ports that have names.
    pub named_ports: Option<Vec<NamedPort>>,
    /// What the pod may do.
    pub policy: Option<EndpointPolicy>,
    /// Whether the parts of the endpoint work.
    pub health: Option<EndpointHealth>,
    /// What others call the pod.
    pub external_identifiers: Option<ExternalIdentifiers>,
    /// The service account of the pod.
    pub service_account: Option<String>,
    /// How traffic to the node is encrypted.
    pub encryption: Option<Encryption>,
    /// The background work for the endpoint.
    pub controllers: Option<Vec<Controller>>,
    /// The last changes of state.
    pub log: Option<Vec<StateChange>>,
}

/// Where an endpoint is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointState {
    /// It is being set up.
    Creating,
    /// It has no identity yet.
    WaitingForIdentity,
    /// It has no programs yet.
    NotReady,
    /// Its programs are to be renewed.
    WaitingToRegenerate,
    /// Its programs are being renewed.
    Regenerating,
    /// It is taken over after a restart of the agent.
    Restoring,
    /// It works.
    Ready,
    /// It is being taken down.
    Disconnecting,
    /// It is gone.
    Disconnected,
    /// It could not be set up.
    Invalid,
}

/// The identity of a pod.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointIdentity {
    /// The number of the identity.
    pub id: Option<i64>,
    /// The labels that the number stands for.
    pub labels: Option<Vec<String>>,
}

/// The addresses of a pod and its node.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointNetworking {
    /// The addresses of the pod, each with at most one of a family.
    pub addressing: Vec<AddressPair>,
    /// The address of the node.
    pub node: Option<String>,
}

/// An address of each family.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressPair {
    /// The IPv4 address.
    pub ipv4: Option<String>,
    /// The IPv6 address.
    pub ipv6: Option<String>,
}

/// A port that has a name.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedPort {
    /// The name.
    pub name: Option<String>,
    /// The number.
    #[schemars(with = "Option<Integer>")]
    pub port: Option<u16>,
    /// The protocol.
    pub protocol: Option<String>,
}

/// Whether the parts of an endpoint work.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointHealth {
    /// The programs.
    pub bpf: Option<String>,
    /// Whether the pod is connected.
    pub connected: Option<bool>,
    /// All parts together.
    #[serde(rename = "overallHealth")]
    pub overall_health: Option<String>,
    /// The policies.
    pub policy: Option<String>,
}

/// What others call a pod.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ExternalIdentifiers {
    /// The attachment of the container runtime.
    pub cni_attachment_id: Option<String>,
    /// The container.
    pub container_id: Option<String>,
    /// The container by name.
    pub container_name: Option<String>,
    /// The endpoint of Docker.
    pub docker_endpoint_id: Option<String>,
    /// The network of Docker.
    pub docker_network_id: Option<String>,
    /// The namespace of the pod.
    pub k8s_namespace: Option<String>,
    /// The pod by name.
    pub k8s_pod_name: Option<String>,
    /// The pod by namespace and name.
    pub pod_name: Option<String>,
}

/// How traffic to a node is encrypted.
#[skip_serializing_none]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Encryption {
    /// The index of the key; zero for none.
    #[schemars(with = "Option<Integer>")]
    pub key: Option<u8>,
}

/// Background work for an endpoint.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Controller {
    /// What the work is.
    pub name: Option<String>,
    /// Which worker does it.
    pub uuid: Option<String>,
    /// How it is done.
    pub configuration: Option<ControllerConfiguration>,
    /// How it went.
    pub status: Option<ControllerStatus>,
}

/// How background work is done.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ControllerConfiguration {
    /// Whether it is tried again after a failure.
    pub error_retry: Option<bool>,
    /// The first pause after a failure, in nanoseconds.
    #[serde(rename = "error-retry-base")]
    pub error_retry_base_ns: Option<i64>,
    /// The pause after a success, in nanoseconds.
    #[serde(rename = "interval")]
    pub interval_ns: Option<i64>,
}

/// How background work went.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ControllerStatus {
    /// Failures since the last success.
    pub consecutive_failure_count: Option<i64>,
    /// Failures ever.
    pub failure_count: Option<i64>,
    /// What the last failure said.
    pub last_failure_msg: Option<String>,
    /// When it last failed.
    pub last_failure_timestamp: Option<String>,
    /// When it last succeeded.
    pub last_success_timestamp: Option<String>,
    /// Successes ever.
    pub success_count: Option<i64>,
}

/// A change of state.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateChange {
    /// Whether it went well.
    pub code: Option<String>,
    /// Why it came.
    pub message: Option<String>,
    /// The state that it led to.
    pub state: Option<String>,
    /// When it was.
    pub timestamp: Option<String>,
}

impl Kind for CiliumEndpoint {
    const RESOURCE: Resource = Resource {
        group: "cilium.io",
        kind: "CiliumEndpoint",
        plural: "ciliumendpoints",
        short_names: &["cep", "ciliumep"],
        categories: &["cilium"],
        scope: Scope::Namespaced,
        status_subresource: false,
        columns: &[
            Column::new("Security Identity", "integer", ".status.identity.id"),
            Column::new("Ingress Enforcement", "string", ".status.policy.ingress.state").wide(),
            Column::new("Egress Enforcement", "string", ".status.policy.egress.state").wide(),
            Column::new("Endpoint State", "string", ".status.state"),
            Column::new("IPv4", "string", ".status.networking.addressing[0].ipv4"),
            Column::new("IPv6", "string", ".status.networking.addressing[0].ipv6"),
        ],
        versions: &[Version::current("v2")],
    };
}
