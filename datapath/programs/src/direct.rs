//! Reading and writing a packet where it lies.

use core::arch::asm;

use ichor_datapath_logic::MAX_OFFSET;
use ichor_datapath_types::Pod;

/// A context that knows where the packet begins and ends. Both are read anew at each access: they change under calls,
/// and nothing has to be kept on the small stack.
pub(crate) trait Direct {
    fn range(&self) -> (usize, usize);
}

/// Hands back the same context as one that the compiler knows nothing about. It would keep the addresses of fields that it
/// reads often, and the verifier lets no program read a context at an address that was worked out.
#[inline(always)]
pub(crate) fn fresh<C>(context: *mut C) -> *mut C {
    let mut address = context as usize;
    // SAFETY: it does nothing but hide where the address comes from.
    unsafe { asm!("{0} = {0}", inout(reg) address, options(nomem, nostack, preserves_flags)) };
    address as *mut C
}

/// The place of a `T` at `offset`, if it is inside.
#[inline(always)]
fn place<T>((start, end): (usize, usize), offset: usize) -> Option<*mut T> {
    let mut place = start + offset;
    // Of two accesses to one place, the compiler would check the first alone; to the verifier the second is another place.
    // SAFETY: it does nothing but hide where the number comes from.
    unsafe { asm!("{0} = {0}", inout(reg) place, options(nomem, nostack, preserves_flags)) };
    (place + size_of::<T>() <= end).then_some(place as *mut T)
}

#[inline(always)]
pub(crate) fn load<D: Direct, T: Pod>(context: &D, offset: usize) -> Option<T> {
    // SAFETY: inside the packet, and any bytes are a `T`. Headers need not be aligned for the CPUs that run this; an
    // unaligned read would be compiled into one of single bytes, for which the stack is too small.
    place(context.range(), offset).map(|place| unsafe { *place })
}

#[inline(always)]
pub(crate) fn store<D: Direct, T: Pod>(context: &D, offset: usize, value: T) -> Option<()> {
    // SAFETY: as for `load`.
    place(context.range(), offset).map(|place| unsafe { *place = value })
}

/// An offset, masked where the compiler does not see that it is already.
#[inline(always)]
pub(crate) fn bounded(mut offset: usize) -> usize {
    // SAFETY: it does nothing but hide where the number comes from.
    unsafe { asm!("{0} = {0}", inout(reg) offset, options(nomem, nostack, preserves_flags)) };
    offset & MAX_OFFSET
}
