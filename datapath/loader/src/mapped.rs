//! Tables of numbered values whose memory the kernel lets a process see: reading them takes no call for each row.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::ptr::{self, NonNull};

use ichor_datapath_types::Pod;

/// The first values of a table, as they are at the moment when each is looked at.
#[derive(Debug)]
pub struct Values<V> {
    place: NonNull<u8>,
    count: usize,
    types: PhantomData<V>,
}

impl<V: Pod> Values<V> {
    /// The kernel begins each value at a multiple of so many bytes.
    const STEP: usize = size_of::<V>().next_multiple_of(8);

    /// No more than the table has.
    pub(crate) fn map(table: BorrowedFd<'_>, count: usize) -> io::Result<Self> {
        if count == 0 {
            return Ok(Self { place: NonNull::dangling(), count, types: PhantomData });
        }
        // SAFETY: a mapping of its own, anywhere, through which nothing is written.
        let place = unsafe { libc::mmap(ptr::null_mut(), Self::bytes(count), libc::PROT_READ, libc::MAP_SHARED, table.as_raw_fd(), 0) };
        match NonNull::new(place.cast::<u8>()) {
            Some(place) if place.as_ptr().cast() != libc::MAP_FAILED => Ok(Self { place, count, types: PhantomData }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    const fn bytes(count: usize) -> usize {
        count.saturating_mul(Self::STEP)
    }

    pub fn iter(&self) -> impl Iterator<Item = V> {
        // SAFETY: each lies within the mapping, which lives as long as this value, and any bytes are a value of plain data.
        (0..self.count).map(|index| unsafe { self.place.byte_add(index * Self::STEP).cast::<V>().read_volatile() })
    }
}

impl<V> Drop for Values<V> {
    fn drop(&mut self) {
        if self.count > 0 {
            let bytes = self.count.saturating_mul(size_of::<V>().next_multiple_of(8));
            // SAFETY: what was mapped, and nobody has kept anything of it.
            let _mapped = unsafe { libc::munmap(self.place.as_ptr().cast(), bytes) };
        }
    }
}
