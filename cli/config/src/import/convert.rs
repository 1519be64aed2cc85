//! The cluster: everything but the machines.

use std::net::{IpAddr, Ipv4Addr};

use ichor_yaml::{Map, Node, Value};
use ipnet::IpNet;

use super::machines::machines;
use super::{Around, Draft, Fate};

/// The router's name, which the old files do not give.
const ROUTER: &str = "router";

/// Converts field by field, in the order of the new file.
pub(super) fn cluster(draft: &mut Draft, around: &Around) {
    draft.put("apiVersion", "ichor.dev/v1");
    draft.assume("name", around.name.as_str(), "the old templates call every cluster `kubernetes`");
    talos(draft);
    network(draft);
    let vlan = draft.old.peek("node_vlan_tag").map(whole_number);
    draft.tell("node_vlan_tag", Fate::Mapped { to: "nodes[].interface.vlan".into(), note: None });
    machines(draft, vlan.as_ref());
    announcing(draft);
    gateways(draft);
    names(draft, around);
    switches(draft);
    ownership(draft, around);
}

fn talos(draft: &mut Draft) {
    draft.map("cluster_api_addr", "talos.vip", text);
    draft.map("cluster_api_tls_sans", "talos.cert_sans", list);
    draft.map("talos.schematic_id", "talos.schematic", text);
    let cloudflare = || vec![Node::from("1.1.1.1"), Node::from("1.0.0.1")];
    if !draft.map("node_dns_servers", "talos.nameservers", list) {
        draft.assume("talos.nameservers", cloudflare(), "the old default; ichor's own is the gateway");
    }
    if !draft.map("node_ntp_servers", "talos.time_servers", list) {
        let servers = vec![Node::from("162.159.200.1"), Node::from("162.159.200.123")];
        draft.assume("talos.time_servers", servers, "the old default");
    }
}

fn network(draft: &mut Draft) {
    draft.map("node_cidr", "network.node_cidrs", list);
    draft.map("node_default_gateway", "network.gateways", list);
    draft.map("cluster_pod_cidr", "network.pod_cidrs", list);
    draft.map("cluster_svc_cidr", "network.service_cidrs", list);
    draft.map("cilium_loadbalancer_mode", "network.load_balancer.mode", text);
    draft.leave_out("kubernetes.coredns_addr", "Talos gives CoreDNS the tenth address of the Services itself");
}

/// Pools, and who announces them.
fn announcing(draft: &mut Draft) {
    let has_bgp =
        ["cilium_bgp_router_addr", "cilium_bgp_router_asn", "cilium_bgp_node_asn"].iter().any(|key| draft.old.peek(key).is_some());
    draft.leave_out("cilium_bgp_enabled", "it follows from the other fields, here as there");
    let own_pool = draft.old.peek("cilium_lb_pool_cidr").cloned();
    let is_local = own_pool.is_none() || own_pool.as_ref().and_then(Node::as_str) == draft.old.peek("node_cidr").and_then(Node::as_str);
    let mut pool = Map::new().with("name", "main");
    if is_local {
        let why = "the old pool was the whole node network, nodes and router included; this one holds what the gateways have";
        draft.tell("cilium_lb_pool_cidr", Fate::Mapped { to: "pools[0].ranges".into(), note: Some(why.into()) });
        pool.set("ranges", gateway_ranges(draft));
        if has_bgp {
            pool.set("announce", vec![Node::from("l2"), Node::from("bgp")]);
            draft.assume("l2.enabled", true, "the old templates announce by ARP beside BGP, and so does a pool inside the node network");
        }
        let why = "the addresses of the gateways; add ranges for other Services of type LoadBalancer that have addresses";
        draft.assume("pools", vec![Node::from(pool)], why);
    } else if let Some(cidr) = own_pool {
        pool.set("cidrs", list(&cidr));
        draft.tell("cilium_lb_pool_cidr", Fate::Mapped { to: "pools[0].cidrs".into(), note: None });
        draft.put("pools", vec![Node::from(pool)]);
    }
    if has_bgp {
        bgp(draft);
    }
}

