//! One form for the addresses of both families.

use crate::pod::Pod;

/// An address as the headers of one family hold it, in network byte order.
pub trait Octets: Pod + Default {}
impl Octets for u32 {}
impl Octets for [u32; 4] {}

/// An IPv6 address, or an IPv4 address in its IPv6-mapped form; network byte order.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialOrd, Ord)]
pub struct Addr(pub [u32; 4]);

// SAFETY: transparent over plain data.
unsafe impl Pod for Addr {}

const MAPPED: u32 = 0xffff_u32.to_be();

impl Addr {
    pub const UNSPECIFIED: Self = Self([0; 4]);

    #[inline(always)]
    pub const fn from_v4(octets: u32) -> Self {
        Self([0, 0, MAPPED, octets])
    }

    #[inline(always)]
    pub const fn is_v4(&self) -> bool {
        let Self([first, second, third, _]) = *self;
        (first | second) == 0 && third == MAPPED
    }

    /// The IPv4 address of a mapped one.
    #[inline(always)]
    pub const fn v4(&self) -> u32 {
        let Self([_, _, _, last]) = *self;
        last
    }
}

// Word by word: what the derived comparison compiles to is a call that the BPF linker does not survive.
impl PartialEq for Addr {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        let (Self([a, b, c, d]), Self([e, f, g, h])) = (*self, *other);
        (a ^ e) | (b ^ f) | (c ^ g) | (d ^ h) == 0
    }
}
impl Eq for Addr {}

impl From<core::net::Ipv4Addr> for Addr {
    fn from(address: core::net::Ipv4Addr) -> Self {
        Self::from_v4(u32::from_ne_bytes(address.octets()))
    }
}

impl From<core::net::Ipv6Addr> for Addr {
    fn from(address: core::net::Ipv6Addr) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = address.octets();
        let word = u32::from_ne_bytes;
        Self([word([a, b, c, d]), word([e, f, g, h]), word([i, j, k, l]), word([m, n, o, p])])
    }
}

impl From<core::net::IpAddr> for Addr {
    fn from(address: core::net::IpAddr) -> Self {
        match address {
            core::net::IpAddr::V4(v4) => v4.into(),
            core::net::IpAddr::V6(v6) => v6.into(),
        }
    }
}

impl From<Addr> for core::net::IpAddr {
    fn from(address: Addr) -> Self {
        if address.is_v4() {
            return core::net::Ipv4Addr::from(address.v4().to_ne_bytes()).into();
        }
        let [a, b, c, d] = address.0.map(|word| u128::from(u32::from_be(word)));
        core::net::Ipv6Addr::from_bits(a << 96 | b << 64 | c << 32 | d).into()
    }
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use super::*;

    #[test]
    fn both_families_survive_the_way_there_and_back() {
        for text in ["10.0.0.1", "255.255.255.255", "fd00:1:2:3:4:5:6:7", "::1", "::"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(IpAddr::from(Addr::from(address)), address);
        }
        assert!(Addr::from("10.0.0.1".parse::<IpAddr>().unwrap()).is_v4());
        assert!(!Addr::from("fd00::1".parse::<IpAddr>().unwrap()).is_v4());
        assert_eq!(Addr::from("10.0.0.1".parse::<IpAddr>().unwrap()).v4().to_ne_bytes(), [10, 0, 0, 1]);
    }
}
