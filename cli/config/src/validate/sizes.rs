//! How large prefixes must be, and how large they may be.

use ichor_yaml::Span;
use ipnet::IpNet;

use super::{Check, check};
use crate::cluster::Family;
use crate::diagnostic::{Diagnostic, Diagnostics, Path};
use crate::field::{Cidr, Spanned};
use crate::model::{IpamMode, Spec};

pub(super) const CHECKS: &[Check] = &[
    check(services_fit_the_api_server, &[&["network.service_cidrs"]]),
    check(node_masks_cut_the_pod_prefix, &[&["network.pod_cidrs", "network.ipam"]]),
    check(pod_prefix_serves_all_nodes, &[&["network.pod_cidrs", "network.ipam", "nodes.name"]]),
    check(nodes_have_room_for_pods, &[&["network.pod_cidrs", "network.ipam"]]),
    check(masks_are_used, &[&["network.pod_cidrs", "network.ipam"]]),
];

/// The API server keeps a bitmap of at most this many bits of Service addresses.
const SERVICE_BITS: u8 = 20;
/// The tenth Service address is the cluster's DNS.
const FEWEST_SERVICE_BITS: u8 = 4;
/// The controller manager cuts a pod prefix into at most 2 to the power of this many pieces.
const CUT_BITS: u8 = 16;
/// The kubelet runs at most so many pods, unless told otherwise.
const PODS_OF_A_NODE: u128 = 110;

fn services_fit_the_api_server(spec: &Spec, out: &mut Diagnostics) {
    for cidr in spec.network.service_cidrs.iter() {
        let (most, length) = (cidr.0.max_prefix_len(), cidr.0.prefix_len());
        let (shortest, longest) = (most - SERVICE_BITS, most - FEWEST_SERVICE_BITS);
        let (wrong, wanted) = if length < shortest {
            ("larger than the API server accepts", (shortest).max(most - 16))
        } else if length > longest {
            ("too small: DNS has the tenth address of it", longest)
        } else {
            continue;
        };
        let example = IpNet::new(cidr.0.addr(), wanted).map_or_else(|_| format!("/{wanted}"), |net| net.trunc().to_string());
        out.push(
            cidr.mistake(format!("the prefix of Services is {wrong}"))
                .help(format!("choose a length from /{shortest} to /{longest}, such as `{example}`")),
        );
    }
}

/// A pod prefix and how it is cut into one part for each node.
struct Cut<'a> {
    cidr: &'a Spanned<Cidr>,
    key: &'static str,
    /// The prefix length of a node's part.
    mask: u8,
    /// What a mask may be at most.
    longest: u8,
    usual: u8,
    /// The mask's own place, where it is written.
    written: Option<(&'a Path, Span)>,
}

impl Cut<'_> {
    /// A mistake in the mask; a mask that nobody wrote is the pod prefix's mistake.
    fn mistake(&self, message: String) -> Diagnostic {
        match self.written {
            Some((path, span)) => Diagnostic::new(path, span, message).also(self.cidr.span, "the whole prefix"),
            None => self.cidr.mistake(message),
        }
    }

    fn fits(&self, mask: u8, nodes: usize) -> bool {
        let bits = u32::from(mask.saturating_sub(self.cidr.0.prefix_len()));
        mask >= self.cidr.0.prefix_len() && bits <= u32::from(CUT_BITS) && 1usize << bits >= nodes
    }

    /// How to mend it, for so many nodes.
    fn help(&self, nodes: usize) -> String {
        let shorter = (self.cidr.0.prefix_len()..self.usual).rev();
        match (self.usual..=self.longest).chain(shorter).find(|mask| self.fits(*mask, nodes)) {
            Some(mask) => format!("write `{}: {mask}` below `network.ipam`, or choose another pod prefix", self.key),
            None => format!("choose a larger pod prefix, such as a /{}", self.usual - 8),
        }
    }
}

