//! From a peering policy to the cluster, peer and advertisement objects that say the same.

use std::collections::BTreeMap;

use super::{
    super::{
        Advertisement, AdvertisementKind, AdvertisementSpec, Attributes, CiliumBGPAdvertisement, CiliumBGPClusterConfig,
        CiliumBGPPeerConfig, ClusterConfigSpec, Family, Instance, Peer, PeerConfigRef, PeerConfigSpec, Safi, ServiceAddress,
        ServiceOptions, Timers, Transport,
    },
    AttributesFor, CiliumBGPPeeringPolicy, LegacyFamily, LegacyNeighbor, SelectorType, VirtualRouter,
};
use crate::{
    bgp::Afi,
    object::Object,
    selector::{LabelSelector, Labels},
};

/// The label by which the made peer configurations select the made advertisements.
const ADVERTISE: &str = "ichor.dev/advertise";
const MAX_LABEL_VALUE: usize = 63;

/// What became of a peering policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Migration {
    /// The nodes, instances and peers.
    pub cluster_config: Object<CiliumBGPClusterConfig>,
    /// One for each peer.
    pub peer_configs: Vec<Object<CiliumBGPPeerConfig>>,
    /// One for each peer that is advertised anything.
    pub advertisements: Vec<Object<CiliumBGPAdvertisement>>,
    /// What could not be said in the new objects, for a person to read.
    pub notes: Vec<String>,
}

impl Object<CiliumBGPPeeringPolicy> {
    /// The objects that say the same, all named after the policy. What nodes say by annotation is not seen here.
    pub fn migrate(&self) -> Migration {
        let policy = &self.metadata.name;
        let spec = self.body.spec.clone().unwrap_or_default();
        let mut made = Migration {
            cluster_config: Object::new(policy, CiliumBGPClusterConfig::default()),
            peer_configs: Vec::new(),
            advertisements: Vec::new(),
            notes: Vec::new(),
        };
        let bgp_instances = spec.virtual_routers.iter().map(|router| instance(policy, router, &mut made)).collect();
        made.cluster_config.body.spec = ClusterConfigSpec { node_selector: spec.node_selector, bgp_instances };
        made
    }
}

fn instance(policy: &str, router: &VirtualRouter, made: &mut Migration) -> Instance {
    let mut peers = Vec::new();
    let mut used = BTreeMap::<String, u32>::new();
    for neighbor in &router.neighbors {
        let mut name = format!("peer-{}-{}", neighbor.peer_asn, if neighbor.peer_address.0.addr().is_ipv4() { "v4" } else { "v6" });
        let count = used.entry(name.clone()).and_modify(|count| *count += 1).or_insert(1);
        if *count > 1 {
            name = format!("{name}-{count}");
        }
        let object = object_name(policy, &format!("{}-{name}", router.local_asn));
        made.peer_configs.push(Object::new(&object, CiliumBGPPeerConfig { spec: peer_config(neighbor, &object), status: None }));
        let advertisements = advertisements(router, neighbor, &object, &mut made.notes);
        if !advertisements.is_empty() {
            let body = CiliumBGPAdvertisement { spec: AdvertisementSpec { advertisements } };
            made.advertisements.push(Object::new(&object, body).with_label(ADVERTISE, &object));
        }
        peers.push(Peer {
            name,
            peer_address: Some(neighbor.peer_address.0.addr().to_string()),
            peer_asn: Some(neighbor.peer_asn),
            auto_discovery: None,
            peer_config_ref: Some(PeerConfigRef { name: object }),
        });
    }
    Instance { name: format!("instance-{}", router.local_asn), local_asn: Some(router.local_asn), local_port: None, peers: Some(peers) }
}

/// The name is the value of a label too, and so not longer than one may be.
fn object_name(policy: &str, suffix: &str) -> String {
    let room = MAX_LABEL_VALUE.saturating_sub(suffix.len() + 1);
    let stem: String = policy.chars().take(room).collect();
    format!("{}-{suffix}", stem.trim_end_matches(['-', '.']))
}

fn peer_config(neighbor: &LegacyNeighbor, label: &str) -> PeerConfigSpec {
    let both = [Afi::Ipv4, Afi::Ipv6].map(|afi| LegacyFamily { afi, safi: Safi::Unicast });
    let families = neighbor.families.as_deref().filter(|families| !families.is_empty()).unwrap_or(&both);
    let advertisements = Some(LabelSelector::labels([(ADVERTISE, label)]));
    let timers = Timers {
        connect_retry_time_s: neighbor.connect_retry_time_s,
        hold_time_s: neighbor.hold_time_s,
        keep_alive_time_s: neighbor.keep_alive_time_s,
    };
    PeerConfigSpec {
        transport: neighbor.peer_port.map(|port| Transport { peer_port: Some(port), source_interface: None }),
        timers: (timers != Timers::default()).then_some(timers),
        auth_secret_ref: neighbor.auth_secret_ref.clone(),
        graceful_restart: neighbor.graceful_restart.clone(),
        ebgp_multihop: neighbor.ebgp_multihop_ttl,
        families: Some(
            families.iter().map(|family| Family { afi: family.afi, safi: family.safi, advertisements: advertisements.clone() }).collect(),
        ),
    }
}

fn advertisements(router: &VirtualRouter, neighbor: &LegacyNeighbor, object: &str, notes: &mut Vec<String>) -> Vec<Advertisement> {
    let attributes = neighbor.advertised_path_attributes.as_deref().unwrap_or_default();
    let about =
        |kind| attributes.iter().find(|about| about.selector_type == kind && about.selector.as_ref().is_none_or(LabelSelector::is_empty));
    let plain = |kind, about: Option<&AttributesFor>| Advertisement {
        kind,
        service: None,
        interface: None,
        selector: None,
        attributes: about.map(|about| Attributes { communities: about.communities.clone(), local_preference: about.local_preference }),
    };
    let mut made = Vec::new();
    if router.export_pod_cidr == Some(true) {
        made.push(plain(AdvertisementKind::PodCidr, about(SelectorType::PodCidr)));
    }
    if let Some(selector) = &router.pod_ip_pool_selector {
        made.push(Advertisement {
            selector: Some(selector.clone()),
            ..plain(AdvertisementKind::PodIpPool, about(SelectorType::PodIpPool))
        });
    }
    if let Some(selector) = &router.service_selector {
        let addresses = router.service_advertisements.clone().unwrap_or_else(|| vec![ServiceAddress::LoadBalancerIp]);
        let service = Some(ServiceOptions { addresses, ..ServiceOptions::default() });
        let about = about(SelectorType::LoadBalancerIpPool);
        made.push(Advertisement { service, selector: Some(selector.clone()), ..plain(AdvertisementKind::Service, about) });
    }
    for about in attributes.iter().filter(|about| about.selector.as_ref().is_some_and(|selector| !selector.is_empty())) {
        let selector = about.selector.as_ref().map(describe).unwrap_or_default();
        let kind = about.selector_type.kind();
        notes.push(format!(
            "{object}: attributes cannot be given by {kind} with {selector} any more: write an advertisement for its routes"
        ));
    }
    made
}

fn describe(selector: &LabelSelector) -> String {
    let labels: &Labels = &selector.match_labels;
    let exact = labels.iter().map(|(key, value)| format!("{key}={value}"));
    let other = selector.match_expressions.iter().map(|requirement| format!("{} {}", requirement.key, requirement.operator));
    exact.chain(other).collect::<Vec<_>>().join(",")
}
