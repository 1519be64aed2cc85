//! Each table by its name, with its types: of the programs that this process loaded, or opened by their pins.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use aya::maps::{Map, MapData};
use ichor_datapath_types::{
    Addr, Affinity, AffinityKey, Backend, Endpoint, EndpointKey, Flow, FlowKey, Fragment, FragmentKey, Pace, Prefix, Service, ServiceKey,
    SocketFlow, SocketFlowKey,
};

use crate::datapath::Datapath;
use crate::error::Error;
use crate::pins::Pins;
use crate::sizes::Sizes;
use crate::table::{Array, Counters, Prefixes, Table};

/// The tables that stay in the kernel, for who does not own the programs.
#[derive(Debug)]
pub struct KeptTables {
    maps: BTreeMap<&'static str, Map>,
}

impl Pins {
    /// Opens the tables that outlive a load.
    pub fn open(&self, sizes: &Sizes) -> Result<KeptTables, Error> {
        let mut maps = BTreeMap::new();
        for (name, place) in self.kept(sizes)? {
            let opened = MapData::from_pin(&place).and_then(Map::from_map_data);
            maps.insert(name, opened.map_err(|error| Error::new(format!("opening the table {name}"), &error))?);
        }
        Ok(KeptTables { maps })
    }
}

impl KeptTables {
    pub(crate) fn map(&mut self, name: &'static str) -> Result<&mut Map, Error> {
        self.maps.get_mut(name).ok_or_else(|| Error::missing(format!("the table {name}")))
    }

    pub(crate) fn take(&mut self, name: &'static str) -> Result<Map, Error> {
        self.maps.remove(name).ok_or_else(|| Error::missing(format!("the table {name}")))
    }
}

/// Tables of keys and values.
macro_rules! tables {
    ($of:ident: $($name:ident $map:literal $key:ty => $value:ty;)+) => {
        impl $of { $(
            pub fn $name(&mut self) -> Result<Table<'_, $key, $value>, Error> {
                Ok(Table { name: $map, map: self.map($map)?, types: PhantomData })
            }
        )+ }
    };
}

/// What both owners and readers look at.
macro_rules! common_tables {
    ($of:ident) => {
        tables! {
            $of:
            services "SERVICES" ServiceKey => Service;
            endpoints "ENDPOINTS" EndpointKey => Endpoint;
            paces "PACES" u32 => Pace;
            flows_v4 "FLOWS4" FlowKey<u32> => Flow<u32>;
            flows_v6 "FLOWS6" FlowKey<[u32; 4]> => Flow<[u32; 4]>;
        }

        impl $of {
            pub fn slots(&mut self) -> Result<Array<'_, u32>, Error> {
                Ok(Array { name: "SLOTS", map: self.map("SLOTS")?, types: PhantomData })
            }

            pub fn backends(&mut self) -> Result<Array<'_, Backend>, Error> {
                Ok(Array { name: "BACKENDS", map: self.map("BACKENDS")?, types: PhantomData })
            }

            pub fn prefixes(&mut self) -> Result<Prefixes<'_, Addr, Prefix>, Error> {
                Ok(Prefixes { name: "PREFIXES", map: self.map("PREFIXES")?, types: PhantomData })
            }

            /// By the service's id and the client's address.
            pub fn source_ranges(&mut self) -> Result<Prefixes<'_, [u32; 5], u32>, Error> {
                Ok(Prefixes { name: "SOURCE_RANGES", map: self.map("SOURCE_RANGES")?, types: PhantomData })
            }

            /// How many rows the programs have put into each family's table of flows.
            pub fn flows_added(&mut self) -> Result<[u64; 2], Error> {
                let counters = Counters { map: self.map("FLOWS_ADDED")? };
                Ok([counters.number(0)?, counters.number(1)?])
            }

            pub fn counters(&mut self) -> Result<Counters<'_>, Error> {
                Ok(Counters { map: self.map("COUNTERS")? })
            }
        }
    };
}

common_tables!(Datapath);
common_tables!(KeptTables);

tables! {
    Datapath:
    affinities "AFFINITIES" AffinityKey => Affinity;
    fragments "FRAGMENTS" FragmentKey => Fragment;
    sockets "SOCKETS" SocketFlowKey => SocketFlow;
}
