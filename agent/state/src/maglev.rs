//! Maglev's lookup table (Eisenbud et al., NSDI 2016, section 3.4).
//!
//! It is made of nothing but the backends' addresses, so that every node makes the same one, and a connection whose
//! packets come in over another node finds the same backend.

use crate::backend::BackendAddr;
use crate::object::Protocol;

/// Primes. There are few, because a change from one size to the next moves most connections.
const SIZES: [u32; 5] = [251, 1021, 4093, 16_381, 65_521];
/// How many slots each backend should have, for the shares to differ by about one in a hundred.
const SLOTS_EACH: u32 = 100;

/// How many slots the table for so many backends has.
pub(crate) fn size(backends: usize) -> u32 {
    let backends = u32::try_from(backends).unwrap_or(u32::MAX);
    match (backends, SIZES) {
        (0 | 1, _) => backends,
        (_, [.., largest]) => SIZES.into_iter().find(|size| size / SLOTS_EACH >= backends).unwrap_or(largest.max(backends)),
    }
}

/// Which of the backends each slot belongs to, by its place in the list.
pub(crate) fn table(backends: &[BackendAddr], protocol: Protocol) -> Vec<usize> {
    let slots = size(backends.len());
    let mut table: Vec<Option<usize>> = vec![None; slots as usize];
    let mut turns: Vec<Turn> = backends.iter().map(|backend| Turn::new(*backend, protocol, slots)).collect();
    let mut left = table.len();
    while left > 0 {
        for (index, turn) in turns.iter_mut().enumerate() {
            if left > 0 && turn.take(&mut table, index) {
                left -= 1;
            }
        }
    }
    table.into_iter().flatten().collect()
}

/// A backend's way through the table: every slot once, in an order of its own.
struct Turn {
    next: u32,
    skip: u32,
    slots: u32,
}

impl Turn {
    fn new(backend: BackendAddr, protocol: Protocol, slots: u32) -> Self {
        let mut bytes = match backend.addr {
            std::net::IpAddr::V4(v4) => v4.to_ipv6_mapped().octets().to_vec(),
            std::net::IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        bytes.extend(backend.port.to_be_bytes());
        bytes.push(protocol.number());
        let below = |hash: u64, bound: u32| u32::try_from(hash % u64::from(bound.max(1))).unwrap_or(0);
        Self { next: below(hash(&bytes, 0), slots), skip: below(hash(&bytes, 1), slots.saturating_sub(1)) + 1, slots }
    }

    /// Takes the next free slot on the way.
    fn take(&mut self, table: &mut [Option<usize>], index: usize) -> bool {
        for _ in 0..self.slots {
            let place = self.next;
            self.next = (self.next + self.skip) % self.slots;
            if let Some(slot @ None) = table.get_mut(place as usize) {
                *slot = Some(index);
                return true;
            }
        }
        false
    }
}

/// FNV-1a, and a finisher that spreads what it leaves in the low bits. Part of what nodes must agree on: never change it.
fn hash(bytes: &[u8], seed: u64) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let half = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let whole = (half ^ (half >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    whole ^ (whole >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backends(count: u32) -> Vec<BackendAddr> {
        (0..count).map(|n| BackendAddr { addr: std::net::Ipv4Addr::from(0x0a00_0001 + n * 7).into(), port: 8080 }).collect()
    }

    fn owners(backends: &[BackendAddr]) -> Vec<BackendAddr> {
        table(backends, Protocol::Tcp).into_iter().map(|index| backends[index]).collect()
    }

    #[test]
    fn sizes_are_primes_that_give_each_backend_a_hundred_slots() {
        for size in SIZES {
            assert!((2..size).take_while(|d| d * d <= size).all(|d| size % d != 0), "{size}");
        }
        assert_eq!(
            [0, 1, 2, 3, 10, 11, 40, 41, 163, 164, 655].map(size),
            [0, 1, 251, 1021, 1021, 4093, 4093, 16_381, 16_381, 65_521, 65_521]
        );
        assert_eq!(size(5000), 65_521);
        assert_eq!(size(70_000), 70_000, "every backend has a slot");
    }

    #[test]
    fn every_slot_is_taken_and_the_shares_are_fair() {
        for count in [1, 2, 3, 5, 10, 40, 163, 600] {
            let backends = backends(count);
            let table = table(&backends, Protocol::Udp);
            assert_eq!(table.len(), size(backends.len()) as usize);
            let mut shares = vec![0_u32; backends.len()];
            table.iter().for_each(|&index| shares[index] += 1);
            let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            assert!(most - least <= 1, "{count}: {least} to {most}");
        }
    }

    #[test]
    fn removing_one_backend_moves_little_more_than_its_own_slots() {
        let mut worst: f64 = 0.0;
        for count in [4, 7, 10, 20, 40, 100, 163] {
            let all = backends(count);
            let before = owners(&all);
            for gone in 0..all.len() {
                let mut left = all.clone();
                let gone = left.remove(gone);
                let after = owners(&left);
                if after.len() != before.len() {
                    continue;
                }
                let moved = before.iter().zip(&after).filter(|(before, after)| **before != gone && before != after).count();
                worst = worst.max(moved as f64 / before.len() as f64);
            }
        }
        println!("worst share of slots moved between backends that stayed: {worst:.3}");
        assert!(worst < 0.10, "{worst}");
    }

    /// Nodes of different versions must agree: a change of this is a change of the protocol between them.
    #[test]
    fn the_table_is_always_the_same() {
        let start: Vec<_> = table(&backends(4), Protocol::Tcp).into_iter().take(24).collect();
        assert_eq!(start, [3, 3, 3, 3, 1, 3, 0, 1, 3, 0, 1, 0, 1, 1, 0, 3, 1, 0, 1, 0, 1, 1, 3, 3]);
        assert_ne!(table(&backends(4), Protocol::Tcp), table(&backends(4), Protocol::Udp));
    }
}
