//! How the network outside learns of service addresses.

use ichor_yaml::Node as Tree;

use super::{Asn, Interfaces, Labels, List, NodeSelector};
use crate::field::{Address, Cidr, Community, Int, Name, Version, Words, choice, section};

section! {
    /// Announcing service addresses on the node network by ARP and NDP.
    pub struct L2 {
        /// Whether it is done; by default when BGP is off.
        enabled: Option<bool> = "null",
        /// The name of the announcement policy; with several, the pool's name follows.
        name: Name = "l2-policy",
        /// Interfaces to announce on, by regular expressions of which one must match; empty means all.
        interfaces: Interfaces = "[]",
        /// Nodes that may hold an address.
        node_selector: NodeSelector = "",
        /// Whether `spec.externalIPs` are announced too.
        external_ips: bool = "false",
    }
}

section! {
    /// Addresses for Services of type LoadBalancer.
    pub struct Pool {
        /// The pool's name.
        name: Name,
        /// Prefixes that addresses are taken from.
        cidrs: List<Cidr> = "[]",
        /// Ranges that addresses are taken from.
        ranges: List<Range> = "[]",
        /// Whether the first and last address of each prefix may be given away; ranges are not affected.
        allow_first_last: bool = "false",
        /// Who announces the pool; by default the one that is on. Both together must be written out.
        announce: Option<List<Announcer>> = "null",
        /// Labels that a Service must have to get an address from this pool; empty means every Service.
        service_selector: Labels = "{}",
        /// Whether the pool gives no new addresses.
        disabled: bool = "false",
    }
}

section! {
    /// A run of addresses, both ends included.
    pub struct Range {
        /// The first address.
        start: Address,
        /// The last address.
        stop: Address,
    }
}

choice! {
    /// Who announces an address.
    pub enum Announcer {
        /// A node answers ARP and NDP on the node network.
        L2 = "l2",
        /// Nodes announce a route to the routers.
        Bgp = "bgp",
    }
}

section! {
    /// Announcing routes to the routers by BGP.
    pub struct Bgp {
        /// The AS number of the nodes.
        node_asn: Asn,
        /// The routers, each with its session settings.
        routers: List<Router>,
        /// Nodes that speak BGP.
        node_selector: NodeSelector = "",
        /// What is announced.
        advertise: Advertise = "",
        /// The port that the nodes listen on; 0 means that they only call.
        local_port: Int<0, 65535> = "0",
        /// Next hops that survivors take over when a node dies, for routers without BFD; never a node's own address.
        floating_next_hop: Option<FloatingNextHop> = "null",
    }
}

section! {
    /// A router that the nodes speak BGP with.
    pub struct Router {
        /// A name for it, used in object and file names.
        name: Name = "router",
        /// What it runs; decides the form of its rendered configuration.
        kind: RouterKind = "unifi",
        /// Its addresses on the node network, at most one of each family.
        addresses: List<Address>,
        /// Its AS number.
        asn: Asn,
        /// Whether it is in another AS than the nodes, or in theirs.
        session: SessionKind = "ebgp",
        /// Its router id; by default its IPv4 address.
        router_id: Option<Address> = "null",
        /// Its software version (UniFi OS, FRR or BIRD), checked for what the configuration needs.
        version: Option<Version> = "null",
        /// Its model, such as `UXG-Enterprise`, where the needed version depends on it.
        model: Option<Words> = "null",
        /// Seconds without a sign of life after which a session is down.
        hold_time_s: Int<3, 300> = "30",
        /// Seconds between signs of life.
        keepalive_time_s: Int<1, 100> = "10",
        /// Seconds between two attempts to connect.
        connect_retry_time_s: Int<1, 300> = "5",
        /// Whether forwarding goes on while a node's speaker restarts.
        graceful_restart: bool = "false",
        /// Seconds that the router waits for it.
        graceful_restart_time_s: Int<1, 4095> = "120",
        /// Over how many nodes the router spreads one address.
        ecmp_max_paths: Int<1, 64> = "3",
        /// Whether the session is signed with a password (TCP MD5); it is generated and kept in the encrypted secrets.
        md5: bool = "false",
        /// The trap of all templates: a password in this file would be readable in Git. Use `md5: true`.
        password: Option<Forbidden> = "null",
        /// Fast failure detection; the router must run it too.
        bfd: Option<Bfd> = "null",
        /// How many hops away the router is at most; more than one means multihop.
        max_hops: Int<1, 255> = "1",
        /// Whether packets that come from further away are dropped by their TTL (RFC 5082).
        ttl_security: bool = "false",
        /// Whether a prefix of one family may be announced over a session of the other (RFC 8950).
        extended_next_hop: bool = "false",
        /// Communities on everything that is announced to it.
        communities: List<Community> = "[]",
        /// Local preference on everything that is announced to it; only inside one AS.
        local_preference: Option<Int<0, 4_294_967_295>> = "null",
        /// Parts of this router's BGP configuration that others own; they are kept as they are.
        extra: List<ExtraStanza> = "[]",
    }
}

choice! {
    /// Whether the two ends of a session are in different ASes.
    pub enum SessionKind {
        /// In different ones.
        Ebgp = "ebgp",
        /// In the same.
        Ibgp = "ibgp",
    }
}

choice! {
    /// What a router runs.
    pub enum RouterKind {
        /// A UniFi gateway: FRR without bfdd, one BGP configuration per site.
        Unifi = "unifi",
        /// Plain FRR.
        Frr = "frr",
        /// BIRD 2.
        Bird = "bird",
    }
}

section! {
    /// Fast failure detection beside a BGP session.
    pub struct Bfd {
        /// Milliseconds between two packets that we send.
        transmit_interval_ms: Int<10, 60000> = "300",
        /// Milliseconds between two packets that we can receive.
        receive_interval_ms: Int<10, 60000> = "300",
        /// How many packets in a row may be lost.
        detect_multiplier: Int<2, 255> = "3",
    }
}

section! {
    /// What is announced.
    pub struct Advertise {
        /// Addresses of Services of type LoadBalancer.
        load_balancer_ips: bool = "true",
        /// External addresses of Services.
        external_ips: bool = "false",
        /// Cluster addresses of Services.
        cluster_ips: bool = "false",
        /// The pod prefix of each node.
        pod_cidrs: bool = "false",
        /// IPv4 routes are announced as prefixes of this length instead of single addresses.
        aggregation_v4: Option<Int<8, 32>> = "null",
        /// IPv6 routes are announced as prefixes of this length instead of single addresses.
        aggregation_v6: Option<Int<32, 128>> = "null",
    }
}

section! {
    /// Next hops that survivors take over when a node dies.
    pub struct FloatingNextHop {
        /// The addresses, on the node network and kept for this alone.
        addresses: List<Address>,
    }
}

section! {
    /// A neighbour or network that the router serves beside this cluster.
    pub struct ExtraStanza {
        /// The lines as they stand in the router's own configuration, under `router bgp`.
        lines: List<Words>,
    }
}

/// A key that is known only to be refused, with the reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Forbidden(());

impl crate::field::Field for Forbidden {
    fn decode(node: &Tree, path: &crate::diagnostic::Path, out: &mut crate::diagnostic::Diagnostics) -> Option<Self> {
        out.push(crate::diagnostic::Diagnostic::new(path, node.span, "a password stands in clear text in a file that Git tracks").help(
            "delete the line, write `md5: true`, and store the password with `ichor secrets edit`; if it was ever pushed, choose a new one",
        ));
        None
    }

    fn describe() -> String {
        "never".into()
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "not": {} })
    }
}
