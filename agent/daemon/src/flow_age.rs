//! When a flow is over. Both directions of a connection live and end together.

use ichor_datapath_types::{Config, Flow, FlowKey, Octets, flow_flag, flow_state, proto};

const OPENING_S: u64 = 60;
const ESTABLISHED_S: u64 = 8000;
const ENDED_S: u64 = 10;
const UDP_S: u64 = 30;
const UDP_LASTING_S: u64 = 180;
const ICMP_S: u64 = 30;

/// Seconds in the units in which the datapath counts time.
pub(crate) fn units(seconds: u64) -> u32 {
    u32::try_from(((seconds * 1_000_000_000) >> Config::CLOCK_SHIFT) + 1).unwrap_or(u32::MAX)
}

/// Under which keys the other direction of a flow may be.
pub(crate) fn partners<A: Octets>(key: &FlowKey<A>, flow: &Flow<A>) -> [FlowKey<A>; 2] {
    let of = |tuple| FlowKey { tuple, ..*key };
    // An answer that goes out under a service's address belongs to a flow that came under the pod's own.
    [of(flow.becomes.reversed()), of(key.tuple.reversed())]
}

/// Whether a row is the other direction of a flow, and not of one that has taken its place: a port that nobody seems to need
/// any more is given to somebody else.
pub(crate) fn is_other<A: Octets + PartialEq>(key: &FlowKey<A>, flow: &Flow<A>, other: &Flow<A>) -> bool {
    if flow.flags & flow_flag::REPLY != 0 {
        return other.becomes.reversed() == key.tuple;
    }
    // Where another node said for which service the flow is, its answers come from there.
    (other.becomes.destination, other.becomes.destination_port) == (key.tuple.source, key.tuple.source_port)
}

/// How long nothing came, in units of the datapath.
pub(crate) fn idle(now: u32, seen: u32) -> u32 {
    let age = now.wrapping_sub(seen);
    // The datapath's clock may be one tick ahead of what was read here.
    if age > u32::MAX / 2 { 0 } else { age }
}

/// Whether a flow, with its other direction where it has one, is over.
pub(crate) fn is_over<A: Octets>(protocol: u8, flow: &Flow<A>, other: Option<&Flow<A>>, now: u32) -> bool {
    let idle = other.map_or(u32::MAX, |other| idle(now, other.seen)).min(idle(now, flow.seen));
    idle >= units(timeout_s(protocol, flow, other))
}

/// Whether a flow, looked at by itself, may be over. Of two directions that are over, one says so at least: whoever walks
/// past both need not ask for the other direction of each.
pub(crate) fn may_be_over<A: Octets>(protocol: u8, flow: &Flow<A>, now: u32) -> bool {
    let shortest_s = match (protocol, flow.state) {
        (proto::TCP, flow_state::RESET | flow_state::CLOSING) => ENDED_S,
        (proto::TCP, flow_state::NEW) => OPENING_S,
        (proto::TCP, _) => ESTABLISHED_S,
        _ => timeout_s(protocol, flow, None),
    };
    idle(now, flow.seen) >= units(shortest_s)
}

fn timeout_s<A: Octets>(protocol: u8, flow: &Flow<A>, other: Option<&Flow<A>>) -> u64 {
    let (begun, answer) = match other {
        Some(other) if flow.flags & flow_flag::REPLY != 0 => (Some(other), Some(flow)),
        _ if flow.flags & flow_flag::REPLY != 0 => (None, Some(flow)),
        _ => (Some(flow), other),
    };
    let state = |flow: Option<&Flow<A>>| flow.map(|flow| flow.state);
    let answered = state(answer).is_some_and(|state| state != flow_state::NEW);
    match protocol {
        proto::TCP => tcp_timeout_s(state(begun), state(answer)),
        proto::ICMP | proto::ICMP6 => ICMP_S,
        proto::SCTP if answered => ESTABLISHED_S,
        _ if [begun, answer].iter().flatten().any(|flow| flow.state == flow_state::LASTING) => UDP_LASTING_S,
        _ => UDP_S,
    }
}

