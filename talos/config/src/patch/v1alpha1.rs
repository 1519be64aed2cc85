//! Kubernetes, installation and kernel settings inside the one v1alpha1 document (Talos 1.12 and 1.13).

use std::collections::BTreeMap;

use ichor_yaml::{Map, Node};

use super::install::install_section;
use super::network::host_dns;
use super::own_modules;
use crate::input::{Cluster, KernelModule, Machine, Taint, TaintEffect};
use crate::tree::{delete, maps, push, put, texts};

/// By this label load balancers leave a node out.
pub(super) const EXCLUDE_LABEL: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

pub(super) fn for_all(cluster: &Cluster) -> Vec<Node> {
    let mut root = Map::new();
    if !cluster.machine_cert_sans.is_empty() {
        put(&mut root, &["machine", "certSANs"], texts(&cluster.machine_cert_sans));
    }
    if !cluster.node_ip_subnets.is_empty() {
        put(&mut root, &["machine", "kubelet", "nodeIP", "validSubnets"], texts(&cluster.node_ip_subnets));
    }
    let prism = Map::new().with("enabled", true).with("port", cluster.kube_prism_port);
    put(&mut root, &["machine", "features", "kubePrism"], prism);
    put(&mut root, &["machine", "features", "hostDNS"], host_dns(cluster));
    if !cluster.kernel.sysctls.is_empty() {
        put(&mut root, &["machine", "sysctls"], text_map(&cluster.kernel.sysctls));
    }
    if !cluster.kernel.modules.is_empty() {
        put(&mut root, &["machine", "kernel", "modules"], maps(cluster.kernel.modules.iter().map(module)));
    }
    put(&mut root, &["cluster", "network", "dnsDomain"], cluster.pods.dns_domain.as_str());
    put(&mut root, &["cluster", "network", "podSubnets"], texts(&cluster.pods.pod_subnets));
    put(&mut root, &["cluster", "network", "serviceSubnets"], texts(&cluster.pods.service_subnets));
    put(&mut root, &["cluster", "network", "cni", "name"], "none");
    if !cluster.discovery {
        put(&mut root, &["cluster", "discovery", "enabled"], false);
    }
    vec![root.into()]
}

pub(super) fn for_control_planes(cluster: &Cluster) -> Vec<Node> {
    let mut root = Map::new();
    if let Some(access) = &cluster.talos_api_access {
        let section = Map::new()
            .with("enabled", true)
            .with("allowedRoles", texts(&access.roles))
            .with("allowedKubernetesNamespaces", texts(&access.namespaces));
        put(&mut root, &["machine", "features", "kubernetesTalosAPIAccess"], section);
    }
    if !cluster.load_balancers_skip_control_planes {
        put(&mut root, &["machine", "nodeLabels", EXCLUDE_LABEL], delete());
    }
    put(&mut root, &["cluster", "proxy", "disabled"], true);
    if cluster.schedule_on_control_planes {
        put(&mut root, &["cluster", "allowSchedulingOnControlPlanes"], true);
    }
    let api_server = &cluster.api_server;
    if !api_server.cert_sans.is_empty() {
        put(&mut root, &["cluster", "apiServer", "certSANs"], texts(&api_server.cert_sans));
    }
    if !api_server.pod_security_exempt_namespaces.is_empty() {
        let plugin = Map::new().with("name", "PodSecurity").with("configuration", pod_security(cluster));
        put(&mut root, &["cluster", "apiServer", "admissionControl"], maps([plugin]));
    }
    if !cluster.etcd_advertised_subnets.is_empty() {
        put(&mut root, &["cluster", "etcd", "advertisedSubnets"], texts(&cluster.etcd_advertised_subnets));
    }
    if !cluster.extra_manifests.is_empty() {
        put(&mut root, &["cluster", "extraManifests"], texts(&cluster.extra_manifests));
    }
    vec![root.into()]
}

/// Merges into the generated configuration, whose own exemption is `kube-system`.
pub(super) fn pod_security(cluster: &Cluster) -> Map {
    let namespaces = texts(&cluster.api_server.pod_security_exempt_namespaces);
    Map::new().with("exemptions", Map::new().with("namespaces", namespaces))
}

pub(super) fn for_machine(cluster: &Cluster, machine: &Machine) -> Vec<Node> {
    let mut root = Map::new();
    put(&mut root, &["machine", "install"], install_section(cluster, &machine.install));
    if !machine.labels.is_empty() {
        put(&mut root, &["machine", "nodeLabels"], text_map(&machine.labels));
    }
    if !machine.annotations.is_empty() {
        put(&mut root, &["machine", "nodeAnnotations"], text_map(&machine.annotations));
    }
    if !machine.taints.is_empty() {
        put(&mut root, &["machine", "nodeTaints"], taints(&machine.taints));
    }
    if !machine.kernel.sysctls.is_empty() {
        put(&mut root, &["machine", "sysctls"], text_map(&machine.kernel.sysctls));
    }
    let modules: Vec<_> = own_modules(&cluster.kernel, &machine.kernel).map(module).collect();
    if !modules.is_empty() {
        put(&mut root, &["machine", "kernel", "modules"], maps(modules));
    }
    let mut documents = Vec::new();
    push(&mut documents, root);
    documents
}

fn module(module: &KernelModule) -> Map {
    let map = Map::new().with("name", module.name.as_str());
    if module.parameters.is_empty() { map } else { map.with("parameters", texts(&module.parameters)) }
}

pub(super) fn text_map(map: &BTreeMap<String, String>) -> Map {
    map.iter().fold(Map::new(), |out, (key, value)| out.with(key.as_str(), value.as_str()))
}

/// `key: value:Effect`.
pub(super) fn taints(taints: &[Taint]) -> Map {
    taints.iter().fold(Map::new(), |out, taint| {
        let effect = match taint.effect {
            TaintEffect::NoSchedule => "NoSchedule",
            TaintEffect::PreferNoSchedule => "PreferNoSchedule",
            TaintEffect::NoExecute => "NoExecute",
        };
        let text = taint.value.as_ref().map_or_else(|| effect.to_owned(), |value| format!("{value}:{effect}"));
        out.with(taint.key.as_str(), text)
    })
}
