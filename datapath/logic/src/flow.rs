//! What the packets of a flow say about it.

use ichor_datapath_types::{Transport, flow_state, tcp_flag, transport_kind};

/// The state after a packet of this side. Total, and without a table: a reset or a last word of this side stays.
#[inline(always)]
pub fn next_state(state: u8, transport: &Transport) -> u8 {
    if transport.kind != transport_kind::TCP {
        // A later piece of a packet has no flags: it does not open a connection again that has ended.
        return if state == flow_state::NEW { flow_state::ESTABLISHED } else { state };
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
    state != flow_state::NEW && opens(transport)
}