fn tcp_timeout_s(begun: Option<u8>, answer: Option<u8>) -> u64 {
    let both = [begun, answer];
    let seen = || both.iter().flatten();
    if seen().any(|state| *state == flow_state::RESET) || seen().all(|state| *state == flow_state::CLOSING) {
        return ENDED_S;
    }
    // Whoever opened it says more than its first word when it is answered.
    let opened = begun.or(answer).is_some_and(|state| state != flow_state::NEW);
    if opened { ESTABLISHED_S } else { OPENING_S }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ichor_datapath_types::Tuple;

    const NOW: u32 = 1_000_000;

    fn flow(state: u8, flags: u8, idle_s: u64) -> Flow<u32> {
        Flow { seen: NOW - units(idle_s), state, flags, ..Flow::default() }
    }

    fn over(protocol: u8, flow: Flow<u32>, other: Option<Flow<u32>>) -> bool {
        is_over(protocol, &flow, other.as_ref(), NOW)
    }

    #[test]
    fn each_state_has_its_time() {
        use flow_state::{CLOSING, ESTABLISHED, LASTING, NEW, RESET};
        let rows = [
            (proto::TCP, NEW, NEW, OPENING_S),
            (proto::TCP, NEW, ESTABLISHED, OPENING_S),
            (proto::TCP, ESTABLISHED, ESTABLISHED, ESTABLISHED_S),
            (proto::TCP, CLOSING, ESTABLISHED, ESTABLISHED_S),
            (proto::TCP, CLOSING, CLOSING, ENDED_S),
            (proto::TCP, ESTABLISHED, RESET, ENDED_S),
            (proto::UDP, ESTABLISHED, NEW, UDP_S),
            (proto::UDP, ESTABLISHED, ESTABLISHED, UDP_S),
            (proto::UDP, LASTING, NEW, UDP_LASTING_S),
            (proto::UDP, ESTABLISHED, LASTING, UDP_LASTING_S),
            (proto::UDP, LASTING, LASTING, UDP_LASTING_S),
            (proto::ICMP, ESTABLISHED, ESTABLISHED, ICMP_S),
            (proto::ICMP6, ESTABLISHED, NEW, ICMP_S),
        ];
        for (protocol, begun, answer, seconds) in rows {
            for (idle_s, expected) in [(seconds - 2, false), (seconds, true)] {
                let (begun, answer) = (flow(begun, 0, idle_s), flow(answer, flow_flag::REPLY, idle_s));
                assert_eq!(over(protocol, begun, Some(answer)), expected, "{protocol} {begun:?} {answer:?}");
                assert_eq!(over(protocol, answer, Some(begun)), expected, "seen from the answer: {protocol}");
            }
        }
    }

    /// Every pair of states, at and around every time.
    #[test]
    fn one_of_two_directions_that_are_over_says_so() {
        let times = [0, ENDED_S, ICMP_S, UDP_S, UDP_LASTING_S, ESTABLISHED_S].map(|time| [time, time + 2]);
        let states = [flow_state::NEW, flow_state::ESTABLISHED, flow_state::CLOSING, flow_state::RESET, flow_state::LASTING];
        let mut ended = 0;
        for protocol in [proto::TCP, proto::UDP, proto::SCTP, proto::ICMP, proto::ICMP6] {
            for (one_s, other_s) in times.as_flattened().iter().flat_map(|one| times.as_flattened().iter().map(move |other| (*one, *other)))
            {
                for (begun, answer) in states.iter().flat_map(|begun| states.iter().map(move |answer| (*begun, *answer))) {
                    let (begun, answer) = (flow(begun, 0, one_s), flow(answer, flow_flag::REPLY, other_s));
                    let said = may_be_over(protocol, &begun, NOW) || may_be_over(protocol, &answer, NOW);
                    if over(protocol, begun, Some(answer)) {
                        ended += 1;
                        assert!(said, "{protocol} {begun:?} {answer:?}");
                    }
                    for alone in [begun, answer] {
                        assert!(!over(protocol, alone, None) || may_be_over(protocol, &alone, NOW), "{protocol} {alone:?}");
                    }
                }
            }
        }
        assert!(ended > 1000, "{ended}");
    }

    #[test]
    fn a_direction_keeps_the_other_alive() {
        let quiet = flow(flow_state::ESTABLISHED, 0, 9000);
        assert!(over(proto::TCP, quiet, None));
        assert!(!over(proto::TCP, quiet, Some(flow(flow_state::ESTABLISHED, flow_flag::REPLY, 1))));
    }

    #[test]
    fn a_clock_that_is_ahead_ends_nothing() {
        let ahead = Flow { seen: NOW + 1, state: flow_state::RESET, ..Flow::<u32>::default() };
        assert!(!over(proto::TCP, ahead, None));
        let wrapped = Flow { seen: u32::MAX - 1, state: flow_state::RESET, ..Flow::<u32>::default() };
        assert!(!is_over(proto::TCP, &wrapped, None, 1));
    }

    #[test]
    fn the_other_direction_is_found_from_either() {
        let key = FlowKey {
            tuple: Tuple { source: 1, destination: 2, source_port: 3, destination_port: 4 },
            protocol: proto::TCP,
            ..FlowKey::<u32>::default()
        };
        let becomes = Tuple { source: 9, destination: 5, source_port: 8, destination_port: 6 };
        let begun = Flow { becomes, ..Flow::default() };
        let [answer_key, _] = partners(&key, &begun);
        assert_eq!(answer_key.tuple, becomes.reversed());
        let answer = Flow { becomes: key.tuple.reversed(), flags: flow_flag::REPLY, ..Flow::default() };
        assert_eq!(partners(&answer_key, &answer)[0], key);
        assert!(is_other(&key, &begun, &answer) && is_other(&answer_key, &answer, &begun));
        // Somebody else has the port by now.
        let another = Flow { becomes: Tuple { destination: 77, ..answer.becomes }, ..answer };
        assert!(!is_other(&key, &begun, &another) && is_other(&answer_key, &another, &begun));
    }
}
