//! What can be said of a user's patch before a machine sees it.

use ichor_yaml::{Node, Span, Value};

use crate::tree::PATCH_KEY;
use crate::version::{Form, TalosVersion};

/// A mistake in a user's patch, where it stands in the user's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchProblem {
    pub span: Span,
    pub message: String,
    pub help: String,
}

/// Documents that came with a minor release after the oldest supported one.
const SINCE: &[(u32, &[&str])] = &[
    (
        13,
        &[
            "BlackholeRouteConfig",
            "EnvironmentConfig",
            "ExternalVolumeConfig",
            "ImageVerificationConfig",
            "KubeSpanConfig",
            "RoutingRuleConfig",
            "TCPProbeConfig",
            "VRFConfig",
        ],
    ),
    (
        14,
        &[
            BGP_KIND,
            "CRIBaseRuntimeSpecConfig",
            "CRICustomizationConfig",
            "ContainerConfig",
            "DiscoveryIdentityConfig",
            "DiscoveryServiceConfig",
            "EtcFileConfig",
            "FilesystemScrubConfig",
            "FilesystemTrimConfig",
            "HTTPProbeConfig",
            "ImageCacheConfig",
            "KernelModuleConfig",
            "KubeAPIServerCAConfig",
            "KubeAPIServerConfig",
            "KubeAdmissionControlConfig",
            "KubeAggregatorCAConfig",
            "KubeAuditPolicyConfig",
            "KubeAuthenticationConfig",
            "KubeAuthorizerConfig",
            "KubeClusterConfig",
            "KubeControllerManagerConfig",
            "KubeCoreDNSConfig",
            "KubeCredentialProviderConfig",
            "KubeEtcdEncryptionConfig",
            "KubeExternalManifestConfig",
            "KubeFlannelCNIConfig",
            "KubeInlineManifestConfig",
            "KubeNetworkConfig",
            "KubeNodeConfig",
            "KubePrismConfig",
            "KubeProxyConfig",
            "KubeSchedulerConfig",
            "KubeServiceAccountConfig",
            "KubeStaticPodConfig",
            "KubeTalosAPIAccessConfig",
            "KubeletConfig",
            "LVMLogicalVolumeConfig",
            "LVMVolumeGroupConfig",
            "RAIDArrayConfig",
            "SecurityProfileConfig",
            "SysctlConfig",
            "SysfsConfig",
            "UdevRulesConfig",
            "UnattendedInstallConfig",
            "VethConfig",
        ],
    ),
];

/// Fields of the v1alpha1 document that Talos refuses beside the document which took their place.
const MOVED: &[(&[&str], &str)] = &[
    (&["machine", "install"], "UnattendedInstallConfig"),
    (&["machine", "kubelet"], "KubeletConfig or KubeNodeConfig"),
    (&["machine", "nodeLabels"], "KubeNodeConfig"),
    (&["machine", "nodeAnnotations"], "KubeNodeConfig"),
    (&["machine", "nodeTaints"], "KubeNodeConfig"),
    (&["machine", "features", "kubePrism"], "KubePrismConfig"),
    (&["machine", "features", "hostDNS"], "ResolverConfig"),
    (&["machine", "features", "kubernetesTalosAPIAccess"], "KubeTalosAPIAccessConfig"),
    (&["machine", "network", "nameservers"], "ResolverConfig"),
    (&["machine", "network", "searchDomains"], "ResolverConfig"),
    (&["cluster", "id"], "DiscoveryIdentityConfig"),
    (&["cluster", "secret"], "DiscoveryIdentityConfig"),
    (&["cluster", "clusterName"], "KubeClusterConfig"),
    (&["cluster", "controlPlane"], "KubeClusterConfig"),
    (&["cluster", "network"], "KubeNetworkConfig"),
    (&["cluster", "secretboxEncryptionSecret"], "KubeEtcdEncryptionConfig"),
    (&["cluster", "aescbcEncryptionSecret"], "KubeEtcdEncryptionConfig"),
    (&["cluster", "ca"], "KubeAPIServerCAConfig"),
    (&["cluster", "aggregatorCA"], "KubeAggregatorCAConfig"),
    (&["cluster", "serviceAccount"], "KubeServiceAccountConfig"),
    (&["cluster", "apiServer"], "KubeAPIServerConfig, KubeAdmissionControlConfig or KubeAuditPolicyConfig"),
    (&["cluster", "controllerManager"], "KubeControllerManagerConfig"),
    (&["cluster", "proxy"], "KubeProxyConfig"),
    (&["cluster", "scheduler"], "KubeSchedulerConfig"),
    (&["cluster", "discovery"], "DiscoveryServiceConfig"),
    (&["cluster", "coreDNS"], "KubeCoreDNSConfig"),
    (&["cluster", "allowSchedulingOnControlPlanes"], "KubeNodeConfig (`taints`)"),
];

