//! The network documents, which both forms share.

use ichor_yaml::{Map, Node};

use crate::input::{Cluster, Link, LinkSelector, LinkSettings, Machine, RegistryMirror, Route};
use crate::tree::{document, maps, named, put, texts};
use crate::version::Form;

/// Name servers, time and registries: the same on every machine.
pub(super) fn for_all(cluster: &Cluster, form: Form) -> Vec<Node> {
    let mut documents = Vec::new();
    let mut resolver = document("ResolverConfig");
    let bare = resolver.entries.len();
    if !cluster.nameservers.is_empty() {
        resolver.set("nameservers", maps(cluster.nameservers.iter().map(|address| Map::new().with("address", address.to_string()))));
    }
    if !cluster.search_domains.is_empty() {
        put(&mut resolver, &["searchDomains", "domains"], texts(&cluster.search_domains));
    }
    if form == Form::Documents {
        resolver.set("hostDNS", host_dns(cluster));
    }
    if resolver.entries.len() > bare {
        documents.push(resolver.into());
    }
    if !cluster.time_servers.is_empty() {
        let mut time = document("TimeSyncConfig");
        put(&mut time, &["ntp", "servers"], texts(&cluster.time_servers));
        documents.push(time.into());
    }
    documents.extend(cluster.registry_mirrors.iter().map(|mirror| mirror_document(mirror).into()));
    documents
}

/// The node's own resolver stays on: pods and the agent rely on it.
pub(super) fn host_dns(cluster: &Cluster) -> Map {
    let settings = cluster.host_dns;
    Map::new()
        .with("enabled", true)
        .with("forwardKubeDNSToHost", settings.forward_kube_dns)
        .with("resolveMemberNames", settings.resolve_member_names)
}

/// The machine's host name and links.
pub(super) fn for_machine(machine: &Machine) -> Vec<Node> {
    // The base generates a name out of the hardware; only one of the two may be on.
    let mut documents = vec![document("HostnameConfig").with("auto", "off").with("hostname", machine.name.as_str()).into()];
    for link in &machine.links {
        documents.extend(link_documents(link));
    }
    documents
}

fn mirror_document(mirror: &RegistryMirror) -> Map {
    let endpoints = mirror.endpoints.iter().map(|endpoint| {
        let map = Map::new().with("url", endpoint.url.as_str());
        if endpoint.override_path { map.with("overridePath", true) } else { map }
    });
    let map = named("RegistryMirrorConfig", &mirror.registry).with("endpoints", maps(endpoints));
    if mirror.skip_fallback { map.with("skipFallback", true) } else { map }
}

fn link_documents(link: &Link) -> Vec<Node> {
    let mut documents = Vec::new();
    if let Some(selector) = &link.selector {
        let expression = match selector {
            LinkSelector::Mac(mac) => format!("mac(link.permanent_addr) == \"{mac}\""),
            LinkSelector::Expression(expression) => expression.clone(),
        };
        let mut alias = named("LinkAliasConfig", &link.name);
        put(&mut alias, &["selector", "match"], expression);
        documents.push(alias.into());
    }
    documents.push(with_settings(named("LinkConfig", &link.name), &link.settings).into());
    documents.extend(on_link(&link.name, &link.settings));
    for vlan in &link.vlans {
        let name = format!("{}.{}", link.name, vlan.id);
        let map = named("VLANConfig", &name).with("vlanID", vlan.id).with("parent", link.name.as_str());
        documents.push(with_settings(map, &vlan.settings).into());
        documents.extend(on_link(&name, &vlan.settings));
    }
    documents
}

fn with_settings(mut map: Map, settings: &LinkSettings) -> Map {
    map.set("up", true);
    if let Some(mtu) = settings.mtu {
        map.set("mtu", mtu);
    }
    if !settings.addresses.is_empty() {
        map.set("addresses", maps(settings.addresses.iter().map(|address| Map::new().with("address", address.to_string()))));
    }
    if !settings.routes.is_empty() {
        map.set("routes", maps(settings.routes.iter().map(route)));
    }
    map
}

fn route(route: &Route) -> Map {
    let mut map = Map::new();
    // Talos writes a default route as one without a destination and refuses `/0`.
    if let Some(destination) = route.destination.filter(|destination| destination.prefix_len() > 0) {
        map.set("destination", destination.to_string());
    }
    if let Some(gateway) = route.gateway {
        map.set("gateway", gateway.to_string());
    }
    if let Some(metric) = route.metric {
        map.set("metric", metric);
    }
    map
}

/// Documents of their own that name the link they stand on.
fn on_link(name: &str, settings: &LinkSettings) -> Vec<Node> {
    let mut documents: Vec<Node> = Vec::new();
    if settings.dhcp4 {
        documents.push(named("DHCPv4Config", name).into());
    }
    if settings.dhcp6 {
        documents.push(named("DHCPv6Config", name).into());
    }
    documents.extend(settings.vips.iter().map(|vip| named("Layer2VIPConfig", &vip.to_string()).with("link", name).into()));
    documents
}
