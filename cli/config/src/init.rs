//! The file that a new user begins with: commented, valid, and with the parts that are not used yet to uncomment.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::cluster::Family;
use crate::model::Versions;

/// What must be known to describe a cluster; texts are taken as they are, and [`crate::read`] judges them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    pub name: String,
    pub node_cidrs: Vec<String>,
    pub control_planes: Vec<Machine>,
    pub workers: Vec<Machine>,
    pub vip: Option<String>,
    pub install_disk: String,
    /// Prefixes, or ranges as `FIRST-LAST`.
    pub pool: Vec<String>,
    pub bgp: Option<Peering>,
    pub domain: Option<String>,
    pub engine: Option<String>,
    pub repository: Option<String>,
    pub recipients: Vec<String>,
}

/// A machine in a few words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    pub name: String,
    pub addresses: Vec<String>,
    /// The MAC address or the name of its network interface.
    pub interface: String,
}

/// The two ends of BGP.
#[derive(Clone, Debug, PartialEq)]
pub struct Peering {
    /// The router's addresses, one of each family at most.
    pub router: Vec<String>,
    pub router_asn: String,
    pub node_asn: String,
}

impl Machine {
    /// Reads `NAME=ADDRESS,INTERFACE`, where there may be two addresses, and the interface is a MAC address or a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a machine: write NAME=ADDRESS,MAC such as `node-1=192.168.1.11,52:54:00:12:34:56`");
        let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
        let (addresses, interfaces): (Vec<_>, Vec<_>) = rest.split(',').map(str::trim).partition(|part| part.parse::<IpAddr>().is_ok());
        match interfaces.as_slice() {
            [interface] if !interface.is_empty() && !addresses.is_empty() => Ok(Self {
                name: name.trim().to_owned(),
                addresses: addresses.into_iter().map(str::to_owned).collect(),
                interface: (*interface).to_owned(),
            }),
            _ => Err(wrong()),
        }
    }
}

/// Writes the file.
pub fn cluster_yaml(answers: &Answers) -> String {
    let mut out = String::new();
    head(&mut out, answers);
    network(&mut out, answers);
    nodes(&mut out, answers);
    announcing(&mut out, answers);
    services(&mut out, answers);
    ownership(&mut out, answers);
    out
}

fn head(out: &mut String, answers: &Answers) {
    let default = |key| {
        let fields = <Versions as crate::field::Section>::fields();
        fields.into_iter().find(|field| field.key == key).and_then(|field| field.default).unwrap_or_default()
    };
    let _ = write!(
        out,
        "# This file describes the cluster. After each edit run `ichor configure`; with `--check` it only looks.
# `ichor schema` makes your editor know every key.
apiVersion: ichor.dev/v1
name: {name}

# Tested together; a combination that was not tested is refused.
versions:
  talos: {talos}
  kubernetes: {kubernetes}

talos:
",
        name = scalar(&answers.name),
        talos = default("talos"),
        kubernetes = default("kubernetes"),
    );
    match &answers.vip {
        Some(vip) => {
            let _ = writeln!(
                out,
                "  # The Kubernetes API is reached here; Talos moves the address between the control planes.\n  vip: {}",
                scalar(vip)
            );
        }
        None => {
            out.push_str(
                "  # A free address that Talos moves between the control planes, for the Kubernetes API.\n  # vip: 192.168.1.10\n",
            );
        }
    }
    let _ = write!(
        out,
        "  # `talosctl get disks --insecure --nodes ADDRESS` lists the disks of a machine. A node may name its own.
  install_disk: {}
  # Extensions and kernel arguments: the id of your selection at https://factory.talos.dev
  # schematic: 376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba

",
        scalar(&answers.install_disk)
    );
}

fn network(out: &mut String, answers: &Answers) {
    let _ = writeln!(out, "network:\n  node_cidrs: {}", list(&answers.node_cidrs));
    let six = answers.node_cidrs.iter().filter_map(|cidr| cidr.parse::<IpNet>().ok()).any(|cidr| Family::of_net(cidr) == Family::V6);
    let four = answers.node_cidrs.iter().filter_map(|cidr| cidr.parse::<IpNet>().ok()).any(|cidr| Family::of_net(cidr) == Family::V4);
    out.push_str("  # These are seen inside the cluster only, and must not be in use around it.\n");
    let (pods, services) = match (four, six) {
        (true, true) => ("[10.42.0.0/16, \"fd00:10:42::/56\"]", "[10.43.0.0/16, \"fd00:10:43::/112\"]"),
        (false, true) => ("[\"fd00:10:42::/56\"]", "[\"fd00:10:43::/112\"]"),
        _ => ("[10.42.0.0/16]", "[10.43.0.0/16]"),
    };
    let _ = writeln!(out, "  pod_cidrs: {pods}\n  service_cidrs: {services}\n");
}

