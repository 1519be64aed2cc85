//! What a block of a pool means: the addresses that may be given out.

use std::{fmt, net::IpAddr};

use super::{AllowFirstLast, Block, PoolSpec};

/// Addresses of one family from a first to a last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

/// Why a block means no addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockError {
    /// There is neither a CIDR nor a start.
    Empty,
    /// The text of an end is no address.
    NotAnAddress(String),
    /// The ends are of different families.
    MixedFamilies(IpAddr, IpAddr),
    /// The last address is before the first.
    Reversed(IpAddr, IpAddr),
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the block is empty: give it a cidr, or a start and a stop"),
            Self::NotAnAddress(text) => write!(f, "{text:?} is not an address such as 192.0.2.10 or 2001:db8::10"),
            Self::MixedFamilies(start, stop) => write!(f, "start {start} and stop {stop} are of different families"),
            Self::Reversed(start, stop) => write!(f, "stop {stop} is before start {start}"),
        }
    }
}

impl std::error::Error for BlockError {}

impl AddressRange {
    /// A range between two ends of one family.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, BlockError> {
        match (first.is_ipv4() == last.is_ipv4(), first <= last) {
            (false, _) => Err(BlockError::MixedFamilies(first, last)),
            (true, false) => Err(BlockError::Reversed(first, last)),
            (true, true) => Ok(Self { first, last }),
        }
    }

    /// The lowest address.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// The highest address.
    pub fn last(&self) -> IpAddr {
        self.last
    }

    /// Whether the addresses are IPv4.
    pub fn is_ipv4(&self) -> bool {
        self.first.is_ipv4()
    }

    /// Whether the address is one of these.
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.is_ipv4() && self.first <= address && address <= self.last
    }

    /// Whether the ranges share an address.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.is_ipv4() == other.is_ipv4() && self.first <= other.last && other.first <= self.last
    }

    /// How many addresses there are; the whole of IPv6 counts one too few.
    pub fn count(&self) -> u128 {
        (bits(self.last) - bits(self.first)).saturating_add(1)
    }

    fn without_ends(self) -> Self {
        if self.count() <= 2 {
            return self;
        }
        Self { first: step(self.first, true), last: step(self.last, false) }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn step(address: IpAddr, up: bool) -> IpAddr {
    match address {
        IpAddr::V4(v4) if up => IpAddr::V4(v4.to_bits().saturating_add(1).into()),
        IpAddr::V4(v4) => IpAddr::V4(v4.to_bits().saturating_sub(1).into()),
        IpAddr::V6(v6) if up => IpAddr::V6(v6.to_bits().saturating_add(1).into()),
        IpAddr::V6(v6) => IpAddr::V6(v6.to_bits().saturating_sub(1).into()),
    }
}

impl Block {
    /// A block that is a range.
    pub fn range(range: AddressRange) -> Self {
        Self { cidr: None, start: Some(range.first.to_string()), stop: Some(range.last.to_string()) }
    }

    /// Every address of the block, the ends of a CIDR included.
    pub fn addresses(&self) -> Result<AddressRange, BlockError> {
        if let Some(cidr) = self.cidr {
            return AddressRange::new(cidr.0.network(), cidr.0.broadcast());
        }
        let start = parse(self.start.as_deref().filter(|text| !text.is_empty()).ok_or(BlockError::Empty)?)?;
        let stop = self.stop.as_deref().filter(|text| !text.is_empty()).map_or(Ok(start), parse)?;
        AddressRange::new(start, stop)
    }
}

impl PoolSpec {
    /// What the pool may give out, block by block.
    pub fn usable(&self) -> Vec<Result<AddressRange, BlockError>> {
        let trim = self.allow_first_last_ips == Some(AllowFirstLast::No);
        let usable = |block: &Block| {
            let range = block.addresses()?;
            Ok(if trim && block.cidr.is_some() { range.without_ends() } else { range })
        };
        self.blocks.iter().map(usable).collect()
    }
}

fn parse(text: &str) -> Result<IpAddr, BlockError> {
    text.parse().map_err(|_| BlockError::NotAnAddress(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Block {
        Block { cidr: Some(text.parse().unwrap()), ..Block::default() }
    }

    fn ends(start: &str, stop: &str) -> Block {
        Block { cidr: None, start: Some(start.into()), stop: (!stop.is_empty()).then(|| stop.into()) }
    }

    fn usable(allow: Option<AllowFirstLast>, block: Block) -> String {
        let pool = PoolSpec { allow_first_last_ips: allow, blocks: vec![block], ..PoolSpec::default() };
        pool.usable().remove(0).unwrap().to_string()
    }

    #[test]
    fn the_ends_of_a_cidr_are_kept_back_only_when_asked_and_only_when_something_is_left() {
        let no = Some(AllowFirstLast::No);
        for (allow, block, expected) in [
            (None, cidr("10.0.0.0/24"), "10.0.0.0-10.0.0.255"),
            (Some(AllowFirstLast::Yes), cidr("10.0.0.0/24"), "10.0.0.0-10.0.0.255"),
            (no, cidr("10.0.0.0/24"), "10.0.0.1-10.0.0.254"),
            (no, cidr("10.0.0.8/30"), "10.0.0.9-10.0.0.10"),
            (no, cidr("10.0.0.8/31"), "10.0.0.8-10.0.0.9"),
            (no, cidr("10.0.0.8/32"), "10.0.0.8-10.0.0.8"),
            (no, cidr("2001:db8::/64"), "2001:db8::1-2001:db8::ffff:ffff:ffff:fffe"),
            (no, cidr("2001:db8::/127"), "2001:db8::-2001:db8::1"),
            (no, ends("192.168.42.50", "192.168.42.99"), "192.168.42.50-192.168.42.99"),
            (no, ends("192.168.42.50", ""), "192.168.42.50-192.168.42.50"),
            (None, cidr("10.0.0.77/24"), "10.0.0.0-10.0.0.255"),
        ] {
            assert_eq!(usable(allow, block), expected);
        }
    }

    #[test]
    fn a_block_without_addresses_says_why() {
        for (block, expected) in [
            (Block::default(), "the block is empty: give it a cidr, or a start and a stop"),
            (ends("", "10.0.0.1"), "the block is empty: give it a cidr, or a start and a stop"),
            (ends("10.0.0.300", ""), "\"10.0.0.300\" is not an address such as 192.0.2.10 or 2001:db8::10"),
            (ends("10.0.0.9", "10.0.0.1"), "stop 10.0.0.1 is before start 10.0.0.9"),
            (ends("10.0.0.9", "2001:db8::1"), "start 10.0.0.9 and stop 2001:db8::1 are of different families"),
        ] {
            assert_eq!(block.addresses().unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn ranges_are_compared_within_a_family() {
        let v4 = ends("10.0.0.1", "10.0.0.9").addresses().unwrap();
        let v6 = cidr("::/0").addresses().unwrap();
        assert!(!v4.overlaps(&v6) && !v6.contains(v4.first()));
        assert!(v4.overlaps(&cidr("10.0.0.8/29").addresses().unwrap()));
        assert!(!v4.overlaps(&cidr("10.0.0.16/29").addresses().unwrap()));
        assert_eq!((v4.count(), v6.count()), (9, u128::MAX));
    }
}
