//! Going on with what another release has left: rows of its tables become rows of this one's.
//!
//! What a table's rows look like stands in the kernel beside the table, so a release knows the form of those before it
//! and of those after it, when a newer one is taken back.

use std::fs;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::{Path, PathBuf};

use aya::maps::{Map, MapData};

use crate::about;
use crate::batch::{IF_ABSENT, RowBytes, lookup, update};
use crate::btf::Btf;
use crate::datapath::Datapath;
use crate::error::Error;
use crate::layout::{Conversion, Layout};
use crate::pins::Pins;
use crate::sizes::Sizes;

/// What was taken over of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub table: &'static str,
    pub rows: usize,
    /// Why there are not more.
    pub problem: Option<String>,
}

/// When it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Before the programs are put onto their hooks: everything.
    First,
    /// After it: the flows that began meanwhile. Then the other release's tables are let go.
    Last,
}

const HASH: u32 = 1;
const ARRAY: u32 = 2;
const LRU_HASH: u32 = 9;
const BATCH: u32 = 4096;

impl Datapath {
    /// Takes over the rows of tables that are pinned in another form or size.
    pub fn take_over(&mut self, pins: &Pins, sizes: &Sizes, pass: Pass) -> Result<Vec<Taken>, Error> {
        let mut all = Vec::new();
        for (name, own) in pins.kept(sizes)? {
            for old in pins.others(name, &own)? {
                let taken = self.take_table(name, &old, pass);
                let problem = taken.as_ref().err().map(ToString::to_string);
                all.push(Taken { table: name, rows: taken.unwrap_or_default(), problem });
                if pass == Pass::Last {
                    fs::remove_file(&old).map_err(|error| Error::new(format!("removing {}", old.display()), &error))?;
                }
            }
        }
        Ok(all)
    }

    fn take_table(&mut self, name: &'static str, place: &Path, pass: Pass) -> Result<usize, Error> {
        let wrong = |error: &(dyn std::error::Error + 'static)| Error::new(format!("reading {}", place.display()), error);
        let old = MapData::from_pin(place).map_err(|error| wrong(&error))?;
        let old = old.fd().as_fd();
        let (Map::HashMap(new) | Map::LruHashMap(new) | Map::Array(new)) = &*self.map(name)? else {
            // Prefixes are written anew from what they stand for, and counters begin anew.
            return Ok(0);
        };
        let new = new.fd().as_fd();
        let about_old = about::table(old).map_err(|error| wrong(&error))?;
        let about_new = about::table(new).map_err(|error| wrong(&error))?;
        let only_flows = pass == Pass::Last;
        if about_old.kind != about_new.kind || only_flows && about_old.kind != LRU_HASH {
            return Ok(0);
        }
        let (from, to) = (layout(name, &about_old, place)?, layout(name, &about_new, place)?);
        let row = RowBytes { key: bytes(about_old.key_bytes), value: bytes(about_old.value_bytes) };
        let rewrite = Rewrite {
            key: Conversion::new(&from.key, &to.key, bytes(about_new.key_bytes)),
            value: Conversion::new(&from.value, &to.value, bytes(about_new.value_bytes)),
            entries: about_new.entries,
        };
        match about_old.kind {
            HASH | LRU_HASH => rewrite.rows(old, new, row).map_err(|error| wrong(&error)),
            ARRAY => rewrite.places(old, new, row).map_err(|error| wrong(&error)),
            _ => Ok(0),
        }
    }
}

fn bytes(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn layout(name: &str, of: &about::Table, place: &Path) -> Result<Layout, Error> {
    let types = about::types(of).map_err(|error| Error::new(format!("asking for the types of {}", place.display()), &error))?;
    let found = Btf::parse(&types).and_then(|types| types.layout(name));
    found.ok_or_else(|| Error::missing(format!("what the rows of {name} look like")))
}

struct Rewrite {
    key: Conversion,
    value: Conversion,
    entries: u32,
}

impl Rewrite {
    /// What the new programs have written already is newer.
    fn rows(&self, old: BorrowedFd<'_>, new: BorrowedFd<'_>, row: RowBytes) -> std::io::Result<usize> {
        each(old, row, |key, value| update(new, &self.key.of(key), &self.value.of(value), IF_ABSENT))
    }

    fn places(&self, old: BorrowedFd<'_>, new: BorrowedFd<'_>, row: RowBytes) -> std::io::Result<usize> {
        each(old, row, |key, value| {
            let index: Option<u32> = ichor_datapath_types::read(key);
            let is_there = index.is_some_and(|index| index < self.entries) && value.iter().any(|byte| *byte != 0);
            Ok(is_there && update(new, key, &self.value.of(value), 0)?)
        })
    }
}

/// Walks through a table; gives how often something was done.
fn each(table: BorrowedFd<'_>, row: RowBytes, mut take: impl FnMut(&[u8], &[u8]) -> std::io::Result<bool>) -> std::io::Result<usize> {
    let (mut place, mut taken) = (None, 0);
    loop {
        let (keys, values, next) = lookup(table, place, BATCH, row)?;
        for (key, value) in keys.chunks_exact(row.key).zip(values.chunks_exact(row.value)) {
            taken += usize::from(take(key, value)?);
        }
        if next.is_none() {
            return Ok(taken);
        }
        place = next;
    }
}

impl Pins {
    /// Tables of this name that are not the one in use.
    fn others(&self, name: &str, own: &Path) -> Result<Vec<PathBuf>, Error> {
        let begin = format!("{name}-");
        let mut found: Vec<_> = self.all_tables()?.into_iter().filter(|place| place != own).collect();
        found.retain(|place| place.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&begin)));
        Ok(found)
    }
}
