//! The hooks of sockets: a process that asks for a service is connected to a backend at once.

use aya_ebpf::bindings::bpf_sock_addr;
use aya_ebpf::helpers::generated::{bpf_get_netns_cookie, bpf_get_socket_cookie, bpf_set_retval};
use aya_ebpf::macros::cgroup_sock_addr;
use aya_ebpf::programs::SockAddrContext;
use ichor_datapath_logic::{Answer, Request, believed, connect};
use ichor_datapath_types::{Addr, DropReason, Hook};

use crate::maps::{Maps, clock_ns, count};
use crate::watch::refused;

const PROCEED: i32 = 1;
const REFUSE: i32 = 0;
const CONNECTION_REFUSED: i32 = -111;

macro_rules! hooks {
    ($($name:ident $attach:ident $work:ident;)+) => { $(
        #[cgroup_sock_addr($attach)]
        pub(crate) fn $name(context: SockAddrContext) -> i32 {
            $work(context.sock_addr)
        }
    )+ };
}

hooks! {
    socket_connect4 connect4 ask4;
    socket_connect6 connect6 ask6;
    socket_sendmsg4 sendmsg4 ask4;
    socket_sendmsg6 sendmsg6 ask6;
    socket_recvmsg4 recvmsg4 tell4;
    socket_recvmsg6 recvmsg6 tell6;
    socket_getpeername4 getpeername4 tell4;
    socket_getpeername6 getpeername6 tell6;
}

#[inline(always)]
fn request(context: *mut bpf_sock_addr, addr: Addr) -> Request {
    // SAFETY: the context that the kernel gave this program.
    unsafe {
        Request {
            addr,
            port: (*context).user_port as u16,
            protocol: (*context).protocol as u8,
            cookie: bpf_get_socket_cookie(context.cast()),
            namespace: bpf_get_netns_cookie(context.cast()),
        }
    }
}

#[inline(always)]
fn addr6(context: *mut bpf_sock_addr) -> Addr {
    // SAFETY: the context that the kernel gave this program; word by word, as the verifier wants it.
    unsafe { Addr([(*context).user_ip6[0], (*context).user_ip6[1], (*context).user_ip6[2], (*context).user_ip6[3]]) }
}

#[inline(always)]
fn addr4(context: *mut bpf_sock_addr) -> Addr {
    // SAFETY: the context that the kernel gave this program.
    Addr::from_v4(unsafe { (*context).user_ip4 })
}

#[inline(always)]
fn set(context: *mut bpf_sock_addr, addr: Addr, port: u16, is_v4: bool) {
    let Addr([a, b, c, d]) = addr;
    // SAFETY: the context that the kernel gave this program.
    unsafe {
        if is_v4 {
            (*context).user_ip4 = d;
        } else {
            (*context).user_ip6[0] = a;
            (*context).user_ip6[1] = b;
            (*context).user_ip6[2] = c;
            (*context).user_ip6[3] = d;
        }
        (*context).user_port = u32::from(port);
    }
}

#[inline(always)]
fn ask(context: *mut bpf_sock_addr, addr: Addr, is_v4: bool) -> i32 {
    let asked = request(context, addr);
    match connect(&Maps { time_ns: clock_ns(), ..Maps::default() }, &asked) {
        Answer::Unchanged => PROCEED,
        Answer::Backend { addr, port } => {
            count(Hook::Socket, 0, 0);
            set(context, addr, port, is_v4);
            PROCEED
        }
        Answer::Refused => {
            count(Hook::Socket, DropReason::Refused as u8, 0);
            refused(asked.addr, asked.port, asked.protocol);
            // SAFETY: a call by value.
            let _was = unsafe { bpf_set_retval(CONNECTION_REFUSED) };
            REFUSE
        }
    }
}

#[inline(always)]
fn tell(context: *mut bpf_sock_addr, addr: Addr, is_v4: bool) -> i32 {
    // Which asks for no time.
    if let Some((addr, port)) = believed(&Maps::default(), &request(context, addr)) {
        set(context, addr, port, is_v4);
    }
    PROCEED
}

#[inline(always)]
fn ask4(context: *mut bpf_sock_addr) -> i32 {
    ask(context, addr4(context), true)
}

#[inline(always)]
fn ask6(context: *mut bpf_sock_addr) -> i32 {
    ask(context, addr6(context), false)
}

#[inline(always)]
fn tell4(context: *mut bpf_sock_addr) -> i32 {
    tell(context, addr4(context), true)
}

#[inline(always)]
fn tell6(context: *mut bpf_sock_addr) -> i32 {
    tell(context, addr6(context), false)
}
