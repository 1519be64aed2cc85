//! What the BGP objects say together: sessions that would advertise nothing, and advertisements that nobody sends.

use super::{AdvertisementKind, CiliumBGPAdvertisement, CiliumBGPClusterConfig, CiliumBGPPeerConfig, Family};
use crate::object::{Kind, Object};

/// The BGP objects of a cluster.
#[derive(Clone, Copy, Debug)]
pub struct BgpObjects<'a> {
    /// Who speaks with whom.
    pub cluster_configs: &'a [Object<CiliumBGPClusterConfig>],
    /// How.
    pub peer_configs: &'a [Object<CiliumBGPPeerConfig>],
    /// What is advertised.
    pub advertisements: &'a [Object<CiliumBGPAdvertisement>],
}

/// Something in an object that has no effect, or not the one that was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The object, as `kind/name`.
    pub object: String,
    /// The field, from the top of the object.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// How to mend it.
    pub help: String,
}

impl Family {
    /// Whether the family advertises what the object holds.
    pub fn selects(&self, advertisement: &Object<CiliumBGPAdvertisement>) -> bool {
        self.advertisements.as_ref().is_some_and(|selector| selector.matches(&advertisement.metadata.labels))
    }
}

/// Looks for objects that pass the API server and yet do nothing.
pub fn lint(objects: BgpObjects<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for config in objects.cluster_configs {
        references(config, objects.peer_configs, &mut findings);
    }
    for config in objects.peer_configs {
        families(config, objects.advertisements, &mut findings);
    }
    for advertisement in objects.advertisements {
        senders(advertisement, objects.peer_configs, &mut findings);
        selectors(advertisement, &mut findings);
    }
    findings
}

fn references(config: &Object<CiliumBGPClusterConfig>, peer_configs: &[Object<CiliumBGPPeerConfig>], findings: &mut Vec<Finding>) {
    for (i, instance) in config.body.spec.bgp_instances.iter().enumerate() {
        for (p, peer) in instance.peers.iter().flatten().enumerate() {
            let field = format!("spec.bgpInstances[{i}].peers[{p}]");
            match &peer.peer_config_ref {
                None => findings.push(finding(
                    config,
                    format!("{field}.peerConfigRef"),
                    format!("peer {:?} has no peer configuration, so it advertises nothing", peer.name),
                    "name a CiliumBGPPeerConfig".into(),
                )),
                Some(wanted) if !peer_configs.iter().any(|known| known.metadata.name == wanted.name) => {
                    let known: Vec<_> = peer_configs.iter().map(|known| known.metadata.name.as_str()).collect();
                    findings.push(finding(
                        config,
                        format!("{field}.peerConfigRef.name"),
                        format!("there is no CiliumBGPPeerConfig named {:?}", wanted.name),
                        if known.is_empty() { "write one".into() } else { format!("use {}", known.join(" or ")) },
                    ));
                }
                Some(_) => (),
            }
        }
    }
}

fn families(config: &Object<CiliumBGPPeerConfig>, advertisements: &[Object<CiliumBGPAdvertisement>], findings: &mut Vec<Finding>) {
    let families = config.body.spec.families.as_deref().unwrap_or_default();
    if families.is_empty() {
        let problem = "without families the session comes up and advertises nothing".into();
        findings.push(finding(config, "spec.families".into(), problem, "add a family with a selector of advertisements".into()));
    }
    for (index, family) in families.iter().enumerate() {
        let field = format!("spec.families[{index}].advertisements");
        match &family.advertisements {
            None => {
                let help = "add a selector that matches the labels of a CiliumBGPAdvertisement".into();
                findings.push(finding(config, field, "a family without a selector advertises nothing".into(), help));
            }
            Some(_) if !advertisements.iter().any(|known| family.selects(known)) => {
                let help = "give a CiliumBGPAdvertisement the labels that are selected here".into();
                findings.push(finding(config, field, "the selector matches no CiliumBGPAdvertisement".into(), help));
            }
            Some(_) => (),
        }
    }
}

fn senders(advertisement: &Object<CiliumBGPAdvertisement>, peer_configs: &[Object<CiliumBGPPeerConfig>], findings: &mut Vec<Finding>) {
    let mut families = peer_configs.iter().flat_map(|config| config.body.spec.families.iter().flatten());
    if families.any(|family| family.selects(advertisement)) {
        return;
    }
    let problem = match advertisement.metadata.labels.is_empty() {
        true => "the object has no labels, so no peer configuration selects it",
        false => "no peer configuration selects the labels of the object",
    };
    let selected = peer_configs.iter().flat_map(|config| config.body.spec.families.iter().flatten());
    let wanted = selected.filter_map(|family| family.advertisements.as_ref()).flat_map(|selector| &selector.match_labels).next();
    let help = match wanted {
        Some((key, value)) => format!("add the label {key}: {value}"),
        None => "select its labels in the families of a CiliumBGPPeerConfig".into(),
    };
    findings.push(finding(advertisement, "metadata.labels".into(), problem.into(), help));
}

fn selectors(advertisement: &Object<CiliumBGPAdvertisement>, findings: &mut Vec<Finding>) {
    for (index, source) in advertisement.body.spec.advertisements.iter().enumerate() {
        let field = format!("spec.advertisements[{index}].selector");
        let what = match source.kind {
            AdvertisementKind::Service => "Services",
            AdvertisementKind::PodIpPool => "pools of pod addresses",
            AdvertisementKind::PodCidr | AdvertisementKind::Interface => continue,
        };
        match &source.selector {
            None => {
                let help = "add a selector; an empty one, written {}, selects all".into();
                findings.push(finding(advertisement, field, format!("without a selector no {what} are advertised"), help));
            }
            Some(selector) => {
                let faults = selector.faults().into_iter();
                findings.extend(faults.map(|fault| finding(advertisement, field.clone(), fault, "mend the matchExpressions".into())));
            }
        }
    }
}

fn finding<B: Kind>(object: &Object<B>, field: String, problem: String, help: String) -> Finding {
    Finding { object: format!("{}/{}", B::RESOURCE.kind, object.metadata.name), field, problem, help }
}