fn bgp(draft: &mut Draft) {
    draft.map("cilium_bgp_node_asn", "bgp.node_asn", whole_number);
    let mut router = Map::new().with("name", ROUTER).with("kind", "unifi");
    let mut take = |draft: &mut Draft, field: &str, to: &str, value: fn(&Node) -> Node| {
        if let Some(node) = draft.old.peek(field).map(value) {
            router.set(to, node);
            draft.tell(field, Fate::Mapped { to: format!("bgp.routers[0].{to}"), note: None });
        }
    };
    take(draft, "cilium_bgp_router_addr", "addresses", list);
    take(draft, "cilium_bgp_router_asn", "asn", whole_number);
    take(draft, "cilium_bgp_hold_time", "hold_time_s", whole_number);
    take(draft, "cilium_bgp_keepalive_time", "keepalive_time_s", whole_number);
    take(draft, "cilium_bgp_graceful_restart", "graceful_restart", Node::clone);
    take(draft, "cilium_bgp_graceful_restart_time", "graceful_restart_time_s", whole_number);
    take(draft, "cilium_bgp_ecmp_max_paths", "ecmp_max_paths", whole_number);
    if draft.old.peek("cilium_bgp_password").is_some() {
        router.set("md5", true);
        draft.tell("cilium_bgp_password", Fate::Secret { name: format!("bgp.{ROUTER}") });
    }
    draft.put("bgp.routers", vec![Node::from(router)]);
    draft.assumed.push(super::Assumed {
        to: "bgp.routers[0].kind".into(),
        why: "the old templates know UniFi only; `frr` and `bird` are there too".into(),
    });
}

