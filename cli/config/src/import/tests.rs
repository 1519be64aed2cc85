use std::collections::BTreeMap;

use super::*;

const KEY: &str = "age1gpxevf7wxtejdy25t38uu3m27kjrnyx2tghm670hmek0hy4kppusnq8zjn";
const SCHEMATIC: &str = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";

fn around() -> Around {
    Around { name: "kubernetes".into(), recipients: vec![KEY.into()], tunnel_id: Some("0a1b2c3d-0000-4000-8000-000000000000".into()) }
}

/// Every flat field there ever was, with the BGP settings of a cluster across VLANs.
fn flat() -> (String, String) {
    let cluster = r#"
node_cidr: "192.168.1.0/24"
node_dns_servers: ["192.168.1.1"]
node_ntp_servers: ["192.168.1.1"]
node_default_gateway: "192.168.1.1"
node_vlan_tag: "20"
cluster_api_addr: "192.168.1.9"
cluster_api_tls_sans: ["k8s.example.org"]
cluster_pod_cidr: "10.69.0.0/16"
cluster_svc_cidr: "10.96.0.0/16"
cluster_dns_gateway_addr: "172.20.10.11"
cluster_gateway_addr: "172.20.10.12"
cloudflare_gateway_addr: "172.20.10.13"
repository_name: "example/home-ops"
repository_branch: "main"
repository_visibility: "private"
cloudflare_domain: "example.org"
cloudflare_token: "cf-very-secret"
cilium_loadbalancer_mode: "snat"
cilium_bgp_router_addr: "192.168.1.1"
cilium_bgp_router_asn: "64513"
cilium_bgp_node_asn: "64514"
cilium_lb_pool_cidr: "172.20.10.0/24"
cilium_bgp_hold_time: 9
cilium_bgp_keepalive_time: 3
cilium_bgp_graceful_restart: true
cilium_bgp_graceful_restart_time: 60
cilium_bgp_ecmp_max_paths: 3
cilium_bgp_password: "bgp-very-secret"
hubble_enabled: true
hubble_ui_enabled: true
monitoring_enabled: true
network_policies_enabled: true
network_policies_mode: "audit"
rustfs_enabled: true
dragonfly_enabled: true
keycloak_enabled: false
litellm_enabled: false
langfuse_enabled: false
"#;
    (cluster.to_owned(), nodes_yaml())
}

fn nodes_yaml() -> String {
    format!(
        r#"
nodes:
  - name: k8s-0
    address: "192.168.1.10"
    controller: true
    disk: /dev/sda
    mac_addr: "00:00:00:00:00:01"
    schematic_id: {SCHEMATIC}
    mtu: 1500
    encrypt_disk: true
    kernel_modules: ["nvidia", "nvidia_uvm"]
  - name: k8s-1
    address: "192.168.1.11"
    controller: false
    disk: S3Z8NB0K
    mac_addr: "00:00:00:00:00:02"
    schematic_id: {SCHEMATIC}
    secureboot: true
"#
    )
}

fn toml() -> String {
    format!(
        r#"
[network]
node_cidr = "10.10.10.0/24"
[kubernetes]
coredns_addr = "10.43.0.10"
[kubernetes.api]
addr = "10.10.10.254"
[gateways]
internal = "10.10.10.252"
dns = "10.10.10.253"
external = "10.10.10.250"
[repository]
url = "ssh://git@git.example.com/k8s/home-ops.git"
webhook_provider = "generic-hmac"
known_hosts = "git.example.com ssh-ed25519 AAAA"
[domain]
name = "example.com"
[dns]
token = "cf-very-secret"
[cilium.bgp]
router_addr = ""
router_asn = ""
node_asn = ""
[talos]
schematic_id = "{SCHEMATIC}"
[[nodes]]
name = "k8s-0"
address = "10.10.10.100"
controller = true
disk = "/dev/sda"
mac_addr = "00:00:00:00:00:01"
"#
    )
}

fn imported(source: Source<'_>) -> Imported {
    convert(source, &around()).unwrap()
}

fn mistakes(text: &str) -> String {
    let found = crate::read(text).map_or_else(|mistakes| mistakes, |cluster| cluster.warnings().to_vec());
    found.iter().filter(|m| m.severity == crate::Severity::Error).map(|m| m.render("cluster.yaml", text, false)).collect()
}

fn fates(imported: &Imported) -> BTreeMap<&str, &Fate> {
    imported.rows.iter().map(|row| (row.field.as_str(), &row.fate)).collect()
}

#[test]
fn both_forms_become_valid_files() {
    let (cluster, nodes) = flat();
    for source in [Source::Yaml { cluster: &cluster, nodes: &nodes }, Source::Toml { cluster: &toml() }] {
        let imported = imported(source);
        assert_eq!(mistakes(&imported.text), "", "{}", imported.text);
    }
}

