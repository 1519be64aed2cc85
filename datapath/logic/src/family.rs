//! What differs between IPv4 and IPv6.

use ichor_datapath_types::{Addr, Config, DropReason, Eth, Ip, Octets};

use crate::checksum::Diff;
use crate::packet::Packet;

/// Where IP begins.
pub(crate) const L2: usize = size_of::<Eth>();

pub trait Family {
    type Octets: Octets + Eq;
    const ETHERTYPE: u16;
    const SOURCE: usize;
    const DESTINATION: usize;
    const ICMP: u8;
    const MASQUERADE: u32;
    /// The length of the shortest header.
    const HEADER: usize;
    /// What a packet grows by when it tells for which service it came.
    const DIRECT: usize;

    /// Reads the header into its place; a result that holds it would be copied in halves of words.
    fn parse<P: Packet>(packet: &P, ip: &mut Ip<Self::Octets>) -> Result<(), DropReason>;
    fn widen(octets: Self::Octets) -> Addr;
    fn node_address(config: &Config) -> Self::Octets;
    fn narrow(addr: Addr) -> Self::Octets;
    fn diff(old: Self::Octets, new: Self::Octets) -> Diff;
    /// Takes an address into a hash.
    fn mixed(octets: Self::Octets, hash: u64) -> u64;
    /// The pseudo header of the family's ICMP has the addresses, or there is none.
    const ICMP_COVERS_ADDRESSES: bool;
    /// After the addresses changed by `diff`: the header's own checksum, where there is one.
    fn addresses_changed<P: Packet>(packet: &mut P, diff: Diff) -> Option<()>;
    /// One hop less.
    fn decrement<P: Packet>(packet: &mut P) -> Option<()>;
    /// The header of a packet of ours.
    fn write_header<P: Packet>(packet: &mut P, source: Self::Octets, destination: Self::Octets, protocol: u8, payload: usize)
    -> Option<()>;
    /// The sum of the addresses.
    fn sum(source: Self::Octets, destination: Self::Octets) -> Diff;
    /// How ICMP says that nobody listens on a port, and that a packet must not be larger than `mtu`.
    fn port_unreachable() -> ErrorHead;
    fn too_big(mtu: u16) -> ErrorHead;
    /// Whether an address stands for many, or for somebody on this link only: nothing that is routed or translated.
    fn is_group_or_link(octets: Self::Octets) -> bool;
    /// Whether this type of ICMP tells about a packet, which it carries.
    fn is_error(kind: u8) -> bool;
    /// The packet in an error, without anything in front of its transport that has to be followed.
    fn parse_inner<P: Packet>(packet: &P, offset: usize) -> Option<Inner<Self::Octets>>;
    /// Changes the addresses of the packet in an error, and says by how much its bytes changed in sum.
    fn store_inner<P: Packet>(packet: &mut P, inner: &Inner<Self::Octets>, source: Self::Octets, destination: Self::Octets)
    -> Option<Diff>;
    /// For which service address another node sends the packet here.
    fn told<P: Packet>(packet: &P, ip: &Ip<Self::Octets>) -> Option<(Self::Octets, u16)>;
    /// Whether the headers have room for it.
    fn can_tell<P: Packet>(packet: &P, ip: &Ip<Self::Octets>) -> bool;
    /// Says so to another node.
    fn tell<P: Packet>(packet: &mut P, service: Self::Octets, port: u16) -> Option<()>;
    /// Takes out what another node said.
    fn forget<P: Packet>(packet: &mut P) -> Option<()>;
}

/// How an error begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorHead {
    pub kind: u8,
    pub code: u8,
    pub rest: [u16; 2],
}

/// The packet about which an error tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inner<A> {
    pub source: A,
    pub destination: A,
    pub protocol: u8,
    /// Where its header begins.
    pub header: usize,
    pub transport: usize,
    /// Behind a header that says so.
    pub is_piece: bool,
}
