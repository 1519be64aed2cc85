//! Keys of other programs' files: what they are called here.

use ichor_yaml::Entry;

use crate::diagnostic::{Diagnostic, Path};
use crate::validate::ends_like_a_secret;

/// A key by its path without indices, and what takes its place here.
struct Name {
    path: &'static str,
    here: Here,
}

enum Here {
    /// A key that says the same.
    Key(&'static str),
    /// A sentence where there is no such key.
    Words(&'static str),
}

const fn key(path: &'static str, here: &'static str) -> Name {
    Name { path, here: Here::Key(here) }
}

const fn words(path: &'static str, here: &'static str) -> Name {
    Name { path, here: Here::Words(here) }
}

impl Here {
    fn help(&self) -> String {
        match self {
            Self::Key(here) => format!("here it is {here}"),
            Self::Words(words) => (*words).to_owned(),
        }
    }
}

const TEMPLATE: &str = "a field of cluster-template";
const HELM: &str = "a value of Cilium's Helm chart";

/// The flat fields of cluster-template, which `ichor import` converts.
const OF_TEMPLATE: &[Name] = &[
    key("cilium_bgp_ecmp_max_paths", "`bgp.routers[].ecmp_max_paths`"),
    words("cilium_bgp_enabled", "BGP is on when there is a `bgp` section"),
    key("cilium_bgp_graceful_restart", "`bgp.routers[].graceful_restart`"),
    key("cilium_bgp_graceful_restart_time", "`bgp.routers[].graceful_restart_time_s`"),
    key("cilium_bgp_hold_time", "`bgp.routers[].hold_time_s`"),
    key("cilium_bgp_keepalive_time", "`bgp.routers[].keepalive_time_s`"),
    key("cilium_bgp_node_asn", "`bgp.node_asn`"),
    words(
        "cilium_bgp_password",
        "write `md5: true` at the router, and store the password with `ichor secrets edit`; if it was ever pushed, choose a new one",
    ),
    key("cilium_bgp_router_addr", "`bgp.routers[].addresses`"),
    key("cilium_bgp_router_asn", "`bgp.routers[].asn`"),
    key("cilium_lb_pool_cidr", "`pools[].cidrs`"),
    key("cilium_loadbalancer_mode", "`network.load_balancer.mode`"),
    key("cloudflare_domain", "`dns.domain`"),
    key("cloudflare_gateway_addr", "`gateways.external.addresses`"),
    words("cloudflare_token", "take the line out, and store the token with `ichor secrets edit`; if it was ever pushed, make a new one"),
    key("cluster_api_addr", "`talos.vip`"),
    key("cluster_api_tls_sans", "`talos.cert_sans`"),
    key("cluster_dns_gateway_addr", "`dns.split.addresses`"),
    key("cluster_gateway_addr", "`gateways.internal.addresses`"),
    key("cluster_pod_cidr", "`network.pod_cidrs`"),
    key("cluster_svc_cidr", "`network.service_cidrs`"),
    key("hubble_enabled", "`flows.enabled`"),
    key("hubble_ui_enabled", "`flows.ui`"),
    key("monitoring_enabled", "`monitoring.enabled`"),
    key("network_policies_enabled", "`policies.enabled`"),
    key("network_policies_mode", "`policies.mode`"),
    key("node_cidr", "`network.node_cidrs`"),
    key("node_default_gateway", "`network.gateways`"),
    key("node_dns_servers", "`talos.nameservers`"),
    key("node_ntp_servers", "`talos.time_servers`"),
    key("node_vlan_tag", "`nodes[].interface.vlan`"),
    key("nodes.controller", "`role: controlplane` or `role: worker`"),
    key("nodes.disk", "`install_disk`, or `disk_selector` with its serial number"),
    key("nodes.mac_addr", "`interface: { mac: … }`"),
    key("repository_branch", "`gitops.branch`"),
    key("repository_name", "`gitops.repository`"),
    key("repository_visibility", "`gitops.private`"),
];

/// Values that people have in their Cilium today; some of them no chart ever knew.
const OF_HELM: &[Name] = &[
    key("autoDirectNodeRoutes", "`network.direct_node_routes`"),
    key("bandwidthManager", "`network.bandwidth_limits`"),
    words("bgp.enabled", "take the line out: BGP is on when there is a `bgp` section"),
    words("bgpControlPlane", "BGP is on when there is a `bgp` section"),
    key("bpf", "`network.masquerade`"),
    words("cgroup", "take the line out: the agent never mounts cgroups itself"),
    key("devices", "`l2.interfaces`"),
    words("enable-lb-ipam", "take the line out: addresses are given away when there are `pools`"),
    key("endpointRoutes", "`network.endpoint_routes`"),
    key("externalIPs", "`network.external_ips`"),
    key("gatewayAPI", "`gateways`"),
    key("hubble", "`flows`"),
    key("ipam", "`network.ipam`"),
    key("ipv4NativeRoutingCIDR", "`network.pod_cidrs`"),
    words("k8sServiceHost", "take the line out: the agent reaches the API through KubePrism"),
    words("k8sServicePort", "take the line out: the agent reaches the API through KubePrism"),
    words("kubeProxyReplacement", "take the line out: ichor always takes the place of kube-proxy"),
    key("kubeProxyReplacementHealthzBindAddr", "`network.healthz_port`"),
    key("l2NeighDiscovery", "`network.neighbour_discovery`"),
    key("l2announcements", "`l2`"),
    key("loadBalancer", "`network.load_balancer`, and `l2` for announcing"),
    key("prometheus", "`monitoring`"),
    words("routingMode", "take the line out: packets between nodes are always routed natively"),
    words("upgradeCompatibility", "take the line out: `ichor upgrade` knows which version was there before"),
];

/// What a key is that belongs to another program's file, or that no file in Git should have.
pub(crate) fn explain(entry: &Entry, path: &Path) -> Option<Diagnostic> {
    let place = path.without_indices();
    let find = |names: &'static [Name]| names.iter().find(|name| name.path == place).map(|name| name.here.help());
    let tell =
        |what: &str, help: String| Diagnostic::new(path, entry.key_span, format!("unknown key `{}`: this is {what}", entry.key)).help(help);
    if let Some(here) = find(OF_TEMPLATE) {
        return Some(tell(TEMPLATE, format!("{here}; `ichor import` converts the old files as a whole")));
    }
    if let Some(here) = find(OF_HELM) {
        return Some(tell(HELM, here));
    }
    let is_secret = ends_like_a_secret(&entry.key) && entry.node.as_str().is_some_and(|text| !text.is_empty());
    is_secret.then(|| {
        Diagnostic::new(path, entry.node.span, "a secret stands in clear text in a file that Git tracks")
            .help("delete the line and store it with `ichor secrets edit`; if it was ever pushed, make a new one")
    })
}
