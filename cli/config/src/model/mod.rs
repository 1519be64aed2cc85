//! What `cluster.yaml` can say: every section with its keys, ranges, defaults and one sentence each.

mod announce;
mod gitops;
mod network;
mod node;
mod observe;
mod platform;
mod services;

use std::collections::BTreeMap;

pub use announce::*;
pub use gitops::*;
pub use network::*;
pub use node::*;
pub use observe::*;
pub use platform::*;
pub use services::*;

use crate::field::{Int, LabelKey, LabelValue, Name, Spanned, choice, section};

/// A list whose items know their place.
pub type List<T> = Vec<Spanned<T>>;
/// Kubernetes labels.
pub type Labels = BTreeMap<LabelKey, Spanned<LabelValue>>;
/// An autonomous system number, 32 bits wide.
pub type Asn = Int<1, 4_294_967_295>;

choice! {
    /// The version of this file's format.
    pub enum ApiVersion {
        /// The first format.
        V1 = "ichor.dev/v1",
    }
}

section! {
    /// The whole of `cluster.yaml`.
    pub struct Spec {
        /// The version of this file's format.
        api_version as "apiVersion": ApiVersion,
        /// The cluster's name; it names contexts, the Talos cluster and the GitOps objects.
        name: Name,
        /// The versions of everything that is installed, changed together in one place.
        versions: Versions = "",
        /// How the machines are reached and installed.
        talos: Talos,
        /// Addresses, routing, and how packets travel.
        network: Network,
        /// The machines.
        nodes: List<Node>,
        /// Announcing service addresses on the node network by ARP and NDP.
        l2: L2 = "",
        /// Announcing service addresses to routers by BGP; without this section BGP is off.
        bgp: Option<Bgp> = "null",
        /// Address pools for Services of type LoadBalancer.
        pools: List<Pool> = "[]",
        /// Gateways for HTTP, each with its own address.
        gateways: Gateways = "",
        /// Split DNS, the tunnel to the internet, and records outside.
        dns: Dns = "",
        /// Certificates for the gateways.
        certificates: Certificates = "",
        /// Flow observation: relay, metrics, UI.
        flows: Flows = "",
        /// Scraping and dashboards.
        monitoring: Monitoring = "",
        /// Network policies for the cluster's own components.
        policies: Policies = "",
        /// Optional applications; each one also brings its policies.
        apps: Apps = "",
        /// Which engine owns the cluster after bootstrap, and from which repository.
        gitops: Gitops = "",
        /// Who can read the encrypted files.
        secrets: Secrets,
    }
}
