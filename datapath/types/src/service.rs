//! Services: what is asked for, and who answers.
//!
//! The backends of a service are a run of slots in one array. A change writes a new run somewhere else and then moves
//! the service over, so a reader never sees half of it, and ten thousand services cost what their backends cost.

use crate::addr::Addr;
use crate::pod::pod;

pod! {
    /// A frontend: an address and port that clients connect to.
    struct ServiceKey: size 20 align 4 { addr: Addr, port: u16, protocol: u8, scope: u8 }

    struct Service: size 20 align 4 {
        /// Tells services apart in session affinity and source ranges.
        id: u32,
        /// Where its slots begin.
        first_slot: u32,
        /// How many they are; none means that nobody answers.
        slots: u32,
        /// How long a client stays with its backend, in units of `Config::CLOCK_SHIFT`; 0 without session affinity.
        affinity: u32,
        flags: u16,
        pad: u16,
    }

    struct Backend: size 20 align 4 { addr: Addr, port: u16, flags: u16 }

    struct AffinityKey: size 20 align 4 { client: Addr, service: u32 }
    struct Affinity: size 8 align 4 { backend: u32, seen: u32 }

    /// Key of a longest-prefix table: who may use a service that says so.
    struct SourceRangeKey: size 24 align 4 { prefix_bits: u32, service: u32, addr: Addr }

    /// A socket that talks to a service, by its cookie and the backend it was given: what it believes to talk to.
    struct SocketFlowKey: size 32 align 8 { cookie: u64, addr: Addr, port: u16, protocol: u8, pad: u8, pad2: u32 }
    struct SocketFlow: size 24 align 4 { addr: Addr, service: u32, port: u16, pad: u16 }
}

/// From where a service is asked.
pub mod scope {
    /// From pods and nodes of the cluster, and from outside where that makes no difference.
    pub const CLUSTER: u8 = 0;
    /// From outside, where the service says `externalTrafficPolicy: Local`.
    pub const EXTERNAL: u8 = 1;
}

pub mod service_flag {
    /// The slots are a Maglev table and are chosen by the flow; otherwise by chance.
    pub const MAGLEV: u16 = 1;
    /// Only clients in the service's source ranges may use it from outside.
    pub const SOURCE_RANGES: u16 = 2;
    /// Clients from outside find another entry under `scope::EXTERNAL`.
    pub const SPLIT: u16 = 4;
    /// Without backends, packets vanish instead of being refused: other nodes have some.
    pub const SILENT: u16 = 8;
    /// Not to be reached from outside (a cluster IP).
    pub const INTERNAL: u16 = 16;
}

pub mod backend_flag {
    /// It still serves those that it has, and gets no new ones.
    pub const DRAINING: u16 = 1;
}
