//! What must and must not stand in a router's file; whether routers take it is asked in `tests/interop`.

use std::collections::BTreeMap;

use super::*;

const CLUSTER: &str = include_str!("../../../cluster.example.yaml");

fn render(text: &str, secrets: &Secrets) -> Tree {
    let cluster = ichor_config::parse(text).and_then(ichor_config::validate).expect("a cluster without mistakes");
    let engine = Engine::new(BTreeMap::new(), PART.templates).expect("no overrides");
    let mut tree = Tree::default();
    files(&engine, &cluster, secrets, &mut tree).expect("the templates render");
    tree
}

fn password() -> Secrets {
    Secrets::new(BTreeMap::from([("bgp.gateway".to_owned(), SecretText::new("S3cret"))]))
}

fn unsigned(text: &str) -> String {
    text.replace("md5: true", "md5: false")
}

#[test]
fn a_file_with_a_password_is_a_secret_and_one_without_is_not() {
    let tree = render(CLUSTER, &password());
    let Some(Content::Secret(text)) = tree.get("unifi/bgp.sops.conf") else { panic!("{tree:?}") };
    assert!(text.expose().contains(" neighbor TALOS password S3cret\n"));
    assert!(!format!("{tree:?}").contains("S3cret"));
    // Nor while the password of an earlier render is still at hand.
    let tree = render(&unsigned(CLUSTER), &password());
    let Some(Content::Clear(text)) = tree.get("unifi/bgp.conf") else { panic!("{tree:?}") };
    assert!(!text.contains("password"));
}

#[test]
fn without_its_password_the_file_is_left_out() {
    assert!(render(CLUSTER, &Secrets::default()).is_empty());
}

#[test]
fn a_unifi_console_is_told_which_networks_it_needs() {
    let told = |text: &str, path: &str| {
        let tree = render(text, &Secrets::default());
        let Some(Content::Clear(text)) = tree.get(path) else { panic!("{tree:?}") };
        let (_, after) = text.split_once("Settings > Networks")?;
        Some(after.lines().skip(1).map_while(|line| line.strip_prefix("!   ")).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(told(&unsigned(CLUSTER), "unifi/bgp.conf").as_deref(), Some("192.168.50.0/24 fd00:50::/112"));
    assert_eq!(told(&unsigned(CLUSTER).replace("kind: unifi", "kind: frr"), "frr/gateway.conf"), None);
}

#[test]
fn every_map_and_list_that_is_named_is_defined() {
    let tree = render(&unsigned(CLUSTER), &password());
    let Some(Content::Clear(text)) = tree.get("unifi/bgp.conf") else { panic!("{tree:?}") };
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["neighbor", _, "route-map", map, _] => assert!(text.contains(&format!("\nroute-map {map} ")), "{line}"),
            ["match", family, "address", "prefix-list", list] => {
                assert!(text.contains(&format!("\n{family} prefix-list {list} ")), "{line}");
            }
            _ => {}
        }
    }
    assert!(text.contains("ip prefix-list K8S-V4 seq 5 permit 192.168.50.0/24 le 32\n"), "{text}");
    assert!(text.contains("ipv6 prefix-list K8S-V6 seq 5 permit fd00:50::/112 le 128\n"), "{text}");
}

#[test]
fn a_node_that_does_not_speak_is_no_neighbour() {
    let text = unsigned(CLUSTER)
        .replace("  node_asn: 64514", "  node_asn: 64514\n  node_selector: { match_labels: { kubernetes.io/hostname: node-2 } }");
    let tree = render(&text, &Secrets::default());
    let Some(Content::Clear(text)) = tree.get("unifi/bgp.conf") else { panic!("{tree:?}") };
    let neighbours: Vec<_> = text.lines().filter(|line| line.contains(" peer-group TALOS")).collect();
    assert_eq!(neighbours, [" neighbor 192.168.42.12 peer-group TALOS", " neighbor fd00:42::12 peer-group TALOS-V6"]);
}

/// Older releases of FRR do not hand it down from a group to its members, and 10.2.0 refuses it there.
#[test]
fn graceful_restart_is_said_of_each_neighbour() {
    let tree = render(&unsigned(CLUSTER).replace("md5: false", "graceful_restart: true"), &Secrets::default());
    let Some(Content::Clear(text)) = tree.get("unifi/bgp.conf") else { panic!("{tree:?}") };
    let said: Vec<_> = text.lines().filter_map(|line| line.strip_suffix(" graceful-restart")).collect();
    let addresses = ["192.168.42.11", "192.168.42.12", "192.168.42.13", "fd00:42::11", "fd00:42::12", "fd00:42::13"];
    assert_eq!(said, addresses.map(|address| format!(" neighbor {address}")));
}

/// A packet starts with 255 and each router on its way takes one; FRR expects one router at most.
#[test]
fn bfd_over_several_hops_expects_what_is_left_of_the_ttl() {
    let router = |hops| {
        let text = unsigned(CLUSTER).replace("kind: unifi", "kind: frr").replace("version: \"4.2.12\"", "bfd: {}");
        let tree = render(&text.replace("md5: false", &format!("max_hops: {hops}")), &Secrets::default());
        let Some(Content::Clear(text)) = tree.get("frr/gateway.conf") else { panic!("{tree:?}") };
        text.clone()
    };
    assert!(!router(1).contains("minimum-ttl"));
    assert!(router(4).contains("\n  minimum-ttl 252\n"), "{}", router(4));
}
