//! What is counted.

use crate::pod::pod;

pod! {
    struct Counter: size 16 align 8 { packets: u64, bytes: u64 }
}

/// Where a packet is met.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    FromEndpoint = 0,
    ToEndpoint = 1,
    FromWire = 2,
    ToWire = 3,
    Xdp = 4,
    Socket = 5,
}

/// The place of a counter in its array: one row of reasons for each hook, with what was forwarded under reason 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterKey {
    pub hook: Hook,
    pub reason: u8,
}

impl Hook {
    pub const ALL: [Self; 6] = [Self::FromEndpoint, Self::ToEndpoint, Self::FromWire, Self::ToWire, Self::Xdp, Self::Socket];

    /// The label that metrics and events carry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FromEndpoint => "from-endpoint",
            Self::ToEndpoint => "to-endpoint",
            Self::FromWire => "from-wire",
            Self::ToWire => "to-wire",
            Self::Xdp => "xdp",
            Self::Socket => "socket",
        }
    }
}

impl CounterKey {
    const REASONS: u32 = 64;
    /// The size of the array.
    pub const COUNT: u32 = Self::REASONS * 8;

    #[inline(always)]
    pub const fn index(self) -> u32 {
        // The mask is for the verifier; a test holds the number of reasons below it.
        (self.hook as u32) * Self::REASONS + (self.reason as u32 & (Self::REASONS - 1))
    }
}
