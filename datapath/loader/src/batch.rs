//! Rows as bytes: many of a table with one system call, and one that is only written where there is none.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// A place between two batches of a table's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(u32);

impl Cursor {
    /// The place in front of a numbered value.
    pub(crate) fn before(number: u32) -> Option<Self> {
        number.checked_sub(1).map(Self)
    }
}

const UPDATE: libc::c_long = 2;
const LOOKUP_BATCH: libc::c_long = 24;
const UPDATE_BATCH: libc::c_long = 26;

/// Only where there is none with the same key.
pub(crate) const IF_ABSENT: u64 = 1;

/// The part of `union bpf_attr` that asks for a batch.
#[repr(C)]
struct Batch {
    from: u64,
    next: u64,
    keys: u64,
    values: u64,
    count: u32,
    table: u32,
    element_flags: u64,
    flags: u64,
}

impl Batch {
    fn of(table: BorrowedFd<'_>, keys: *const u8, values: *const u8, count: u32) -> Self {
        Self { from: 0, next: 0, keys: address(keys), values: address(values), count, table: number(table), element_flags: 0, flags: 0 }
    }
}

/// The part that writes a row.
#[repr(C)]
struct Update {
    table: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// How rows lie one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowBytes {
    pub(crate) key: usize,
    pub(crate) value: usize,
}

/// Keys, values, and where to go on; no place when these are the last.
pub(crate) type Rows = (Vec<u8>, Vec<u8>, Option<Cursor>);

pub(crate) fn lookup(table: BorrowedFd<'_>, from: Option<Cursor>, count: u32, row: RowBytes) -> io::Result<Rows> {
    let room = usize::try_from(count).unwrap_or(0);
    let (mut keys, mut values) = (vec![0_u8; room * row.key], vec![0_u8; room * row.value]);
    let (start, mut next) = (from.map_or(0, |Cursor(place)| place), 0_u32);
    let mut request = Batch::of(table, keys.as_mut_ptr(), values.as_mut_ptr(), count);
    request.from = if from.is_some() { address(&raw const start) } else { 0 };
    request.next = address(&raw mut next);
    // SAFETY: everything that the request points to lives until the call returns, and both arrays have room for `count`.
    let at_end = match unsafe { call(LOOKUP_BATCH, &mut request) } {
        Ok(_) => false,
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => true,
        Err(error) => return Err(error),
    };
    let found = usize::try_from(request.count).unwrap_or(0).min(room);
    keys.truncate(found * row.key);
    values.truncate(found * row.value);
    Ok((keys, values, (!at_end).then_some(Cursor(next))))
}

/// Writes a row; says whether it did. The caller's key and value have the table's sizes.
pub(crate) fn update(table: BorrowedFd<'_>, key: &[u8], value: &[u8], flags: u64) -> io::Result<bool> {
    let mut request = Update { table: number(table), pad: 0, key: address(key.as_ptr()), value: address(value.as_ptr()), flags };
    // SAFETY: key and value live until the call returns, and are as long as the kernel reads.
    match unsafe { call(UPDATE, &mut request) } {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(false),
        Err(error) => Err(error),
    }
}

/// # Safety
/// What the request points to lives until the call returns, and is as large as the kernel takes it to be.
pub(crate) unsafe fn call<T>(command: libc::c_long, request: &mut T) -> io::Result<libc::c_long> {
    // SAFETY: the request itself is as large as is said; for the rest see above.
    match unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *request, size_of::<T>()) } {
        outcome if outcome < 0 => Err(io::Error::last_os_error()),
        outcome => Ok(outcome),
    }
}

/// A place in this process, as the kernel takes it.
pub(crate) fn address<T>(place: *const T) -> u64 {
    place.expose_provenance() as u64
}

pub(crate) fn number(file: BorrowedFd<'_>) -> u32 {
    u32::try_from(file.as_raw_fd()).unwrap_or(u32::MAX)
}

/// Writes rows in their order. Those before one that the kernel refuses stay written.
pub(crate) fn update_all(table: BorrowedFd<'_>, keys: &[u8], values: &[u8], count: usize) -> io::Result<()> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    if count == 0 {
        return Ok(());
    }
    let mut request = Batch::of(table, keys.as_ptr(), values.as_ptr(), count);
    // SAFETY: both arrays live until the call returns, which reads `count` of each and writes to none.
    unsafe { call(UPDATE_BATCH, &mut request) }.map(drop)
}
