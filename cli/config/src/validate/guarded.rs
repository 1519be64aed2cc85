//! What a user's patch must leave to ichor, in either form of Talos' configuration.

use ichor_yaml::Node as Tree;

use super::patches::{DOCUMENTS, Document, documents};
use super::{Check, check};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Spec;

pub(super) const CHECKS: &[Check] = &[
    check(settings_of_our_own, &[DOCUMENTS]),
    check(manifests_do_not_fight, &[DOCUMENTS, &["versions.talos"]]),
    check(one_network_only, &[DOCUMENTS]),
    check(cgroups_stay, &[DOCUMENTS]),
];

/// The key by which a patch removes what it stands in.
const DELETES: &str = "$patch";

/// A value that ichor itself must have its way with.
struct Rule {
    /// The kind of document, empty for keys of `v1alpha1`.
    kind: &'static str,
    /// The way to the value; empty for the document as a whole.
    keys: &'static [&'static str],
    /// The value that is harmless, or `None` where every value is wrong.
    harmless: Option<fn(&Tree) -> bool>,
    why: &'static str,
    help: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        kind: "",
        keys: &["cluster", "network", "cni", "name"],
        harmless: Some(|tree| tree.as_str() == Some("none")),
        why: "Talos would install another network beside ichor's",
        help: "take `cni` out of the patch: ichor writes `none`",
    },
    Rule {
        kind: "",
        keys: &["cluster", "proxy", "disabled"],
        harmless: Some(|tree| tree.as_bool() == Some(true)),
        why: "kube-proxy would run beside ichor's own balancing of Services",
        help: "take `proxy` out of the patch: ichor turns it off",
    },
    Rule {
        kind: "",
        keys: &["machine", "features", "kubePrism", "enabled"],
        harmless: Some(|tree| tree.as_bool() == Some(true)),
        why: "the agent reaches the API through KubePrism before any Service works",
        help: "take `kubePrism` out of the patch",
    },
    Rule {
        kind: "",
        keys: &["machine", "features", "kubePrism", "port"],
        harmless: Some(|tree| tree.as_int() == Some(7445)),
        why: "the agent reaches the API at 127.0.0.1:7445",
        help: "take `kubePrism` out of the patch",
    },
    Rule {
        kind: "",
        keys: &["machine", "features", "hostDNS", "enabled"],
        harmless: Some(|tree| tree.as_bool() == Some(true)),
        why: "CoreDNS asks the nodes' own DNS at 169.254.116.108",
        help: "take `hostDNS` out of the patch",
    },
    Rule {
        kind: "",
        keys: &["cluster", "network", "podSubnets"],
        harmless: None,
        why: "the pods' prefixes have a place of their own",
        help: "write them as `network.pod_cidrs`",
    },
    Rule {
        kind: "",
        keys: &["cluster", "network", "serviceSubnets"],
        harmless: None,
        why: "the prefixes of Services have a place of their own",
        help: "write them as `network.service_cidrs`",
    },
    Rule {
        kind: "",
        keys: &["cluster", "network", "dnsDomain"],
        harmless: None,
        why: "the cluster's domain has a place of its own",
        help: "write it as `talos.cluster_domain`",
    },
    Rule {
        kind: "",
        keys: &["cluster", "clusterName"],
        harmless: None,
        why: "the cluster's name has a place of its own",
        help: "write it as `name`, at the top of this file",
    },
    Rule {
        kind: "",
        keys: &["machine", "type"],
        harmless: None,
        why: "the role of a machine has a place of its own",
        help: "write it as the node's `role`",
    },
    Rule {
        kind: "",
        keys: &["machine", "network", "hostname"],
        harmless: None,
        why: "the name of a machine has a place of its own",
        help: "write it as the node's `name`",
    },
    Rule {
        kind: "KubeFlannelCNIConfig",
        keys: &[],
        harmless: None,
        why: "Talos would install Flannel beside ichor's network",
        help: "take this document out: ichor removes Talos' own",
    },
    Rule {
        kind: "KubeProxyConfig",
        keys: &["enabled"],
        harmless: Some(|tree| tree.as_bool() == Some(false)),
        why: "kube-proxy would run beside ichor's own balancing of Services",
        help: "take `enabled` out of the patch: ichor turns it off",
    },
    Rule {
        kind: "KubePrismConfig",
        keys: &["port"],
        harmless: Some(|tree| tree.as_int() == Some(7445)),
        why: "the agent reaches the API at 127.0.0.1:7445",
        help: "take this document out: ichor writes it",
    },
    Rule {
        kind: "KubePrismConfig",
        keys: &[DELETES],
        harmless: None,
        why: "the agent reaches the API through KubePrism before any Service works",
        help: "take this document out: ichor writes it",
    },
    Rule {
        kind: "ResolverConfig",
        keys: &["hostDNS", "enabled"],
        harmless: Some(|tree| tree.as_bool() == Some(true)),
        why: "CoreDNS asks the nodes' own DNS at 169.254.116.108",
        help: "take `hostDNS` out of the patch",
    },
    Rule {
        kind: "KubeNetworkConfig",
        keys: &["podSubnets"],
        harmless: None,
        why: "the pods' prefixes have a place of their own",
        help: "write them as `network.pod_cidrs`",
    },
    Rule {
        kind: "KubeNetworkConfig",
        keys: &["serviceSubnets"],
        harmless: None,
        why: "the prefixes of Services have a place of their own",
        help: "write them as `network.service_cidrs`",
    },
    Rule {
        kind: "KubeNetworkConfig",
        keys: &["dnsDomain"],
        harmless: None,
        why: "the cluster's domain has a place of its own",
        help: "write it as `talos.cluster_domain`",
    },
    Rule {
        kind: "HostnameConfig",
        keys: &["hostname"],
        harmless: None,
        why: "the name of a machine has a place of its own",
        help: "write it as the node's `name`",
    },
];

