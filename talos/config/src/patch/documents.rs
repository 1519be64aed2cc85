//! Each subject as a document of its own (Talos 1.14).

use std::collections::BTreeMap;

use ichor_yaml::{Map, Node};

use super::install::install_document;
use super::own_modules;
use super::v1alpha1::{EXCLUDE_LABEL, pod_security, taints, text_map};
use crate::input::{Cluster, Kernel, KernelModule, Machine};
use crate::tree::{delete, document, named, push, put, texts};

const CONTROL_PLANE_TAINT: &str = "node-role.kubernetes.io/control-plane";

pub(super) fn for_all(cluster: &Cluster) -> Vec<Node> {
    let mut documents = Vec::new();
    let mut root = Map::new();
    if !cluster.machine_cert_sans.is_empty() {
        put(&mut root, &["machine", "certSANs"], texts(&cluster.machine_cert_sans));
    }
    push(&mut documents, root);
    let network = document("KubeNetworkConfig")
        .with("dnsDomain", cluster.pods.dns_domain.as_str())
        .with("podSubnets", texts(&cluster.pods.pod_subnets))
        .with("serviceSubnets", texts(&cluster.pods.service_subnets));
    documents.push(network.into());
    documents.push(document("KubePrismConfig").with("port", cluster.kube_prism_port).into());
    if !cluster.node_ip_subnets.is_empty() {
        let mut node = document("KubeNodeConfig");
        put(&mut node, &["nodeIP", "validSubnets"], texts(&cluster.node_ip_subnets));
        documents.push(node.into());
    }
    if !cluster.discovery {
        documents.push(deleted(named("DiscoveryServiceConfig", "default")));
    }
    documents.extend(kernel(&cluster.kernel, cluster.kernel.modules.iter()));
    documents
}

pub(super) fn for_control_planes(cluster: &Cluster) -> Vec<Node> {
    let mut documents = Vec::new();
    let mut root = Map::new();
    if !cluster.etcd_advertised_subnets.is_empty() {
        put(&mut root, &["cluster", "etcd", "advertisedSubnets"], texts(&cluster.etcd_advertised_subnets));
    }
    push(&mut documents, root);
    documents.push(deleted(document("KubeFlannelCNIConfig")));
    documents.push(document("KubeProxyConfig").with("enabled", false).into());
    if !cluster.api_server.cert_sans.is_empty() {
        documents.push(document("KubeAPIServerConfig").with("certExtraSANs", texts(&cluster.api_server.cert_sans)).into());
    }
    if !cluster.api_server.pod_security_exempt_namespaces.is_empty() {
        documents.push(named("KubeAdmissionControlConfig", "PodSecurity").with("configuration", pod_security(cluster)).into());
    }
    if let Some(access) = &cluster.talos_api_access {
        let map = document("KubeTalosAPIAccessConfig")
            .with("allowedRoles", texts(&access.roles))
            .with("allowedKubernetesNamespaces", texts(&access.namespaces));
        documents.push(map.into());
    }
    let mut node = document("KubeNodeConfig");
    let bare = node.entries.len();
    if !cluster.load_balancers_skip_control_planes {
        put(&mut node, &["labels", EXCLUDE_LABEL], delete());
    }
    if cluster.schedule_on_control_planes {
        put(&mut node, &["taints", CONTROL_PLANE_TAINT], delete());
    }
    if node.entries.len() > bare {
        documents.push(node.into());
    }
    documents.extend(manifests(&cluster.extra_manifests));
    documents
}

pub(super) fn for_machine(cluster: &Cluster, machine: &Machine) -> Vec<Node> {
    let mut documents = vec![install_document(cluster, &machine.install).into()];
    let mut node = document("KubeNodeConfig");
    let bare = node.entries.len();
    if !machine.labels.is_empty() {
        node.set("labels", text_map(&machine.labels));
    }
    if !machine.annotations.is_empty() {
        node.set("annotations", text_map(&machine.annotations));
    }
    if !machine.taints.is_empty() {
        node.set("taints", taints(&machine.taints));
    }
    if node.entries.len() > bare {
        documents.push(node.into());
    }
    documents.extend(kernel(&machine.kernel, own_modules(&cluster.kernel, &machine.kernel)));
    documents
}

fn deleted(document: Map) -> Node {
    document.with(crate::tree::PATCH_KEY, "delete").into()
}

fn kernel<'a>(kernel: &Kernel, modules: impl Iterator<Item = &'a KernelModule>) -> Vec<Node> {
    let mut documents: Vec<Node> = Vec::new();
    if !kernel.sysctls.is_empty() {
        documents.push(document("SysctlConfig").with("params", text_map(&kernel.sysctls)).into());
    }
    for module in modules {
        let map = named("KernelModuleConfig", &module.name);
        let map = if module.parameters.is_empty() { map } else { map.with("parameters", texts(&module.parameters)) };
        documents.push(map.into());
    }
    documents
}

/// One document for each manifest, named after the file it is fetched from.
fn manifests(urls: &[String]) -> Vec<Node> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let document = |url: &String| {
        let stem = manifest_name(url);
        let count = seen.entry(stem.clone()).and_modify(|count| *count += 1).or_insert(1);
        let name = if *count == 1 { stem } else { format!("{stem}-{count}") };
        named("KubeExternalManifestConfig", &name).with("url", url.as_str()).into()
    };
    urls.iter().map(document).collect()
}

fn manifest_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    let stem = file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml")).unwrap_or(file);
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = stem.chars().map(word).take(50).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "manifest".to_owned() } else { name.to_owned() }
}
