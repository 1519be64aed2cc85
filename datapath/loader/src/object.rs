//! The object that `cargo xtask bpf` makes, as it lies beside this crate.

/// The programs and tables, as they are given to the kernel.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!("../object/ichor.o");

/// Every program in it.
pub const PROGRAMS: [&str; 13] = [
    "from_endpoint",
    "from_wire",
    "socket_connect4",
    "socket_connect6",
    "socket_getpeername4",
    "socket_getpeername6",
    "socket_recvmsg4",
    "socket_recvmsg6",
    "socket_sendmsg4",
    "socket_sendmsg6",
    "to_endpoint",
    "to_wire",
    "xdp_wire",
];

/// Those of them that belong to a control group.
pub(crate) fn socket_programs() -> impl Iterator<Item = &'static str> {
    PROGRAMS.into_iter().filter(|name| name.starts_with("socket_"))
}