#[test]
fn every_field_is_told_once() {
    let (cluster, nodes) = flat();
    let imported = imported(Source::Yaml { cluster: &cluster, nodes: &nodes });
    let written = cluster.lines().filter(|line| line.contains(':')).count();
    assert_eq!(imported.rows.iter().filter(|row| row.file == "cluster.yaml").count(), written);
    assert_eq!(imported.rows.iter().filter(|row| row.file == "nodes.yaml").count(), 9 + 7);
    for row in &imported.rows {
        let text = if row.file == "cluster.yaml" { &cluster } else { &nodes };
        let line = text.lines().nth(row.line - 1).unwrap();
        assert!(line.contains(row.field.rsplit('.').next().unwrap()), "{row:?} is not at {line}");
    }
}

#[test]
fn no_secret_is_copied() {
    let (cluster, nodes) = flat();
    let imported = imported(Source::Yaml { cluster: &cluster, nodes: &nodes });
    assert!(!format!("{imported:?}").contains("very-secret"));
    assert_eq!(fates(&imported)["cilium_bgp_password"], &Fate::Secret { name: "bgp.router".into() });
    assert!(imported.text.contains("md5: true"));
}

#[test]
fn what_cannot_be_mapped_says_why() {
    let cluster = format!("{}\nmy_own_field: 1\nspegel_enabled: true\n", flat().0);
    let imported = imported(Source::Yaml { cluster: &cluster, nodes: &flat().1 });
    for field in ["my_own_field", "spegel_enabled", "nodes[1].secureboot"] {
        assert!(matches!(fates(&imported)[field], Fate::LeftOut { why } if !why.is_empty()), "{field}");
    }
}

#[test]
fn a_pool_inside_the_node_network_holds_the_gateways_only() {
    let text = imported(Source::Toml { cluster: &toml() }).text;
    let root = ichor_yaml::parse_one(&text).unwrap();
    let pool = &root.get("pools").unwrap().as_seq().unwrap()[0];
    let ranges: Vec<_> = pool.get("ranges").unwrap().as_seq().unwrap().iter().map(|r| r.get("start").unwrap().as_str().unwrap()).collect();
    assert_eq!(ranges, ["10.10.10.250", "10.10.10.252"]);
    assert!(root.get("bgp").is_none(), "empty fields do not switch BGP on");
}

#[test]
fn a_broken_file_is_refused_with_its_place() {
    let refused = |source| convert(source, &around()).unwrap_err();
    assert_eq!(refused(Source::Toml { cluster: "[network]\nnode_cidr = \n" }).line, 2);
    let error = refused(Source::Yaml { cluster: "node_cidr: a\nnode_cidr: b\n", nodes: "" });
    assert_eq!((error.file, error.line), ("cluster.yaml", 2));
    assert_eq!(refused(Source::Yaml { cluster: "", nodes: "nodes: 1" }).file, "nodes.yaml");
    assert_eq!(refused(Source::Yaml { cluster: "- a", nodes: "" }).file, "cluster.yaml");
}

