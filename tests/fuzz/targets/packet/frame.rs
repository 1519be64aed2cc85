//! A frame in memory.

use ichor_datapath_logic::{Packet, Place};
use ichor_datapath_types::{Eth, Pod};

pub(crate) struct Frame(pub(crate) Vec<u8>);

const ETHERNET: usize = size_of::<Eth>();

fn at(place: Place) -> usize {
    match place {
        Place::BeforeIp => ETHERNET,
        Place::AfterIp { header } => ETHERNET + header,
    }
}

impl Packet for Frame {
    fn load<T: Pod>(&self, offset: usize) -> Option<T> {
        ichor_datapath_types::read(self.0.get(offset..)?)
    }

    fn store<T: Pod>(&mut self, offset: usize, value: T) -> Option<()> {
        ichor_datapath_types::write(self.0.get_mut(offset..)?, &value)
    }

    fn cut(&mut self, length: usize) -> Option<()> {
        (length <= self.0.len()).then(|| self.0.truncate(length))
    }

    fn insert(&mut self, place: Place, size: usize) -> Option<()> {
        let at = at(place);
        (at <= self.0.len()).then(|| drop(self.0.splice(at..at, vec![0; size])))
    }

    fn remove(&mut self, place: Place, size: usize) -> Option<()> {
        let at = at(place);
        (at + size <= self.0.len()).then(|| drop(self.0.drain(at..at + size)))
    }
}
