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
