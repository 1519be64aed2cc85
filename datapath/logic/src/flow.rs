//! What the packets of a flow say about it.

use ichor_datapath_types::{Transport, flow_state, tcp_flag, transport_kind};

/// How long, in ticks of the clock, a flow that has said its last word must be silent before somebody else may have its port.
const SPENT_AFTER: i32 = 3;

/// The state after a packet of this side, where the one before it may have come in an earlier tick of the clock. Total, and
/// without a table: a reset or a last word of this side stays.
#[inline(always)]
pub fn next_state(state: u8, transport: &Transport, is_later: bool) -> u8 {
    if transport.kind != transport_kind::TCP {
        // A later piece of a packet has no flags: it does not open a connection again that has ended.
        return match state {
            flow_state::NEW => flow_state::ESTABLISHED,
            flow_state::ESTABLISHED if is_later && transport.kind != transport_kind::PIECE => flow_state::LASTING,
            _ => state,
        };
    }
    let flags = transport.tcp_flags;
    if flags & tcp_flag::RST != 0 || state == flow_state::RESET {
        return flow_state::RESET;
    }
    if flags & tcp_flag::FIN != 0 || state == flow_state::CLOSING {
        return flow_state::CLOSING;
    }
    if state == flow_state::NEW && opens(transport) { flow_state::NEW } else { flow_state::ESTABLISHED }
}

/// Whether the packet asks for a new connection.
#[inline(always)]
pub(crate) fn opens(transport: &Transport) -> bool {
    transport.kind == transport_kind::TCP && transport.tcp_flags & (tcp_flag::SYN | tcp_flag::ACK) == tcp_flag::SYN
}

/// Whether the packet may be the first of a flow.
#[inline(always)]
pub(crate) fn may_begin(transport: &Transport) -> bool {
    transport.kind == transport_kind::UDP || opens(transport)
}

/// Whether a packet that meets this entry begins another connection with the same ports: a backend that is gone by now
/// must not be asked again because of an entry of the one before. A repeated first packet is still the same connection.
#[inline(always)]
pub(crate) fn is_over(state: u8, transport: &Transport) -> bool {
    // Without TCP, only who has lost its port ends.
    if transport.kind == transport_kind::TCP { state != flow_state::NEW && opens(transport) } else { state == flow_state::RESET }
}

/// Whether a flow with a port of the node has no more need of it, by what its directions say: nothing came for a while, and
/// nothing says that more will. TCP says so, and a question has its answer by then.
#[inline(always)]
pub(crate) fn is_spent([one, other]: [u8; 2], [seen, other_seen]: [u32; 2], now: u32, transport: &Transport) -> bool {
    // As bits: the verifier follows what comes next for each comparison.
    let bit = |state: u8| 1_u32.wrapping_shl(u32::from(state));
    let both = bit(one) | bit(other);
    let has_ended = if transport.kind == transport_kind::TCP {
        both & bit(flow_state::RESET) != 0 || both == bit(flow_state::CLOSING)
    } else {
        both & bit(flow_state::LASTING) == 0
    };
    // With a sign: another CPU may have seen more of it by a later clock than this one's.
    let silence = |seen: u32| now.wrapping_sub(seen).cast_signed();
    has_ended && silence(seen).min(silence(other_seen)) > SPENT_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_spent_when_both_directions_say_so_for_a_while() {
        use flow_state::{CLOSING, ESTABLISHED, LASTING, NEW, RESET};
        const NOW: u32 = 1;
        let (tcp, udp) = (
            Transport { kind: transport_kind::TCP, ..Transport::default() },
            Transport { kind: transport_kind::UDP, ..Transport::default() },
        );
        let long_ago = NOW.wrapping_sub(SPENT_AFTER.cast_unsigned() + 1);
        let states = |transport: &Transport, one, other| is_spent([one, other], [long_ago; 2], NOW, transport);
        assert!(states(&tcp, CLOSING, CLOSING) && states(&tcp, ESTABLISHED, RESET) && states(&tcp, RESET, NEW));
        assert!(!states(&tcp, CLOSING, ESTABLISHED) && !states(&tcp, ESTABLISHED, ESTABLISHED) && !states(&tcp, NEW, NEW));
        assert!(states(&udp, ESTABLISHED, NEW) && states(&udp, ESTABLISHED, ESTABLISHED));
        assert!(!states(&udp, LASTING, ESTABLISHED) && !states(&udp, ESTABLISHED, LASTING));
        for soon in [NOW, NOW - 1, NOW.wrapping_sub(SPENT_AFTER.cast_unsigned()), NOW + 1] {
            assert!(!is_spent([ESTABLISHED; 2], [long_ago, soon], NOW, &udp) && !is_spent([RESET; 2], [soon, long_ago], NOW, &tcp));
        }
    }
}
