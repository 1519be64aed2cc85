//! The tables of a node in memory, with its clock and its chance.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::collections::BTreeMap;
use std::ptr::NonNull;

use ichor_datapath_logic::{FlowTable, Packet, Place, Tables};
use ichor_datapath_types::{
    Addr, Affinity, AffinityKey, Backend, Config, Endpoint, EndpointKey, Flow, FlowKey, Fragment, FragmentKey, Octets, Pace, Pod, Prefix,
    Service, ServiceKey, SharedFlow,
};

/// A value stays where it is while the map grows, and is never removed: what `SharedFlow` asks for.
type Flows<A> = RefCell<BTreeMap<FlowKey<A>, Box<UnsafeCell<Flow<A>>>>>;

pub(crate) type Entry<A> = (FlowKey<A>, Flow<A>);

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) services: BTreeMap<ServiceKey, Service>,
    pub(crate) slots: BTreeMap<u32, u32>,
    pub(crate) backends: BTreeMap<u32, Backend>,
    pub(crate) endpoints: BTreeMap<EndpointKey, Endpoint>,
    pub(crate) paces: BTreeMap<u32, Cell<Pace>>,
    /// By the number of bits.
    pub(crate) prefixes: BTreeMap<(u32, Addr), Prefix>,
    /// By the number of bits and the service.
    pub(crate) source_ranges: BTreeMap<(u32, u32, Addr), u32>,
    pub(crate) affinities: RefCell<BTreeMap<AffinityKey, Affinity>>,
    pub(crate) fragments: RefCell<BTreeMap<FragmentKey, Fragment>>,
    pub(crate) flows_v4: Flows<u32>,
    pub(crate) flows_v6: Flows<[u32; 4]>,
    pub(crate) now: Cell<u32>,
    /// Where its chance has come to.
    pub(crate) random: Cell<u64>,
    /// Flows are refused while this is set.
    pub(crate) is_full: Cell<bool>,
}

pub(crate) fn flows<A: Octets + Ord>(table: &Flows<A>) -> Vec<Entry<A>> {
    // SAFETY: nothing else looks at a value meanwhile: the test runs on one thread, and `decide` has returned.
    table.borrow().iter().map(|(key, value)| (*key, unsafe { *value.get() })).collect()
}

fn find<A: Octets + Ord>(table: &Flows<A>, key: &FlowKey<A>) -> Option<SharedFlow<'static, A>> {
    let place = NonNull::new(table.borrow().get(key)?.get())?;
    // SAFETY: the world outlives the call of `decide` that asked, and never removes a flow.
    Some(unsafe { SharedFlow::new(place) })
}

fn put<A: Octets + Ord>(table: &Flows<A>, key: &FlowKey<A>, flow: &Flow<A>, is_full: bool) -> Option<()> {
    if is_full {
        return None;
    }
    let mut table = table.borrow_mut();
    match table.get(key) {
        // SAFETY: as for `flows`; in place, because a `SharedFlow` may still point there.
        Some(place) => unsafe { *place.get() = *flow },
        None => {
            table.insert(*key, Box::new(UnsafeCell::new(*flow)));
        }
    }
    Some(())
}

fn put_back<A: Octets + Ord>(table: &Flows<A>, units: u32) {
    for place in table.borrow().values() {
        // SAFETY: as for `flows`.
        let flow = unsafe { &mut *place.get() };
        flow.seen = flow.seen.wrapping_sub(units);
    }
}

macro_rules! flow_table {
    ($octets:ty, $field:ident) => {
        impl FlowTable<$octets> for World {
            fn flow(&self, key: &FlowKey<$octets>) -> Option<SharedFlow<'_, $octets>> {
                find(&self.$field, key)
            }

            fn put_flow(&self, key: &FlowKey<$octets>, flow: &Flow<$octets>) -> Option<()> {
                put(&self.$field, key, flow, self.is_full.get())
            }

            fn add_flow(&self, key: &FlowKey<$octets>, flow: &Flow<$octets>) -> Option<()> {
                if self.$field.borrow().contains_key(key) { None } else { self.put_flow(key, flow) }
            }
        }
    };
}
flow_table!(u32, flows_v4);
flow_table!([u32; 4], flows_v6);

