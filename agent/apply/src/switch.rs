//! A switch, and what is plugged into it: the network that a node finds where it is put. The lab makes its LAN of it.

use std::os::fd::{AsRawFd as _, BorrowedFd};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    BridgeStpState, InfoBridge, InfoData, InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, LinkXdp,
};
use nix::errno::Errno;

use crate::error::Error;
use crate::link::Link;
use crate::netlink::Netlink;

/// How a program for XDP is attached: the driver runs it, and it takes no other one's place.
const IN_DRIVER: u32 = 1 << 2;
const IF_NONE: u32 = 1 << 0;

impl Netlink {
    /// Makes a switch that forwards at once, and broadcasts to all of its ports.
    pub fn make_switch(&mut self, name: &str) -> Result<(), Error> {
        let settings =
            vec![InfoBridge::StpState(BridgeStpState::Disabled), InfoBridge::ForwardDelay(0), InfoBridge::MulticastSnooping(false)];
        let mut message = LinkMessage::default();
        message.attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge), LinkInfo::Data(InfoData::Bridge(settings))]),
        ];
        self.change(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL).map_err(|error| {
            let what = format!("making the switch {name}");
            if error.raw_os_error() == Some(Errno::EOPNOTSUPP as i32) {
                return Error::new(what, "the kernel has none; boot one with CONFIG_BRIDGE");
            }
            Error::new(what, error)
        })
    }

    /// Makes an interface a port of a switch.
    pub fn plug_in(&mut self, port: &Link, switch: &Link) -> Result<(), Error> {
        let mut message = port.message();
        message.attributes.push(LinkAttribute::Controller(switch.index));
        let what = || format!("plugging the interface {} into the switch {}", port.name, switch.name);
        self.set_link(message).map_err(|error| Error::new(what(), error))
    }

    /// Switches an interface off: its other end has no signal.
    pub fn set_down(&mut self, link: &Link) -> Result<(), Error> {
        let mut message = link.message();
        message.header.change_mask = LinkFlags::Up;
        self.set_link(message).map_err(|error| Error::new(format!("switching off the interface {}", link.name), error))
    }

    /// Lets the driver of an interface run a program on what comes in; it stays for as long as the interface does.
    pub fn attach_xdp(&mut self, link: &Link, program: BorrowedFd<'_>) -> Result<(), Error> {
        let mut message = link.message();
        message.attributes.push(LinkAttribute::Xdp(vec![LinkXdp::Fd(program.as_raw_fd()), LinkXdp::Flags(IN_DRIVER | IF_NONE)]));
        let what = || format!("attaching a program for XDP to the interface {}", link.name);
        self.set_link(message).map_err(|error| Error::new(what(), error))
    }
}
