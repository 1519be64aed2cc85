//! The tables in the kernel, under the names by which the agent finds them. Sizes are those of a small node: the agent
//! gives others when it loads the object.

use core::ptr::NonNull;

use aya_ebpf::Global;
use aya_ebpf::btf_maps::lpm_trie::Key;
use aya_ebpf::btf_maps::{Array, HashMap, LpmTrie, LruHashMap, PerCpuArray, RingBuf};
use aya_ebpf::helpers::generated::{bpf_get_prandom_u32, bpf_ktime_get_coarse_ns};
use aya_ebpf::macros::btf_map;
use ichor_datapath_logic::{FlowTable, SocketTables, Tables, V4, V6};
use ichor_datapath_types::{
    Addr, Affinity, AffinityKey, Allowance, Backend, Config, Counter, CounterKey, Endpoint, EndpointKey, Event, Flow, FlowKey, Fragment,
    FragmentKey, Hook, Pace, Prefix, Service, ServiceKey, SharedFlow, SharedPace, SocketFlow, SocketFlowKey, Tuple, Watch, Work,
    event_kind,
};

use crate::route::{HOPS, Hop, remembered};

const MEMORY_MAPPED: usize = aya_ebpf::bindings::BPF_F_MMAPABLE as usize;
const NOT_BEFOREHAND: usize = aya_ebpf::bindings::BPF_F_NO_PREALLOC as usize;
const IF_ABSENT: u64 = aya_ebpf::bindings::BPF_NOEXIST as u64;

#[unsafe(no_mangle)]
pub(crate) static CONFIG: Global<Config> = Global::new(Config {
    features: 0,
    uplink: 0,
    node_v4: 0,
    node_v6: [0; 4],
    first_port: 0,
    last_port: 0,
    mtu: 0,
    pad: 0,
    mac: [0; 3],
    pad2: 0,
});

#[btf_map]
static SERVICES: HashMap<ServiceKey, Service, 65536, NOT_BEFOREHAND> = HashMap::new();
#[btf_map]
static SLOTS: Array<u32, 1048576, MEMORY_MAPPED> = Array::new();
#[btf_map]
static BACKENDS: Array<Backend, 65536, MEMORY_MAPPED> = Array::new();
#[btf_map]
static SOURCE_RANGES: LpmTrie<[u32; 5], u32, 16384> = LpmTrie::new();
#[btf_map]
static ENDPOINTS: HashMap<EndpointKey, Endpoint, 1024> = HashMap::new();
/// What pods may send, by the node's end of their cables.
#[btf_map]
static PACES: HashMap<u32, Pace, 1024, NOT_BEFOREHAND> = HashMap::new();
#[btf_map]
static PREFIXES: LpmTrie<Addr, Prefix, 16384> = LpmTrie::new();
#[btf_map]
static FLOWS4: LruHashMap<FlowKey<u32>, Flow<u32>, 131072> = LruHashMap::new();
#[btf_map]
static FLOWS6: LruHashMap<FlowKey<[u32; 4]>, Flow<[u32; 4]>, 65536> = LruHashMap::new();
/// Rows that were put into the tables of flows. The kernel does not say when it takes one out to make room.
#[btf_map]
static FLOWS_ADDED: PerCpuArray<u64, 2> = PerCpuArray::new();
#[btf_map]
static AFFINITIES: LruHashMap<AffinityKey, Affinity, 16384> = LruHashMap::new();
#[btf_map]
static FRAGMENTS: LruHashMap<FragmentKey, Fragment, 4096> = LruHashMap::new();
#[btf_map]
static SOCKETS: LruHashMap<SocketFlowKey, SocketFlow, 65536> = LruHashMap::new();
#[btf_map]
static WORK4: PerCpuArray<Work<u32>, { Hook::ALL.len() }> = PerCpuArray::new();
#[btf_map]
static WORK6: PerCpuArray<Work<[u32; 4]>, { Hook::ALL.len() }> = PerCpuArray::new();
#[btf_map]
static HOPS4: PerCpuArray<Hop<u32>, { HOPS as usize }> = PerCpuArray::new();
#[btf_map]
static HOPS6: PerCpuArray<Hop<[u32; 4]>, { HOPS as usize }> = PerCpuArray::new();
#[btf_map]
static COUNTERS: PerCpuArray<Counter, { CounterKey::COUNT as usize }> = PerCpuArray::new();
#[btf_map]
static EVENTS: RingBuf<Event, 1048576> = RingBuf::new();
#[btf_map]
static WATCH: Array<Watch, 1> = Array::new();
#[btf_map]
static ALLOWANCES: PerCpuArray<Allowance, { event_kind::COUNT as usize }> = PerCpuArray::new();
/// When something that may be a flow was seen last, by the sum of its ends: what nobody remembers is told once.
#[btf_map]
static UNREMEMBERED: LruHashMap<u32, u32, 8192> = LruHashMap::new();