fn nodes(out: &mut String, answers: &Answers) {
    out.push_str("nodes:\n");
    let all = answers.control_planes.iter().map(|node| (node, "controlplane"));
    for (node, role) in all.chain(answers.workers.iter().map(|node| (node, "worker"))) {
        let key = if node.interface.contains(':') { "mac" } else { "name" };
        let _ = write!(
            out,
            "  - name: {}\n    role: {role}\n    addresses: {}\n    interface: {{ {key}: {} }}\n",
            scalar(&node.name),
            list(&node.addresses),
            scalar(&node.interface),
        );
    }
    out.push('\n');
}

/// A router has a number in the form of an IPv4 address even where there is no IPv4.
const ROUTER_ID: &str = "      # Any number in this form that no other router has.\n      router_id: 10.255.0.1\n";

fn announcing(out: &mut String, answers: &Answers) {
    out.push_str("# Addresses for Services of type LoadBalancer.\n");
    if answers.pool.is_empty() {
        out.push_str("# pools:\n#   - name: main\n#     ranges: [{ start: 192.168.1.50, stop: 192.168.1.99 }]\n\n");
    } else {
        let (ranges, cidrs): (Vec<_>, Vec<_>) = answers.pool.iter().partition(|block| block.contains('-'));
        out.push_str("pools:\n  - name: main\n");
        if !cidrs.is_empty() {
            let _ = writeln!(out, "    cidrs: {}", list(&cidrs));
        }
        if !ranges.is_empty() {
            out.push_str("    ranges:\n");
        }
        for (start, stop) in ranges.iter().filter_map(|range| range.split_once('-')) {
            let _ = writeln!(out, "      - {{ start: {}, stop: {} }}", scalar(start.trim()), scalar(stop.trim()));
        }
        out.push('\n');
    }
    match &answers.bgp {
        Some(bgp) => {
            let _ = write!(
                out,
                "# The nodes announce the pool to the router, whose side is rendered too.
bgp:
  node_asn: {}
  routers:
    - name: gateway
      # unifi, frr or bird
      kind: unifi
      addresses: {}
      asn: {}
      # A password for the session is made and kept encrypted.
      md5: true
{}
",
                scalar(&bgp.node_asn),
                list(&bgp.router),
                scalar(&bgp.router_asn),
                if bgp.router.iter().any(|address| address.parse::<Ipv4Addr>().is_ok()) { "" } else { ROUTER_ID },
            );
        }
        None => out.push_str(
            "# Without this section the nodes answer ARP and NDP for the addresses, which must then be in the node network.
# bgp:
#   node_asn: 64514
#   routers:
#     - name: gateway
#       kind: unifi                  # unifi, frr or bird
#       addresses: [192.168.1.1]
#       asn: 64513
#       md5: true

",
        ),
    }
}

fn services(out: &mut String, answers: &Answers) {
    out.push_str(
        "# Gateways for HTTP, each with an address of the pool.
# gateways:
#   internal: { addresses: [192.168.1.51] }
#   external: { addresses: [192.168.1.52] }

",
    );
    match &answers.domain {
        Some(domain) => {
            let _ = write!(
                out,
                "dns:\n  domain: {}\n  # A DNS server that answers your network with the internal gateway.\n  # split: {{ addresses: [192.168.1.53] }}\n\n",
                scalar(domain)
            );
        }
        None => out.push_str("# dns:\n#   domain: home.example.org\n#   split: { addresses: [192.168.1.53] }\n\n"),
    }
    out.push_str(
        "# certificates: { enabled: true, email: admin@example.org }

flows:
  # The web view of flows.
  ui: false
monitoring:
  # Needs the Prometheus operator's CRDs in the cluster.
  enabled: false
# `audit` reports what `enforce` would block.
# policies: { enabled: true, mode: audit }

",
    );
}

