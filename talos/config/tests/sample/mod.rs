//! Clusters for the tests: one that uses everything, and one that uses as little as it can.

use std::collections::BTreeMap;

use ichor_talos_config::input::{
    ApiServer, Cluster, DiskKind, DiskSelector, DiskSize, ExtraPatches, HostDns, Install, InstallDisk, InstallerImage, Kernel,
    KernelModule, Link, LinkSelector, LinkSettings, Machine, MirrorEndpoint, PodNetwork, RegistryMirror, Role, Route, SizeComparison,
    Taint, TaintEffect, TalosApiAccess, Vlan,
};
use ichor_yaml::Node;

/// Two families, both roles, every way to find a card or a disk, and the user's own patches.
pub(crate) fn full(talos: &str) -> Cluster {
    let endpoints = vec![
        MirrorEndpoint { url: "https://cache.home.arpa".into(), override_path: false },
        MirrorEndpoint { url: "http://192.168.42.9:5000/v2/hub".into(), override_path: true },
    ];
    Cluster {
        name: "home".into(),
        endpoint: "https://192.168.42.10:6443".into(),
        talos: talos.parse().unwrap(),
        kubernetes: "v1.35.2".parse().unwrap(),
        pods: PodNetwork {
            dns_domain: "cluster.local".into(),
            pod_subnets: nets(&["10.42.0.0/16", "fd42::/56"]),
            service_subnets: nets(&["10.43.0.0/16", "fd43::/112"]),
        },
        kube_prism_port: 7445,
        host_dns: HostDns::default(),
        api_server: ApiServer {
            cert_sans: texts(&["192.168.42.10", "k8s.home.arpa"]),
            pod_security_exempt_namespaces: texts(&["ichor-system"]),
        },
        machine_cert_sans: texts(&["k8s.home.arpa", "127.0.0.1"]),
        schedule_on_control_planes: true,
        load_balancers_skip_control_planes: false,
        etcd_advertised_subnets: nets(&["192.168.42.0/24"]),
        node_ip_subnets: nets(&["192.168.42.0/24", "fd10:42::/64"]),
        extra_manifests: texts(&["https://example.org/crds/standard-install.yaml", "https://example.net/standard-install.yaml?v=2"]),
        registry_mirrors: vec![RegistryMirror { registry: "docker.io".into(), endpoints, skip_fallback: true }],
        discovery: false,
        talos_api_access: Some(TalosApiAccess { roles: texts(&["os:reader"]), namespaces: texts(&["ichor-system"]) }),
        nameservers: vec!["192.168.42.1".parse().unwrap(), "fd10:42::1".parse().unwrap()],
        search_domains: texts(&["home.arpa"]),
        time_servers: texts(&["192.168.42.1", "time.home.arpa"]),
        kernel: Kernel { modules: vec![module("br_netfilter", &[])], sysctls: map(&[("net.core.bpf_jit_harden", "0")]) },
        patches: ExtraPatches::default(),
        nodes: vec![control_plane(), second_control_plane(), worker()],
    }
}

/// One machine, one address by DHCP, defaults for the rest.
pub(crate) fn small(talos: &str) -> Cluster {
    let link =
        Link { name: "eth0".into(), selector: None, settings: LinkSettings { dhcp4: true, ..LinkSettings::default() }, vlans: vec![] };
    Cluster {
        endpoint: "https://k8s.home.arpa:6443".into(),
        pods: PodNetwork {
            dns_domain: "cluster.local".into(),
            pod_subnets: nets(&["10.42.0.0/16"]),
            service_subnets: nets(&["10.43.0.0/16"]),
        },
        api_server: ApiServer::default(),
        machine_cert_sans: vec![],
        schedule_on_control_planes: false,
        load_balancers_skip_control_planes: true,
        etcd_advertised_subnets: vec![],
        node_ip_subnets: vec![],
        extra_manifests: vec![],
        registry_mirrors: vec![],
        discovery: true,
        talos_api_access: None,
        nameservers: vec![],
        search_domains: vec![],
        time_servers: vec![],
        kernel: Kernel::default(),
        nodes: vec![Machine { links: vec![link], ..plain("one", Role::ControlPlane, InstallDisk::Path("/dev/sda".into())) }],
        ..full(talos)
    }
}

/// A patch as a user writes it.
pub(crate) fn patch(text: &str) -> Vec<Node> {
    ichor_yaml::parse(text).unwrap().into_iter().map(|document| document.root).collect()
}

