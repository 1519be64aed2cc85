//! Which address a new pod gets.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// The first addresses of the node's pod networks, one of each family, that nobody has: of both families or of none.
///
/// Left out are those that name the network, the one after it, which people take for its gateway, and the broadcast address.
pub(crate) fn choose(networks: &[IpNet], taken: &BTreeSet<IpAddr>) -> Result<Vec<IpAddr>, String> {
    let of = |is_v4: bool| networks.iter().find(|network| network.addr().is_ipv4() == is_v4);
    let chosen: Vec<&IpNet> = of(true).into_iter().chain(of(false)).collect();
    chosen.into_iter().map(|network| first_free(network, taken).ok_or_else(|| format!("all addresses of {network} are taken"))).collect()
}

fn first_free(network: &IpNet, taken: &BTreeSet<IpAddr>) -> Option<IpAddr> {
    // As many are looked at as can be taken, whatever the size of the network.
    let tries = taken.len() as u128 + 1;
    match network {
        IpNet::V4(network) => {
            let (first, last) = (u128::from(network.network().to_bits()), u128::from(network.broadcast().to_bits()));
            let address = |bits: u128| u32::try_from(bits).ok().map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)));
            (first + 2..last)
                .take(usize::try_from(tries).unwrap_or(usize::MAX))
                .filter_map(address)
                .find(|address| !taken.contains(address))
        }
        IpNet::V6(network) => {
            let (first, last) = (network.network().to_bits(), network.broadcast().to_bits());
            let start = first.checked_add(2)?;
            (start..=last)
                .take(usize::try_from(tries).unwrap_or(usize::MAX))
                .map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
                .find(|address| !taken.contains(address))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_first_free_one_of_each_family_is_chosen() {
        let both = networks(&["10.42.0.0/24", "fd00:10:42::/64"]);
        let mut taken = BTreeSet::new();
        assert_eq!(choose(&both, &taken), Ok(addresses(&["10.42.0.2", "fd00:10:42::2"])));
        taken.extend(addresses(&["10.42.0.2", "10.42.0.4", "fd00:10:42::2"]));
        assert_eq!(choose(&both, &taken), Ok(addresses(&["10.42.0.3", "fd00:10:42::3"])));
        taken.extend(addresses(&["10.42.0.3"]));
        assert_eq!(choose(&both, &taken), Ok(addresses(&["10.42.0.5", "fd00:10:42::3"])));
    }

    #[test]
    fn one_family_is_enough_where_the_node_has_one() {
        assert_eq!(choose(&networks(&["fd00::/64"]), &BTreeSet::new()), Ok(addresses(&["fd00::2"])));
        assert_eq!(choose(&networks(&["10.0.0.0/24", "10.1.0.0/24"]), &BTreeSet::new()), Ok(addresses(&["10.0.0.2"])));
    }

    #[test]
    fn a_full_network_gives_none_of_either_family() {
        let both = networks(&["10.42.0.0/29", "fd00::/64"]);
        let mut taken = BTreeSet::new();
        for _ in 0..5 {
            let chosen = choose(&both, &taken).unwrap();
            assert!(taken.is_disjoint(&chosen.iter().copied().collect()));
            taken.extend(chosen);
        }
        assert!(!taken.contains(&addresses(&["10.42.0.7"])[0]), "the broadcast address");
        assert_eq!(choose(&both, &taken), Err("all addresses of 10.42.0.0/29 are taken".to_owned()));
        let tiny = networks(&["fd00::/127"]);
        assert!(choose(&tiny, &BTreeSet::new()).is_err());
        assert!(choose(&networks(&["10.0.0.0/32"]), &BTreeSet::new()).is_err());
    }
}
