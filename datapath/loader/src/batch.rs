//! Reading and writing many entries of a table at once: one system call for hundreds of flows.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use ichor_datapath_types::Pod;

/// A place between two batches of a table's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(u32);

const LOOKUP_BATCH: libc::c_long = 24;
const UPDATE_BATCH: libc::c_long = 26;

/// The part of `union bpf_attr` that the command takes.
#[repr(C)]
struct Request {
    from: u64,
    next: u64,
    keys: u64,
    values: u64,
    count: u32,
    table: u32,
    element_flags: u64,
    flags: u64,
}

type Entries<K, V> = Vec<(K, V)>;

pub(crate) fn lookup<K: Pod, V: Pod>(
    table: BorrowedFd<'_>,
    from: Option<Cursor>,
    count: u32,
) -> io::Result<(Entries<K, V>, Option<Cursor>)> {
    let room = usize::try_from(count).unwrap_or(0);
    // SAFETY: plain data, for which zero is a value.
    let (mut keys, mut values) = unsafe { (vec![std::mem::zeroed::<K>(); room], vec![std::mem::zeroed::<V>(); room]) };
    let (start, mut next) = (from.map_or(0, |Cursor(place)| place), 0_u32);
    let mut request = Request {
        from: if from.is_some() { (&raw const start).addr() as u64 } else { 0 },
        next: (&raw mut next).addr() as u64,
        keys: keys.as_mut_ptr().expose_provenance() as u64,
        values: values.as_mut_ptr().expose_provenance() as u64,
        count,
        table: u32::try_from(table.as_raw_fd()).unwrap_or(u32::MAX),
        element_flags: 0,
        flags: 0,
    };
    (&raw const start).expose_provenance();
    (&raw mut next).expose_provenance();
    // SAFETY: everything that the request points to lives until the call returns, and both arrays have room for `count`.
    let outcome = unsafe { libc::syscall(libc::SYS_bpf, LOOKUP_BATCH, &raw mut request, size_of::<Request>()) };
    let at_end = if outcome == 0 {
        false
    } else {
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ENOENT) {
            return Err(error);
        }
        true
    };
    let found = usize::try_from(request.count).unwrap_or(0).min(room);
    let entries = keys.into_iter().zip(values).take(found).collect();
    Ok((entries, (!at_end).then_some(Cursor(next))))
}

/// Writes entries in their order. Those before one that the kernel refuses stay written.
pub(crate) fn update<K: Pod, V: Pod>(table: BorrowedFd<'_>, keys: &[K], values: &[V]) -> io::Result<()> {
    let count = u32::try_from(keys.len().min(values.len())).unwrap_or(u32::MAX);
    if count == 0 {
        return Ok(());
    }
    let mut request = Request {
        from: 0,
        next: 0,
        keys: keys.as_ptr().expose_provenance() as u64,
        values: values.as_ptr().expose_provenance() as u64,
        count,
        table: u32::try_from(table.as_raw_fd()).unwrap_or(u32::MAX),
        element_flags: 0,
        flags: 0,
    };
    // SAFETY: both arrays live until the call returns, which reads `count` of each and writes to none.
    let outcome = unsafe { libc::syscall(libc::SYS_bpf, UPDATE_BATCH, &raw mut request, size_of::<Request>()) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
