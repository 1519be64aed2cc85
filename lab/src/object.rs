//! The Kubernetes objects that the agents read, as files.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;

use ichor_config::Family;
use ichor_yaml::Layout;
use serde_json::{Value as Json, json};

use crate::error::Error;
use crate::place::Place;
use crate::service::{NEAR_NODE, NEAR_ZONE, SERVER_PORT, SERVICE_PORT, Service};
use crate::topology::{Node, Pod, Topology};

/// Where the lab's pods and services are.
pub(crate) const NAMESPACE: &str = "lab";

/// The addresses that the CNI plugin gave to each pod.
pub(crate) type PodAddresses = BTreeMap<String, Vec<IpAddr>>;

/// Writes a file so that whoever watches the folder sees all of it or the former one.
fn write(place: &Place, name: &str, objects: &[Json]) -> Result<(), Error> {
    let text: Vec<_> = objects.iter().map(|object| ichor_yaml::emit(&ichor_yaml::from_json(object), Layout::Two)).collect();
    let (unfinished, path) = (place.root.join(format!("{name}.new")), place.objects().join(name));
    fs::write(&unfinished, text.join("---\n")).map_err(|error| Error::at("write", &unfinished, error))?;
    fs::rename(&unfinished, &path).map_err(|error| Error::at("write", &path, error))
}

pub(crate) fn write_nodes(place: &Place, topology: &Topology) -> Result<(), Error> {
    let of_node = |node: &Node| {
        let pool_part = topology.cluster_pool.then(|| pool_part(node));
        [self::node(node, !topology.cluster_pool)].into_iter().chain(pool_part)
    };
    write(place, "nodes.yaml", &topology.nodes.iter().flat_map(of_node).collect::<Vec<_>>())
}

/// Pods, services and their endpoints, in one file: one change for the agents.
pub(crate) fn write_rest(place: &Place, topology: &Topology, addresses: &PodAddresses, off: impl Fn(&str) -> bool) -> Result<(), Error> {
    let mut objects: Vec<_> = topology.pods().map(|(node, pod)| self::pod(node, pod, addresses.get(&pod.name))).collect();
    for (index, service) in topology.services.iter().enumerate() {
        objects.push(self::service(service, index));
        objects.extend(Family::BOTH.iter().filter(|family| service.cluster_ip(**family).is_some()).map(|family| {
            let of_pod = |(node, pod): (&Node, &Pod)| {
                let address = addresses.get(&pod.name)?.iter().find(|address| Family::of(**address) == *family)?;
                let ready = !off(&node.name);
                let conditions = json!({ "ready": ready, "serving": ready, "terminating": false });
                let zone = json!([{ "name": node.zone }]);
                let hints = match service.name.as_str() {
                    NEAR_ZONE => json!({ "forZones": zone }),
                    NEAR_NODE => json!({ "forZones": zone, "forNodes": [{ "name": node.name }] }),
                    _ => Json::Null,
                };
                Some(json!({
                    "hints": hints,
                    "zone": node.zone,
                    "addresses": [address.to_string()],
                    "nodeName": node.name,
                    "conditions": conditions,
                    "targetRef": { "kind": "Pod", "namespace": NAMESPACE, "name": pod.name },
                }))
            };
            let pods = topology.pods().filter(|(_, pod)| service.pods.contains(&pod.name));
            slice(service, *family, &pods.filter_map(of_pod).collect::<Vec<_>>())
        }));
    }
    write(place, "pods-and-services.yaml", &objects)
}

fn node(node: &Node, with_pod_cidrs: bool) -> Json {
    let labels: serde_json::Map<_, _> = node.labels.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
    let internal = node.addresses.iter().map(|address| json!({ "type": "InternalIP", "address": address.addr().to_string() }));
    let addresses: Vec<_> = internal.chain([json!({ "type": "Hostname", "address": node.name })]).collect();
    let pod_cidrs: Vec<_> = node.pod_cidrs.iter().map(ToString::to_string).collect();
    let spec = if with_pod_cidrs { json!({ "podCIDR": pod_cidrs.first(), "podCIDRs": pod_cidrs }) } else { json!({}) };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": node.name, "labels": labels },
        "spec": spec,
        "status": { "addresses": addresses },
    })
}

