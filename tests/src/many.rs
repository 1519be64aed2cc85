//! A cluster of many nodes.

use std::fmt::Write as _;

/// The most nodes that [`many_nodes`] finds addresses for.
const MOST: usize = 8_000;

/// A valid `cluster.yaml` with so many nodes, three of them control planes; dual-stack, with BGP, labels and a patch on every tenth.
pub fn many_nodes(count: usize) -> String {
    assert!((3..=MOST).contains(&count), "from 3 to {MOST} nodes");
    let mut text = String::from(HEAD);
    for index in 0..count {
        // The first addresses belong to the gateway, the VIP and others.
        let host = index + 256;
        let (high, low) = (host / 256, host % 256);
        let role = if index < 3 { "controlplane" } else { "worker" };
        let _infallible = write!(
            text,
            "  - name: node-{index}
    role: {role}
    addresses: [10.10.{high}.{low}, \"fd00:10::{host:x}\"]
    interface: {{ mac: \"52:54:00:01:{high:02x}:{low:02x}\" }}
    labels: {{ rack: \"r{}\" }}
",
            index % 20
        );
        if index % 10 == 0 {
            text.push_str("    patches: [{ machine: { sysctls: { net.core.somaxconn: \"4096\" } } }]\n");
        }
    }
    text.push_str(TAIL);
    text
}

const HEAD: &str = "apiVersion: ichor.dev/v1
name: many
talos:
  vip: 10.10.0.10
  install_disk: /dev/sda
network:
  node_cidrs: [10.10.0.0/16, \"fd00:10::/64\"]
  pod_cidrs: [172.16.0.0/12, \"fd00:1000::/40\"]
  service_cidrs: [10.43.0.0/16, \"fd00:10:43::/112\"]
  ipam: { ipv4_mask: 25, ipv6_mask: 56 }
nodes:
";

const TAIL: &str = "pools:
  - name: main
    cidrs: [192.168.50.0/24, \"fd00:50::/112\"]
  - name: games
    ranges: [{ start: 192.168.51.10, stop: 192.168.51.99 }, { start: \"fd00:51::10\", stop: \"fd00:51::99\" }]
    service_selector: { games: \"true\" }
bgp:
  node_asn: 64514
  routers:
    - name: one
      kind: frr
      addresses: [10.10.0.1, \"fd00:10::1\"]
      asn: 64513
      md5: true
    - name: two
      kind: frr
      router_id: 10.10.0.2
      addresses: [10.10.0.2, \"fd00:10::2\"]
      asn: 64513
      md5: true
gateways:
  internal: { addresses: [192.168.50.11, \"fd00:50::11\"] }
secrets:
  recipients: [age1gpxevf7wxtejdy25t38uu3m27kjrnyx2tghm670hmek0hy4kppusnq8zjn]
";
