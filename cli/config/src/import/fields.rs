//! The names of the old fields: the flat ones of `cluster.yaml`, and the nested ones of `cluster.toml`.

/// One field: the flat name, which is also the name that this module's users ask for, and the nested one.
pub(super) struct FieldName {
    pub(super) flat: &'static str,
    pub(super) nested: &'static str,
}

const fn name(flat: &'static str, nested: &'static str) -> FieldName {
    FieldName { flat, nested }
}

/// Every field with two names; a field that only one form knows has that one name.
pub(super) const FIELDS: &[FieldName] = &[
    name("node_cidr", "network.node_cidr"),
    name("node_dns_servers", "network.dns_servers"),
    name("node_ntp_servers", "network.ntp_servers"),
    name("node_default_gateway", "network.default_gateway"),
    name("node_vlan_tag", "network.vlan_tag"),
    name("cluster_api_addr", "kubernetes.api.addr"),
    name("cluster_api_tls_sans", "kubernetes.api.tls_sans"),
    name("cluster_pod_cidr", "kubernetes.pod_cidr"),
    name("cluster_svc_cidr", "kubernetes.svc_cidr"),
    name("cluster_gateway_addr", "gateways.internal"),
    name("cluster_dns_gateway_addr", "gateways.dns"),
    name("cloudflare_gateway_addr", "gateways.external"),
    name("repository_branch", "repository.branch"),
    name("cloudflare_domain", "domain.name"),
    name("cloudflare_token", "dns.token"),
    name("cilium_loadbalancer_mode", "cilium.loadbalancer_mode"),
    name("cilium_bgp_router_addr", "cilium.bgp.router_addr"),
    name("cilium_bgp_router_asn", "cilium.bgp.router_asn"),
    name("cilium_bgp_node_asn", "cilium.bgp.node_asn"),
    name("spegel_enabled", "spegel.enabled"),
];

/// The name under which a nested field is asked for.
pub(super) fn flat(nested: &str) -> &str {
    FIELDS.iter().find(|field| field.nested == nested).map_or(nested, |field| field.flat)
}