fn ownership(out: &mut String, answers: &Answers) {
    let engine = answers.engine.as_deref().unwrap_or("none");
    let _ = writeln!(out, "# Who owns the cluster after bootstrap: flux, argocd or none.\ngitops:\n  engine: {}", scalar(engine));
    match &answers.repository {
        Some(repository) => {
            let _ = writeln!(out, "  repository: {}", scalar(repository));
            if repository.starts_with("ssh://") {
                out.push_str("  private: true\n");
            }
        }
        None => out.push_str("  # repository: https://github.com/OWNER/REPOSITORY\n"),
    }
    out.push_str("\nsecrets:\n  # The age public keys of everyone who may read the secrets; `age-keygen` makes a pair.\n  recipients:\n");
    for recipient in &answers.recipients {
        let _ = writeln!(out, "    - {}", scalar(recipient));
    }
}

/// A text as one scalar of a flow or block; what could be taken for something else is quoted.
fn scalar(text: &str) -> String {
    let plain = text.parse::<u64>().is_ok()
        || (text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._/-@+".contains(c))
            && matches!(ichor_yaml::parse_one(text), Ok(node) if node.as_str().is_some()));
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

fn list<T: AsRef<str>>(items: &[T]) -> String {
    format!("[{}]", items.iter().map(|item| scalar(item.as_ref())).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "age1gpxevf7wxtejdy25t38uu3m27kjrnyx2tghm670hmek0hy4kppusnq8zjn";

    fn answers() -> Answers {
        Answers {
            name: "home".into(),
            node_cidrs: vec!["192.168.1.0/24".into()],
            control_planes: vec![Machine::parse("node-1=192.168.1.11,52:54:00:12:34:56").unwrap()],
            install_disk: "/dev/sda".into(),
            recipients: vec![KEY.into()],
            ..Answers::default()
        }
    }

    fn full() -> Answers {
        Answers {
            node_cidrs: vec!["192.168.1.0/24".into(), "fd00:1::/64".into()],
            control_planes: vec![Machine::parse("node-1=192.168.1.11,fd00:1::11,eth0").unwrap()],
            workers: vec![Machine::parse("node-2 = 192.168.1.12, fd00:1::12, 52-54-00-12-34-57:").unwrap()],
            vip: Some("192.168.1.10".into()),
            pool: vec!["192.168.50.0/24".into(), "fd00:50::10-fd00:50::99".into()],
            bgp: Some(Peering {
                router: vec!["192.168.1.1".into(), "fd00:1::1".into()],
                router_asn: "64513".into(),
                node_asn: "64514".into(),
            }),
            domain: Some("home.example.org".into()),
            engine: Some("flux".into()),
            repository: Some("ssh://git@github.com/example/home-ops".into()),
            ..answers()
        }
    }

    /// The same text with every line that only looks like a key uncommented.
    fn uncommented(text: &str) -> String {
        let is_key =
            |line: &str| line.split_once(": ").map_or(line.ends_with(':'), |(key, _)| !key.trim_start_matches([' ', '-']).contains(' '));
        let lines = text.lines().map(|line| match line.split_once("# ") {
            Some((indent, rest)) if indent.trim().is_empty() && is_key(rest) => format!("{indent}{rest}"),
            _ => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_written_is_valid() {
        for answers in [answers(), Answers { workers: Vec::new(), control_planes: full().control_planes, ..full() }] {
            let text = cluster_yaml(&answers);
            let mistakes = crate::read(&text).map_or_else(|mistakes| mistakes, |cluster| cluster.warnings().to_vec());
            assert!(mistakes.is_empty(), "{}", mistakes.iter().map(|m| m.render("cluster.yaml", &text, false)).collect::<String>());
        }
    }

    /// Every combination of what can be answered.
    fn combinations() -> Vec<Answers> {
        let mut all = vec![answers()];
        let mut each = |change: &dyn Fn(&Answers) -> Vec<Answers>| all = all.iter().flat_map(change).collect();
        each(&|a| {
            let families = [(true, false), (false, true), (true, true)];
            families.iter().map(|(four, six)| of_families(a, *four, *six)).collect()
        });
        each(&|a| vec![a.clone(), Answers { control_planes: a.control_planes[..1].to_vec(), ..a.clone() }]);
        each(&|a| vec![a.clone(), Answers { workers: Vec::new(), ..a.clone() }]);
        each(&|a| vec![a.clone(), Answers { vip: None, ..a.clone() }]);
        each(&|a| vec![a.clone(), Answers { domain: Some("home.example.org".into()), ..a.clone() }]);
        // Only BGP reaches a pool outside of the nodes' network, which is the one that is there.
        each(&|a| vec![a.clone(), Answers { pool: Vec::new(), ..a.clone() }, Answers { bgp: None, pool: near(a), ..a.clone() }]);
        each(&|a| {
            let owned = |engine: &str, url: &str| Answers { engine: Some(engine.into()), repository: Some(url.into()), ..a.clone() };
            vec![
                a.clone(),
                owned("flux", "https://example.org/a/b"),
                owned("argocd", "ssh://git@example.org/a/b"),
                owned("none", "https://example.org/a/b"),
            ]
        });
        all
    }

    fn of_families(answers: &Answers, four: bool, six: bool) -> Answers {
        let both = |v4: &str, v6: &str| {
            let list = [(four, v4), (six, v6)];
            list.into_iter().filter(|(is_on, _)| *is_on).map(|(_, text)| text.to_owned()).collect::<Vec<_>>()
        };
        let machine = |n: usize| Machine {
            name: format!("node-{n}"),
            addresses: both(&format!("192.168.1.1{n}"), &format!("fd00:1::1{n}")),
            interface: if n == 1 { "eth0".into() } else { format!("52:54:00:12:34:5{n}") },
        };
        let peering = Peering { router: both("192.168.1.1", "fd00:1::1"), router_asn: "64513".into(), node_asn: "64514".into() };
        Answers {
            node_cidrs: both("192.168.1.0/24", "fd00:1::/64"),
            control_planes: (1..=3).map(machine).collect(),
            workers: vec![machine(4)],
            vip: both("192.168.1.10", "fd00:1::10").pop(),
            pool: both("192.168.50.0/24", "fd00:50::10-fd00:50::99"),
            bgp: Some(peering),
            ..answers.clone()
        }
    }

    /// A pool in the nodes' own network.
    fn near(answers: &Answers) -> Vec<String> {
        let range = |cidr: &String| if cidr.contains(':') { "fd00:1::50-fd00:1::99" } else { "192.168.1.50-192.168.1.99" };
        answers.node_cidrs.iter().map(|cidr| range(cidr).to_owned()).collect()
    }

    #[test]
    fn every_combination_of_answers_is_valid() {
        let all = combinations();
        assert!(all.len() > 500, "only {}", all.len());
        for answers in all {
            let text = cluster_yaml(&answers);
            let mistakes = crate::read(&text).err().unwrap_or_default();
            assert!(mistakes.is_empty(), "{}", mistakes.iter().map(|m| m.render("cluster.yaml", &text, false)).collect::<String>());
            assert!(text.lines().filter(|line| line.trim_start().starts_with('#')).count() > 10, "commented: {text}");
        }
    }

    #[test]
    fn what_can_be_uncommented_has_the_right_form() {
        let text = uncommented(&cluster_yaml(&answers()));
        assert!(text.contains("\nbgp:") && text.contains("\npools:") && text.contains("\n  vip:"), "{text}");
        crate::parse(&text).unwrap();
    }

    #[test]
    fn an_answer_cannot_break_out_of_its_place() {
        let text = cluster_yaml(&Answers { name: "a\nname: b # \"".into(), ..answers() });
        let spec = ichor_yaml::parse_one(&text).unwrap();
        assert_eq!(spec.get("name").and_then(|name| name.as_str()), Some("a\nname: b # \""));
        for name in ["true", "1e3", "null", "~", "0x1f", "a: b"] {
            let text = cluster_yaml(&Answers { name: name.into(), ..answers() });
            assert_eq!(ichor_yaml::parse_one(&text).unwrap().get("name").and_then(|name| name.as_str()), Some(name));
        }
    }

    #[test]
    fn a_machine_needs_name_address_and_interface() {
        for text in ["node-1", "node-1=192.168.1.11", "node-1=eth0", "=,", "node-1=192.168.1.11,eth0,eth1"] {
            assert!(Machine::parse(text).is_err(), "{text}");
        }
    }
}
