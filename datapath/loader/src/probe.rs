//! A packet that the kernel runs through a program for us alone (`BPF_PROG_TEST_RUN`).

use aya::programs::{Program, TestRun as _, TestRunOptions};

use crate::datapath::Datapath;
use crate::error::Error;

/// The packet, and what its context says.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'p> {
    pub packet: &'p [u8],
    /// Where the packet is met, in the network namespace of the calling thread; 0 for nowhere.
    pub interface: u32,
    /// Of a socket buffer.
    pub mark: u32,
    /// Into how many pieces a socket buffer is cut later; 0 where it is one packet.
    pub pieces: u32,
    pub repeat: u32,
}

/// What the kernel said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    pub verdict: u32,
    pub packet: Vec<u8>,
    /// Of the socket buffer afterwards.
    pub mark: u32,
    /// When the socket buffer is to leave, by the monotonic clock; 0 for at once.
    pub leaves_ns: u64,
    pub nanoseconds: u64,
}

/// What a program may add to a packet.
const ROOM: usize = 256;
/// More than any context has.
const CONTEXT: usize = 512;

impl Datapath {
    /// Runs a packet through a program.
    pub fn run(&self, program: &str, probe: &Probe<'_>) -> Result<Measured, Error> {
        let loaded = self.loaded()?.program(program).ok_or_else(|| Error::missing(format!("the program {program}")))?;
        let context = match loaded {
            Program::Xdp(_) => frame_context(probe).to_vec(),
            _ => buffer_context(probe).to_vec(),
        };
        let mut out = vec![0; probe.packet.len() + ROOM];
        let mut context_out = [0; CONTEXT];
        // Without an interface, the kernel takes an XDP packet without a context only.
        let context_in = (probe.interface != 0 || !matches!(loaded, Program::Xdp(_))).then_some(&*context);
        let options = TestRunOptions {
            data_in: Some(probe.packet),
            data_out: Some(&mut out),
            ctx_in: context_in,
            ctx_out: context_in.is_some().then_some(&mut context_out[..]),
            repeat: probe.repeat,
            ..TestRunOptions::new()
        };
        let outcome = match loaded {
            Program::Xdp(program) => program.test_run(options),
            Program::SchedClassifier(program) => program.test_run(options),
            _ => return Err(Error::missing(format!("a packet's program {program}"))),
        };
        let result = outcome.map_err(|error| Error::new(format!("running a packet through {program}"), &error))?;
        out.truncate(usize::try_from(result.data_size_out).unwrap_or(usize::MAX));
        // A frame of XDP has no such fields.
        let field = |place| if matches!(loaded, Program::Xdp(_)) { 0 } else { word(&context_out, place) };
        let leaves_ns = u64::from(field(LEAVES)) | u64::from(field(LEAVES + 1)) << 32;
        let nanoseconds = u64::try_from(result.duration.as_nanos()).unwrap_or(u64::MAX);
        Ok(Measured { verdict: result.return_value, packet: out, mark: field(MARK), leaves_ns, nanoseconds })
    }
}

/// Places in `struct __sk_buff`, in words: `mark`, `ifindex`, both halves of `tstamp`, and `gso_segs`.
const MARK: usize = 2;
const INTERFACE: usize = 10;
const LEAVES: usize = 38;
const PIECES: usize = 41;

fn word(context: &[u8], place: usize) -> u32 {
    context.as_chunks().0.get(place).map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

/// `struct __sk_buff` up to the last field that is not zero.
fn buffer_context(probe: &Probe<'_>) -> [u8; 4 * (PIECES + 1)] {
    let mut words = [0; PIECES + 1];
    (words[MARK], words[INTERFACE], words[PIECES]) = (probe.mark, probe.interface, probe.pieces);
    bytes(words)
}

/// `struct xdp_md`.
fn frame_context(probe: &Probe<'_>) -> [u8; 24] {
    let length = u32::try_from(probe.packet.len()).unwrap_or(u32::MAX);
    bytes([0, length, 0, probe.interface, 0, 0])
}

fn bytes<const WORDS: usize, const BYTES: usize>(words: [u32; WORDS]) -> [u8; BYTES] {
    ichor_datapath_types::bytes_of(&words)
}
