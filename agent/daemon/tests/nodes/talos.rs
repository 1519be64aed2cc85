//! What Talos has on every node goes on working: the name server at a link-local address that pods ask, the API server's
//! address on loopback, and one hierarchy of control groups that nobody else mounts.

use std::net::SocketAddr;

use crate::cluster;
use crate::node::Node;
use crate::objects;
use crate::pod::Pod;
use crate::traffic::{Transport, from_cgroup, from_namespace, serve, serve_at};
use crate::world::ip;

const HOST_DNS: &str = "169.254.116.108:53";
const KUBE_PRISM: &str = "127.0.0.1:7445";

pub(crate) fn run() {
    let [mut node, mut other] = cluster::make("talos");
    ip("-n node1 address add 169.254.116.108/32 dev lo");
    serve_at("node1", place(HOST_DNS));
    serve_at("node1", place(KUBE_PRISM));
    let mounts = cgroup_mounts();
    // As `ichor configure` writes it, but for the root of the control groups, which is the machine's own.
    let text = format!(
        "cgroup: {{root: {}, autoMount: false}}\nrouting: {{directNodeRoutes: true, endpointRoutes: true}}\n\
         masquerade: {{enabled: true, exclude: [10.42.0.0/16, 192.168.42.0/24, 'fd00:42::/64', 169.254.116.108/32]}}\n\
         addresses: {{services: [10.43.0.0/16, 'fd00:10:43::/112']}}\nloadBalancer: {{mode: dsr, algorithm: maglev}}\n",
        node.cgroup.0.display()
    );
    std::fs::write(&node.config, text).unwrap();
    node.names_cgroup = false;
    reaches_its_api_server(&node, "before the agent");
    node.start();
    other.start();
    let (a, c) = (Pod::make(&node, "a"), Pod::make(&other, "c"));
    ["a", "c"].into_iter().for_each(serve);
    objects::put(&node.objects, "web.yaml", &objects::service(&[(&a, "node1"), (&c, "node2")]));
    node.wait_for("the service", "services", |services| services.as_array().unwrap().len() > 10);
    reaches_its_api_server(&node, "with services");
    for transport in [Transport::Tcp, Transport::Udp] {
        for outcome in [from_namespace("a", transport, place(HOST_DNS)), from_cgroup("a", &node.cgroup.0, transport, place(HOST_DNS))] {
            let seen = outcome.unwrap_or_else(|error| panic!("{transport:?} to the node's name server: {error}"));
            assert_eq!((seen.server.as_str(), seen.client), ("node1", a.v4), "{transport:?}: pods are seen as themselves");
        }
        // The hooks of sockets are where the configuration says.
        let cluster_ip = place("10.43.0.10:80");
        let seen = from_cgroup("node1", &node.cgroup.0, transport, cluster_ip).unwrap_or_else(|error| panic!("{cluster_ip}: {error}"));
        assert!(["a", "c"].contains(&seen.server.as_str()), "{seen:?}");
    }
    assert_eq!(cgroup_mounts(), mounts, "the agent mounts no control groups");
    println!("host DNS from pods, KubePrism before the agent and with it, control groups from the configuration and none mounted");
    drop((node, other));
    cluster::unmake(&["a", "c"]);
}

fn place(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn reaches_its_api_server(node: &Node, when: &str) {
    let seen = from_cgroup("node1", &node.cgroup.0, Transport::Tcp, place(KUBE_PRISM));
    assert_eq!(seen.unwrap_or_else(|error| panic!("{when}: {error}")).server, "node1");
}

fn cgroup_mounts() -> usize {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    mounts.lines().filter(|line| line.split_whitespace().nth(2) == Some("cgroup2")).count()
}
