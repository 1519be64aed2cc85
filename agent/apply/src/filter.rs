//! Filters of traffic control: the programs on pods' cables, and on uplinks where a kernel has no links for them.

use ichor_datapath_loader::Direction;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcMessage};

use crate::error::Error;
use crate::netlink::Netlink;

/// The places of what comes in and of what goes out, under the queueing discipline `clsact`.
const INGRESS: TcHandle = TcHandle { major: 0xffff, minor: 0xfff2 };
const EGRESS: TcHandle = TcHandle { major: 0xffff, minor: 0xfff3 };

impl Netlink {
    /// Whether a program of ours filters what comes by an interface.
    pub fn is_filtered(&mut self, interface: u32, direction: Direction, handle: u16) -> Result<bool, Error> {
        let mut request = TcMessage::default();
        request.header.index = i32::try_from(interface).unwrap_or_default();
        request.header.parent = match direction {
            Direction::Ingress => INGRESS,
            Direction::Egress => EGRESS,
        };
        let found = self.list(&RouteNetlinkMessage::GetTrafficFilter(request));
        let found = found.map_err(|error| Error::new(format!("listing the filters of the interface number {interface}"), error))?;
        let ours = |message: &RouteNetlinkMessage| match message {
            RouteNetlinkMessage::NewTrafficFilter(message) => {
                let is_program = message.attributes.iter().any(|attribute| matches!(attribute, TcAttribute::Kind(kind) if kind == "bpf"));
                is_program && message.header.handle == TcHandle::from(u32::from(handle))
            }
            _ => false,
        };
        Ok(found.iter().any(ours))
    }
}
