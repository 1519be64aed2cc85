//! Ports, and what is done with the connections to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::L7Rules;
use crate::{pattern, wire::Integer};

/// Ports, with the requests that may be made there.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortRule {
    /// The ports; any if it is missing.
    #[schemars(length(max = 40))]
    pub ports: Option<Vec<PortProtocol>>,
    /// The keys for connections that end at the proxy.
    #[serde(rename = "terminatingTLS")]
    pub terminating_tls: Option<TlsContext>,
    /// The keys for connections that the proxy opens.
    #[serde(rename = "originatingTLS")]
    pub originating_tls: Option<TlsContext>,
    /// The server names that a TLS handshake may ask for, with `*` for any characters.
    #[schemars(
        length(min = 1), inner(length(max = 255), regex(pattern = pattern::HOST_PATTERN)), extend("x-kubernetes-list-type" = "set")
    )]
    pub server_names: Option<Vec<String>>,
    /// A listener that the connections are sent to.
    pub listener: Option<Listener>,
    /// The requests that may be made; any if it is missing.
    pub rules: Option<L7Rules>,
}

/// Ports.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PortDenyRule {
    /// The ports; any if it is missing.
    pub ports: Option<Vec<PortProtocol>>,
}

/// A port, a range of ports, or a protocol without ports.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortProtocol {
    /// The number of the port or its name, as text.
    #[schemars(regex(pattern = pattern::PORT))]
    pub port: Option<String>,
    /// The last port of a range that starts with a number.
    #[schemars(range(min = 0, max = 65535))]
    pub end_port: Option<i32>,
    /// The protocol; any that has ports if it is missing.
    pub protocol: Option<Protocol>,
}

/// A protocol on top of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
    Vrrp,
    Igmp,
    Gre,
    Ipip,
    Ipv6,
    Esp,
    Ah,
    Any,
}

impl PortProtocol {
    /// A port of a protocol.
    pub fn new(port: u16, protocol: Protocol) -> Self {
        Self { port: Some(port.to_string()), end_port: None, protocol: Some(protocol) }
    }

    /// A port of TCP.
    pub fn tcp(port: u16) -> Self {
        Self::new(port, Protocol::Tcp)
    }

    /// A port of UDP.
    pub fn udp(port: u16) -> Self {
        Self::new(port, Protocol::Udp)
    }
}

impl<const N: usize> From<[PortProtocol; N]> for PortRule {
    fn from(ports: [PortProtocol; N]) -> Self {
        Self { ports: Some(ports.into()), ..Self::default() }
    }
}

impl From<PortProtocol> for PortRule {
    fn from(port: PortProtocol) -> Self {
        [port].into()
    }
}

/// Where the keys of a TLS connection are.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TlsContext {
    /// The Secret with certificates and key.
    pub secret: SecretRef,
    /// The item with the authority; `ca.crt` if it is missing.
    #[serde(rename = "trustedCA")]
    pub trusted_ca: Option<String>,
    /// The item with the certificates; `tls.crt` if it is missing.
    pub certificate: Option<String>,
    /// The item with the key; `tls.key` if it is missing.
    pub private_key: Option<String>,
}

/// A reference to a Secret.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretRef {
    /// The name.
    pub name: String,
    /// The namespace.
    pub namespace: Option<String>,
}

/// A listener of a proxy.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// The object that defines the listener.
    pub envoy_config: EnvoyConfigRef,
    /// The name of the listener.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Which listener is taken where several rules name one.
    #[schemars(with = "Option<Integer>", range(min = 1, max = 100))]
    pub priority: Option<u8>,
}

/// A reference to the object that defines a listener.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvoyConfigRef {
    /// The kind of the object; by the scope of the policy if it is missing.
    pub kind: Option<EnvoyConfigKind>,
    /// The name of the object.
    #[schemars(length(min = 1))]
    pub name: String,
}

/// The kind of an object that defines listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EnvoyConfigKind {
    /// One of the policy's namespace.
    CiliumEnvoyConfig,
    /// One of the cluster.
    CiliumClusterwideEnvoyConfig,
}
