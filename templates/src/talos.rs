//! The cluster as Talos' machine configurations see it, and the files of patches that follow.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ichor_config::model::{self, DiskType, Labels, Role, TaintEffect};
use ichor_config::{Cluster, Family};
use ichor_talos_config::input::{self, ExtraPatches, InstallDisk, InstallerImage, Link, LinkSelector, LinkSettings, Machine, Route, Vlan};
use ichor_talos_config::{omni_template, patches};
use ipnet::IpNet;

use crate::engine::Error;
use crate::part::Part;
use crate::tree::{Content, Tree};

/// KubePrism: the API server on every node's loopback address, before any Service works.
pub(crate) const KUBE_PRISM_PORT: u16 = 7445;

/// The alias of an interface that is found by its MAC address and was given no name.
const DEFAULT_ALIAS: &str = "lan";

pub(crate) const PART: Part = Part { files: |scope, tree| files(scope.cluster, tree), ..Part::NONE };

/// The patches below `talos/`, and the Omni export if it is wanted.
fn files(cluster: &Cluster, tree: &mut Tree) -> Result<(), Error> {
    let input = talos_cluster(cluster)?;
    let patches = patches(&input);
    for patch in &patches {
        let path = format!("talos/{}", patch.file_name());
        tree.insert(path, Content::Clear(patch.to_yaml())).map_err(|path| Error::Clash { path })?;
    }
    if let Some(omni) = &*cluster.talos.omni {
        let template = omni_template(&input).map_err(|error| Error::Unusable { what: "talos.omni".into(), why: error.to_string() })?;
        tree.insert(omni.path.as_str(), Content::Clear(template)).map_err(|path| Error::Clash { path })?;
    }
    Ok(())
}

/// The input of [`ichor_talos_config`] for this cluster.
pub fn talos_cluster(cluster: &Cluster) -> Result<input::Cluster, Error> {
    let talos = &cluster.talos;
    let invalid = |what: &'static str| move |why: String| Error::Unusable { what: what.to_owned(), why };
    let mut sans: Vec<String> = talos.cert_sans.iter().map(ToString::to_string).collect();
    sans.extend(talos.vip.as_ref().map(ToString::to_string));
    let endpoint = cluster.endpoint();
    let host = endpoint_host(&endpoint);
    let mut api_sans = sans.clone();
    if !api_sans.contains(&host) {
        api_sans.push(host);
    }
    Ok(input::Cluster {
        name: cluster.name.to_string(),
        endpoint,
        talos: cluster.versions.talos.as_str().parse().map_err(invalid("versions.talos"))?,
        kubernetes: cluster.versions.kubernetes.as_str().parse().map_err(invalid("versions.kubernetes"))?,
        pods: input::PodNetwork {
            dns_domain: talos.cluster_domain.to_string(),
            pod_subnets: cluster.network.pod_cidrs.iter().map(|cidr| cidr.0).collect(),
            service_subnets: cluster.network.service_cidrs.iter().map(|cidr| cidr.0).collect(),
        },
        kube_prism_port: KUBE_PRISM_PORT,
        host_dns: input::HostDns::default(),
        api_server: input::ApiServer {
            cert_sans: api_sans,
            // Talos' own configuration exempts this one, and the lists are joined.
            pod_security_exempt_namespaces: talos
                .pod_security_exempt
                .iter()
                .map(ToString::to_string)
                .filter(|name| name != "kube-system")
                .collect(),
        },
        machine_cert_sans: sans,
        schedule_on_control_planes: cluster.schedules_on_control_planes(),
        load_balancers_skip_control_planes: control_planes_are_skipped(cluster),
        etcd_advertised_subnets: node_cidrs(cluster),
        node_ip_subnets: node_cidrs(cluster),
        extra_manifests: extra_manifests(cluster),
        registry_mirrors: talos.registry_mirrors.iter().map(|mirror| registry_mirror(mirror)).collect(),
        discovery: *talos.discovery,
        talos_api_access: None,
        nameservers: cluster.nameservers(),
        search_domains: Vec::new(),
        time_servers: talos.time_servers.iter().map(ToString::to_string).collect(),
        kernel: input::Kernel::default(),
        patches: ExtraPatches {
            all: patches_for(cluster, "all"),
            control_plane: patches_for(cluster, "controlplane"),
            worker: patches_for(cluster, "worker"),
        },
        nodes: cluster.nodes.iter().map(|node| machine(cluster, node)).collect::<Result<_, _>>()?,
    })
}

