//! Which backend answers.

use ichor_datapath_types::{Addr, Affinity, AffinityKey, Backend, DropReason, Service, Tuple, backend_flag};

use crate::Tables;
use crate::family::Family;

/// The backend for a new connection from `client`.
#[inline(always)]
pub(crate) fn choose<F: Family, T: Tables>(
    tables: &T,
    service: &Service,
    tuple: &Tuple<F::Octets>,
    protocol: u8,
) -> Result<(u32, Backend), DropReason> {
    if service.affinity == 0 {
        return drawn::<F, T>(tables, service, tuple, protocol);
    }
    let key = AffinityKey { client: F::widen(tuple.source), service: service.id };
    if let Some(found) = kept_with_id(tables, service, &key) {
        return Ok(found);
    }
    let (id, backend) = drawn::<F, T>(tables, service, tuple, protocol)?;
    tables.put_affinity(&key, &Affinity { backend: id, seen: tables.now() });
    Ok((id, backend))
}

/// The backend that a client had last, as long as it is there.
#[inline(always)]
pub(crate) fn kept<T: Tables>(tables: &T, service: &Service, key: &AffinityKey) -> Option<Backend> {
    kept_with_id(tables, service, key).map(|(_, backend)| backend)
}

#[inline(always)]
fn kept_with_id<T: Tables>(tables: &T, service: &Service, key: &AffinityKey) -> Option<(u32, Backend)> {
    let affinity = tables.affinity(key)?;
    let now = tables.now();
    if now.wrapping_sub(affinity.seen) >= service.affinity {
        return None;
    }
    let backend = present(tables.backend(affinity.backend)).ok()?;
    // A client that comes back is a new one to a backend that is about to end.
    if backend.flags & backend_flag::DRAINING != 0 {
        return None;
    }
    tables.put_affinity(key, &Affinity { seen: now, ..affinity });
    Some((affinity.backend, backend))
}

/// By the flow alone, also where slots are no Maglev table: a connection that is forgotten finds its backend again.
#[inline(always)]
fn drawn<F: Family, T: Tables>(
    tables: &T,
    service: &Service,
    tuple: &Tuple<F::Octets>,
    protocol: u8,
) -> Result<(u32, Backend), DropReason> {
    at(tables, service, hash::<F>(tuple, protocol))
}

#[inline(always)]
pub(crate) fn drawn_at_random<T: Tables>(tables: &T, service: &Service) -> Result<(u32, Backend), DropReason> {
    at(tables, service, tables.random())
}

/// The backend in the slot to which a number points.
#[inline(always)]
fn at<T: Tables>(tables: &T, service: &Service, number: u32) -> Result<(u32, Backend), DropReason> {
    // The high half of the product is below `slots`, without a division.
    let slot = ((u64::from(number) * u64::from(service.slots)) >> 32) as u32;
    let id = tables.slot(service.first_slot.wrapping_add(slot)).ok_or(DropReason::BackendGone)?;
    Ok((id, present(tables.backend(id))?))
}

/// A free place in the table of backends has no address.
#[inline(always)]
fn present(backend: Option<Backend>) -> Result<Backend, DropReason> {
    backend.filter(|backend| backend.addr != Addr::UNSPECIFIED).ok_or(DropReason::BackendGone)
}

/// A number that depends on the flow alone: every node must choose the same backend for it.
#[inline(always)]
pub fn hash<F: Family>(tuple: &Tuple<F::Octets>, protocol: u8) -> u32 {
    let ports = u64::from(tuple.source_port) << 24 | u64::from(tuple.destination_port) << 8 | u64::from(protocol);
    (F::mixed(tuple.source, F::mixed(tuple.destination, mix(ports))) >> 32) as u32
}

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads what differs anywhere over all bits.
#[inline(always)]
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 32).wrapping_mul(ODD);
    value ^ value >> 29
}
