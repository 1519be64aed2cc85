//! How the nodes and the API are reached: VIP, endpoint, default gateways, name servers.

use std::net::IpAddr;

use super::place::{HOSTS, held};
use super::prefixes::reserved;
use super::{Check, check};
use crate::cluster::{Block, Family};
use crate::diagnostic::Diagnostics;
use crate::field::Field;
use crate::model::{Hostname, Spec};

pub(super) const CHECKS: &[Check] = &[
    check(vip_is_in_the_node_network, &[&["talos.vip", "network.node_cidrs"]]),
    check(api_survives_a_node, &[&["talos.vip", "talos.endpoint", "nodes.role"]]),
    check(endpoint_is_a_url, &[&["talos.endpoint"]]),
    check(endpoint_leads_to_the_api, &[&["talos.endpoint", "talos.vip", "nodes.role", "nodes.addresses"]]),
    check(certificates_name_hosts, &[&["talos.cert_sans"]]),
    check(gateways_are_on_the_link, &[&["network.gateways", "network.node_cidrs"]]),
    check(name_servers_are_elsewhere, &[&["talos.nameservers", "pools.cidrs", "pools.ranges", "pools.name"]]),
    check(hosts_are_outside_the_cluster, &[HOSTS, &["network.pod_cidrs", "network.service_cidrs"]]),
    check(mirrors_have_endpoints, &[&["talos.registry_mirrors"]]),
];

const API_PORT: u16 = 6443;

fn vip_is_in_the_node_network(spec: &Spec, out: &mut Diagnostics) {
    let Some(vip) = *spec.talos.vip else { return };
    if spec.node_subnet_of(vip.0).is_none() {
        out.push(
            spec.talos
                .vip
                .mistake(format!("the VIP {vip} is in no node network, and a node takes it over by ARP there"))
                .help("choose a free address of the node network")
                .also(spec.network.node_cidrs.span, "the nodes' networks"),
        );
    }
}

fn api_survives_a_node(spec: &Spec, out: &mut Diagnostics) {
    if spec.control_planes().count() > 1 && spec.talos.vip.is_none() && spec.talos.endpoint.is_none() {
        out.push(
            spec.talos
                .mistake("everyone reaches the Kubernetes API through the first control plane alone")
                .warning()
                .help("write `vip:` with a free address of the node network, or `endpoint:` with the URL of your own load balancer"),
        );
    }
}

/// Host and port of an `https://` URL, if there is nothing else in it.
fn host_and_port(url: &str) -> Option<(&str, Option<u16>)> {
    let rest = url.strip_prefix("https://")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#', '@']) {
        return None;
    }
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(host, port)| (host, port.strip_prefix(':')))?,
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(str::parse).transpose().ok()?;
    let is_name = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    (is_name || host.parse::<IpAddr>().is_ok()).then_some((host, port))
}

fn endpoint_is_a_url(spec: &Spec, out: &mut Diagnostics) {
    if spec.talos.endpoint.as_ref().is_some_and(|url| host_and_port(url.as_str()).is_none()) {
        let help = format!("write `https://HOST:{API_PORT}`, and an IPv6 address in brackets");
        out.push(spec.talos.endpoint.mistake("this is not the URL of an API server").help(help));
    }
}

fn endpoint_leads_to_the_api(spec: &Spec, out: &mut Diagnostics) {
    let endpoint = &spec.talos.endpoint;
    let Some((host, port)) = endpoint.as_ref().and_then(|url| host_and_port(url.as_str())) else { return };
    let ip = host.parse::<IpAddr>().ok();
    let is_ours = ip.is_some_and(|ip| {
        spec.talos.vip.is_some_and(|vip| vip.0 == ip) || spec.control_planes().flat_map(|node| node.addresses.iter()).any(|a| a.0 == ip)
    });
    if is_ours && port != Some(API_PORT) {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let help = format!("write `https://{host}:{API_PORT}`");
        out.push(endpoint.mistake(format!("the API servers of the nodes listen on port {API_PORT}")).help(help));
    } else if port.is_none() {
        let help = format!("write the port, such as `:{API_PORT}`, or `:443` if your load balancer listens there");
        out.push(endpoint.mistake("without a port the API is asked on port 443").warning().help(help));
    }
    if let Some(ip) = ip.filter(|_| !is_ours) {
        let message = if spec.workers().any(|node| node.addresses.iter().any(|a| a.0 == ip)) {
            format!("{ip} is a worker, which runs no API server")
        } else {
            format!("{ip} is neither the VIP nor a control plane")
        };
        out.push(endpoint.mistake(message).warning().help("write the VIP, a DNS name, or the address of a load balancer that you run"));
    }
}

