//! The programs that run in the kernel.
//!
//! Each hook is a wiring: it reads its context, asks `logic`, and turns the answer into an action and a count.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod direct;
mod maps;
mod route;
mod skb;
mod socket;
mod watch;
mod xdp;

/// Never called: an object in which it could be is refused when it is built.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Many helpers of the kernel are open to programs under the GPL only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";
