//! What single requirements ask to see, by their ids in `docs/requirements.md`.

use ichor_templates::Tree;

use crate::objects::text;
use crate::sample::{Sample, Stack, tree};

const APP: &str = "cluster/apps/kube-system";

/// One cluster of one family whose keys a row changes.
const PLAIN: Sample = Sample { stack: Stack::V4, ..Sample::FULL };
const L2: Sample = Sample { bgp: false, ..PLAIN };

/// Timers and paths of a router, as someone in a hurry sets them.
const TIMERS: (&str, &str) =
    ("      asn: 64513\n", "      asn: 64513\n      hold_time_s: 9\n      keepalive_time_s: 3\n      ecmp_max_paths: 8\n");

/// A file that must be there with these fragments.
struct Row {
    ids: &'static str,
    sample: Sample,
    /// What is replaced in the sample's text.
    change: (&'static str, &'static str),
    path: String,
    fragments: &'static [&'static str],
}

fn row(ids: &'static str, sample: Sample, path: impl Into<String>, fragments: &'static [&'static str]) -> Row {
    Row { ids, sample, change: ("", ""), path: path.into(), fragments }
}

fn changed(ids: &'static str, change: (&'static str, &'static str), path: impl Into<String>, fragments: &'static [&'static str]) -> Row {
    Row { ids, sample: PLAIN, change, path: path.into(), fragments }
}

fn check(rows: &[Row]) {
    for Row { ids, sample, change, path, fragments } in rows {
        let before = sample.text();
        assert!(before.contains(change.0), "{ids}: `{}` is not in the sample", change.0);
        let tree = tree(&if change.0.is_empty() { before } else { before.replacen(change.0, change.1, 1) });
        let found = read(&tree, path);
        let found = found.unwrap_or_else(|| panic!("{ids}: no {path} among {:#?}", tree.iter().map(|(path, _)| path).collect::<Vec<_>>()));
        for fragment in *fragments {
            assert!(found.contains(fragment), "{ids}: `{fragment}` is not in {path}:\n{found}");
        }
    }
}

fn read(tree: &Tree, path: &str) -> Option<String> {
    tree.get(path).map(|content| text(content).0.to_owned())
}

#[test]
fn layouts_have_the_folders_and_files_that_people_know() {
    let layout = |layout| Sample { layout, ..PLAIN };
    check(&[
        row("A01 A02", PLAIN, "cluster/bootstrap/30-ichor/kustomization.yaml", &["../../apps/kube-system/ichor/app"]),
        row(
            "A03 P02",
            PLAIN,
            format!("{APP}/ichor/ks.yaml"),
            &["kind: Kustomization", "path: ./clusters/home/cluster/apps/kube-system/ichor/app", "prune: false"],
        ),
        row("A04 A05 C20", PLAIN, format!("{APP}/ichor/app/kustomization.yaml"), &["- agent.yaml", "- controller.yaml"]),
        row(
            "A06 J02",
            PLAIN,
            format!("{APP}/ichor-observability/app/kustomization.yaml"),
            &["- relay.yaml", "- ui.yaml", "- monitors.yaml"],
        ),
        row("A14", PLAIN, format!("{APP}/ichor-network/app/kustomization.yaml"), &["- lb-pool.yaml", "- bgp.yaml"]),
        row("A09", layout("infra"), "infra/controllers/ichor/agent.yaml", &["kind: DaemonSet"]),
        row("A09", layout("infra"), "infra/configs/ichor-network/lb-pool.yaml", &["kind: CiliumLoadBalancerIPPool"]),
        row("A10 P03", layout("components"), "infrastructure/ichor-bgp/bgp.yaml", &["kind: CiliumBGPClusterConfig"]),
        row("A10", layout("components"), "infrastructure/ichor-pools/lb-pool.yaml", &["kind: CiliumLoadBalancerIPPool"]),
        row(
            "P01",
            Sample { engine: "argocd", ..layout("manifests") },
            "argocd-apps/kube-system/ichor.yaml",
            &["sync-wave: \"1\"", "ServerSideApply=true"],
        ),
        row("P08", PLAIN, "cluster/flux/cluster/ks.yaml", &["name: home-root", "path: ./clusters/home/cluster/flux/cluster"]),
    ]);
}

#[test]
fn talos_leaves_the_network_to_the_agent() {
    let documents = ("talos:\n", "versions: { talos: v1.14.0, kubernetes: v1.36.3 }\ntalos:\n");
    check(&[
        row(
            "B01 B02 B07",
            PLAIN,
            "talos/all.yaml",
            &["cni:\n      name: none", "kubePrism:\n      enabled: true\n      port: 7445", "forwardKubeDNSToHost: true"],
        ),
        row("B07", PLAIN, "talos/controlplane.yaml", &["proxy:\n    disabled: true"]),
        changed("B07", documents, "talos/controlplane.yaml", &["kind: KubeProxyConfig"]),
        changed("B02", documents, "talos/all.yaml", &["kind: KubePrismConfig"]),
        row("B06", PLAIN, "omni/cluster-template.yaml", &["kind: Cluster\nname: home", "kind: Machine"]),
        row(
            "B02 B03 B04",
            PLAIN,
            format!("{APP}/ichor/app/config.yaml"),
            &["apiServer: https://127.0.0.1:7445", "root: /sys/fs/cgroup\n      autoMount: false"],
        ),
        row(
            "B04",
            PLAIN,
            format!("{APP}/ichor/app/agent.yaml"),
            &["mountPath: /sys/fs/cgroup\n              readOnly: true", "k8s-app: cilium"],
        ),
        changed(
            "B08",
            ("    role: worker\n", "    role: worker\n    quirks: { acceleration: native }\n"),
            format!("{APP}/ichor/app/config.yaml"),
            &["accelerationByNode:\n        node-2: native"],
        ),
        row("B09", PLAIN, "talos/nodes/node-1.yaml", &["kind: LinkAliasConfig\nname: lan"]),
        row("B09 B11 E04", L2, format!("{APP}/ichor-network/app/l2-policy.yaml"), &["- ^enp.*", "kubernetes.io/os: linux"]),
        changed(
            "B10 E05",
            ("interface: { mac: \"52:54:00:00:42:11\" }", "interface: { name: eth0 }"),
            "talos/nodes/node-1.yaml",
            &["kind: LinkConfig\nname: eth0"],
        ),
    ]);
}

#[test]
fn settings_of_the_datapath_reach_the_agent() {
    let config = || format!("{APP}/ichor/app/config.yaml");
    check(&[
        row(
            "A16 H06",
            PLAIN,
            config(),
            &["pods:\n        - 10.42.0.0/16", "exclude:\n        - 10.42.0.0/16\n        - 192.168.42.0/24\n        - 169.254.116.108/32"],
        ),
        row("A18 H11 H16 H19", PLAIN, config(), &["mode: dsr\n      algorithm: maglev\n      acceleration: disabled"]),
        changed("A18 H15", ("network:\n", "network:\n  load_balancer: { mode: snat }\n"), config(), &["mode: snat"]),
        changed(
            "A40 H19",
            ("network:\n", "network:\n  load_balancer: { acceleration: best-effort }\n"),
            config(),
            &["acceleration: best-effort"],
        ),
        row(
            "H03 H07 H08 H17 H21",
            PLAIN,
            config(),
            &[
                "healthz: \"0.0.0.0:10256\"",
                "directNodeRoutes: true\n      endpointRoutes: true",
                "bandwidthLimits: true",
                "neighbourDiscovery: false",
            ],
        ),
        row("H03", Sample::FULL, config(), &["healthz: \"[::]:10256\""]),
        row(
            "I07",
            Sample::FULL,
            "cluster/apps/network/cloudflare-tunnel/app/cloudflare-tunnel.yaml",
            &["name: TUNNEL_METRICS\n              value: \"[::]:8080\""],
        ),
        changed("H01", ("network:\n", "network:\n  conntrack: { entries: 4096 }\n"), config(), &["conntrack:\n      entries: 4096"]),
        changed("H10", ("network:\n", "network:\n  ipam: { mode: cluster-pool }\n"), config(), &["mode: cluster-pool"]),
        row(
            "A31 J03 J04",
            PLAIN,
            config(),
            &[
                "flows:\n      enabled: true",
                "- dns\n        - drop\n        - tcp\n        - flow\n        - icmp\n        - http\n        - port-distribution",
            ],
        ),
        row("A23 F08", L2, config(), &["l2:\n      enabled: true\n    bgp:\n      enabled: false"]),
        row("E13 E14 F08", PLAIN, config(), &["l2:\n      enabled: false\n    bgp:\n      enabled: true"]),
    ]);
}

#[test]
fn addresses_are_pooled_announced_and_pinned() {
    let network = |file: &str| format!("{APP}/ichor-network/app/{file}");
    let pool = |ids, pool, fragments| Row {
        sample: Sample { edge: false, ..L2 },
        ..changed(ids, ("    cidrs: [192.168.42.128/26]\n", pool), network("lb-pool.yaml"), fragments)
    };
    let edge = ("  internal: { addresses: [192.168.50.31] }", "  internal: { addresses: [192.168.50.41] }");
    check(&[
        row(
            "A07 A24 D03 D08 D09",
            PLAIN,
            network("lb-pool.yaml"),
            &["apiVersion: cilium.io/v2\n", "- cidr: 192.168.50.0/24", "allowFirstLastIPs: \"No\""],
        ),
        pool(
            "D04 D06 D07",
            "    cidrs: [192.168.42.128/26]\n    ranges: [{ start: 192.168.42.50, stop: 192.168.42.99 }]\n",
            &["- start: 192.168.42.50\n      stop: 192.168.42.99"],
        ),
        pool("D05", "    cidrs: [192.168.42.128/26]\n    allow_first_last: true\n", &["allowFirstLastIPs: \"Yes\""]),
        pool(
            "D10",
            "    cidrs: [192.168.42.128/26]\n    service_selector: { io.cilium/lb-ipam-pool: main }\n  - name: rest\n    ranges: [{ start: 192.168.42.200, stop: 192.168.42.210 }]\n",
            &["matchLabels:\n      io.cilium/lb-ipam-pool: main"],
        ),
        row("A08 E01 E03", L2, network("l2-policy.yaml"), &["apiVersion: cilium.io/v2alpha1", "loadBalancerIPs: true"]),
        Row { sample: L2, ..changed("E06", ("l2: { ", "l2: { external_ips: true, "), network("l2-policy.yaml"), &["externalIPs: true"]) },
        changed(
            "A36 D16 I05",
            edge,
            "cluster/apps/network/gateways/app/gateway-envoy-internal.yaml",
            &["name: envoy-internal", "value: 192.168.50.41"],
        ),
        row(
            "A37 I05 I07",
            PLAIN,
            "cluster/apps/network/gateways/app/gateway-envoy-external.yaml",
            &["name: envoy-external", "value: 192.168.50.32", "cfargotunnel.com"],
        ),
        row(
            "A38 D16 I06",
            PLAIN,
            "cluster/apps/network/split-dns/app/k8s-gateway.yaml",
            &["lbipam.cilium.io/ips: 192.168.50.34", "k8s_gateway home.example.org"],
        ),
        Row {
            sample: Sample::FULL,
            ..changed(
                "A38 D16 I06",
                ("split: { addresses: [192.168.50.34, \"fd00:50::34\"] }", "split: { addresses: [\"fd00:50::34\"] }"),
                "cluster/apps/network/split-dns/app/k8s-gateway.yaml",
                &["ipFamilyPolicy: SingleStack\n  ipFamilies: [IPv6]"],
            )
        },
        row(
            "I10 Q03",
            PLAIN,
            "cluster/apps/network/certificates/app/certificate.yaml",
            &["- \"*.home.example.org\"", "secretName: wildcard-tls"],
        ),
        row("I11", PLAIN, "cluster/apps/network/certificates/app/export.yaml", &["kind: CronJob", "registry.example.org/nas-export:1.0"]),
        row("I14 J06", PLAIN, format!("{APP}/ichor-observability/app/ui-route.yaml"), &["hubble.home.example.org", "name: envoy-internal"]),
        row("A33 J07", PLAIN, format!("{APP}/ichor-observability/app/monitors.yaml"), &["kind: ServiceMonitor", "interval: 30s"]),
        row(
            "J08 J09",
            PLAIN,
            format!("{APP}/ichor-observability/app/dashboards.yaml"),
            &["grafana_folder: Cilium", "grafana_dashboard: \"1\""],
        ),
    ]);
}

#[test]
fn both_ends_of_a_session_say_the_same() {
    let bgp = || format!("{APP}/ichor-network/app/bgp.yaml");
    check(&[
        row(
            "F13 F14 F15 F16",
            PLAIN,
            bgp(),
            &[
                "authSecretRef: bgp-peer-password\n",
                "timers:\n    connectRetryTimeSeconds: 5\n    holdTimeSeconds: 30\n    keepAliveTimeSeconds: 10",
                "restartTimeSeconds: 120",
            ],
        ),
        row(
            "A19 A20 A21 F03 F18",
            PLAIN,
            bgp(),
            &["name: instance-64514\n      localASN: 64514", "peerASN: 64513\n          peerAddress: 192.168.42.1"],
        ),
        row("F17", Sample::FULL, bgp(), &["afi: ipv4\n      safi: unicast", "afi: ipv6\n      safi: unicast", "advertise: bgp"]),
        row(
            "F01 F19",
            PLAIN,
            bgp(),
            &[
                "kind: CiliumBGPAdvertisement",
                "advertisementType: Service\n      service:\n        addresses:\n          - LoadBalancerIP",
                "selector:\n        matchExpressions:",
            ],
        ),
        changed(
            "F02",
            ("bgp:\n", "bgp:\n  node_selector: { match_labels: { kubernetes.io/hostname: node-2 } }\n"),
            bgp(),
            &["nodeSelector:\n    matchLabels:\n      kubernetes.io/hostname: node-2"],
        ),
        changed("A25 A26 F10 F25", TIMERS, bgp(), &["holdTimeSeconds: 9\n    keepAliveTimeSeconds: 3"]),
    ]);
}

#[test]
fn the_routers_end_is_rendered_from_the_same_fields() {
    check(&[
        changed(
            "A29 G09 G11",
            TIMERS,
            "unifi/bgp.sops.conf",
            &["neighbor TALOS timers 3 9", "bgp bestpath as-path multipath-relax", "maximum-paths 8"],
        ),
        row(
            "A15 A30 G03 G07 G08 G10 G12 G13",
            PLAIN,
            "unifi/bgp.sops.conf",
            &[
                "router bgp 64513\n bgp router-id 192.168.42.1",
                "no bgp ebgp-requires-policy",
                "neighbor TALOS remote-as 64514",
                "neighbor TALOS password S3CRETMARK",
                "neighbor 192.168.42.11 graceful-restart",
            ],
        ),
        row("G02 G06", PLAIN, "unifi/bgp.sops.conf", &["Settings > Routing > BGP"]),
        row(
            "G14 G15",
            PLAIN,
            "unifi/bgp.sops.conf",
            &[
                "neighbor 192.168.42.11 peer-group TALOS",
                "neighbor 192.168.42.12 peer-group TALOS",
                "neighbor TALOS route-map ACCEPT-K8S in",
                "route-map ACCEPT-K8S permit 10",
                "ip prefix-list K8S-V4 seq 5 permit 192.168.50.0/24 le 32",
                "soft-reconfiguration inbound",
                "next-hop-self",
            ],
        ),
        row(
            "Q02",
            PLAIN,
            format!("{APP}/ichor-network/app/bgp-peer-password.sops.yaml"),
            &["name: bgp-peer-password\n  namespace: kube-system", "password: S3CRETMARK"],
        ),
        row("F23", PLAIN, format!("{APP}/ichor-network/app/bfd.yaml"), &["kind: BFDProfile", "detectMultiplier: 3"]),
        row("F24", PLAIN, format!("{APP}/ichor-network/app/floating-next-hop.yaml"), &["ipv4Address: 192.168.42.99"]),
    ]);
}

#[test]
fn each_application_follows_its_own_switch() {
    for (name, namespace) in [("rustfs", "storage"), ("dragonfly", "cache"), ("keycloak", "identity"), ("litellm", "ai-system")] {
        let alone = Sample { apps: false, ..PLAIN }.text() + &format!("apps: {{ {name}: true }}\n");
        let tree = tree(&alone);
        for folder in [name.to_owned(), format!("policies-{namespace}")] {
            assert!(read(&tree, &format!("cluster/apps/{namespace}/{folder}/app/{name}.yaml")).is_some(), "A39: no {folder} for {name}");
        }
        let others = ["rustfs", "dragonfly", "keycloak", "litellm", "langfuse"].into_iter().filter(|other| *other != name);
        for other in others {
            assert!(!tree.iter().any(|(path, _)| path.contains(&format!("/{other}"))), "A39: {other} came with {name}");
        }
    }
}
