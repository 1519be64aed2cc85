//! The loaded programs and their tables.

use std::marker::PhantomData;

use aya::maps::Map;
use aya::programs::{CgroupSockAddr, Program, SchedClassifier, TestRun as _, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader, VerifierLogLevel};
use ichor_datapath_types::{
    Addr, Affinity, AffinityKey, Backend, Config, Endpoint, EndpointKey, Flow, FlowKey, Fragment, FragmentKey, Prefix, Service, ServiceKey,
    SocketFlow, SocketFlowKey, bytes_of,
};

use crate::error::Error;
use crate::object::PROGRAMS;
use crate::sizes::Sizes;
use crate::table::{Array, Counters, Prefixes, Table};

/// The programs in the kernel. They go with this value, unless they are attached.
#[derive(Debug)]
pub struct Datapath {
    ebpf: Ebpf,
}

/// What the kernel said about a packet that it ran through a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    pub verdict: u32,
    pub packet: Vec<u8>,
    pub nanoseconds: u64,
}

macro_rules! tables {
    ($($name:ident $map:literal $key:ty => $value:ty;)+) => {
        impl Datapath { $(
            pub fn $name(&mut self) -> Result<Table<'_, $key, $value>, Error> {
                Ok(Table { name: $map, map: self.map($map)?, types: PhantomData })
            }
        )+ }
    };
}

tables! {
    services "SERVICES" ServiceKey => Service;
    endpoints "ENDPOINTS" EndpointKey => Endpoint;
    flows_v4 "FLOWS4" FlowKey<u32> => Flow<u32>;
    flows_v6 "FLOWS6" FlowKey<[u32; 4]> => Flow<[u32; 4]>;
    affinities "AFFINITIES" AffinityKey => Affinity;
    fragments "FRAGMENTS" FragmentKey => Fragment;
    sockets "SOCKETS" SocketFlowKey => SocketFlow;
}

impl Datapath {
    /// Loads an object with these constants and sizes; every program passes the verifier, or nothing is loaded.
    pub fn load(object: &[u8], config: &Config, sizes: &Sizes) -> Result<Self, Error> {
        const CONFIG_SIZE: usize = size_of::<Config>();
        let constants = bytes_of::<_, CONFIG_SIZE>(config);
        let mut loader = EbpfLoader::new();
        loader.override_global("CONFIG", &constants, true).verifier_log_level(VerifierLogLevel::STATS);
        for (name, entries) in sizes.by_name() {
            loader.map_max_entries(name, entries);
        }
        let ebpf = loader.load(object).map_err(|error| Error::new("the kernel does not take the datapath's tables", &error))?;
        let mut datapath = Self { ebpf };
        for name in PROGRAMS {
            let loaded = match datapath.program(name)? {
                Program::Xdp(program) => Xdp::load(program),
                Program::SchedClassifier(program) => SchedClassifier::load(program),
                Program::CgroupSockAddr(program) => CgroupSockAddr::load(program),
                _ => return Err(Error::missing(format!("the program {name} in a form that is known"))),
            };
            loaded.map_err(|error| Error::new(format!("the kernel does not take the program {name}"), &error))?;
        }
        Ok(datapath)
    }

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

    pub fn counters(&self) -> Result<Counters<'_>, Error> {
        Ok(Counters { map: self.ebpf.map("COUNTERS").ok_or_else(|| Error::missing("the table COUNTERS"))? })
    }

    /// How many instructions the verifier followed in each program.
    pub fn verified(&self) -> Result<Vec<(&'static str, u32)>, Error> {
        let count = |name| {
            let program = self.ebpf.program(name).ok_or_else(|| Error::missing(format!("the program {name}")))?;
            let info = program.info().map_err(|error| Error::new(format!("asking about the program {name}"), &error))?;
            Ok((name, info.verified_instruction_count().unwrap_or_default()))
        };
        PROGRAMS.into_iter().map(count).collect()
    }

    /// Runs a packet through a program, without an interface.
    pub fn run(&self, program: &str, packet: &[u8], repeat: u32) -> Result<Measured, Error> {
        /// What a program may add to a packet.
        const ROOM: usize = 256;
        let mut out = vec![0; packet.len() + ROOM];
        let options = TestRunOptions { data_in: Some(packet), data_out: Some(&mut out), repeat, ..TestRunOptions::new() };
        let loaded = self.ebpf.program(program).ok_or_else(|| Error::missing(format!("the program {program}")))?;
        let outcome = match loaded {
            Program::Xdp(program) => program.test_run(options),
            Program::SchedClassifier(program) => program.test_run(options),
            _ => return Err(Error::missing(format!("a packet's program {program}"))),
        };
        let result = outcome.map_err(|error| Error::new(format!("running a packet through {program}"), &error))?;
        out.truncate(usize::try_from(result.data_size_out).unwrap_or(usize::MAX));
        Ok(Measured { verdict: result.return_value, packet: out, nanoseconds: u64::try_from(result.duration.as_nanos()).unwrap_or(u64::MAX) })
    }

    fn map(&mut self, name: &'static str) -> Result<&mut Map, Error> {
        self.ebpf.map_mut(name).ok_or_else(|| Error::missing(format!("the table {name}")))
    }

    fn program(&mut self, name: &'static str) -> Result<&mut Program, Error> {
        self.ebpf.program_mut(name).ok_or_else(|| Error::missing(format!("the program {name}")))
    }
}