impl World {
    /// Puts what came so far into the past.
    pub(crate) fn fall_silent(&self, units: u32) {
        put_back(&self.flows_v4, units);
        put_back(&self.flows_v6, units);
    }
}

impl Tables for World {
    fn now(&self) -> u32 {
        self.now.get()
    }

    fn random(&self) -> u32 {
        let next = self.random.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.random.set(next);
        (next >> 32) as u32
    }

    fn service(&self, key: &ServiceKey) -> Option<Service> {
        self.services.get(key).copied()
    }

    fn slot(&self, index: u32) -> Option<u32> {
        self.slots.get(&index).copied()
    }

    fn backend(&self, id: u32) -> Option<Backend> {
        self.backends.get(&id).copied()
    }

    fn affinity(&self, key: &AffinityKey) -> Option<Affinity> {
        self.affinities.borrow().get(key).copied()
    }

    fn put_affinity(&self, key: &AffinityKey, affinity: &Affinity) {
        self.affinities.borrow_mut().insert(*key, *affinity);
    }

    fn in_source_range(&self, service: u32, client: &Addr) -> bool {
        self.source_ranges.keys().any(|(bits, id, prefix)| *id == service && begins_with(client, *bits, prefix))
    }

    fn endpoint(&self, addr: &Addr) -> Option<Endpoint> {
        self.endpoints.get(&EndpointKey { addr: *addr }).copied()
    }

    fn prefix(&self, addr: &Addr) -> Prefix {
        // Sorted by the number of bits, so that the last one is the longest.
        let fitting = self.prefixes.iter().rfind(|((bits, prefix), _)| begins_with(addr, *bits, prefix));
        fitting.map(|(_, value)| *value).unwrap_or_default()
    }

    fn fragment(&self, key: &FragmentKey) -> Option<Fragment> {
        self.fragments.borrow().get(key).copied()
    }

    fn put_fragment(&self, key: &FragmentKey, fragment: &Fragment) {
        self.fragments.borrow_mut().insert(*key, *fragment);
    }
}

fn begins_with(addr: &Addr, bits: u32, prefix: &Addr) -> bool {
    let number = |addr: &Addr| addr.0.iter().fold(0, |number: u128, word| number << 32 | u128::from(u32::from_be(*word)));
    bits == 0 || (number(addr) ^ number(prefix)) >> (128 - bits) == 0
}

/// A frame in memory.
pub(crate) struct Bytes<'f>(pub(crate) &'f mut Vec<u8>);

impl Packet for Bytes<'_> {
    fn load<T: Pod>(&self, offset: usize) -> Option<T> {
        let bytes = self.0.get(offset..offset.checked_add(size_of::<T>())?)?;
        // SAFETY: as long as a `T`, which any bytes are.
        Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
    }

    fn store<T: Pod>(&mut self, offset: usize, value: T) -> Option<()> {
        let bytes = self.0.get_mut(offset..offset.checked_add(size_of::<T>())?)?;
        // SAFETY: as long as a `T`, which has no padding.
        unsafe { bytes.as_mut_ptr().cast::<T>().write_unaligned(value) };
        Some(())
    }

    fn cut(&mut self, length: usize) -> Option<()> {
        self.0.truncate(length);
        Some(())
    }

    fn insert(&mut self, place: Place, size: usize) -> Option<()> {
        let at = offset_of(place);
        self.0.splice(at..at, vec![0; size]);
        Some(())
    }

    fn remove(&mut self, place: Place, size: usize) -> Option<()> {
        let at = offset_of(place);
        self.0.drain(at..at + size);
        Some(())
    }
}

fn offset_of(place: Place) -> usize {
    const ETHERNET: usize = 14;
    match place {
        Place::BeforeIp => ETHERNET,
        Place::AfterIp { header } => ETHERNET + header,
    }
}
