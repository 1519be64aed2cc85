//! Tables that answer by chance, except for flows, which they keep.

use std::cell::Cell;

use ichor_datapath_logic::{FlowTable, Tables};
use ichor_datapath_types::{
    Addr, Affinity, AffinityKey, Backend, Endpoint, Flow, FlowKey, Fragment, FragmentKey, Octets, Prefix, Service, ServiceKey, SharedFlow,
};

/// As many flows as two packets write.
const FLOWS: usize = 8;

pub(crate) struct Chance {
    bytes: Vec<u8>,
    next: Cell<usize>,
    v4: Kept<u32>,
    v6: Kept<[u32; 4]>,
}

struct Kept<A: Octets> {
    rows: [(Cell<Option<FlowKey<A>>>, Cell<Flow<A>>); FLOWS],
}

impl Chance {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), next: Cell::new(0), v4: Kept::new(), v6: Kept::new() }
    }

    fn byte(&self) -> u8 {
        let index = self.next.get();
        self.next.set(index + 1);
        self.bytes.get(index % self.bytes.len().max(1)).copied().unwrap_or(0)
    }

    fn word(&self) -> u32 {
        u32::from_ne_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    fn addr(&self) -> Addr {
        if self.byte() & 1 == 0 { Addr::from_v4(self.word()) } else { Addr([self.word(), self.word(), self.word(), self.word()]) }
    }

    fn sometimes<T>(&self, value: impl FnOnce() -> T) -> Option<T> {
        (self.byte() & 3 != 0).then(value)
    }
}

impl<A: Octets + PartialEq> Kept<A>
where
    FlowKey<A>: PartialEq,
    Flow<A>: Default,
{
    fn new() -> Self {
        Self { rows: std::array::from_fn(|_| (Cell::new(None), Cell::default())) }
    }

    fn get(&self, key: &FlowKey<A>) -> Option<SharedFlow<'_, A>> {
        let row = self.rows.iter().find(|row| row.0.get().as_ref() == Some(key))?;
        Some(SharedFlow::in_cell(&row.1))
    }

    fn put(&self, key: &FlowKey<A>, flow: &Flow<A>) -> Option<()> {
        let known = self.rows.iter().find(|row| row.0.get().as_ref() == Some(key));
        let row = known.or_else(|| self.rows.iter().find(|row| row.0.get().is_none()))?;
        row.0.set(Some(*key));
        row.1.set(*flow);
        Some(())
    }
}

macro_rules! flow_table {
    ($field:ident, $octets:ty) => {
        impl FlowTable<$octets> for Chance {
            fn flow(&self, key: &FlowKey<$octets>) -> Option<SharedFlow<'_, $octets>> {
                self.$field.get(key)
            }

            fn put_flow(&self, key: &FlowKey<$octets>, flow: &Flow<$octets>) -> Option<()> {
                self.$field.put(key, flow)
            }

            fn add_flow(&self, key: &FlowKey<$octets>, flow: &Flow<$octets>) -> Option<()> {
                if self.$field.get(key).is_some() { None } else { self.$field.put(key, flow) }
            }
        }
    };
}
flow_table!(v4, u32);
flow_table!(v6, [u32; 4]);

impl Tables for Chance {
    fn now(&self) -> u32 {
        self.word()
    }

    fn random(&self) -> u32 {
        self.word()
    }

    fn service(&self, _key: &ServiceKey) -> Option<Service> {
        self.sometimes(|| Service {
            id: self.word(),
            first_slot: self.word(),
            slots: self.word(),
            affinity: self.byte().into(),
            flags: self.byte().into(),
            pad: 0,
        })
    }

    fn slot(&self, _index: u32) -> Option<u32> {
        self.sometimes(|| self.word())
    }

    fn backend(&self, _id: u32) -> Option<Backend> {
        self.sometimes(|| Backend { addr: self.addr(), port: self.byte().into(), flags: self.byte().into() })
    }

    fn affinity(&self, _key: &AffinityKey) -> Option<Affinity> {
        self.sometimes(|| Affinity { backend: self.word(), seen: self.word() })
    }

    fn put_affinity(&self, _key: &AffinityKey, _affinity: &Affinity) {}

    fn in_source_range(&self, _service: u32, _client: &Addr) -> bool {
        self.byte() & 1 == 0
    }

    fn endpoint(&self, _addr: &Addr) -> Option<Endpoint> {
        // The interface on which the pod's own packets come in, most of the time.
        let interface = if self.byte() & 7 == 0 { 8 } else { 7 };
        self.sometimes(|| Endpoint { interface, flags: self.byte().into(), ..Endpoint::default() })
    }

    fn prefix(&self, _addr: &Addr) -> Prefix {
        Prefix { identity: 0, flags: self.byte().into() }
    }

    fn fragment(&self, _key: &FragmentKey) -> Option<Fragment> {
        self.sometimes(|| Fragment { source_port: self.byte().into(), destination_port: self.byte().into() })
    }

    fn put_fragment(&self, _key: &FragmentKey, _fragment: &Fragment) {}
}
