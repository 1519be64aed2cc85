//! Asking the kernel about its network and changing it, one request at a time.

use std::{fmt, io};

use netlink_packet_core::{
    ErrorMessage, NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
    NlasIterator, parse_string,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::constants::NLMSGERR_ATTR_MSG;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use crate::error::Error;

/// A connection to the network namespace in which it was opened.
#[derive(Debug)]
pub struct Netlink {
    socket: Socket,
    sequence: u32,
}

/// Why the kernel did not do something.
#[derive(Debug)]
pub(crate) struct Refusal {
    error: io::Error,
    /// The kernel's sentence about it, which says more than the number of an error.
    sentence: Option<String>,
}

impl Refusal {
    fn of(flags: u16, answer: &ErrorMessage) -> Self {
        Self { error: answer.to_io(), sentence: sentence(flags, &answer.header) }
    }

    pub(crate) fn raw_os_error(&self) -> Option<i32> {
        self.error.raw_os_error()
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self { error, sentence: None }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sentence {
            Some(sentence) => write!(f, "{sentence}: {}", self.error),
            None => self.error.fmt(f),
        }
    }
}

/// Room for a datagram.
const LONGEST: usize = 64 << 10;
/// A list that changes while it is read is read again so often.
const TRIES: usize = 5;

impl Netlink {
    pub fn open() -> Result<Self, Error> {
        let wrong = |error: io::Error| Error::new("opening a netlink socket", error);
        let mut socket = Socket::new(NETLINK_ROUTE).map_err(wrong)?;
        socket.set_ext_ack(true).map_err(wrong)?;
        socket.bind_auto().map_err(wrong)?;
        socket.connect(&SocketAddr::new(0, 0)).map_err(wrong)?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Sends a change and waits until it is done.
    pub(crate) fn change(&mut self, message: RouteNetlinkMessage, flags: u16) -> Result<(), Refusal> {
        self.send(message, NLM_F_ACK | flags)?;
        loop {
            for answer in self.receive()? {
                if let NetlinkPayload::Error(error) = answer.payload {
                    return match error.code {
                        None => Ok(()),
                        Some(_) => Err(Refusal::of(answer.header.flags, &error)),
                    };
                }
            }
        }
    }

    /// The one thing that is asked for.
    pub(crate) fn ask(&mut self, message: RouteNetlinkMessage) -> Result<RouteNetlinkMessage, Refusal> {
        self.send(message, 0)?;
        loop {
            for answer in self.receive()? {
                match answer.payload {
                    NetlinkPayload::InnerMessage(inner) => return Ok(inner),
                    NetlinkPayload::Error(error) => return Err(Refusal::of(answer.header.flags, &error)),
                    _ => {}
                }
            }
        }
    }

    /// Everything of a kind that there is.
    pub(crate) fn list(&mut self, message: &RouteNetlinkMessage) -> Result<Vec<RouteNetlinkMessage>, Refusal> {
        let mut outcome = self.list_once(message)?;
        for _ in 1..TRIES {
            if outcome.is_some() {
                break;
            }
            outcome = self.list_once(message)?;
        }
        outcome.ok_or_else(|| io::Error::other("it changes faster than it can be read").into())
    }

    /// Nothing when it changed meanwhile.
    fn list_once(&mut self, message: &RouteNetlinkMessage) -> Result<Option<Vec<RouteNetlinkMessage>>, Refusal> {
        self.send(message.clone(), NLM_F_DUMP)?;
        let (mut found, mut changed) = (Vec::new(), false);
        loop {
            for answer in self.receive()? {
                changed |= answer.header.flags & NLM_F_DUMP_INTR != 0;
                match answer.payload {
                    NetlinkPayload::InnerMessage(inner) => found.push(inner),
                    NetlinkPayload::Done(_) => return Ok((!changed).then_some(found)),
                    NetlinkPayload::Error(error) if error.code.is_some() => return Err(Refusal::of(answer.header.flags, &error)),
                    _ => {}
                }
            }
        }
    }

    fn send(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST | flags;
        request.header.sequence_number = self.sequence;
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.socket.send(&bytes, 0).map(drop)
    }

    /// The messages of one datagram that answer the last request.
    fn receive(&self) -> io::Result<Vec<NetlinkMessage<RouteNetlinkMessage>>> {
        let mut bytes = Vec::with_capacity(LONGEST);
        // Nothing is cut off: the kernel puts at most half of this into one.
        self.socket.recv(&mut bytes, 0)?;
        let (mut rest, mut found) = (&*bytes, Vec::new());
        while !rest.is_empty() {
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).map_err(io::Error::other)?;
            // Each begins at a multiple of four.
            let length = usize::try_from(message.header.length).unwrap_or(usize::MAX).next_multiple_of(4);
            if message.header.sequence_number == self.sequence {
                found.push(message);
            }
            rest = rest.get(length.max(4)..).unwrap_or_default();
        }
        Ok(found)
    }
}

/// What stands behind the request in the answer to it: the request comes first, whole or only its header.
fn sentence(flags: u16, answer: &[u8]) -> Option<String> {
    const HEADER_BYTES: usize = 16;
    if flags & NLM_F_ACK_TLVS == 0 {
        return None;
    }
    let whole = u32::from_ne_bytes(*answer.first_chunk()?) as usize;
    let request = if flags & NLM_F_CAPPED == 0 { whole } else { HEADER_BYTES };
    let mut attributes = NlasIterator::new(answer.get(request.next_multiple_of(4)..)?).map_while(Result::ok);
    let attribute = attributes.find(|attribute| i32::from(attribute.kind()) == NLMSGERR_ATTR_MSG)?;
    parse_string(attribute.value()).ok()
}