fn settings_of_our_own(spec: &Spec, out: &mut Diagnostics) {
    for document in documents(spec) {
        for rule in RULES.iter().filter(|rule| rule.kind == document.kind) {
            let Some((tree, path)) = document.at(rule.keys) else { continue };
            // To remove what ichor removes, too, is no mistake; only KubePrism must stay.
            let removes = rule.keys != [DELETES] && tree.get(DELETES).is_some();
            if !removes && !rule.harmless.is_some_and(|harmless| harmless(tree)) {
                out.push(Diagnostic::new(&path, tree.span, rule.why).help(rule.help));
            }
        }
    }
}

/// The first Talos that applies its manifests again and again, and prunes them.
const PRUNES_SINCE: (u64, u64, u64) = (1, 13, 0);

/// Where a patch names manifests by their URL, in both forms.
fn manifest_urls<'a>(document: &Document<'a>) -> Vec<(&'a Tree, crate::Path)> {
    if document.kind == "KubeExternalManifestConfig" {
        return document.at(&["url"]).into_iter().collect();
    }
    let Some((list, path)) = document.at(&["cluster", "extraManifests"]).filter(|_| document.kind.is_empty()) else { return Vec::new() };
    list.as_seq().unwrap_or_default().iter().enumerate().map(|(index, item)| (item, path.index(index))).collect()
}

fn manifests_do_not_fight(spec: &Spec, out: &mut Diagnostics) {
    if spec.versions.talos.numbers() < PRUNES_SINCE {
        return;
    }
    for (url, path) in documents(spec).iter().flat_map(manifest_urls) {
        if url.as_str().is_some_and(|url| url.contains("gateway-api")) {
            let message = "Talos 1.13 and later applies these again and again, and would fight the GitOps engine over them";
            let help = "take the line out: ichor installs the Gateway API itself, in the version below `versions`";
            out.push(Diagnostic::new(&path, url.span, message).help(help));
        }
    }
}

/// Networks that a machine configuration could install, and our own agent, which the GitOps engine owns.
const NETWORKS: [&str; 6] = ["calico", "canal", "cilium", "flannel", "ichor", "kube-router"];

fn one_network_only(spec: &Spec, out: &mut Diagnostics) {
    for document in documents(spec) {
        let listed = document.at(&["cluster", "inlineManifests"]).filter(|_| document.kind.is_empty());
        let listed = listed.into_iter().flat_map(|(list, path)| {
            let items = list.as_seq().unwrap_or_default().iter().enumerate();
            items.filter_map(move |(index, item)| Some((item.get("name")?, path.index(index).key("name"))))
        });
        let own = document.at(&["name"]).filter(|_| document.kind == "KubeInlineManifestConfig");
        for (name, path) in listed.chain(own) {
            let text = name.as_str().unwrap_or_default().to_ascii_lowercase();
            let Some(network) = NETWORKS.into_iter().find(|network| text.contains(network)) else { continue };
            let message = if network == "ichor" {
                "Talos would apply the agent again and again, and fight the GitOps engine over it"
            } else {
                "Talos would install another network beside ichor's"
            };
            out.push(Diagnostic::new(&path, name.span, message).help("take this manifest out: `ichor bootstrap` installs the network"));
        }
    }
}

fn cgroups_stay(spec: &Spec, out: &mut Diagnostics) {
    for document in documents(spec) {
        let keys: &[&str] = match document.kind {
            "" => &["machine", "kubelet", "extraMounts"],
            "KubeletConfig" => &["extraMounts"],
            _ => continue,
        };
        let Some((list, path)) = document.at(keys) else { continue };
        for (index, item) in list.as_seq().unwrap_or_default().iter().enumerate() {
            let target = item.get("destination").filter(|target| target.as_str().is_some_and(|to| to.starts_with("/sys/fs/cgroup")));
            if let Some(target) = target {
                let help = "take the mount out: the agent attaches its programs at /sys/fs/cgroup, as Talos mounts it";
                let message = "nothing may be mounted over the cgroups of Talos";
                out.push(Diagnostic::new(&path.index(index).key("destination"), target.span, message).help(help));
            }
        }
    }
}
