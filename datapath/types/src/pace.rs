//! How much a pod may send: times at which its packets leave.

use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::pod::pod;

pod! {
    /// What holds for all that comes in by one interface, wherever it goes.
    struct Pace: size 24 align 8 {
        /// When the next packet may leave, by the monotonic clock. The programs write it.
        next_ns: u64,
        /// How long one byte takes, see `Pace::FRACTION_BITS`.
        byte_time: u64,
        /// For how long a packet may wait.
        longest_ns: u64,
    }
}

impl Pace {
    /// Times of bytes are nanoseconds with so many bits behind the point: a byte of a fast pod takes less than one.
    pub const FRACTION_BITS: u32 = 20;
}

/// A pace in its table, where other CPUs use it at the same time.
#[derive(Clone, Copy, Debug)]
pub struct SharedPace<'table>(NonNull<Pace>, PhantomData<&'table Pace>);

impl<'table> SharedPace<'table> {
    /// # Safety
    /// `pace` is a live value of a table for the whole lifetime; in the kernel, until the program ends.
    #[inline(always)]
    pub unsafe fn new(pace: NonNull<Pace>) -> Self {
        Self(pace, PhantomData)
    }

    /// A pace on the host, of one thread.
    pub fn in_cell(pace: &Cell<Pace>) -> SharedPace<'_> {
        // SAFETY: the cell lives as long as what is handed back, and may be written through a shared reference.
        unsafe { SharedPace::new(NonNull::new_unchecked(pace.as_ptr())) }
    }

    /// Puts the next packet off, and says when it might have left, in one step.
    #[inline(always)]
    pub fn put_off(self, ns: u64) -> u64 {
        // SAFETY: live and aligned (see `new`); programs write this field by this and `set` alone.
        unsafe { fetch_add(&raw mut (*self.0.as_ptr()).next_ns, ns) }
    }

    #[inline(always)]
    pub fn set(self, next_ns: u64) {
        // SAFETY: as for `put_off`; volatile, so that it is one store.
        unsafe { (&raw mut (*self.0.as_ptr()).next_ns).write_volatile(next_ns) }
    }

    #[inline(always)]
    pub fn byte_time(self) -> u64 {
        // SAFETY: live and in bounds (see `new`); volatile, as the agent may change it.
        unsafe { (&raw const (*self.0.as_ptr()).byte_time).read_volatile() }
    }

    #[inline(always)]
    pub fn longest_ns(self) -> u64 {
        // SAFETY: as for `byte_time`.
        unsafe { (&raw const (*self.0.as_ptr()).longest_ns).read_volatile() }
    }
}

/// The compiler knows no such instruction for this machine, which has one since Linux 5.12.
///
/// # Safety
/// `place` is live and aligned.
#[cfg(target_arch = "bpf")]
#[inline(always)]
unsafe fn fetch_add(place: *mut u64, mut number: u64) -> u64 {
    // SAFETY: as the caller says.
    unsafe { core::arch::asm!("{0} = atomic_fetch_add((u64 *)({1} + 0), {0})", inout(reg) number, in(reg) place) };
    number
}

/// # Safety
/// `place` is live and aligned, and used as an atomic by every thread.
#[cfg(not(target_arch = "bpf"))]
#[inline(always)]
unsafe fn fetch_add(place: *mut u64, number: u64) -> u64 {
    use core::sync::atomic::{AtomicU64, Ordering};
    // SAFETY: as the caller says.
    unsafe { AtomicU64::from_ptr(place) }.fetch_add(number, Ordering::Relaxed)
}
