//! The base of Talos 1.14.

use ichor_yaml::{Map, Node};

use super::{KUBE_PRISM_PORT, audit_policy, host_dns, hostname, image, pod_security};
use crate::bundle::{AtRestKey, Authority, SecretsBundle};
use crate::input::{Cluster, Role};
use crate::tree::{document, maps, named, put, texts};

pub(super) fn base(cluster: &Cluster, role: Role, secrets: &SecretsBundle) -> Vec<Node> {
    let mut documents = vec![root(role, secrets)];
    documents.extend(machine_documents(secrets));
    documents.extend(kubernetes_documents(cluster, role, secrets));
    if role == Role::ControlPlane {
        documents.extend(authorities(cluster, secrets));
        documents.extend(access_documents());
        documents.extend(components(cluster));
    }
    documents.into_iter().map(Node::from).collect()
}

/// What has no document of its own yet.
fn root(role: Role, secrets: &SecretsBundle) -> Map {
    let ca = match role {
        Role::ControlPlane => secrets.os.to_map(),
        Role::Worker => Map::new().with("crt", secrets.os.certificate_base64()),
    };
    let machine = Map::new()
        .with("type", role.as_str())
        .with("token", secrets.trustd_token.reveal())
        .with("ca", ca)
        .with("certSANs", texts::<&str>([]))
        .with("features", Map::new().with("diskQuotaSupport", true));
    let mut cluster = Map::new().with("token", secrets.bootstrap_token.reveal());
    if role == Role::ControlPlane {
        cluster.set("etcd", Map::new().with("ca", secrets.etcd.to_map()));
    }
    Map::new().with("version", "v1alpha1").with("debug", false).with("persist", true).with("machine", machine).with("cluster", cluster)
}

fn machine_documents(secrets: &SecretsBundle) -> Vec<Map> {
    let identity = document("DiscoveryIdentityConfig")
        .with("clusterID", secrets.cluster_id.reveal())
        .with("clusterSecret", secrets.cluster_secret.reveal());
    vec![
        named("DiscoveryServiceConfig", "default").with("endpoint", "https://discovery.talos.dev/"),
        identity,
        document("ResolverConfig").with("hostDNS", host_dns()),
        named("VolumeConfig", "EPHEMERAL").with("mount", Map::new().with("secure", true)),
        document("FilesystemTrimConfig").with("interval", "168h0m0s"),
        document("SecurityProfileConfig").with("workloadIsolation", true),
        hostname(),
    ]
}

fn kubernetes_documents(cluster: &Cluster, role: Role, secrets: &SecretsBundle) -> Vec<Map> {
    let mut node = document("KubeNodeConfig");
    let ca = document("KubeAPIServerCAConfig");
    let ca = match role {
        Role::ControlPlane => {
            put(&mut node, &["labels", "node-role.kubernetes.io/control-plane"], "");
            put(&mut node, &["labels", "node.kubernetes.io/exclude-from-external-load-balancers"], "");
            put(&mut node, &["taints", "node-role.kubernetes.io/control-plane"], "NoSchedule");
            ca.with("issuingCA", pem_pair(&secrets.kubernetes))
        }
        Role::Worker => ca.with("acceptedCAs", texts([&secrets.kubernetes.certificate])),
    };
    let network = document("KubeNetworkConfig")
        .with("dnsDomain", "cluster.local")
        .with("podSubnets", texts(["10.244.0.0/16"]))
        .with("serviceSubnets", texts(["10.96.0.0/12"]));
    vec![
        document("KubeClusterConfig").with("clusterName", cluster.name.as_str()).with("endpoint", cluster.endpoint.as_str()),
        node,
        document("KubeletConfig").with("image", image(cluster, "kubelet")).with("defaultRuntimeSeccompProfileEnabled", true),
        network,
        ca,
        document("KubePrismConfig").with("port", KUBE_PRISM_PORT),
    ]
}

fn authorities(cluster: &Cluster, secrets: &SecretsBundle) -> Vec<Map> {
    // The names and the order of the keys are those of the older form, or an upgraded cluster could not read its secrets.
    let (provider, name, key) = match &secrets.at_rest {
        AtRestKey::Secretbox(key) => ("secretbox", "key2", key),
        AtRestKey::AesCbc(key) => ("aescbc", "key1", key),
    };
    let keys = maps([Map::new().with("name", name).with("secret", key.reveal())]);
    let providers = maps([Map::new().with(provider, Map::new().with("keys", keys))]);
    let resources = maps([Map::new().with("providers", providers).with("resources", texts(["secrets"]))]);
    let issuer = Map::new().with("privateKey", secrets.service_account.reveal()).with("issuerURL", cluster.endpoint.as_str());
    vec![
        document("KubeAggregatorCAConfig").with("issuingCA", pem_pair(&secrets.aggregator)),
        document("KubeEtcdEncryptionConfig").with("config", Map::new().with("resources", resources)),
        document("KubeServiceAccountConfig").with("issuer", issuer),
    ]
}

fn access_documents() -> Vec<Map> {
    let probes = ["/livez", "/readyz", "/healthz"].map(|path| Map::new().with("path", path));
    let anonymous = Map::new().with("conditions", maps(probes)).with("enabled", true);
    let authentication = Map::new().with("anonymous", anonymous).with("jwt", maps([]));
    vec![
        named("KubeAdmissionControlConfig", "PodSecurity").with("configuration", pod_security()),
        document("KubeAuditPolicyConfig").with("configuration", audit_policy()),
        document("KubeAuthenticationConfig").with("configuration", authentication),
        named("KubeAuthorizerConfig", "node").with("type", "Node"),
        named("KubeAuthorizerConfig", "rbac").with("type", "RBAC"),
    ]
}

fn components(cluster: &Cluster) -> Vec<Map> {
    vec![
        document("KubeAPIServerConfig").with("image", image(cluster, "kube-apiserver")),
        document("KubeControllerManagerConfig").with("image", image(cluster, "kube-controller-manager")),
        document("KubeSchedulerConfig").with("image", image(cluster, "kube-scheduler")),
        document("KubeProxyConfig").with("image", image(cluster, "kube-proxy")),
        document("KubeFlannelCNIConfig").with("backendType", "vxlan").with("backendPort", 4789),
        document("KubeCoreDNSConfig").with("enabled", true),
    ]
}

/// PEM in clear, as the documents have it.
fn pem_pair(authority: &Authority) -> Map {
    Map::new().with("cert", authority.certificate.as_str()).with("key", authority.key.reveal())
}