/// The same for documents that every supported version has in its base.
const MOVED_EARLIER: &[(&[&str], &str)] = &[(&["machine", "network", "hostname"], "HostnameConfig")];

const BGP_KIND: &str = "BGPInstanceConfig";
const SERVICE_KIND: &str = "ExtensionServiceConfig";

/// Names of routing daemons that a system extension may run on the node.
const BGP_DAEMONS: [&str; 4] = ["bird", "exabgp", "frr", "gobgp"];

/// Judges one patch of the user's for a cluster of this version.
pub fn check_patch(documents: &[Node], talos: &TalosVersion) -> Vec<PatchProblem> {
    documents.iter().flat_map(|document| check_document(document, talos)).collect()
}

/// Where a patch turns on a BGP speaker of the node's own: Talos 1.14's, or a routing daemon from an extension.
pub fn bgp_speaker(documents: &[Node]) -> Option<Span> {
    let speaks = |document: &&Node| {
        let text = |key| document.get(key).and_then(Node::as_str);
        let name = text("name").unwrap_or_default();
        let daemon = || BGP_DAEMONS.iter().any(|daemon| name.starts_with(daemon));
        let kind_fits = text("kind") == Some(BGP_KIND) || (text("kind") == Some(SERVICE_KIND) && daemon());
        kind_fits && text(PATCH_KEY).is_none()
    };
    documents.iter().find(speaks).map(|document| document.span)
}

fn check_document(document: &Node, talos: &TalosVersion) -> Vec<PatchProblem> {
    match &document.value {
        Value::Null => Vec::new(),
        Value::Map(_) => match (document.get("kind"), document.get("apiVersion")) {
            (None, None) => check_fields(document, talos),
            (Some(kind), Some(_)) => check_kind(kind, talos).into_iter().collect(),
            (Some(node), None) => vec![problem(node, "this document has a kind, but no apiVersion", "add `apiVersion: v1alpha1`")],
            (None, Some(node)) => vec![problem(node, "this document has an apiVersion, but no kind", "add its `kind`")],
        },
        Value::Seq(_) => vec![problem(
            document,
            "a JSON patch (a list of operations) cannot be applied to a configuration of several documents",
            "write it as a strategic-merge patch: the fields as they stand in the configuration",
        )],
        _ => vec![problem(document, "a patch must be a mapping", "write the fields as they stand in the machine configuration")],
    }
}

fn check_kind(kind: &Node, talos: &TalosVersion) -> Option<PatchProblem> {
    let name = kind.as_str()?;
    let (minor, _) = SINCE.iter().find(|(minor, kinds)| talos.minor() < *minor && kinds.contains(&name))?;
    let message = format!("Talos {talos} does not know the document {name}: it came with 1.{minor}");
    Some(problem(kind, &message, "write the setting in the v1alpha1 document, or raise the Talos version"))
}

fn check_fields(document: &Node, talos: &TalosVersion) -> Vec<PatchProblem> {
    let moved = match talos.form() {
        Form::V1Alpha1 => [].as_slice(),
        Form::Documents => MOVED,
    };
    let found = moved.iter().chain(MOVED_EARLIER).filter_map(|(path, document_kind)| {
        let node = document.at(path)?;
        let message = format!("`{}` conflicts with the document {document_kind}, in which Talos {talos} has this setting", path.join("."));
        Some(problem(node, &message, &format!("write it as a document with `kind: {document_kind}`")))
    });
    found.collect()
}

fn problem(node: &Node, message: &str, help: &str) -> PatchProblem {
    PatchProblem { span: node.span, message: message.to_owned(), help: help.to_owned() }
}
