//! What the machine configurations of a cluster depend on, secrets aside.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ichor_yaml::Node;
use ipnet::IpNet;

use crate::names::MacAddress;
use crate::version::{KubernetesVersion, TalosVersion};

/// A whole cluster: what all machines share, and the machines.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: String,
    /// `https://HOST:PORT`, where every machine reaches the API server.
    pub endpoint: String,
    pub talos: TalosVersion,
    pub kubernetes: KubernetesVersion,
    pub pods: PodNetwork,
    /// KubePrism's port on the loopback address of every node.
    pub kube_prism_port: u16,
    pub host_dns: HostDns,
    pub api_server: ApiServer,
    /// Names and addresses, besides the node's own, in the certificate of the Talos API.
    pub machine_cert_sans: Vec<String>,
    pub schedule_on_control_planes: bool,
    /// Talos' default label, by which load balancers leave control planes out.
    pub load_balancers_skip_control_planes: bool,
    /// The subnets of which etcd announces an address; empty lets Talos choose.
    pub etcd_advertised_subnets: Vec<IpNet>,
    /// The subnets of which the kubelet takes its node addresses; empty lets Talos choose.
    pub node_ip_subnets: Vec<IpNet>,
    /// Addresses of manifests that Talos itself applies at bootstrap.
    pub extra_manifests: Vec<String>,
    pub registry_mirrors: Vec<RegistryMirror>,
    /// Whether members find each other through the public discovery service.
    pub discovery: bool,
    pub talos_api_access: Option<TalosApiAccess>,
    /// Empty leaves what DHCP says or Talos' own default.
    pub nameservers: Vec<IpAddr>,
    pub search_domains: Vec<String>,
    /// Empty leaves Talos' own default.
    pub time_servers: Vec<String>,
    pub kernel: Kernel,
    /// The user's own patches, applied after everything that comes from these fields.
    pub patches: ExtraPatches,
    pub nodes: Vec<Machine>,
}

/// The network inside the cluster: one subnet of each kind for each family.
#[derive(Clone, Debug)]
pub struct PodNetwork {
    pub dns_domain: String,
    pub pod_subnets: Vec<IpNet>,
    pub service_subnets: Vec<IpNet>,
}

/// The caching resolver that Talos runs on each node at 169.254.116.108.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostDns {
    /// CoreDNS asks the node's resolver, and not the upstream ones.
    pub forward_kube_dns: bool,
    /// The names of the cluster's members resolve.
    pub resolve_member_names: bool,
}

impl Default for HostDns {
    fn default() -> Self {
        Self { forward_kube_dns: true, resolve_member_names: true }
    }
}

/// What concerns the API server alone.
#[derive(Clone, Debug, Default)]
pub struct ApiServer {
    /// Names and addresses, besides the endpoint's, in its certificate.
    pub cert_sans: Vec<String>,
    /// Namespaces that Pod Security does not judge, besides `kube-system`.
    pub pod_security_exempt_namespaces: Vec<String>,
}

/// Where images of one registry are fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryMirror {
    /// The registry as images name it, or `*`.
    pub registry: String,
    pub endpoints: Vec<MirrorEndpoint>,
    /// Never fall back to the registry itself.
    pub skip_fallback: bool,
}

/// One place that serves a mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorEndpoint {
    pub url: String,
    /// The URL's path replaces `/v2`.
    pub override_path: bool,
}

/// Pods of these namespaces may ask for a Talos client with these roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TalosApiAccess {
    /// `os:reader`, `os:etcd:backup` and so on.
    pub roles: Vec<String>,
    pub namespaces: Vec<String>,
}

/// Kernel settings of all machines, or of one.
#[derive(Clone, Debug, Default)]
pub struct Kernel {
    pub modules: Vec<KernelModule>,
    pub sysctls: BTreeMap<String, String>,
}

/// A kernel module to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelModule {
    pub name: String,
    pub parameters: Vec<String>,
}

/// Strategic-merge patches the user wrote: each item is one patch, a list of its YAML documents.
#[derive(Clone, Debug, Default)]
pub struct ExtraPatches {
    pub all: Vec<Vec<Node>>,
    pub control_plane: Vec<Vec<Node>>,
    pub worker: Vec<Vec<Node>>,
}

/// What a machine is in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    ControlPlane,
    Worker,
}

/// One machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its host name, and its name as a Kubernetes node.
    pub name: String,
    pub role: Role,
    pub install: Install,
    pub links: Vec<Link>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub taints: Vec<Taint>,
    /// On top of the cluster's: a quirk of this hardware.
    pub kernel: Kernel,
    /// The user's own patches for this machine, applied last.
    pub patches: Vec<Vec<Node>>,
    /// The machine's UUID; only an Omni template needs it.
    pub uuid: Option<String>,
}

/// Where Talos is installed, and from what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    pub disk: InstallDisk,
    pub image: InstallerImage,
    pub wipe: bool,
}

/// The disk that receives the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstallDisk {
    /// A device path, such as `/dev/nvme0n1`.
    Path(String),
    Selector(DiskSelector),
}

/// What a disk must look like; every field that is set must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskSelector {
    /// A glob over the model's name.
    pub model: Option<String>,
    /// A glob over the serial number.
    pub serial: Option<String>,
    /// A glob over the World Wide Identifier.
    pub wwid: Option<String>,
    /// A glob over the bus path, such as `/pci0000:00/*`.
    pub bus_path: Option<String>,
    pub size: Option<DiskSize>,
    pub kind: Option<DiskKind>,
}

/// A comparison with the disk's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSize {
    pub compare: SizeComparison,
    pub bytes: u64,
}

/// How a disk's size compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeComparison {
    AtMost,
    AtLeast,
    Equal,
}

/// What a disk is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskKind {
    Ssd,
    Hdd,
    Nvme,
    Sd,
}

/// The image that writes the system to disk; kernel arguments and extensions are part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstallerImage {
    /// The plain installer of the cluster's Talos version.
    Plain,
    /// An image factory's schematic, at the cluster's Talos version.
    Schematic { id: String, secure_boot: bool },
    /// A complete image reference, taken as it is.
    Reference(String),
}

/// A network card and what stands on it.
#[derive(Clone, Debug)]
pub struct Link {
    /// The kernel's name, or, with a selector, the alias that the found card gets.
    pub name: String,
    pub selector: Option<LinkSelector>,
    pub settings: LinkSettings,
    pub vlans: Vec<Vlan>,
}

/// How a card is found when its name is not known or not stable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkSelector {
    /// By the permanent hardware address.
    Mac(MacAddress),
    /// By a CEL expression over `link`, such as `link.driver == "e1000"`.
    Expression(String),
}

/// A VLAN on a card; its link is called `PARENT.ID`.
#[derive(Clone, Debug)]
pub struct Vlan {
    pub id: u16,
    pub settings: LinkSettings,
}

/// Addressing of a card or a VLAN.
#[derive(Clone, Debug, Default)]
pub struct LinkSettings {
    pub addresses: Vec<IpNet>,
    pub dhcp4: bool,
    pub dhcp6: bool,
    pub mtu: Option<u32>,
    pub routes: Vec<Route>,
    /// Addresses of the API server that move between control planes (layer 2).
    pub vips: Vec<IpAddr>,
}

/// One route over a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `None` is the default route.
    pub destination: Option<IpNet>,
    pub gateway: Option<IpAddr>,
    pub metric: Option<u32>,
}

/// A taint that the kubelet registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    pub key: String,
    pub value: Option<String>,
    pub effect: TaintEffect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaintEffect {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}
