//! What the programs tell, for one reader at a time.

use std::os::fd::{AsFd, BorrowedFd};

use aya::maps::{Array, Map, MapData, MapError, PerCpuArray, RingBuf};
use ichor_datapath_types::{Allowance, Event, Watch, event_kind, read};

use crate::datapath::Datapath;
use crate::error::Error;
use crate::pins::Pins;
use crate::sizes::Sizes;
use crate::table::Raw;

/// The ring of events, and what says which of them somebody wants.
pub struct Events {
    ring: RingBuf<MapData>,
    watch: Array<MapData, Raw<Watch>>,
    allowances: PerCpuArray<MapData, Raw<Allowance>>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

impl Pins {
    /// Opens the events. Two readers of one ring take them from each other.
    pub fn events(&self, sizes: &Sizes) -> Result<Events, Error> {
        let mut tables = self.open(sizes)?;
        Events::of(|name| tables.take(name))
    }
}

impl Datapath {
    /// Takes the events out, for a reader beside the one who has the programs.
    pub fn take_events(&mut self) -> Result<Events, Error> {
        Events::of(|name| self.maps.remove(name).ok_or_else(|| Error::missing(format!("the table {name}"))))
    }
}

impl Events {
    fn of(mut take: impl FnMut(&'static str) -> Result<Map, Error>) -> Result<Self, Error> {
        let wrong = |error: MapError| Error::new("opening the events", &error);
        Ok(Self {
            ring: RingBuf::try_from(take("EVENTS")?).map_err(wrong)?,
            watch: Array::try_from(take("WATCH")?).map_err(wrong)?,
            allowances: PerCpuArray::try_from(take("ALLOWANCES")?).map_err(wrong)?,
        })
    }

    /// Says what somebody wants to be told, and until when.
    pub fn watch(&mut self, watch: &Watch) -> Result<(), Error> {
        self.watch.set(0, Raw(*watch), 0).map_err(|error| Error::new("writing the table WATCH", &error))
    }

    /// The next event, if there is one by now.
    pub fn next_event(&mut self) -> Option<Event> {
        self.ring.next().and_then(|bytes| read(&bytes))
    }

    /// How many events of each kind were not told so far, drops first.
    pub fn held_back(&self) -> Result<(u64, u64), Error> {
        let sum = |kind: u8| {
            let each = self.allowances.get(&u32::from(kind), 0).map_err(|error| Error::new("reading the table ALLOWANCES", &error))?;
            Ok::<_, Error>(each.iter().fold(0_u64, |sum, Raw(one)| sum.wrapping_add(one.held_back)))
        };
        Ok((sum(event_kind::DROP)?, sum(event_kind::NEW_FLOW)?))
    }
}

impl AsFd for Events {
    /// Readable when there is an event.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}