/// The addresses of the gateways, neighbours joined.
fn gateway_ranges(draft: &Draft) -> Vec<Node> {
    let fields = ["cluster_gateway_addr", "cloudflare_gateway_addr", "cluster_dns_gateway_addr"];
    let mut addresses: Vec<Ipv4Addr> = fields.iter().filter_map(|field| draft.old.peek(field)?.as_str()?.trim().parse().ok()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let mut ranges: Vec<(Ipv4Addr, Ipv4Addr)> = Vec::new();
    for address in addresses {
        match ranges.last_mut() {
            Some((_, stop)) if stop.to_bits() + 1 == address.to_bits() => *stop = address,
            _ => ranges.push((address, address)),
        }
    }
    let range = |(start, stop): (Ipv4Addr, Ipv4Addr)| Map::new().with("start", start.to_string()).with("stop", stop.to_string()).into();
    ranges.into_iter().map(range).collect()
}

fn gateways(draft: &mut Draft) {
    draft.map("cluster_gateway_addr", "gateways.internal.addresses", list);
    draft.map("cloudflare_gateway_addr", "gateways.external.addresses", list);
}

fn names(draft: &mut Draft, around: &Around) {
    draft.map("cloudflare_domain", "dns.domain", text);
    draft.map("cluster_dns_gateway_addr", "dns.split.addresses", list);
    // The flat form knows Cloudflare only.
    let provider = draft.old.peek("dns.provider").and_then(Node::as_str).map_or("cloudflare", str::trim).to_owned();
    let has_cloudflare = provider == "cloudflare";
    let note = "external-dns and cert-manager at Cloudflare";
    draft.map_with_note("dns.provider", "dns.external_dns", Some(note), |_| Node::from(has_cloudflare));
    if has_cloudflare {
        draft.put("dns.external_dns", true);
        draft.put("certificates.enabled", true);
    }
    draft.tell("cloudflare_token", Fate::Secret { name: "cloudflare.token".into() });
    let ingress = draft.old.peek("ingress.mode").and_then(Node::as_str).map(|mode| mode.trim().to_owned());
    let has_tunnel = ingress.as_deref().unwrap_or(if has_cloudflare { "cloudflare-tunnel" } else { "none" }) == "cloudflare-tunnel";
    match (&around.tunnel_id, has_tunnel) {
        (Some(id), true) => {
            draft.put("dns.tunnel.id", id.as_str());
            draft.tell("ingress.mode", Fate::Mapped { to: "dns.tunnel".into(), note: None });
            let why = "the id in cloudflare-tunnel.json; its token goes to `ichor secrets set tunnel.token`";
            draft.assumed.push(super::Assumed { to: "dns.tunnel.id".into(), why: why.into() });
        }
        (None, true) => {
            let why = "there is no cloudflare-tunnel.json with the tunnel's id: add `dns.tunnel: { id: … }`";
            draft.leave_out("ingress.mode", why);
            draft.assumed.push(super::Assumed { to: "dns.tunnel".into(), why: format!("left out: {why}") });
        }
        (_, false) => draft.leave_out("ingress.mode", "without a tunnel nothing is rendered for it; forward the ports at the router"),
    }
}

/// Parts that are switched on by a word.
fn switches(draft: &mut Draft) {
    const SWITCHES: [(&str, &str); 9] = [
        ("hubble_enabled", "flows.enabled"),
        ("hubble_ui_enabled", "flows.ui"),
        ("monitoring_enabled", "monitoring.enabled"),
        ("network_policies_enabled", "policies.enabled"),
        ("rustfs_enabled", "apps.rustfs"),
        ("dragonfly_enabled", "apps.dragonfly"),
        ("keycloak_enabled", "apps.keycloak"),
        ("litellm_enabled", "apps.litellm"),
        ("langfuse_enabled", "apps.langfuse"),
    ];
    for (field, to) in SWITCHES {
        let there = draft.map(field, to, Node::clone);
        if !there && field == "hubble_enabled" {
            draft.assume("flows.enabled", false, "the old default");
        }
    }
    if draft.old.peek("network_policies_enabled").is_some() || draft.root.get("policies").is_some() {
        draft.map("network_policies_mode", "policies.mode", text);
    } else {
        draft.leave_out("network_policies_mode", "policies are off");
    }
    draft.leave_out("spegel_enabled", "Spegel is an application of its own: keep its release in your repository");
}

fn ownership(draft: &mut Draft, around: &Around) {
    draft.put("gitops.engine", "flux");
    let repository = draft.old.peek("repository_name").and_then(Node::as_str).map(|name| name.trim().to_owned());
    let private = draft.old.peek("repository_visibility").and_then(Node::as_str).map(str::trim) == Some("private");
    if let Some(name) = repository {
        let scheme = if private { "ssh://git@" } else { "https://" };
        draft.put("gitops.repository", format!("{scheme}github.com/{name}"));
        draft.tell("repository_name", Fate::Mapped { to: "gitops.repository".into(), note: None });
    }
    draft.map("repository.url", "gitops.repository", text);
    draft.map("repository_branch", "gitops.branch", text);
    let over_ssh =
        draft.root.get("gitops").and_then(|gitops| gitops.get("repository")?.as_str()).is_some_and(|url| url.starts_with("ssh://"));
    if private || over_ssh {
        draft.put("gitops.private", true);
    }
    draft.tell("repository_visibility", Fate::Mapped { to: "gitops.private".into(), note: None });
    draft.leave_out("repository.webhook_provider", "no webhook is rendered; the engine asks the repository every `gitops.interval_min`");
    draft.tell("repository.known_hosts", Fate::Secret { name: "git.known_hosts".into() });
    let recipients: Vec<Node> = around.recipients.iter().map(|recipient| Node::from(recipient.as_str())).collect();
    draft.assume("secrets.recipients", recipients, "who could read the old encrypted files");
}

/// A text without the space around it.
pub(super) fn text(node: &Node) -> Node {
    match node.as_str() {
        Some(text) => Node::from(text.trim()),
        None => Node::new(node.value.clone()),
    }
}

/// One value, or several, as a list.
pub(super) fn list(node: &Node) -> Node {
    match &node.value {
        Value::Seq(items) => Node::from(items.iter().map(text).collect::<Vec<_>>()),
        _ => Node::from(vec![prefix(node)]),
    }
}

/// A prefix as it is written now: without bits behind its length.
fn prefix(node: &Node) -> Node {
    let net = node.as_str().filter(|text| text.trim().parse::<IpAddr>().is_err()).and_then(|text| text.trim().parse::<IpNet>().ok());
    net.map_or_else(|| text(node), |net| Node::from(net.trunc().to_string()))
}

/// A number that the old files may quote.
fn whole_number(node: &Node) -> Node {
    match node.as_str().and_then(|text| text.trim().parse::<i128>().ok()) {
        Some(number) => Node::from(number),
        None => text(node),
    }
}
