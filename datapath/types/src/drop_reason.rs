//! Why a packet goes no further: counters, events, metrics and their documentation all speak of these.

macro_rules! drop_reasons {
    ($($number:literal $variant:ident $name:literal $text:literal)+) => {
        #[repr(u8)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum DropReason { $(#[doc = $text] $variant = $number),+ }

        impl DropReason {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The label that metrics and events carry.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What it means, in a sentence.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

// Numbers are kept: an agent reads the events of a datapath that another version loaded.
drop_reasons! {
    1 Truncated "truncated" "The packet ends inside a header."
    2 BadHeader "bad-header" "A header contradicts itself."
    3 ExtensionHeaders "extension-headers" "More IPv6 extension headers stand before the transport's than are followed."
    4 SpoofedSource "spoofed-source" "A pod sent from an address that is not its own."
    5 NoBackend "no-backend" "The service has no backend or no such port, and the client could not be told."
    6 NoLocalBackend "no-local-backend" "The service is only answered from nodes with a backend, and this node has none."
    7 BackendGone "backend-gone" "The chosen backend is not in its table."
    8 SourceRange "source-range" "The client is not in the source ranges of the service."
    9 NoPort "no-port" "All ports for translated connections to this peer are taken."
    10 FlowTable "flow-table" "A flow could not be written down."
    11 Rewrite "rewrite" "The packet could not be changed."
    12 FragmentUnknown "fragment-unknown" "A later piece of a packet came, and its first one was not seen."
    15 TooBig "too-big" "The packet does not fit the next link, and must not be cut."
    16 Refused "refused" "The service has no backend or no such port, and the client was told so."
    17 UnknownTransport "unknown-transport" "The service is not reached with this protocol."
    18 NotAService "not-a-service" "Another machine speaks for a service that there is not."
    19 NoRoomToTell "no-room-to-tell" "The headers have no room for the service's address, which the backend's node needs to answer directly."
    20 OverLimit "over-limit" "A pod sent more than it may, and as much as may wait was waiting."
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::collections::BTreeSet;

    use super::*;
    use crate::{CounterKey, Hook};

    #[test]
    fn every_reason_has_a_name_and_a_counter_of_its_own() {
        let names: BTreeSet<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), DropReason::ALL.len());
        let mut places = BTreeSet::new();
        for &hook in &Hook::ALL {
            places.insert(CounterKey { hook, reason: 0 }.index());
            for &reason in DropReason::ALL {
                assert_eq!(DropReason::from_number(reason as u8), Some(reason));
                places.insert(CounterKey { hook, reason: reason as u8 }.index());
            }
        }
        assert_eq!(places.len(), Hook::ALL.len() * (DropReason::ALL.len() + 1));
        assert!(places.last().is_some_and(|&last| last < CounterKey::COUNT));
    }
}
