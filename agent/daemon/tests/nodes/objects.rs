//! Kubernetes objects as the files of the folder that the agents watch.

use std::fmt::Write as _;
use std::path::Path;

use crate::pod::Pod;
use crate::traffic::PORT;

/// Puts a file into the folder in one step.
pub(crate) fn put(folder: &Path, name: &str, text: &str) {
    let new = folder.join(format!(".{name}"));
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, folder.join(name)).unwrap();
}

pub(crate) fn nodes() -> String {
    let mut text = String::new();
    for number in [1, 2] {
        write!(
            text,
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: node{number}}}\n\
             spec: {{podCIDRs: [10.42.{number}.0/24, 'fd00:10:42:{number}::/64']}}\n\
             status: {{addresses: [{{type: InternalIP, address: 192.168.42.1{number}}}, {{type: InternalIP, address: 'fd00:42::1{number}'}}]}}\n"
        )
        .unwrap();
    }
    text
}

/// A service of every kind of address, with the pods that answer for it and their nodes.
pub(crate) fn service(pods: &[(&Pod, &str)]) -> String {
    let mut text = String::from(
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: default}\nspec:\n  type: LoadBalancer\n\
         \x20 clusterIPs: [10.43.0.10, 'fd00:10:43::10']\n  ipFamilies: [IPv4, IPv6]\n  externalIPs: [10.51.0.1, 'fd00:51::1']\n\
         \x20 ports:\n  - {name: tcp, protocol: TCP, port: 80, targetPort: 8080, nodePort: 30080}\n\
         \x20 - {name: udp, protocol: UDP, port: 80, targetPort: 8080, nodePort: 30081}\n\
         status: {loadBalancer: {ingress: [{ip: 10.50.0.1}, {ip: 'fd00:50::1'}]}}\n",
    );
    for (family, is_v4) in [("IPv4", true), ("IPv6", false)] {
        write!(
            text,
            "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
             metadata: {{name: 'web-{}', namespace: default, labels: {{kubernetes.io/service-name: web}}}}\naddressType: {family}\n\
             ports: [{{name: tcp, protocol: TCP, port: {PORT}}}, {{name: udp, protocol: UDP, port: {PORT}}}]\nendpoints:\n",
            family.to_lowercase()
        )
        .unwrap();
        for (pod, node) in pods {
            let address = pod.address(is_v4);
            writeln!(text, "- {{addresses: ['{address}'], nodeName: {node}, conditions: {{ready: true, serving: true}}}}").unwrap();
        }
        if pods.is_empty() {
            text.push_str("  []\n");
        }
    }
    text
}

/// So many services of two backends that nobody asks for.
pub(crate) fn many(count: u32) -> String {
    let mut text = String::new();
    for number in 0..count {
        let (high, low) = (number / 250, number % 250 + 1);
        write!(
            text,
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: many-{number}, namespace: default}}\n\
             spec: {{type: ClusterIP, clusterIPs: [10.44.{high}.{low}], ports: [{{protocol: TCP, port: 80}}]}}\n\
             ---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
             metadata: {{name: many-{number}, namespace: default, labels: {{kubernetes.io/service-name: many-{number}}}}}\n\
             addressType: IPv4\nports: [{{protocol: TCP, port: 80}}]\n\
             endpoints: [{{addresses: [10.45.{high}.{low}]}}, {{addresses: [10.46.{high}.{low}]}}]\n"
        )
        .unwrap();
    }
    text
}