/// The tables, for `logic`, as a packet meets them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Maps {
    /// Asked for once: the clock costs as much as a lookup.
    pub(crate) time_ns: u64,
    /// By which the packet came in.
    pub(crate) interface: u32,
}

/// The monotonic clock, as it was at the last tick.
#[inline(always)]
pub(crate) fn clock_ns() -> u64 {
    // SAFETY: no arguments.
    unsafe { bpf_ktime_get_coarse_ns() }
}

/// The same in the unit of `Tables::now`.
#[inline(always)]
fn now() -> u32 {
    (clock_ns() >> Config::CLOCK_SHIFT) as u32
}

/// How what comes in by an interface is paced.
#[inline(always)]
pub(crate) fn pace(interface: u32) -> Option<SharedPace<'static>> {
    let found = NonNull::new(PACES.get_ptr_mut(interface)?)?;
    // SAFETY: a value stays readable until the program ends, even where its entry is removed meanwhile.
    Some(unsafe { SharedPace::new(found) })
}

/// The place where a hook puts flows together, one for each CPU.
pub(crate) trait Workplace<A> {
    fn work(&self, hook: Hook) -> Option<&'static mut Work<A>>;
}

/// The next hops that were asked for of late, of each CPU.
pub(crate) trait HopTable<A> {
    fn hop(&self, index: u32) -> Option<&'static mut Hop<A>>;
}

macro_rules! flow_table {
    ($map:ident, $number:literal, $work:ident, $hops:ident, $family:ty, $octets:ty) => {
        impl Workplace<$octets> for Maps {
            #[inline(always)]
            fn work(&self, hook: Hook) -> Option<&'static mut Work<$octets>> {
                // SAFETY: this CPU runs no other program of the hook before this one ends, and it asks once.
                $work.get_ptr_mut(hook as u32).map(|work| unsafe { &mut *work })
            }
        }

        impl HopTable<$octets> for Maps {
            #[inline(always)]
            fn hop(&self, index: u32) -> Option<&'static mut Hop<$octets>> {
                // SAFETY: programs that ask do not interrupt each other on one CPU, and each holds one at a time.
                $hops.get_ptr_mut(index).map(|hop| unsafe { &mut *hop })
            }
        }

        impl FlowTable<$octets> for Maps {
            #[inline(always)]
            fn flow(&self, key: &FlowKey<$octets>) -> Option<SharedFlow<'_, $octets>> {
                let found = NonNull::new($map.get_ptr_mut(key)?)?;
                // SAFETY: a value stays readable until the program ends, even where its entry is removed meanwhile.
                Some(unsafe { SharedFlow::new(found) })
            }

            #[inline(always)]
            fn put_flow(&self, key: &FlowKey<$octets>, flow: &Flow<$octets>) -> Option<()> {
                self.add_flow(key, flow).or_else(|| $map.insert(key, flow, 0).ok())
            }

            #[inline(always)]
            fn add_flow(&self, key: &FlowKey<$octets>, flow: &Flow<$octets>) -> Option<()> {
                $map.insert(key, flow, IF_ABSENT).ok()?;
                if let Some(added) = FLOWS_ADDED.get_ptr_mut($number) {
                    // SAFETY: the number of this CPU; of two programs, one of which interrupts the other, one may go uncounted.
                    unsafe { *added += 1 };
                }
                Some(())
            }

            #[inline(always)]
            fn just_left(&self, becomes: &Tuple<$octets>, protocol: u8) -> bool {
                matches!(remembered::<$family>(*self, becomes, protocol), Some((_, true)))
            }
        }
    };
}
flow_table!(FLOWS4, 0, WORK4, HOPS4, V4, u32);
flow_table!(FLOWS6, 1, WORK6, HOPS6, V6, [u32; 4]);

/// A copy of a value that the agent may replace at any time.
macro_rules! copied {
    ($map:ident, $key:expr) => {
        // SAFETY: a value stays readable until the program ends; what is torn by a change is right with the next packet.
        unsafe { $map.get($key) }.copied()
    };
}

impl Tables for Maps {
    #[inline(always)]
    fn now(&self) -> u32 {
        (self.time_ns >> Config::CLOCK_SHIFT) as u32
    }

    #[inline(always)]
    fn random(&self) -> u32 {
        // SAFETY: no arguments.
        unsafe { bpf_get_prandom_u32() }
    }

    #[inline(always)]
    fn service(&self, key: &ServiceKey) -> Option<Service> {
        copied!(SERVICES, key)
    }

    #[inline(always)]
    fn slot(&self, index: u32) -> Option<u32> {
        SLOTS.get(index).copied()
    }

    #[inline(always)]
    fn backend(&self, id: u32) -> Option<Backend> {
        BACKENDS.get(id).copied()
    }

