//! Keys of other programs' files: what they are called here.

use ichor_yaml::Entry;

use crate::diagnostic::{Diagnostic, Path};
use crate::validate::ends_like_a_secret;

/// A key by its path without indices, and what says the same here.
struct Name {
    path: &'static str,
    help: &'static str,
}

const fn name(path: &'static str, help: &'static str) -> Name {
    Name { path, help }
}

const TEMPLATE: &str = "a field of cluster-template";
const HELM: &str = "a value of Cilium's Helm chart";

/// The flat fields of cluster-template, which `ichor import` converts.
const OF_TEMPLATE: &[Name] = &[
    name("cilium_bgp_ecmp_max_paths", "`bgp.routers[].ecmp_max_paths`"),
    name("cilium_bgp_enabled", "a `bgp` section: BGP is on when it is there"),
    name("cilium_bgp_graceful_restart", "`bgp.routers[].graceful_restart`"),
    name("cilium_bgp_graceful_restart_time", "`bgp.routers[].graceful_restart_time_s`"),
    name("cilium_bgp_hold_time", "`bgp.routers[].hold_time_s`"),
    name("cilium_bgp_keepalive_time", "`bgp.routers[].keepalive_time_s`"),
    name("cilium_bgp_node_asn", "`bgp.node_asn`"),
    name("cilium_bgp_password", "`bgp.routers[].md5: true`, and keeps the password encrypted"),
    name("cilium_bgp_router_addr", "`bgp.routers[].addresses`"),
    name("cilium_bgp_router_asn", "`bgp.routers[].asn`"),
    name("cilium_lb_pool_cidr", "`pools[].cidrs`"),
    name("cilium_loadbalancer_mode", "`network.load_balancer.mode`"),
    name("cloudflare_domain", "`dns.domain`"),
    name("cloudflare_gateway_addr", "`gateways.external.addresses`"),
    name("cloudflare_token", "nothing: `ichor secrets edit` keeps the token encrypted"),
    name("cluster_api_addr", "`talos.vip`"),
    name("cluster_api_tls_sans", "`talos.cert_sans`"),
    name("cluster_dns_gateway_addr", "`dns.split.addresses`"),
    name("cluster_gateway_addr", "`gateways.internal.addresses`"),
    name("cluster_pod_cidr", "`network.pod_cidrs`"),
    name("cluster_svc_cidr", "`network.service_cidrs`"),
    name("hubble_enabled", "`flows.enabled`"),
    name("hubble_ui_enabled", "`flows.ui`"),
    name("monitoring_enabled", "`monitoring.enabled`"),
    name("network_policies_enabled", "`policies.enabled`"),
    name("network_policies_mode", "`policies.mode`"),
    name("node_cidr", "`network.node_cidrs`"),
    name("node_default_gateway", "`network.gateways`"),
    name("node_dns_servers", "`talos.nameservers`"),
    name("node_ntp_servers", "`talos.time_servers`"),
    name("node_vlan_tag", "`nodes[].interface.vlan`"),
    name("nodes.controller", "`role: controlplane` or `role: worker`"),
    name("nodes.disk", "`install_disk`, or `disk_selector` with its serial number"),
    name("nodes.mac_addr", "`interface: { mac: … }`"),
    name("repository_branch", "`gitops.branch`"),
    name("repository_name", "`gitops.repository`"),
    name("repository_visibility", "`gitops.private`"),
];

/// Values that people have in their Cilium today; some of them no chart ever knew.
const OF_HELM: &[Name] = &[
    name("autoDirectNodeRoutes", "`network.direct_node_routes`"),
    name("bandwidthManager", "`network.bandwidth_limits`"),
    name("bgp.enabled", "the `bgp` section itself: BGP is on when it is there"),
    name("bgpControlPlane", "a `bgp` section: BGP is on when it is there"),
    name("bpf", "`network.masquerade`"),
    name("cgroup", "nothing: the agent never mounts cgroups itself"),
    name("devices", "`l2.interfaces`"),
    name("enable-lb-ipam", "`pools`: addresses are given away when there is one"),
    name("endpointRoutes", "`network.endpoint_routes`"),
    name("externalIPs", "`network.external_ips`"),
    name("gatewayAPI", "`gateways`"),
    name("hubble", "`flows`"),
    name("ipam", "`network.ipam`"),
    name("ipv4NativeRoutingCIDR", "`network.pod_cidrs`"),
    name("k8sServiceHost", "nothing: the agent reaches the API through KubePrism"),
    name("k8sServicePort", "nothing: the agent reaches the API through KubePrism"),
    name("kubeProxyReplacement", "nothing: ichor always takes the place of kube-proxy"),
    name("kubeProxyReplacementHealthzBindAddr", "`network.healthz_port`"),
    name("l2NeighDiscovery", "`network.neighbour_discovery`"),
    name("l2announcements", "`l2`"),
    name("loadBalancer", "`network.load_balancer`, and `l2` for announcing"),
    name("prometheus", "`monitoring`"),
    name("routingMode", "nothing: packets between nodes are always routed natively"),
    name("upgradeCompatibility", "nothing: `ichor upgrade` knows which version was there before"),
];

/// What a key is that belongs to another program's file, or that no file in Git should have.
pub(crate) fn explain(entry: &Entry, path: &Path) -> Option<Diagnostic> {
    let place = path.without_indices();
    let find = |names: &'static [Name]| names.iter().find(|name| name.path == place).map(|name| name.help);
    let tell = |what: &str, help: String| {
        Diagnostic::new(path, entry.key_span, format!("unknown key `{}`: this is {what}", entry.key)).help(help)
    };
    if let Some(here) = find(OF_TEMPLATE) {
        let help = format!("this file has {here} for it; `ichor import` converts the old files as a whole");
        return Some(tell(TEMPLATE, help));
    }
    if let Some(here) = find(OF_HELM) {
        return Some(tell(HELM, format!("this file has {here} for it")));
    }
    let is_secret = ends_like_a_secret(&entry.key) && entry.node.as_str().is_some_and(|text| !text.is_empty());
    is_secret.then(|| {
        Diagnostic::new(path, entry.node.span, "a secret stands in clear text in a file that Git tracks")
            .help("delete the line and store it with `ichor secrets edit`; if it was ever pushed, make a new one")
    })
}