/// Whether load balancers leave control planes out: they run no ordinary pods, and workers announce.
fn control_planes_are_skipped(cluster: &Cluster) -> bool {
    let l2 = if cluster.l2_enabled() { cluster.selected(&cluster.l2.node_selector) } else { Vec::new() };
    let mut announcers = cluster.speakers().into_iter().chain(l2);
    !cluster.schedules_on_control_planes() && announcers.any(|node| *node.role == Role::Worker)
}

fn node_cidrs(cluster: &Cluster) -> Vec<IpNet> {
    cluster.network.node_cidrs.iter().map(|cidr| cidr.0).collect()
}

/// The host of `https://HOST:PORT`, without the brackets of an IPv6 address.
fn endpoint_host(endpoint: &str) -> String {
    let authority = endpoint.trim_start_matches("https://").split('/').next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host.to_owned(),
        None => authority.split(':').next().unwrap_or_default().to_owned(),
    }
}

fn extra_manifests(cluster: &Cluster) -> Vec<String> {
    if !*cluster.talos.gateway_api_manifests {
        return Vec::new();
    }
    let version = cluster.versions.gateway_api.as_str();
    vec![format!(
        "https://github.com/kubernetes-sigs/gateway-api/releases/download/v{}/standard-install.yaml",
        version.trim_start_matches('v')
    )]
}

fn registry_mirror(mirror: &model::RegistryMirror) -> input::RegistryMirror {
    let endpoints = mirror.endpoints.iter().map(|url| input::MirrorEndpoint { url: url.to_string(), override_path: false });
    input::RegistryMirror { registry: mirror.registry.to_string(), endpoints: endpoints.collect(), skip_fallback: false }
}

fn patches_for(cluster: &Cluster, target: &str) -> Vec<Vec<ichor_yaml::Node>> {
    let meant = cluster.talos.patches.iter().filter(|patch| patch.target.as_str() == target);
    meant.map(|patch| vec![patch.patch.value.clone()]).collect()
}

fn machine(cluster: &Cluster, node: &model::Node) -> Result<Machine, Error> {
    let mut own = patches_for(cluster, node.name.as_str());
    own.extend(node.patches.iter().map(|patch| vec![patch.value.clone()]));
    let mut links = vec![main_link(cluster, node)?];
    for extra in node.extra_interfaces.iter() {
        links.push(extra_link(extra)?);
    }
    Ok(Machine {
        name: node.name.to_string(),
        role: match *node.role {
            Role::ControlPlane => input::Role::ControlPlane,
            Role::Worker => input::Role::Worker,
        },
        install: input::Install { disk: disk(cluster, node), image: image(cluster, node), wipe: false },
        links,
        labels: labels(&node.labels),
        annotations: BTreeMap::new(),
        taints: node.taints.iter().map(|taint| self::taint(taint)).collect(),
        kernel: input::Kernel::default(),
        patches: own,
        uuid: node.uuid.as_ref().map(ToString::to_string),
    })
}

fn labels(labels: &Labels) -> BTreeMap<String, String> {
    labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn taint(taint: &model::Taint) -> input::Taint {
    input::Taint {
        key: taint.key.to_string(),
        value: taint.value.as_ref().map(ToString::to_string),
        effect: match *taint.effect {
            TaintEffect::NoSchedule => input::TaintEffect::NoSchedule,
            TaintEffect::PreferNoSchedule => input::TaintEffect::PreferNoSchedule,
            TaintEffect::NoExecute => input::TaintEffect::NoExecute,
        },
    }
}

fn disk(cluster: &Cluster, node: &model::Node) -> InstallDisk {
    if let Some(selector) = &*node.disk_selector {
        return InstallDisk::Selector(input::DiskSelector {
            model: selector.model.as_ref().map(ToString::to_string),
            serial: selector.serial.as_ref().map(ToString::to_string),
            wwid: selector.wwid.as_ref().map(ToString::to_string),
            bus_path: selector.bus_path.as_ref().map(ToString::to_string),
            size: selector.size.as_ref().and_then(|size| size.bytes()).map(|(compare, bytes)| input::DiskSize {
                compare: match compare {
                    model::SizeComparison::AtMost => input::SizeComparison::AtMost,
                    model::SizeComparison::AtLeast => input::SizeComparison::AtLeast,
                    model::SizeComparison::Equal => input::SizeComparison::Equal,
                },
                bytes,
            }),
            kind: selector.r#type.map(|kind| match kind {
                DiskType::Hdd => input::DiskKind::Hdd,
                DiskType::Ssd => input::DiskKind::Ssd,
                DiskType::Nvme => input::DiskKind::Nvme,
                DiskType::Sd => input::DiskKind::Sd,
            }),
        });
    }
    let path = node.install_disk.as_ref().or(cluster.talos.install_disk.as_ref());
    InstallDisk::Path(path.map(ToString::to_string).unwrap_or_default())
}

