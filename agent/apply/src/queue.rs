//! The queues in which packets wait before an interface sends them.

use netlink_packet_core::{DefaultNla, NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcMessage, TcOption};

use crate::netlink::{Netlink, Refusal};

/// Where a queue is, and the number by which it is known. Those that the kernel has chosen itself have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) interface: u32,
    pub(crate) parent: TcHandle,
    pub(crate) handle: TcHandle,
}

impl Place {
    /// Before everything that an interface sends.
    pub(crate) fn root(interface: u32, handle: TcHandle) -> Self {
        Self { interface, parent: TcHandle::ROOT, handle }
    }

    fn message(self) -> TcMessage {
        let mut message = TcMessage::default();
        message.header.index = self.interface.cast_signed();
        (message.header.parent, message.header.handle) = (self.parent, self.handle);
        message
    }
}

/// One that there is.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) place: Place,
    pub(crate) kind: String,
}

/// What the library does not know by name.
pub(crate) fn option(kind: u16, bytes: impl AsRef<[u8]>) -> TcOption {
    TcOption::Other(DefaultNla::new(kind, bytes.as_ref().to_vec()))
}

impl Netlink {
    /// Makes this the queue of a place, whatever it has now. One without options takes none, not even an empty list.
    pub(crate) fn set_queue(&mut self, place: Place, kind: &str, options: Vec<TcOption>) -> Result<(), Refusal> {
        let mut message = place.message();
        message.attributes.push(TcAttribute::Kind(kind.to_owned()));
        if !options.is_empty() {
            message.attributes.push(TcAttribute::Options(options));
        }
        self.change(RouteNetlinkMessage::NewQueueDiscipline(message), NLM_F_CREATE | NLM_F_REPLACE)
    }

    pub(crate) fn remove_queue(&mut self, place: Place) -> Result<(), Refusal> {
        self.change(RouteNetlinkMessage::DelQueueDiscipline(place.message()), 0)
    }

    pub(crate) fn queues(&mut self) -> Result<Vec<Queue>, Refusal> {
        let there = self.list(&RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default()))?;
        Ok(there.into_iter().filter_map(queue).collect())
    }
}

fn queue(message: RouteNetlinkMessage) -> Option<Queue> {
    let RouteNetlinkMessage::NewQueueDiscipline(TcMessage { header, attributes, .. }) = message else { return None };
    let kind = attributes.into_iter().find_map(|one| if let TcAttribute::Kind(kind) = one { Some(kind) } else { None })?;
    Some(Queue { place: Place { interface: header.index.cast_unsigned(), parent: header.parent, handle: header.handle }, kind })
}