fn cuts<'a>(spec: &'a Spec) -> Vec<Cut<'a>> {
    let ipam = &spec.network.ipam;
    let (v4, v6) = (&ipam.ipv4_mask, &ipam.ipv6_mask);
    let length = |mask: i64| u8::try_from(mask).unwrap_or(u8::MAX);
    let cut = |cidr: &'a Spanned<Cidr>| match Family::of_net(cidr.0) {
        Family::V4 => {
            let written = v4.written.then_some((&v4.at, v4.span));
            Cut { cidr, key: "ipv4_mask", mask: length(v4.get()), longest: 30, usual: 24, written }
        }
        Family::V6 => {
            let written = v6.written.then_some((&v6.at, v6.span));
            Cut { cidr, key: "ipv6_mask", mask: length(v6.get()), longest: 126, usual: 64, written }
        }
    };
    spec.network.pod_cidrs.iter().map(cut).collect()
}

fn node_masks_cut_the_pod_prefix(spec: &Spec, out: &mut Diagnostics) {
    for cut in cuts(spec) {
        let (whole, mask) = (cut.cidr.0, cut.mask);
        let wrong = if mask < whole.prefix_len() {
            format!("each node's part of the pod prefix (/{mask}) is larger than the whole of it ({whole})")
        } else if *spec.network.ipam.mode == IpamMode::Kubernetes && mask - whole.prefix_len() > CUT_BITS {
            format!(
                "Kubernetes cuts a prefix into parts at most {CUT_BITS} bits longer, and /{mask} is {} longer than {whole}",
                mask - whole.prefix_len()
            )
        } else {
            continue;
        };
        out.push(cut.mistake(wrong).help(cut.help(1)));
    }
}

fn pod_prefix_serves_all_nodes(spec: &Spec, out: &mut Diagnostics) {
    let nodes = spec.nodes.len();
    for cut in cuts(spec).into_iter().filter(|cut| cut.mask >= cut.cidr.0.prefix_len()) {
        let parts = 1u128.checked_shl(u32::from(cut.mask - cut.cidr.0.prefix_len())).unwrap_or(u128::MAX);
        if parts < nodes as u128 {
            let message = format!("{} has {parts} parts of /{} and there are {nodes} nodes", cut.cidr.0, cut.mask);
            out.push(cut.mistake(message).help(cut.help(nodes)));
        }
    }
}

fn nodes_have_room_for_pods(spec: &Spec, out: &mut Diagnostics) {
    for cut in cuts(spec).into_iter().filter(|cut| cut.mask >= cut.cidr.0.prefix_len()) {
        let room = 1u128.checked_shl(u32::from(cut.cidr.0.max_prefix_len() - cut.mask)).unwrap_or(u128::MAX);
        if room < PODS_OF_A_NODE {
            let message = format!("a node has {room} pod addresses and the kubelet starts up to {PODS_OF_A_NODE} pods");
            let wanted = cut.cidr.0.max_prefix_len() - 7;
            out.push(cut.mistake(message).warning().help(format!("write `{}: {wanted}` or less below `network.ipam`", cut.key)));
        }
    }
}

fn masks_are_used(spec: &Spec, out: &mut Diagnostics) {
    let ipam = &spec.network.ipam;
    let unused = |family| spec.network.pod_cidrs.iter().all(|cidr| Family::of_net(cidr.0) != family);
    let tell = |mistake: Diagnostic, family| mistake.warning().help(format!("remove it, or give pods an {family} prefix"));
    if ipam.ipv4_mask.written && unused(Family::V4) {
        out.push(tell(ipam.ipv4_mask.mistake("this does nothing: pods have no IPv4 prefix"), Family::V4));
    }
    if ipam.ipv6_mask.written && unused(Family::V6) {
        out.push(tell(ipam.ipv6_mask.mistake("this does nothing: pods have no IPv6 prefix"), Family::V6));
    }
}