    #[inline(always)]
    fn affinity(&self, key: &AffinityKey) -> Option<Affinity> {
        copied!(AFFINITIES, key)
    }

    #[inline(always)]
    fn put_affinity(&self, key: &AffinityKey, affinity: &Affinity) {
        // Without room, the client may get another backend next time: nothing that a packet should be dropped for.
        let _full = AFFINITIES.insert(key, affinity, 0);
    }

    #[inline(always)]
    fn in_source_range(&self, service: u32, client: &Addr) -> bool {
        const BITS: u32 = 32 + 128;
        let Addr([a, b, c, d]) = *client;
        SOURCE_RANGES.get(&Key::new(BITS, [service, a, b, c, d])).is_some()
    }

    #[inline(always)]
    fn endpoint(&self, addr: &Addr) -> Option<Endpoint> {
        copied!(ENDPOINTS, &EndpointKey { addr: *addr })
    }

    #[inline(always)]
    fn prefix(&self, addr: &Addr) -> Prefix {
        PREFIXES.get(&Key::new(128, *addr)).copied().unwrap_or_default()
    }

    #[inline(always)]
    fn fragment(&self, key: &FragmentKey) -> Option<Fragment> {
        copied!(FRAGMENTS, key)
    }

    #[inline(always)]
    fn put_fragment(&self, key: &FragmentKey, fragment: &Fragment) {
        // Without room, the later pieces count as those of a packet whose first was not seen.
        let _full = FRAGMENTS.insert(key, fragment, 0);
    }
}

impl SocketTables for Maps {
    #[inline(always)]
    fn socket_flow(&self, key: &SocketFlowKey) -> Option<SocketFlow> {
        copied!(SOCKETS, key)
    }

    #[inline(always)]
    fn put_socket_flow(&self, key: &SocketFlowKey, flow: &SocketFlow) {
        // Without room, the process sees the backend's address instead of the service's.
        let _full = SOCKETS.insert(key, flow, 0);
    }
}

/// Counts a packet under what became of it; 0 stands for "went on".
#[inline(always)]
pub(crate) fn count(hook: Hook, reason: u8, bytes: u32) {
    if let Some(counter) = COUNTERS.get_ptr_mut(CounterKey { hook, reason }.index()) {
        // SAFETY: the counter of this CPU, which runs no other program of this kind meanwhile.
        unsafe {
            (*counter).packets += 1;
            (*counter).bytes += u64::from(bytes);
        }
    }
}

/// Whether somebody wants to be told of new flows.
#[inline(always)]
pub(crate) fn is_listened_to() -> bool {
    WATCH.get(0).is_some_and(|watch| watch.new_flows != 0 && now() < watch.until)
}

/// Whether somebody wants to be told of such an event, and this CPU may still tell one. Without a listener it costs a look.
#[inline(always)]
pub(crate) fn may_tell(kind: u8) -> bool {
    let Some(watch) = WATCH.get(0) else { return false };
    if watch.until == 0 {
        return false;
    }
    let most = if kind == event_kind::DROP { watch.drops } else { watch.new_flows };
    let now = now();
    if most == 0 || now >= watch.until {
        return false;
    }
    let Some(allowance) = ALLOWANCES.get_ptr_mut(u32::from(kind)) else { return false };
    // SAFETY: the allowance of this CPU, which runs no other program of this kind meanwhile.
    unsafe {
        if (*allowance).time != now {
            (*allowance).time = now;
            (*allowance).told = 0;
        }
        if (*allowance).told >= most {
            (*allowance).held_back += 1;
            return false;
        }
        (*allowance).told += 1;
    }
    true
}

/// Tells the agent. When it does not keep up, the event is lost and counted.
#[inline(always)]
pub(crate) fn tell(event: Event) {
    if let Some(mut place) = EVENTS.reserve(0) {
        place.write(event);
        place.submit(0);
    } else if let Some(allowance) = ALLOWANCES.get_ptr_mut(u32::from(event.kind)) {
        // SAFETY: the allowance of this CPU, which runs no other program of this kind meanwhile.
        unsafe { (*allowance).held_back += 1 };
    }
}

/// Whether nothing between these ends was seen of late.
#[inline(always)]
pub(crate) fn is_new(ends: u32) -> bool {
    const FORGOTTEN_AFTER: u32 = 60;
    let now = now();
    let Some(seen) = UNREMEMBERED.get_ptr_mut(ends) else {
        // Without room it is told again.
        let _full = UNREMEMBERED.insert(ends, now, 0);
        return true;
    };
    // SAFETY: a live value of the table; both of two CPUs that write it write the same.
    unsafe {
        let before = seen.read_volatile();
        if before != now {
            seen.write_volatile(now);
        }
        now.wrapping_sub(before) > FORGOTTEN_AFTER
    }
}
