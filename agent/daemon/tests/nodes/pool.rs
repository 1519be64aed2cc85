//! Pod networks from the cluster pool: they come by CiliumNode objects, also for the way to the other node.

use std::net::SocketAddr;

use serde_json::Value as Json;

use crate::cluster;
use crate::objects;
use crate::pod::{Pod, cni};
use crate::traffic::{PORT, Transport, from_namespace, serve};
use crate::world::ip;

pub(crate) fn run() {
    let [mut first, mut second] = cluster::make("pool");
    // The Node objects have networks, too, which count only where Kubernetes gives them.
    for node in [&mut first, &mut second] {
        node.configure_with("ipam: {mode: cluster-pool, ipv4Mask: 24, ipv6Mask: 64}\n");
        node.start();
    }
    ip("netns add early");
    let refused = cni(&first, "ADD", "early", &Json::Null);
    assert!(
        !refused.success && refused.json.to_string().contains("its CiliumNode object names no spec.ipam.podCIDRs"),
        "{:#}",
        refused.json
    );
    objects::put(&first.objects, "pool.yaml", &parts());
    for node in [&first, &second] {
        node.wait_for("the networks", "nodes", |nodes| nodes.to_string().contains("10.77.2.0/24"));
    }
    assert!(cni(&first, "ADD", "early", &Json::Null).success, "ADD again, with a network");
    let (a, c) = (Pod::make(&first, "a"), Pod::make(&second, "c"));
    assert_eq!((a.v4.to_string(), a.v6.to_string()), ("10.77.1.3".to_owned(), "fd00:77:1::3".to_owned()));
    assert_eq!(c.v4.to_string(), "10.77.2.2");
    ["a", "c"].into_iter().for_each(serve);
    reach_each_other(&a, &c);
    // Without anybody to ask, what was known last still counts.
    first.stop();
    std::fs::rename(&first.objects, first.objects.with_extension("away")).unwrap();
    first.start();
    let b = Pod::make(&first, "b");
    assert_eq!(b.v4.to_string(), "10.77.1.4");
    reach_each_other(&a, &c);
    println!("pods get addresses of the cluster pool, reach each other, and do so after a restart without objects");
    drop((first, second));
    cluster::unmake(&["early", "a", "b", "c"]);
}

fn parts() -> String {
    let of = |number| {
        format!(
            "---\napiVersion: cilium.io/v2\nkind: CiliumNode\nmetadata: {{name: node{number}}}\n\
             spec: {{ipam: {{podCIDRs: [10.77.{number}.0/24, 'fd00:77:{number}::/64']}}}}\n"
        )
    };
    [1, 2].map(of).concat()
}

fn reach_each_other(a: &Pod, c: &Pod) {
    for (client, server) in [(a, c), (c, a)] {
        for is_v4 in [true, false] {
            for transport in [Transport::Tcp, Transport::Udp] {
                let to = SocketAddr::new(server.address(is_v4), PORT);
                let seen = from_namespace(&client.name, transport, to).unwrap_or_else(|error| panic!("{to}: {error}"));
                assert_eq!((seen.server, seen.client), (server.name.clone(), client.address(is_v4)));
            }
        }
    }
}