fn control_plane() -> Machine {
    let vlan =
        Vlan { id: 30, settings: LinkSettings { addresses: nets(&["192.168.30.11/24"]), mtu: Some(1500), ..LinkSettings::default() } };
    let settings = LinkSettings {
        addresses: nets(&["192.168.42.11/24", "fd10:42::11/64"]),
        mtu: Some(9000),
        routes: vec![
            route(None, "192.168.42.1", None),
            route(Some("fd00::/8"), "fd10:42::1", Some(1024)),
            route(Some("::/0"), "fd10:42::1", None),
        ],
        vips: vec!["192.168.42.10".parse().unwrap()],
        ..LinkSettings::default()
    };
    let selector = Some(LinkSelector::Mac("00:1a:2b:3c:4d:5e".parse().unwrap()));
    let image =
        InstallerImage::Schematic { id: "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba".into(), secure_boot: true };
    let mut machine = plain("cp-1", Role::ControlPlane, InstallDisk::Path("/dev/nvme0n1".into()));
    machine.install.image = image;
    machine.links = vec![Link { name: "net0".into(), selector, settings, vlans: vec![vlan] }];
    machine.labels = map(&[("topology.kubernetes.io/zone", "rack-1")]);
    machine.annotations = map(&[("home.arpa/shelf", "2")]);
    machine.uuid = Some("430d882a-51a8-48b3-ae00-90c5b0b5b0b0".into());
    machine
}

fn second_control_plane() -> Machine {
    let selector = DiskSelector {
        model: Some("Samsung*".into()),
        serial: Some("S\"5\\1".into()),
        wwid: Some("eui.*".into()),
        bus_path: Some("/pci0000:00/*".into()),
        size: Some(DiskSize { compare: SizeComparison::AtLeast, bytes: 500_000_000_000 }),
        kind: Some(DiskKind::Nvme),
    };
    let mut machine = plain("cp-2", Role::ControlPlane, InstallDisk::Selector(selector));
    let settings = LinkSettings { dhcp4: true, dhcp6: true, ..LinkSettings::default() };
    let selector = Some(LinkSelector::Expression("link.driver == \"e1000\"".into()));
    machine.links = vec![Link { name: "lan".into(), selector, settings, vlans: vec![] }];
    machine.uuid = Some("4aed1106-6f44-4be9-9796-d4b5b0b5b0b0".into());
    machine
}

fn worker() -> Machine {
    let mut machine = plain("mini", Role::Worker, InstallDisk::Path("/dev/sda".into()));
    machine.install.wipe = true;
    machine.install.image = InstallerImage::Reference("registry.home.arpa/installer:own".into());
    let settings = LinkSettings { addresses: nets(&["192.168.42.21/24"]), ..LinkSettings::default() };
    machine.links = vec![Link { name: "enp3s0".into(), selector: None, settings, vlans: vec![] }];
    machine.taints = vec![
        Taint { key: "home.arpa/slow".into(), value: None, effect: TaintEffect::PreferNoSchedule },
        Taint { key: "home.arpa/kind".into(), value: Some("mini".into()), effect: TaintEffect::NoExecute },
    ];
    machine.kernel = Kernel {
        modules: vec![module("br_netfilter", &[]), module("tg3", &["debug=1"])],
        sysctls: map(&[("net.core.rmem_max", "7500000")]),
    };
    machine.uuid = Some("430d882a-51a8-48b3-ab00-d4b5b0b5b0b0".into());
    machine
}

fn plain(name: &str, role: Role, disk: InstallDisk) -> Machine {
    Machine {
        name: name.into(),
        role,
        install: Install { disk, image: InstallerImage::Plain, wipe: false },
        links: vec![],
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        taints: vec![],
        kernel: Kernel::default(),
        patches: vec![],
        uuid: None,
    }
}

fn route(destination: Option<&str>, gateway: &str, metric: Option<u32>) -> Route {
    Route { destination: destination.map(|net| net.parse().unwrap()), gateway: Some(gateway.parse().unwrap()), metric }
}

fn module(name: &str, parameters: &[&str]) -> KernelModule {
    KernelModule { name: name.into(), parameters: texts(parameters) }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

fn texts(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).into()).collect()
}

fn nets<T: std::str::FromStr<Err: std::fmt::Debug>>(items: &[&str]) -> Vec<T> {
    items.iter().map(|item| item.parse().unwrap()).collect()
}
