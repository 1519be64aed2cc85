//! The loaded programs and their tables.

use std::collections::BTreeMap;
use std::iter;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use aya::maps::Map;
use aya::programs::xdp::XdpMode;
use aya::programs::{CgroupSockAddr, Program, SchedClassifier, Xdp};
use aya::{Ebpf, EbpfLoader, VerifierLogLevel};
use ichor_datapath_types::{Config, bytes_of};

use crate::error::Error;
use crate::object::PROGRAMS;
use crate::pins::Pins;
use crate::sizes::Sizes;

/// The programs in the kernel. They go with this value, unless they are attached.
#[derive(Debug)]
pub struct Datapath {
    pub(crate) maps: BTreeMap<String, Map>,
    programs: Programs,
}

#[derive(Debug)]
enum Programs {
    /// The verifier still looks at them.
    Underway(JoinHandle<Result<Ebpf, Error>>),
    Loaded(Ebpf),
    Refused,
}

impl Datapath {
    /// Loads an object with these constants and sizes; every program passes the verifier, or nothing is loaded.
    pub fn load(object: &[u8], config: &Config, sizes: &Sizes) -> Result<Self, Error> {
        let mut datapath = Self::begin_with(object, config, sizes, &[], &[])?;
        datapath.wait().map(|()| datapath)
    }

    /// Loads an object that goes on with the tables of an earlier one, where these have its layout.
    pub fn load_again(object: &[u8], config: &Config, sizes: &Sizes, pins: &Pins) -> Result<Self, Error> {
        let mut datapath = Self::begin(object, config, sizes, pins, &[])?;
        datapath.wait().map(|()| datapath)
    }

    /// Does the same, but for programs that nobody will attach, and returns when the tables are there: they can be filled while
    /// the verifier looks at the programs.
    pub fn begin(object: &[u8], config: &Config, sizes: &Sizes, pins: &Pins, without: &[&str]) -> Result<Self, Error> {
        Self::begin_with(object, config, sizes, &pins.kept(sizes)?, without)
    }

    /// Waits until the programs are loaded.
    pub fn wait(&mut self) -> Result<(), Error> {
        self.programs = match std::mem::replace(&mut self.programs, Programs::Refused) {
            Programs::Underway(thread) => Programs::Loaded(thread.join().unwrap_or_else(|_| Err(lost_thread()))?),
            other => other,
        };
        self.loaded().map(drop)
    }

    fn begin_with(
        object: &[u8],
        config: &Config,
        sizes: &Sizes,
        kept: &[(&'static str, PathBuf)],
        without: &[&str],
    ) -> Result<Self, Error> {
        const CONFIG_SIZE: usize = size_of::<Config>();
        let constants = bytes_of::<_, CONFIG_SIZE>(config);
        let mut loader = EbpfLoader::new();
        loader.override_global("CONFIG", &constants, true).verifier_log_level(VerifierLogLevel::STATS);
        for (name, entries) in sizes.by_name() {
            loader.map_max_entries(name, entries);
        }
        for (name, place) in kept {
            loader.map_pin_path(name, place.as_path());
        }
        let mut ebpf = loader.load(object).map_err(|error| Error::new("the kernel does not take the datapath's tables", &error))?;
        let names: Vec<_> = ebpf.maps().map(|(name, _)| name.to_owned()).collect();
        let maps = names.into_iter().filter_map(|name| Some((name.clone(), ebpf.take_map(&name)?))).collect();
        let wanted: Vec<_> = PROGRAMS.into_iter().filter(|name| !without.contains(name)).collect();
        let thread = thread::Builder::new().name("verifier".to_owned()).spawn(move || load_all(ebpf, &wanted));
        let thread = thread.map_err(|error| Error::new("starting a thread that loads programs", &error))?;
        Ok(Self { maps, programs: Programs::Underway(thread) })
    }

    /// How many instructions the verifier followed in each program.
    pub fn verified(&self) -> Result<Vec<(&'static str, u32)>, Error> {
        let count = |name| {
            let program = self.loaded()?.program(name).ok_or_else(|| Error::missing(format!("the program {name}")))?;
            let info = program.info().map_err(|error| Error::new(format!("asking about the program {name}"), &error))?;
            Ok((name, info.verified_instruction_count().unwrap_or_default()))
        };
        PROGRAMS.into_iter().map(count).collect()
    }

    /// Puts the uplink's own program onto an interface, in its driver, for as long as this value lives.
    pub fn attach_xdp(&mut self, interface: u32) -> Result<(), Error> {
        let Program::Xdp(program) = self.program("xdp_wire")? else {
            return Err(Error::missing("the program xdp_wire in its form"));
        };
        let attached = program.attach_to_if_index(interface, XdpMode::Driver);
        attached.map(drop).map_err(|error| Error::new(format!("attaching xdp_wire to interface number {interface}"), &error))
    }

    pub(crate) fn map(&mut self, name: &'static str) -> Result<&mut Map, Error> {
        self.maps.get_mut(name).ok_or_else(|| Error::missing(format!("the table {name}")))
    }

    pub(crate) fn program(&mut self, name: &'static str) -> Result<&mut Program, Error> {
        self.wait()?;
        let Programs::Loaded(ebpf) = &mut self.programs else { return Err(not_loaded()) };
        ebpf.program_mut(name).ok_or_else(|| Error::missing(format!("the program {name}")))
    }

    pub(crate) fn loaded(&self) -> Result<&Ebpf, Error> {
        if let Programs::Loaded(ebpf) = &self.programs { Ok(ebpf) } else { Err(not_loaded()) }
    }
}

impl Drop for Datapath {
    /// Whoever looks at the programs looks at their tables, too.
    fn drop(&mut self) {
        let _refused = self.wait();
    }
}

fn not_loaded() -> Error {
    Error::missing("programs that the kernel has taken")
}

fn lost_thread() -> Error {
    Error::missing("a thread that loads programs")
}

/// The verifier takes its time with these: whichever is begun last is waited for alone.
const LONGEST_FIRST: [&str; 5] = ["from_endpoint", "from_wire", "to_endpoint", "to_wire", "xdp_wire"];

fn load_all(mut ebpf: Ebpf, wanted: &[&str]) -> Result<Ebpf, Error> {
    for name in wanted {
        ebpf.program(name).ok_or_else(|| Error::missing(format!("the program {name}")))?;
    }
    let mut programs: Vec<_> = ebpf.programs_mut().filter(|(name, _)| wanted.contains(name)).collect();
    programs.sort_by_key(|(name, _)| LONGEST_FIRST.iter().position(|longest| longest == name).unwrap_or(LONGEST_FIRST.len()));
    let queue = Mutex::new(programs.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let load_some = || iter::from_fn(next).try_for_each(|(name, program)| load_one(name, program));
    // As many at once as there are processors: more would only keep waiting who has to do something else meanwhile.
    let at_once = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..at_once).map(|_| scope.spawn(load_some)).collect();
        let ended = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(lost_thread())));
        ended.collect::<Vec<_>>().into_iter().collect::<Result<(), Error>>()
    })?;
    Ok(ebpf)
}

fn load_one(name: &str, program: &mut Program) -> Result<(), Error> {
    let loaded = match program {
        Program::Xdp(program) => Xdp::load(program),
        Program::SchedClassifier(program) => SchedClassifier::load(program),
        Program::CgroupSockAddr(program) => CgroupSockAddr::load(program),
        _ => return Err(Error::missing(format!("the program {name} in a form that is known"))),
    };
    loaded.map_err(|error| Error::new(format!("the kernel does not take the program {name}"), &error))
}