fn image(cluster: &Cluster, node: &model::Node) -> InstallerImage {
    let talos = &cluster.talos;
    let (installer, version) = (talos.installer.as_str(), cluster.versions.talos.as_str());
    let version = format!("v{}", version.trim_start_matches('v'));
    match node.schematic.as_ref().or(talos.schematic.as_ref()) {
        Some(schematic) => InstallerImage::Reference(format!("{installer}/{schematic}:{version}")),
        // The factory serves schematics only; without one, Talos' own installer is meant.
        None if !talos.installer.written => InstallerImage::Plain,
        None => InstallerImage::Reference(format!("{installer}:{version}")),
    }
}

fn main_link(cluster: &Cluster, node: &model::Node) -> Result<Link, Error> {
    let interface = &node.interface;
    let (name, selector) = card(interface.mac.as_ref(), interface.name.as_ref(), interface.alias.as_ref())?;
    let mtu = interface.mtu.as_ref().and_then(|mtu| u32::try_from(mtu.get()).ok());
    let mut settings = LinkSettings { mtu, ..LinkSettings::default() };
    if *interface.dhcp {
        settings.dhcp4 = node.address(Family::V4).is_some();
        settings.dhcp6 = node.address(Family::V6).is_some();
    } else {
        settings.addresses = node.addresses.iter().filter_map(|address| with_prefix(cluster, address.0)).collect();
        let families = Family::BOTH.into_iter().filter(|family| node.address(*family).is_some());
        let gateways = families.filter_map(|family| cluster.node_network(family)).map(|network| network.gateway);
        settings.routes = gateways.map(|gateway| Route { destination: None, gateway: Some(gateway), metric: None }).collect();
    }
    if *node.role == Role::ControlPlane {
        settings.vips = cluster.talos.vip.iter().map(|vip| vip.0).collect();
    }
    let Some(vlan) = interface.vlan.as_ref().and_then(|id| u16::try_from(id.get()).ok()) else {
        return Ok(Link { name, selector, settings, vlans: Vec::new() });
    };
    let card = LinkSettings { mtu, ..LinkSettings::default() };
    Ok(Link { name, selector, settings: card, vlans: vec![Vlan { id: vlan, settings }] })
}

fn extra_link(extra: &model::ExtraInterface) -> Result<Link, Error> {
    let (name, selector) = card(extra.mac.as_ref(), extra.name.as_ref(), extra.name.as_ref())?;
    let settings = LinkSettings {
        addresses: extra.addresses.iter().filter_map(|a| IpNet::new(a.address.0, a.subnet.0.prefix_len()).ok()).collect(),
        dhcp4: *extra.dhcp,
        mtu: extra.mtu.as_ref().and_then(|mtu| u32::try_from(mtu.get()).ok()),
        ..LinkSettings::default()
    };
    Ok(Link { name, selector, settings, vlans: Vec::new() })
}

/// A card's name in the configuration, and how it is found if not by that name.
fn card(
    mac: Option<&ichor_config::Mac>,
    name: Option<&model::InterfaceName>,
    alias: Option<&model::InterfaceName>,
) -> Result<(String, Option<LinkSelector>), Error> {
    match (mac, name) {
        (Some(mac), _) => {
            let selector = mac.as_str().parse().map_err(|why| Error::Unusable { what: mac.to_string(), why })?;
            Ok((alias.map_or_else(|| DEFAULT_ALIAS.to_owned(), ToString::to_string), Some(LinkSelector::Mac(selector))))
        }
        (None, name) => Ok((name.map(ToString::to_string).unwrap_or_default(), None)),
    }
}

fn with_prefix(cluster: &Cluster, ip: IpAddr) -> Option<IpNet> {
    IpNet::new(ip, cluster.node_subnet_of(ip)?.prefix_len()).ok()
}