fn certificates_name_hosts(spec: &Spec, out: &mut Diagnostics) {
    for san in spec.talos.cert_sans.iter() {
        let text = san.as_str();
        let is_host =
            text.parse::<IpAddr>().is_ok() || <Hostname as Field>::decode(&text.into(), &san.at, &mut Diagnostics::default()).is_some();
        if !is_host {
            let message = format!("`{text}` is neither a name nor an address, and a certificate is for one of these");
            out.push(san.mistake(message).help("write a DNS name such as `k8s.example.org`, or an IP address, without scheme and port"));
        }
    }
}

fn gateways_are_on_the_link(spec: &Spec, out: &mut Diagnostics) {
    let gateways = &spec.network.gateways;
    for (index, gateway) in gateways.iter().enumerate() {
        let family = Family::of(gateway.0);
        if let Some(first) = gateways.iter().take(index).find(|other| Family::of(other.0) == family) {
            let mistake = gateway.mistake(format!("a second default gateway for {family}")).help("keep one of each family");
            out.push(mistake.also(first.span, "first here"));
        }
        // Routers announce themselves with their link-local address.
        let link_local = matches!(gateway.0, IpAddr::V6(ip) if ip.is_unicast_link_local());
        if spec.node_subnet_of(gateway.0).is_none() && !link_local {
            out.push(
                gateway
                    .mistake(format!("the default gateway {gateway} is in no node network: no node can reach it"))
                    .help("write the router's address in the node network")
                    .also(spec.network.node_cidrs.span, "the nodes' networks"),
            );
        }
    }
}

fn name_servers_are_elsewhere(spec: &Spec, out: &mut Diagnostics) {
    for server in spec.talos.nameservers.iter() {
        if let Some((net, what)) = reserved(Block::Range(server.0, server.0)) {
            let message = format!("{server} is one of {what} ({net}): a node would ask itself");
            out.push(server.mistake(message).help("write the address of a DNS server on your network, often the router's"));
        }
        let blocks = spec.pool_blocks();
        if let Some(pool) = blocks.iter().find(|pool| pool.blocks.iter().any(|block| block.contains(server.0))) {
            out.push(
                server
                    .mistake("the nodes ask a Service of this very cluster for names, and need names to start it")
                    .warning()
                    .help("write a DNS server outside the cluster")
                    .also(pool.pool.name.span, "the pool that it is in"),
            );
        }
    }
}

fn hosts_are_outside_the_cluster(spec: &Spec, out: &mut Diagnostics) {
    let network = &spec.network;
    let prefixes = network.pod_cidrs.iter().map(|cidr| ("pods", cidr)).chain(network.service_cidrs.iter().map(|cidr| ("Services", cidr)));
    let prefixes: Vec<_> = prefixes.collect();
    for held in held(spec).into_iter().filter(|held| held.written && spec.node_subnet_of(held.ip).is_none()) {
        for (whose, cidr) in prefixes.iter().filter(|(_, cidr)| cidr.0.contains(&held.ip)) {
            out.push(
                held.mistake(format!("{} of {} belongs to the addresses of {whose}: no packet would leave for it", held.ip, held.holder))
                    .help(format!("correct the address, or choose another prefix for {whose}"))
                    .also(cidr.span, *whose),
            );
        }
    }
}

fn mirrors_have_endpoints(spec: &Spec, out: &mut Diagnostics) {
    for mirror in spec.talos.registry_mirrors.iter() {
        if mirror.registry.as_str().contains("://") || mirror.registry.as_str().contains(char::is_whitespace) {
            out.push(
                mirror
                    .registry
                    .mistake("a registry is written by its name alone")
                    .help("write it as in image names, such as `ghcr.io`, or `*`"),
            );
        }
        if mirror.endpoints.is_empty() {
            out.push(
                mirror
                    .endpoints
                    .mistake("a mirror without an endpoint")
                    .help("write where to ask instead, such as `https://mirror.example.org`"),
            );
        }
        for endpoint in mirror.endpoints.iter() {
            let text = endpoint.as_str();
            let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/') || text.contains(char::is_whitespace)) {
                out.push(endpoint.mistake(format!("`{text}` is not a URL")).help("write `https://HOST` or `http://HOST:PORT`"));
            }
        }
    }
}
