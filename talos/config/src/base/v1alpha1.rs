//! The base of Talos 1.12 and 1.13.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ichor_yaml::{Map, Node};

use super::{KUBE_PRISM_PORT, audit_policy, host_dns, hostname, image, pod_security};
use crate::bundle::{AtRestKey, SecretsBundle};
use crate::input::{Cluster, InstallerImage, Role};
use crate::patch::installer_image;
use crate::tree::{maps, put, texts};

pub(super) fn base(cluster: &Cluster, role: Role, secrets: &SecretsBundle) -> Vec<Node> {
    let root = Map::new()
        .with("version", "v1alpha1")
        .with("debug", false)
        .with("persist", true)
        .with("machine", machine(cluster, role, secrets))
        .with("cluster", cluster_section(cluster, role, secrets));
    vec![root.into(), hostname().into()]
}

fn machine(cluster: &Cluster, role: Role, secrets: &SecretsBundle) -> Map {
    let ca = match role {
        Role::ControlPlane => secrets.os.to_map(),
        Role::Worker => Map::new().with("crt", secrets.os.certificate_base64()),
    };
    let kubelet = Map::new()
        .with("image", image(cluster, "kubelet"))
        .with("defaultRuntimeSeccompProfileEnabled", true)
        .with("disableManifestsDirectory", true);
    let install = Map::new()
        .with("image", installer_image(&InstallerImage::Plain, &cluster.talos))
        .with("wipe", false)
        .with("grubUseUKICmdline", true);
    let features = Map::new()
        .with("diskQuotaSupport", true)
        .with("kubePrism", Map::new().with("enabled", true).with("port", KUBE_PRISM_PORT))
        .with("hostDNS", host_dns());
    let mut machine = Map::new()
        .with("type", role.as_str())
        .with("token", secrets.trustd_token.reveal())
        .with("ca", ca)
        .with("certSANs", texts::<&str>([]))
        .with("kubelet", kubelet)
        .with("install", install)
        .with("features", features);
    if role == Role::ControlPlane {
        machine.set("nodeLabels", Map::new().with("node.kubernetes.io/exclude-from-external-load-balancers", ""));
    }
    machine
}

fn cluster_section(cluster: &Cluster, role: Role, secrets: &SecretsBundle) -> Map {
    let network = Map::new()
        .with("dnsDomain", "cluster.local")
        .with("podSubnets", texts(["10.244.0.0/16"]))
        .with("serviceSubnets", texts(["10.96.0.0/12"]));
    let mut map = Map::new()
        .with("id", secrets.cluster_id.reveal())
        .with("secret", secrets.cluster_secret.reveal())
        .with("controlPlane", Map::new().with("endpoint", cluster.endpoint.as_str()))
        .with("clusterName", cluster.name.as_str())
        .with("network", network)
        .with("token", secrets.bootstrap_token.reveal());
    match role {
        Role::ControlPlane => control_plane(&mut map, cluster, secrets),
        Role::Worker => map.set("ca", Map::new().with("crt", secrets.kubernetes.certificate_base64())),
    }
    put(&mut map, &["discovery", "enabled"], true);
    put(&mut map, &["discovery", "registries", "kubernetes", "disabled"], true);
    put(&mut map, &["discovery", "registries", "service"], Map::new());
    map
}

fn control_plane(map: &mut Map, cluster: &Cluster, secrets: &SecretsBundle) {
    match &secrets.at_rest {
        AtRestKey::Secretbox(key) => map.set("secretboxEncryptionSecret", key.reveal()),
        AtRestKey::AesCbc(key) => map.set("aescbcEncryptionSecret", key.reveal()),
    }
    map.set("ca", secrets.kubernetes.to_map());
    map.set("aggregatorCA", secrets.aggregator.to_map());
    map.set("serviceAccount", Map::new().with("key", STANDARD.encode(secrets.service_account.reveal())));
    let plugin = Map::new().with("name", "PodSecurity").with("configuration", pod_security());
    let api_server = Map::new()
        .with("image", image(cluster, "kube-apiserver"))
        .with("admissionControl", maps([plugin]))
        .with("auditPolicy", audit_policy());
    map.set("apiServer", api_server);
    map.set("controllerManager", Map::new().with("image", image(cluster, "kube-controller-manager")));
    map.set("proxy", Map::new().with("image", image(cluster, "kube-proxy")));
    map.set("scheduler", Map::new().with("image", image(cluster, "kube-scheduler")));
    map.set("etcd", Map::new().with("ca", secrets.etcd.to_map()));
}
