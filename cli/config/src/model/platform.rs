//! Versions and Talos.

use ichor_yaml::Node as Tree;

use super::{Labels, List};
use crate::field::{
    Address, Domain, Host, Https, Image, InterfacePattern, Name, RelativePath, Spanned, Text, TextKind, Version, Words, choice, section,
};

section! {
    /// The versions of everything that is installed. A combination outside the tested lock is refused.
    pub struct Versions {
        /// Talos Linux.
        talos: Version = "v1.13.9",
        /// Kubernetes.
        kubernetes: Version = "v1.36.3",
        /// ichor's agent, as an image tag.
        agent: Version = "v0.1.0",
        /// The Gateway API's CRDs, standard channel.
        gateway_api: Version = "v1.6.3",
        /// The oldest kernel among the nodes, where one runs another than its Talos version ships; checked against the datapath's needs.
        kernel: Option<Version> = "null",
    }
}

section! {
    /// How the machines are reached and installed.
    pub struct Talos {
        /// The Kubernetes API as everyone outside reaches it; by default the VIP, or else the first control-plane node, on port 6443.
        endpoint: Option<Https> = "null",
        /// An address that Talos moves between the control-plane nodes.
        vip: Option<Address> = "null",
        /// More names and addresses that the API certificates are valid for.
        cert_sans: List<Words> = "[]",
        /// The installer's image, without its tag.
        installer: Image = "factory.talos.dev/metal-installer",
        /// The Image Factory schematic for all nodes that name none of their own.
        schematic: Option<Schematic> = "null",
        /// The disk that Talos is installed to on nodes that name none of their own.
        install_disk: Option<Words> = "null",
        /// DNS servers of the nodes; by default the gateway of the node network.
        nameservers: List<Address> = "[]",
        /// Time servers of the nodes.
        time_servers: List<Host> = "[time.cloudflare.com]",
        /// Whether ordinary pods may run on control-plane nodes; by default only when there are no workers.
        schedule_on_control_planes: Option<bool> = "null",
        /// Whether the nodes find each other through the public discovery service.
        discovery: bool = "true",
        /// The DNS domain of the cluster.
        cluster_domain: Domain = "cluster.local",
        /// Whether the Gateway API's CRDs are also listed in Talos' `extraManifests`; on Talos 1.13 and later this is refused, for Talos would fight the GitOps engine over them.
        gateway_api_manifests: bool = "false",
        /// Registries and the mirrors that answer for them.
        registry_mirrors: List<RegistryMirror> = "[]",
        /// Patches of your own, applied after ichor's, in this order.
        patches: List<Patch> = "[]",
        /// Whether to write an Omni cluster template as well.
        omni: Option<Omni> = "null",
        /// Namespaces that are exempt from pod security admission.
        pod_security_exempt: List<Name> = "[kube-system]",
    }
}

/// The id of an Image Factory schematic.
pub type Schematic = Text<SchematicKind>;

/// The rule of schematic ids.
#[derive(Debug)]
pub enum SchematicKind {}

impl TextKind for SchematicKind {
    const DESCRIBE: &'static str = "schematic id (64 hexadecimal digits)";
    const PATTERN: &'static str = "^[0-9a-f]{64}$";

    fn check(text: &str) -> Result<(), (String, String)> {
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Ok(());
        }
        let help = "copy the id that factory.talos.dev shows for your selection of extensions: 64 characters of 0-9 and a-f";
        Err((format!("`{text}` is not the id of a schematic"), help.into()))
    }
}

section! {
    /// A registry and the mirrors that answer for it.
    pub struct RegistryMirror {
        /// The registry's name, such as `ghcr.io`.
        registry: Words,
        /// Where to ask instead, in this order.
        endpoints: List<Words>,
    }
}

section! {
    /// A patch of your own over the machine configuration.
    pub struct Patch {
        /// `all`, `controlplane`, `worker`, or the name of a node.
        target: Name = "all",
        /// The patch: keys of `v1alpha1`, or a whole document with its `apiVersion` and `kind`.
        patch: Tree,
    }
}

section! {
    /// An export for Omni, which then keeps the Talos secrets; every node needs its `uuid`.
    pub struct Omni {
        /// Where the export is written.
        path: RelativePath = "omni/cluster-template.yaml",
    }
}

choice! {
    /// What a machine is for.
    pub enum Role {
        /// Runs etcd and the Kubernetes API.
        ControlPlane = "controlplane",
        /// Runs pods only.
        Worker = "worker",
    }
}

choice! {
    /// Whether packets are handled in the network driver, before the kernel's own path.
    pub enum Acceleration {
        /// Never; for drivers that misbehave, such as those of a Mac mini.
        Disabled = "disabled",
        /// Where the driver can, else not.
        BestEffort = "best-effort",
        /// Everywhere; a driver that cannot is a failure.
        Native = "native",
    }
}

section! {
    /// Which nodes are meant, by their labels; an empty selector means all.
    pub struct NodeSelector {
        /// Labels that a node must have.
        match_labels: Labels = "{kubernetes.io/os: linux}",
    }
}

/// Interfaces by regular expressions; one match is enough.
pub type Interfaces = Vec<Spanned<InterfacePattern>>;
