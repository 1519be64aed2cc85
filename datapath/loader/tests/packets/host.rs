//! A packet's way through a program, on the host: `logic` as it is, and the wiring of `programs` around it.

use std::net::IpAddr;

use ichor_datapath_logic::{self as logic, FlowTable, Next, Origin, Packet as _, answer, apply, decide, departure};
use ichor_datapath_types::{Addr, Config, DECIDED_MARK, DropReason, Eth, Hook, Octets, SharedPace, Work};

use crate::cluster::halves;
use crate::names::{Family, Mac, NODE2_MAC, ROUTER_MAC, UPLINK_MAC};
use crate::world::{Bytes, World};

/// What became of a packet, as far as the hook is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Redirected,
    Dropped(DropReason),
    /// Dropped, and its sender is told so.
    Answered(DropReason),
}

/// Where a packet is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) hook: Hook,
    pub(crate) interface: u32,
    pub(crate) mark: u32,
}

/// What the node's routes say about an address.
pub(crate) enum Way {
    /// By the uplink, to the machine with this MAC.
    To(Mac),
    /// By the uplink, to a machine whose MAC is yet to be asked for.
    Unknown,
    /// The kernel does not forward it.
    None,
}

/// The routes that the namespace has, see `kernel`; the address is no pod's here.
pub(crate) fn way(to: IpAddr) -> Way {
    let family = if to.is_ipv4() { Family::V4 } else { Family::V6 };
    let is = |names: &[&str]| names.iter().any(|name| family.address(name) == to);
    let begins = |name, [bits_v4, bits_v6]: [u32; 2]| {
        let number =
            |address: IpAddr| -> u128 { u128::from_be_bytes(Addr::from(address).0.map(u32::to_ne_bytes).concat().try_into().unwrap()) };
        let bits = if family == Family::V4 { 96 + bits_v4 } else { bits_v6 };
        (number(family.address(name)) ^ number(to)) >> (128 - bits) == 0
    };
    let (nobody, first, last) = match to {
        // A network's first address is everybody's in IPv6, its last in IPv4; what is sent to
        // a group or on a link is not routed in IPv6.
        IpAddr::V4(v4) => (v4.is_loopback(), false, v4.octets()[3] == 255),
        IpAddr::V6(v6) => (v6.is_loopback() || v6.is_multicast() || v6.is_unicast_link_local(), v6.segments()[4..] == [0; 4], false),
    };
    if nobody || is(&["node", "dns"]) || begins("void", [15, 48]) || begins("node", [24, 64]) && (first || last) {
        Way::None
    } else if is(&["node2"]) || begins("far", [24, 64]) {
        Way::To(NODE2_MAC)
    } else if begins("node", [24, 64]) && !is(&["router"]) {
        Way::Unknown
    } else {
        Way::To(ROUTER_MAC)
    }
}

/// Runs a frame through the program of a hook, and changes it.
pub(crate) fn run(world: &World, place: Place, frame: &mut Vec<u8>) -> Verdict {
    if matches!(place.hook, Hook::ToWire | Hook::ToEndpoint) && place.mark == DECIDED_MARK {
        return Verdict::Passed;
    }
    let outcome = match Bytes(frame).load::<Eth>(0) {
        Some(eth) if eth.ethertype == <logic::V4 as logic::Family>::ETHERTYPE => of_family::<logic::V4>(world, place, frame),
        Some(eth) if eth.ethertype == <logic::V6 as logic::Family>::ETHERTYPE => of_family::<logic::V6>(world, place, frame),
        _ => Ok(Verdict::Passed),
    };
    outcome.unwrap_or_else(Verdict::Dropped)
}

fn of_family<F: logic::Family>(world: &World, place: Place, frame: &mut Vec<u8>) -> Result<Verdict, DropReason>
where
    World: FlowTable<F::Octets>,
    F::Octets: Octets + Default,
{
    let origin = match place.hook {
        Hook::FromEndpoint => Origin::Endpoint { interface: place.interface },
        Hook::ToWire | Hook::ToEndpoint => Origin::Host,
        hook => Origin::Wire { only_transit: hook == Hook::Xdp },
    };
    let length = u32::try_from(frame.len()).unwrap();
    let mut packet = Bytes(frame);
    let mut work = Work::default();
    let next = decide::<F, _, _>(&packet, world, &world.config, origin, &mut work)?;
    let becomes = work.flow.becomes;
    let way = match IpAddr::from(F::widen(becomes.source)) {
        // The kernel has no way for a packet from a group, or from an address of a link.
        IpAddr::V6(v6) if v6.is_multicast() || v6.is_unicast_link_local() => Way::None,
        _ => way(F::widen(becomes.destination).into()),
    };
    if place.hook == Hook::Xdp && !matches!((next, &way), (Next::Route, Way::To(_))) {
        return Ok(Verdict::Passed);
    }
    if matches!(next, Next::Refuse | Next::TooBig) {
        return answer::<F, _>(&mut packet, next, &world.config, &work).map(Verdict::Answered);
    }
    apply::<F, _>(&mut packet, next, &work)?;
    let verdict = forwarded::<F>(&mut packet, next, &way)?;
    if let Some(pace) = world.paces.get(&place.interface).filter(|_| work.is_limited != 0) {
        let now_ns = u64::from(world.now.get()) << Config::CLOCK_SHIFT;
        departure(SharedPace::in_cell(pace), now_ns, length).ok_or(DropReason::OverLimit)?;
    }
    Ok(verdict)
}

fn forwarded<F: logic::Family>(packet: &mut Bytes<'_>, next: Next, way: &Way) -> Result<Verdict, DropReason> {
    match (next, way) {
        (Next::Endpoint, _) | (Next::Route, Way::Unknown) => Ok(Verdict::Redirected),
        (Next::Route, Way::To(mac)) => {
            let eth = Eth { destination: halves(*mac), source: halves(UPLINK_MAC), ethertype: F::ETHERTYPE };
            packet.store(0, eth).ok_or(DropReason::Rewrite)?;
            Ok(Verdict::Redirected)
        }
        _ => Ok(Verdict::Passed),
    }
}
