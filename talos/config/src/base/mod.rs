//! What `talosctl gen config` makes of a secrets bundle before any patch: full of secrets.

mod documents;
mod v1alpha1;

use ichor_yaml::{Map, Node};

use crate::bundle::SecretsBundle;
use crate::input::{Cluster, Role};
use crate::tree::{document, maps, texts};
use crate::version::Form;

const KUBE_PRISM_PORT: u16 = 7445;

/// The generated documents for one role, without an installation disk.
pub(crate) fn base(cluster: &Cluster, role: Role, secrets: &SecretsBundle) -> Vec<Node> {
    match cluster.talos.form() {
        Form::V1Alpha1 => v1alpha1::base(cluster, role, secrets),
        Form::Documents => documents::base(cluster, role, secrets),
    }
}

fn image(cluster: &Cluster, component: &str) -> String {
    let repository = if component == "kubelet" { "ghcr.io/siderolabs" } else { "registry.k8s.io" };
    format!("{repository}/{component}:{}", cluster.kubernetes)
}

fn hostname() -> Map {
    document("HostnameConfig").with("auto", "stable")
}

fn host_dns() -> Map {
    Map::new().with("enabled", true).with("forwardKubeDNSToHost", true)
}

fn audit_policy() -> Map {
    Map::new().with("apiVersion", "audit.k8s.io/v1").with("kind", "Policy").with("rules", maps([Map::new().with("level", "Metadata")]))
}

fn pod_security() -> Map {
    let level = |map: Map, mode: &str, level| map.with(mode, level).with(format!("{mode}-version"), "latest");
    let defaults = level(level(level(Map::new(), "enforce", "baseline"), "audit", "restricted"), "warn", "restricted");
    let none = || texts::<&str>([]);
    let exemptions = Map::new().with("usernames", none()).with("runtimeClasses", none()).with("namespaces", texts(["kube-system"]));
    Map::new()
        .with("apiVersion", "pod-security.admission.config.k8s.io/v1alpha1")
        .with("kind", "PodSecurityConfiguration")
        .with("defaults", defaults)
        .with("exemptions", exemptions)
}
