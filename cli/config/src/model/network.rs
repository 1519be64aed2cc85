//! Addresses, routing, and how packets travel.

use super::{Acceleration, List};
use crate::field::{Address, Cidr, Int, choice, section};

section! {
    /// Addresses, routing, and how packets travel.
    pub struct Network {
        /// The network of the nodes, one prefix of each family at most.
        node_cidrs: List<Cidr>,
        /// The default gateways of the nodes, one of each family at most; by default the first address of each node prefix.
        gateways: List<Address> = "[]",
        /// Addresses of pods, one prefix of each family at most; two of them make a dual-stack cluster.
        pod_cidrs: List<Cidr> = "[10.42.0.0/16]",
        /// Addresses of Services, of the same families as the pods'.
        service_cidrs: List<Cidr> = "[10.43.0.0/16]",
        /// The largest packet between pods; by default what the nodes' interfaces carry.
        mtu: Option<Int<1280, 9216>> = "null",
        /// Who gives pods their addresses.
        ipam: Ipam = "",
        /// Whether a route to each node's pods is set on all others; needs all nodes on one network.
        direct_node_routes: bool = "true",
        /// Whether each pod has its own route on its node.
        endpoint_routes: bool = "true",
        /// Source addresses of packets from pods to the outside.
        masquerade: Masquerade = "",
        /// How Services are balanced.
        load_balancer: LoadBalancer = "",
        /// How many connections each node remembers.
        conntrack: Conntrack = "",
        /// Whether a pod sends no more than its annotation `kubernetes.io/egress-bandwidth` says, in bits per second like `10M`.
        bandwidth_limits: bool = "true",
        /// Whether `spec.externalIPs` of Services are served.
        external_ips: bool = "true",
        /// Where the health of the service proxy can be asked, as kube-proxy has it.
        healthz_port: Int<1, 65535> = "10256",
        /// Whether the agent probes other nodes' link addresses itself instead of leaving that to the kernel.
        neighbour_discovery: bool = "false",
    }
}

section! {
    /// Who gives pods their addresses.
    pub struct Ipam {
        /// Who cuts the pod prefixes into one for each node.
        mode: IpamMode = "kubernetes",
        /// The size of one node's IPv4 prefix.
        ipv4_mask: Int<16, 30> = "24",
        /// The size of one node's IPv6 prefix.
        ipv6_mask: Int<48, 126> = "64",
    }
}

choice! {
    /// Who cuts the pod prefixes into one for each node.
    pub enum IpamMode {
        /// Kubernetes' controller manager.
        Kubernetes = "kubernetes",
        /// ichor's controller.
        ClusterPool = "cluster-pool",
    }
}

section! {
    /// Source addresses of packets from pods to the outside.
    pub struct Masquerade {
        /// Whether packets to the outside take the node's address.
        enabled: bool = "true",
        /// Destinations that see the pod's own address, beside pods and nodes.
        exclude: List<Cidr> = "[]",
    }
}

section! {
    /// How many connections each node remembers.
    pub struct Conntrack {
        /// Rows for each family, two of them for a connection; by default by the node's memory. When all are taken, what was silent longest is forgotten.
        entries: Option<Int<4096, 16777216>> = "null",
    }
}

section! {
    /// How Services are balanced.
    pub struct LoadBalancer {
        /// Which way replies take.
        mode: LoadBalancerMode = "dsr",
        /// How a backend is chosen.
        algorithm: Algorithm = "maglev",
        /// Packet handling in the network driver.
        acceleration: Acceleration = "disabled",
    }
}

choice! {
    /// Which way replies take.
    pub enum LoadBalancerMode {
        /// Straight from the backend to the client, who stays visible; costs a few bytes of the packet size.
        Dsr = "dsr",
        /// Back through the node that balanced; works with any packet size and hides the client.
        Snat = "snat",
    }
}

choice! {
    /// How a backend is chosen.
    pub enum Algorithm {
        /// By consistent hashing: all nodes choose alike, and few flows move when backends change.
        Maglev = "maglev",
        /// By chance.
        Random = "random",
    }
}