/// What the controller writes down for a node when it has cut a part of the cluster pool for it.
fn pool_part(node: &Node) -> Json {
    let addresses = node.addresses.iter().map(|address| json!({ "type": "InternalIP", "ip": address.addr().to_string() }));
    json!({
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNode",
        "metadata": { "name": node.name },
        "spec": {
            "addresses": addresses.collect::<Vec<_>>(),
            "ipam": { "podCIDRs": node.pod_cidrs.iter().map(ToString::to_string).collect::<Vec<_>>() },
        },
    })
}

fn pod(node: &Node, pod: &Pod, addresses: Option<&Vec<IpAddr>>) -> Json {
    let port = |protocol: &str| {
        let mut port = json!({ "containerPort": SERVER_PORT, "protocol": protocol });
        if let (Some(host_port), Some(port)) = (pod.host_port, port.as_object_mut()) {
            port.insert("hostPort".into(), host_port.into());
        }
        port
    };
    let addresses: Vec<_> = addresses.into_iter().flatten().map(ToString::to_string).collect();
    let mut status = json!({ "phase": if addresses.is_empty() { "Pending" } else { "Running" } });
    if let (Some(first), Some(status)) = (addresses.first(), status.as_object_mut()) {
        status.insert("hostIP".into(), node.addresses.first().map(|address| address.addr().to_string()).into());
        status.insert("podIP".into(), first.as_str().into());
        status.insert("podIPs".into(), addresses.iter().map(|ip| json!({ "ip": ip })).collect());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "namespace": NAMESPACE, "name": pod.name, "labels": { "app": if pod.web { "web" } else { "shell" } } },
        "spec": { "nodeName": node.name, "containers": [{ "name": "server", "ports": [port("TCP"), port("UDP")] }] },
        "status": status,
    })
}

fn service(service: &Service, index: usize) -> Json {
    let port = |protocol: &str| {
        let mut port = json!({ "name": protocol.to_lowercase(), "protocol": protocol, "port": SERVICE_PORT, "targetPort": SERVER_PORT });
        if let (Some(node_port), Some(port)) = (service.node_port, port.as_object_mut()) {
            port.insert("nodePort".into(), node_port.into());
        }
        port
    };
    let texts = |addresses: &[IpAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
    let cluster_ips = texts(&service.cluster_ips);
    let mut spec = serde_json::Map::new();
    spec.insert("type".into(), service.kind.name().into());
    spec.insert("clusterIP".into(), cluster_ips.first().cloned().into());
    spec.insert("clusterIPs".into(), cluster_ips.into());
    spec.insert("ports".into(), json!([port("TCP"), port("UDP")]));
    if !service.external_ips.is_empty() {
        spec.insert("externalIPs".into(), texts(&service.external_ips).into());
    }
    if let Some(health_check_port) = service.local {
        spec.insert("externalTrafficPolicy".into(), "Local".into());
        spec.insert("healthCheckNodePort".into(), health_check_port.into());
    }
    let distribution = [(NEAR_ZONE, "PreferSameZone"), (NEAR_NODE, "PreferSameNode")];
    if let Some((_, distribution)) = distribution.iter().find(|(name, _)| *name == service.name) {
        spec.insert("trafficDistribution".into(), (*distribution).into());
    }
    if service.sticky {
        spec.insert("sessionAffinity".into(), "ClientIP".into());
    }
    let ingress: Vec<_> = texts(&service.load_balancer_ips).iter().map(|ip| json!({ "ip": ip })).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        // The age decides between two that claim the same address.
        "metadata": { "namespace": NAMESPACE, "name": service.name, "creationTimestamp": format!("2026-01-01T00:00:{index:02}Z") },
        "spec": spec,
        "status": { "loadBalancer": { "ingress": ingress } },
    })
}

fn slice(service: &Service, family: Family, endpoints: &[Json]) -> Json {
    let ports: Vec<_> = ["TCP", "UDP"]
        .iter()
        .map(|protocol| json!({ "name": protocol.to_lowercase(), "protocol": protocol, "port": SERVER_PORT }))
        .collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": NAMESPACE,
            "name": format!("{}-{}", service.name, family.to_string().to_lowercase()),
            "labels": { "kubernetes.io/service-name": service.name },
        },
        "addressType": family.to_string(),
        "ports": ports,
        "endpoints": endpoints,
    })
}
