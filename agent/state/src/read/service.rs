use std::net::IpAddr;

use super::{Field, Mistake, created, protocol};
use crate::object::{Service, ServiceKind, ServicePort};

/// What Kubernetes sets where nothing is said.
const AFFINITY_S: u32 = 10_800;
/// What Kubernetes allows.
const MOST_AFFINITY_S: u32 = 86_400;
/// Who carries it is not served by the node's own proxy.
const PROXY_NAME: &str = "service.kubernetes.io/service-proxy-name";
const HEADLESS: &str = "service.kubernetes.io/headless";

pub(super) fn foreign(root: &Field<'_>) -> Result<bool, Mistake> {
    let labels = root.at("metadata").at("labels");
    // A label counts with any value, also with an empty one.
    Ok(labels.entries()?.iter().any(|(name, _)| [PROXY_NAME, HEADLESS].contains(name)))
}

pub(super) fn read(root: &Field<'_>) -> Result<Service, Mistake> {
    let spec = root.at("spec");
    let kinds = [
        ("ClusterIP", ServiceKind::ClusterIp),
        ("NodePort", ServiceKind::NodePort),
        ("LoadBalancer", ServiceKind::LoadBalancer),
        ("ExternalName", ServiceKind::ExternalName),
    ];
    let policy = |key: &str| spec.at(key).choice(&[("Cluster", false), ("Local", true)]).map(|local| local.unwrap_or(false));
    let ports = spec.at("ports").list(|item| port(item).map(Some))?;
    for (index, item) in spec.at("ports").items()?.iter().enumerate() {
        let (before, this) = (ports.iter().take(index), ports.get(index));
        if before.clone().any(|other| this.is_some_and(|this| (other.port, other.protocol) == (this.port, this.protocol))) {
            return Err(item.mistake("is the same port with the same protocol as one above; take one of them out"));
        }
        if before.clone().any(|other| this.is_some_and(|this| other.name == this.name)) {
            return Err(item.at("name").mistake("is also the name of a port above; each port of several needs a name of its own"));
        }
    }
    Ok(Service {
        created: created(root)?,
        kind: spec.at("type").choice(&kinds)?.unwrap_or_default(),
        cluster_ips: cluster_ips(&spec)?,
        ports,
        external_ips: spec.at("externalIPs").list(Field::address)?,
        load_balancer_ips: root.at("status").at("loadBalancer").at("ingress").list(ingress)?,
        source_ranges: spec.at("loadBalancerSourceRanges").list(Field::prefix)?,
        internal_local: policy("internalTrafficPolicy")?,
        external_local: policy("externalTrafficPolicy")?,
        affinity_s: affinity_s(&spec)?,
        health_check_port: spec.at("healthCheckNodePort").port()?,
        foreign: foreign(root)?,
    })
}

fn port(item: &Field<'_>) -> Result<ServicePort, Mistake> {
    Ok(ServicePort {
        name: item.at("name").text()?.unwrap_or_default().into(),
        protocol: protocol(&item.at("protocol"))?,
        port: item.at("port").required_port()?,
        node_port: item.at("nodePort").port()?,
    })
}

fn cluster_ips(spec: &Field<'_>) -> Result<Vec<IpAddr>, Mistake> {
    let address = |item: &Field<'_>| match item.text()? {
        Some("None") => Ok(None),
        _ => item.address(),
    };
    let all = spec.at("clusterIPs").list(address)?;
    if all.is_empty() { Ok(address(&spec.at("clusterIP"))?.into_iter().collect()) } else { Ok(all) }
}

/// An address in mode `Proxy` belongs to a machine that ends the connection and begins a new one to a node port.
fn ingress(item: &Field<'_>) -> Result<Option<IpAddr>, Mistake> {
    let vip = item.at("ipMode").choice(&[("VIP", true), ("Proxy", false)])?.unwrap_or(true);
    if vip { item.at("ip").address() } else { Ok(None) }
}

fn affinity_s(spec: &Field<'_>) -> Result<Option<u32>, Mistake> {
    let sticky = spec.at("sessionAffinity").choice(&[("None", false), ("ClientIP", true)])?.unwrap_or(false);
    let timeout = spec.at("sessionAffinityConfig").at("clientIP").at("timeoutSeconds").number(1, MOST_AFFINITY_S)?;
    Ok(sticky.then(|| timeout.unwrap_or(AFFINITY_S)))
}
