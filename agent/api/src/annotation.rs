//! Annotations and labels with a meaning for the agent.

/// On a Service: the addresses that it wants, separated by commas.
pub const LB_IPS: &str = "lbipam.cilium.io/ips";
/// On a Service: Services with the same key may share an address.
pub const LB_SHARING_KEY: &str = "lbipam.cilium.io/sharing-key";
/// On a Service: the namespaces with which an address may be shared.
pub const LB_SHARING_CROSS_NAMESPACE: &str = "lbipam.cilium.io/sharing-cross-namespace";
/// The older spellings of the three keys above, which are still read.
pub const LB_ALIASES: [(&str, &str); 3] = [
    ("io.cilium/lb-ipam-ips", LB_IPS),
    ("io.cilium/lb-ipam-sharing-key", LB_SHARING_KEY),
    ("io.cilium/lb-ipam-sharing-cross-namespace", LB_SHARING_CROSS_NAMESPACE),
];

/// What a service selector sees as a label: the Service's namespace.
pub const SERVICE_NAMESPACE: &str = "io.kubernetes.service.namespace";
/// What a service selector sees as a label: the Service's name.
pub const SERVICE_NAME: &str = "io.kubernetes.service.name";
/// What an endpoint selector sees as a label: the pod's namespace.
pub const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";

/// On a `CiliumBGPPeerConfig`: the `BFDProfile` that its sessions use.
pub const BFD_PROFILE: &str = "ichor.dev/bfd-profile";
/// On a `CiliumBGPPeerConfig`: the `FloatingNextHop` that its routes point to.
pub const FLOATING_NEXT_HOP: &str = "ichor.dev/floating-next-hop";
