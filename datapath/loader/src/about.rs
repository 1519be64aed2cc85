//! What the kernel knows about a table that is there.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use crate::batch::{address, call, number};

const INFO: libc::c_long = 15;
const TYPES_BY_ID: libc::c_long = 19;

#[repr(C)]
struct Question {
    object: u32,
    length: u32,
    place: u64,
}

#[repr(C)]
#[derive(Default)]
struct Identity {
    id: u32,
    flags: [u32; 3],
}

/// The beginning of `struct bpf_map_info`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Table {
    pub(crate) kind: u32,
    id: u32,
    pub(crate) key_bytes: u32,
    pub(crate) value_bytes: u32,
    pub(crate) entries: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    kernel_type: u32,
    device: u64,
    namespace: u64,
    /// Of the types that its program's object came with; 0 without any.
    types: u32,
    key_type: u32,
    value_type: u32,
    pad: u32,
}

/// `struct bpf_btf_info`.
#[repr(C)]
#[derive(Default)]
struct Types {
    data: u64,
    bytes: u32,
    id: u32,
    name: u64,
    name_bytes: u32,
    of_kernel: u32,
}

/// The table's kind and sizes.
pub(crate) fn table(table: BorrowedFd<'_>) -> io::Result<Table> {
    let mut found = Table::default();
    ask(table, &mut found)?;
    Ok(found)
}

/// The types that came with a table; nothing where it came without.
pub(crate) fn types(of: &Table) -> io::Result<Vec<u8>> {
    if of.types == 0 {
        return Ok(Vec::new());
    }
    let mut wanted = Identity { id: of.types, ..Identity::default() };
    // SAFETY: the request points nowhere.
    let file = i32::try_from(unsafe { call(TYPES_BY_ID, &mut wanted) }?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just opened it for this process.
    let file = unsafe { OwnedFd::from_raw_fd(file) };
    let mut found = Types::default();
    ask(file.as_fd(), &mut found)?;
    let mut data = vec![0_u8; usize::try_from(found.bytes).map_err(io::Error::other)?];
    found = Types { data: address(data.as_mut_ptr()), bytes: found.bytes, ..Types::default() };
    ask(file.as_fd(), &mut found)?;
    Ok(data)
}

fn ask<T>(object: BorrowedFd<'_>, answer: &mut T) -> io::Result<()> {
    let length = u32::try_from(size_of::<T>()).map_err(io::Error::other)?;
    let mut question = Question { object: number(object), length, place: address(&raw mut *answer) };
    // SAFETY: the answer is as long as is said, and what it points to as long as it says itself.
    unsafe { call(INFO, &mut question) }.map(drop)
}
