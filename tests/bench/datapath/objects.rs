//! Services and their endpoints: as object files for the agent, and as plain numbers for the peers.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Of each service.
pub(crate) const ENDPOINTS: u32 = 3;
/// Of each pod.
pub(crate) const PORT: u16 = 8080;
const SERVICE_PORT: u16 = 80;

/// The address of a pod that answers.
pub(crate) fn server_address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a5b_0202 + number)
}

/// The services of a cluster: in the middle of them the one whose pods are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Services {
    pub(crate) count: u32,
}

impl Services {
    /// Who answers really: half of a list stands before it.
    pub(crate) fn real(self) -> u32 {
        self.count / 2
    }

    /// Where a service is to be found. The one that answers really is always at the same address: what the kernel remembers
    /// of its connections would be in the way of those to another one with the same pods.
    pub(crate) fn cluster_ip(self, service: u32) -> Ipv4Addr {
        Ipv4Addr::from(0x0a60_0010 + if service == self.real() { 0 } else { service + 1 })
    }

    pub(crate) fn frontend(self) -> SocketAddr {
        (self.cluster_ip(self.real()), SERVICE_PORT).into()
    }

    /// Where the endpoints of a service are; those of the others are nobody's addresses.
    pub(crate) fn endpoints(self, service: u32) -> Vec<Ipv4Addr> {
        let address = |number| {
            if service == self.real() { server_address(number) } else { Ipv4Addr::from(0x0a80_0000 + service * 8 + number) }
        };
        (0..ENDPOINTS).map(address).collect()
    }

    pub(crate) fn all(self) -> impl Iterator<Item = u32> {
        0..self.count
    }

    /// The address that the last endpoint of a service moves to, the n-th time.
    pub(crate) fn moved(self, service: u32, time: u32) -> Vec<Ipv4Addr> {
        let mut endpoints = self.endpoints(service);
        endpoints[ENDPOINTS as usize - 1] = Ipv4Addr::from(0x0ac0_0000 + service * 64 + time % 64);
        endpoints
    }

    /// Writes a file for each service into a folder.
    pub(crate) fn write(self, folder: &Path) {
        for service in self.all() {
            self.change(folder, service, &self.endpoints(service));
        }
    }

    /// Puts a service with its endpoints in the place of what its file said before, in one step.
    pub(crate) fn change(self, folder: &Path, service: u32, endpoints: &[Ipv4Addr]) {
        let new = self.prepare(folder, service, endpoints);
        fs::rename(&new, folder.join(name(service))).unwrap();
    }

    /// The new file of a service, under a name that nobody reads.
    pub(crate) fn prepare(self, folder: &Path, service: u32, endpoints: &[Ipv4Addr]) -> PathBuf {
        let new = folder.join(format!(".{}", name(service)));
        fs::write(&new, text(service, self.cluster_ip(service), endpoints)).unwrap();
        new
    }
}

pub(crate) fn name(service: u32) -> String {
    format!("service-{service:05}.yaml")
}

fn text(service: u32, address: Ipv4Addr, endpoints: &[Ipv4Addr]) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  namespace: bench\n  name: s{service}\n\
         \x20 creationTimestamp: \"2026-01-01T00:00:00Z\"\n\
         spec:\n  type: ClusterIP\n  clusterIP: {address}\n  clusterIPs:\n    - {address}\n  ipFamilies:\n    - IPv4\n\
         \x20 internalTrafficPolicy: Cluster\n  selector:\n    app: s{service}\n  ports:\n\
         \x20   - name: http\n      protocol: TCP\n      port: {SERVICE_PORT}\n      targetPort: {PORT}\n---\n\
         apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  namespace: bench\n  name: s{service}-1\n\
         \x20 labels:\n    kubernetes.io/service-name: s{service}\naddressType: IPv4\nports:\n\
         \x20 - name: http\n    protocol: TCP\n    port: {PORT}\nendpoints:\n"
    );
    for (number, address) in endpoints.iter().enumerate() {
        text.push_str(&format!(
            "  - addresses:\n      - {address}\n    conditions:\n      ready: true\n      serving: true\n      terminating: false\n\
             \x20   nodeName: node2\n    targetRef:\n      kind: Pod\n      namespace: bench\n      name: s{service}-{number}\n"
        ));
    }
    text
}

/// The nodes' own file.
pub(crate) fn write_nodes(folder: &Path) {
    let node = |number: usize| {
        format!(
            "apiVersion: v1\nkind: Node\nmetadata:\n  name: node{number}\nspec:\n  podCIDR: 10.91.{number}.0/24\n  podCIDRs:\n    - 10.91.{number}.0/24\n\
             status:\n  addresses:\n    - type: InternalIP\n      address: 10.90.0.{number}\n"
        )
    };
    fs::write(folder.join("nodes.yaml"), [node(1), node(2)].join("---\n")).unwrap();
}