/// What a few fields say after the conversion, as the new file's reader understands them.
#[test]
fn values_arrive() {
    let (cluster, nodes) = flat();
    let text = imported(Source::Yaml { cluster: &cluster, nodes: &nodes }).text;
    let spec = crate::read(&text).unwrap();
    let router = &spec.bgp().unwrap().routers[0];
    let text_of = |list: &[crate::Spanned<crate::Address>]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let node = |index: usize| &spec.nodes[index];
    for (found, wanted) in [
        (spec.network.node_cidrs[0].to_string(), "192.168.1.0/24"),
        (spec.network.pod_cidrs[0].to_string(), "10.69.0.0/16"),
        (spec.network.service_cidrs[0].to_string(), "10.96.0.0/16"),
        (spec.network.load_balancer.mode.to_string(), "snat"),
        (text_of(&spec.network.gateways).concat(), "192.168.1.1"),
        (text_of(&spec.talos.nameservers).concat(), "192.168.1.1"),
        (spec.talos.time_servers[0].to_string(), "192.168.1.1"),
        (spec.talos.vip.unwrap().to_string(), "192.168.1.9"),
        (spec.talos.cert_sans[0].to_string(), "k8s.example.org"),
        (spec.pools[0].cidrs[0].to_string(), "172.20.10.0/24"),
        (text_of(&spec.gateways.internal.as_ref().unwrap().addresses).concat(), "172.20.10.12"),
        (text_of(&spec.gateways.external.as_ref().unwrap().addresses).concat(), "172.20.10.13"),
        (text_of(&spec.dns.split.as_ref().unwrap().addresses).concat(), "172.20.10.11"),
        (spec.dns.domain.as_ref().unwrap().to_string(), "example.org"),
        (spec.bgp().unwrap().node_asn.to_string(), "64514"),
        (format!("{} {} {}", router.asn, router.hold_time_s, router.keepalive_time_s), "64513 9 3"),
        (format!("{} {} {}", *router.graceful_restart, router.graceful_restart_time_s, router.ecmp_max_paths), "true 60 3"),
        (text_of(&router.addresses).concat(), "192.168.1.1"),
        (format!("{} {} {}", *spec.flows.enabled, *spec.flows.ui, *spec.monitoring.enabled), "true true true"),
        (format!("{} {}", *spec.policies.enabled, *spec.policies.mode), "true audit"),
        (format!("{} {} {}", *spec.apps.rustfs, *spec.apps.dragonfly, *spec.apps.keycloak), "true true false"),
        (spec.gitops.repository.as_ref().unwrap().to_string(), "ssh://git@github.com/example/home-ops"),
        (format!("{} {} {}", spec.gitops.branch.value, *spec.gitops.private, *spec.gitops.engine), "main true flux"),
        (format!("{} {}", node(0).name.value, *node(0).role), "k8s-0 controlplane"),
        (format!("{} {}", node(1).name.value, *node(1).role), "k8s-1 worker"),
        (text_of(&node(1).addresses).concat(), "192.168.1.11"),
        (node(0).interface.mac.as_ref().unwrap().to_string(), "00:00:00:00:00:01"),
        (node(0).interface.mtu.unwrap().to_string(), "1500"),
        (node(0).interface.vlan.unwrap().to_string(), "20"),
        (node(0).install_disk.as_ref().unwrap().to_string(), "/dev/sda"),
        (node(1).disk_selector.as_ref().unwrap().serial.as_ref().unwrap().to_string(), "S3Z8NB0K"),
        (node(0).schematic.as_ref().unwrap().to_string(), SCHEMATIC),
    ] {
        assert_eq!(found, wanted, "{text}");
    }
    assert_eq!(node(0).patches.len(), 2, "disk encryption and kernel modules");
}

#[test]
fn every_field_of_the_nested_form_is_told_once() {
    let toml = toml();
    let imported = imported(Source::Toml { cluster: &toml });
    let written = toml.lines().filter(|line| line.contains(" = ")).count();
    assert_eq!(imported.rows.len(), written, "{:#?}", imported.rows);
    for row in &imported.rows {
        let line = toml.lines().nth(row.line - 1).unwrap();
        assert!(line.starts_with(row.field.rsplit('.').next().unwrap()), "{row:?} is not at {line}");
    }
}

/// All three or none: what is half there stays half, and the reader of the new file names the rest.
#[test]
fn half_of_bgp_is_not_dropped() {
    let text = imported(Source::Toml { cluster: &toml().replace("router_addr = \"\"", "router_addr = \"10.10.10.1\"") }).text;
    let mistakes = mistakes(&text);
    assert!(mistakes.contains("`node_asn` is missing") && mistakes.contains("`asn` is missing"), "{mistakes}");
}

#[test]
fn a_pool_inside_the_node_network_keeps_arp_beside_bgp() {
    let with_bgp = toml().replace("asn = \"\"", "asn = \"64513\"").replace("node_asn = \"64513\"", "node_asn = \"64514\"");
    let imported = imported(Source::Toml { cluster: &with_bgp.replace("router_addr = \"\"", "router_addr = \"10.10.10.1\"") });
    assert_eq!(mistakes(&imported.text), "", "{}", imported.text);
    let spec = crate::read(&imported.text).unwrap();
    assert!(spec.l2_enabled() && spec.announcers(&spec.pools[0]).len() == 2);
    assert!(imported.assumed.iter().any(|assumed| assumed.to == "l2.enabled"));
}

#[test]
fn a_cluster_for_the_home_alone_stays_one() {
    let text = toml().replace("token = \"cf-very-secret\"", "provider = \"none\"").replace("external = \"10.10.10.250\"\n", "");
    let imported = imported(Source::Toml { cluster: &text });
    assert_eq!(mistakes(&imported.text), "", "{}", imported.text);
    let spec = crate::read(&imported.text).unwrap();
    assert!(spec.dns.tunnel.is_none() && spec.gateways.external.is_none() && !*spec.dns.external_dns);
}

#[test]
fn machines_that_all_boot_securely_get_the_installer_for_it() {
    let (cluster, nodes) = flat();
    let nodes = nodes.replace("    kernel_modules", "    secureboot: true\n    kernel_modules");
    let imported = imported(Source::Yaml { cluster: &cluster, nodes: &nodes });
    assert!(imported.text.contains("metal-installer-secureboot"), "{}", imported.text);
    assert_eq!(mistakes(&imported.text), "");
}
