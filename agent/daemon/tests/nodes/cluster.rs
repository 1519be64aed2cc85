//! Two nodes and the outside on one link. The outside is their router, and has an address far away.

use ichor_agent_apply::Netlink;
use ichor_datapath_loader::{Datapath, OBJECT, Sizes};
use ichor_datapath_types::Config;
use ichor_tests::whole_checksums;

use crate::node::Node;
use crate::objects;
use crate::world::{folder, inside, ip};

pub(crate) const OUTSIDE_V4: &str = "198.51.100.1";
pub(crate) const OUTSIDE_V6: &str = "2001:db8::1";

/// Makes the link and two nodes whose agents do not run yet.
pub(crate) fn make(name: &str) -> [Node; 2] {
    ip("netns add lan
        -n lan link add br0 type bridge
        -n lan link set br0 up");
    for (namespace, number) in [("node1", 11), ("node2", 12), ("outside", 1)] {
        ip(&format!("netns add {namespace}"));
        // Until it is sure that nobody has its address of the link, which takes a second or two, a node asks for no neighbour.
        inside(namespace, || std::fs::write("/proc/sys/net/ipv6/conf/default/accept_dad", "0").unwrap());
        ip(&format!(
            "-n {namespace} link set lo up
             -n lan link add {namespace} type veth peer name eth0 netns {namespace}
             -n lan link set {namespace} master br0 up
             -n {namespace} link set eth0 up
             -n {namespace} address add 192.168.42.{number}/24 dev eth0
             -n {namespace} address add fd00:42::{number}/64 dev eth0 nodad"
        ));
    }
    for node in ["node1", "node2"] {
        ip(&format!("-n {node} route add default via 192.168.42.1\n-n {node} route add default via fd00:42::1"));
    }
    ip(&format!(
        "-n outside address add {OUTSIDE_V4}/32 dev lo
         -n outside address add {OUTSIDE_V6}/128 dev lo nodad
         -n outside route replace 192.168.42.0/24 dev eth0 src {OUTSIDE_V4}
         -n outside -6 route replace fd00:42::/64 dev eth0 src {OUTSIDE_V6} metric 1
         -n outside route add 10.50.0.0/15 via 192.168.42.11 src {OUTSIDE_V4}
         -n outside route add fd00:50::/31 via fd00:42::11 src {OUTSIDE_V6}"
    ));
    let objects = folder(&format!("objects-{name}"));
    objects::put(&objects, "nodes.yaml", &objects::nodes());
    ["node1", "node2"].map(|node| Node::new(node, objects.clone()))
}

/// A virtual driver sends what XDP turns around only where its other end runs XDP, too: for as long as the value lives,
/// the switch's ends let everything pass.
pub(crate) fn answer_drivers() -> Datapath {
    for name in ["node1", "node2", "outside"] {
        inside(name, || whole_checksums("eth0"));
    }
    inside("lan", || {
        let small = Sizes::for_memory(1 << 30);
        let mut datapath = Datapath::load(OBJECT, &Config::default(), &small).unwrap();
        for name in ["node1", "node2", "outside"] {
            let link = Netlink::open().unwrap().links().unwrap().remove(name).unwrap();
            datapath.attach_xdp(link.index).unwrap();
        }
        datapath
    })
}

/// Takes the namespaces away, for the next scenario.
pub(crate) fn unmake(pods: &[&str]) {
    for name in ["node1", "node2", "outside", "lan"].iter().chain(pods) {
        ip(&format!("netns delete {name}"));
    }
}
