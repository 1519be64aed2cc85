//! How much a pod may send: a token bucket at the pod's end of its cable.
//!
//! There every packet of the pod comes by, wherever it goes, and a socket whose packets wait is held back instead of losing
//! them. At the node's end they arrive, and what arrives passes no queue (decision 009).

use std::os::fd::AsFd as _;
use std::path::Path;

use ichor_agent_state::BitRate;
use netlink_packet_route::tc::{TcHandle, TcOption};
use nix::errno::Errno;

use crate::error::Error;
use crate::namespace::{inside, open};
use crate::netlink::Netlink;
use crate::queue::{Place, option};

const TOKEN_BUCKET: &str = "tbf";
/// The number by which a queue is known as ours.
const OURS: TcHandle = TcHandle { major: 0x1c40, minor: 0 };

/// Attributes of a token bucket, which the library does not know.
const PARAMETERS: u16 = 1;
const RATE_64: u16 = 4;
const BURST: u16 = 6;
const ETHERNET: u8 = 1;

/// More than the largest buffer that a socket hands down in one piece.
const LEAST_BURST_BYTES: u64 = 72 << 10;
/// What may pass at once: the bucket of so much time.
const BURST_MS: u64 = 4;
/// What may wait: so much time's worth.
const QUEUE_MS: u64 = 100;

/// Makes the limit of a pod's cable this one, or none.
pub fn limit(namespace: &Path, interface: &str, rate: Option<BitRate>) -> Result<(), Error> {
    let namespace = open(namespace)?;
    inside(namespace.as_fd(), || {
        let mut netlink = Netlink::open()?;
        let index = netlink.link(interface)?.index;
        match rate {
            Some(rate) => netlink.set_token_bucket(index, rate),
            None => netlink.remove_token_bucket(index),
        }
    })?
}

impl Netlink {
    fn set_token_bucket(&mut self, interface: u32, rate: BitRate) -> Result<(), Error> {
        self.set_queue(Place::root(interface, OURS), TOKEN_BUCKET, options(rate)).map_err(|error| {
            let what = format!("limiting what a pod sends to {} bits per second", rate.0);
            if error.raw_os_error() == Some(Errno::ENOENT as i32) {
                return Error::new(what, "the kernel has no token bucket; boot one with CONFIG_NET_SCH_TBF, or take the annotation out");
            }
            Error::new(what, error)
        })
    }

    /// Nothing but ours is removed, and none is fine.
    fn remove_token_bucket(&mut self, interface: u32) -> Result<(), Error> {
        let wrong = |error| Error::new("taking a pod's limit away", error);
        let place = Place::root(interface, OURS);
        if self.queues().map_err(wrong)?.iter().any(|queue| queue.place == place) {
            return self.remove_queue(place).map_err(wrong);
        }
        Ok(())
    }
}

fn options(BitRate(bits_per_s): BitRate) -> Vec<TcOption> {
    let bytes_per_s = bits_per_s / 8;
    let within = |milliseconds: u64| (u128::from(bytes_per_s) * u128::from(milliseconds) / 1_000) as u64;
    let burst = word(within(BURST_MS).max(LEAST_BURST_BYTES));
    let queue = word(within(QUEUE_MS)).saturating_add(burst);
    // The rate, the peak rate, of which there is none, and how much may wait.
    let mut parameters = rate_parameters(bytes_per_s);
    parameters.extend([0; RATE_BYTES]);
    parameters.extend(queue.to_ne_bytes());
    // Two times in units of the kernel's clock, in whose place the burst stands in bytes.
    parameters.extend([0; 8]);
    let mut options = vec![option(PARAMETERS, parameters), option(BURST, burst.to_ne_bytes())];
    if bytes_per_s > u64::from(u32::MAX) {
        options.push(option(RATE_64, bytes_per_s.to_ne_bytes()));
    }
    options
}

const RATE_BYTES: usize = 12;

/// A `tc_ratespec`: lengths are those of Ethernet, so that the kernel needs no table of them.
fn rate_parameters(bytes_per_s: u64) -> Vec<u8> {
    let mut bytes = vec![0, ETHERNET, 0, 0, 0, 0, 0, 0];
    bytes.extend(word(bytes_per_s).to_ne_bytes());
    bytes
}

fn word(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
