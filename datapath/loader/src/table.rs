//! Tables with the types of their keys and values.

use std::io;
use std::marker::PhantomData;
use std::os::fd::AsFd as _;

use aya::maps::lpm_trie::Key;
use aya::maps::{LpmTrie, Map, MapData, MapError, PerCpuArray};
use ichor_datapath_types::{Counter, CounterKey, Hook, Pod, read};

use crate::batch::{self, Cursor, RowBytes};
use crate::error::Error;
use crate::mapped::Values;

/// A value as the kernel takes it.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct Raw<T>(pub(crate) T);

// SAFETY: transparent over what both sides agreed to be plain data.
unsafe impl<T: Pod> aya::Pod for Raw<T> {}

/// Some entries of a table, and where to go on.
pub type Batch<K, V> = (Vec<(K, V)>, Option<Cursor>);

/// A table of keys and values.
#[derive(Debug)]
pub struct Table<'d, K, V> {
    pub(crate) name: &'static str,
    pub(crate) map: &'d mut Map,
    pub(crate) types: PhantomData<(K, V)>,
}

impl<K: Pod, V: Pod> Table<'_, K, V> {
    fn map(&mut self) -> Result<aya::maps::HashMap<&mut MapData, Raw<K>, Raw<V>>, Error> {
        aya::maps::HashMap::try_from(&mut *self.map).map_err(|error| Error::new(format!("table {}", self.name), &error))
    }

    pub fn put(&mut self, key: &K, value: &V) -> Result<(), Error> {
        let name = self.name;
        self.map()?.insert(Raw(*key), Raw(*value), 0).map_err(|error| Error::new(format!("writing to the table {name}"), &error))
    }

    /// Puts many, in their order.
    pub fn put_all(&mut self, entries: &[(K, V)]) -> Result<(), Error> {
        let (keys, values): (Vec<_>, Vec<_>) = entries.iter().copied().unzip();
        let name = self.name;
        let (Map::HashMap(data) | Map::LruHashMap(data)) = &*self.map else {
            return Err(Error::missing(format!("the table {name} as one of keys and values")));
        };
        batch::update_all(data.fd().as_fd(), plain(&keys), plain(&values), entries.len())
            .map_err(|error| Error::new(format!("writing to the table {name}"), &error))
    }

    /// Removes an entry; one that is not there is fine.
    pub fn remove(&mut self, key: &K) -> Result<(), Error> {
        let name = self.name;
        absent_is_fine(self.map()?.remove(&Raw(*key))).map_err(|error| Error::new(format!("removing from the table {name}"), &error))
    }

    pub fn get(&mut self, key: &K) -> Result<Option<V>, Error> {
        let name = self.name;
        match self.map()?.get(&Raw(*key), 0) {
            Ok(Raw(value)) => Ok(Some(value)),
            Err(MapError::KeyNotFound) => Ok(None),
            Err(error) => Err(Error::new(format!("reading the table {name}"), &error)),
        }
    }

    /// Everything in it; what changes meanwhile may be missing, or there twice.
    pub fn entries(&mut self) -> Result<Vec<(K, V)>, Error> {
        const AT_ONCE: u32 = 1 << 12;
        let (mut all, mut next) = self.batch(None, AT_ONCE)?;
        while next.is_some() {
            let some;
            (some, next) = self.batch(next, AT_ONCE)?;
            all.extend(some);
        }
        Ok(all)
    }

    /// Some entries and where to go on; no place when these are the last. What changes meanwhile may be missed.
    pub fn batch(&mut self, from: Option<Cursor>, count: u32) -> Result<Batch<K, V>, Error> {
        let name = self.name;
        let (Map::HashMap(data) | Map::LruHashMap(data)) = &*self.map else {
            return Err(Error::missing(format!("the table {name} as one of keys and values")));
        };
        let row = RowBytes { key: size_of::<K>(), value: size_of::<V>() };
        let found = batch::lookup(data.fd().as_fd(), from, count, row);
        let (keys, values, next) = found.map_err(|error| Error::new(format!("reading the table {name}"), &error))?;
        let rows = keys.chunks_exact(row.key).map(read).zip(values.chunks_exact(row.value).map(read));
        Ok((rows.filter_map(|(key, value)| key.zip(value)).collect(), next))
    }
}

/// Rows as they lie in memory.
fn plain<T: Pod>(rows: &[T]) -> &[u8] {
    // SAFETY: the same memory for as long, all of it plain data without padding.
    unsafe { std::slice::from_raw_parts(rows.as_ptr().cast(), size_of_val(rows)) }
}

fn absent_is_fine(outcome: Result<(), MapError>) -> Result<(), MapError> {
    match outcome {
        Err(MapError::KeyNotFound) => Ok(()),
        Err(MapError::SyscallError(error)) if error.io_error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A table of numbered values.
#[derive(Debug)]
pub struct Array<'d, V> {
    pub(crate) name: &'static str,
    pub(crate) map: &'d mut Map,
    pub(crate) types: PhantomData<V>,
}

impl<V: Pod> Array<'_, V> {
    pub fn set(&mut self, index: u32, value: &V) -> Result<(), Error> {
        let wrong = |error: &MapError| Error::new(format!("writing number {index} of the table {}", self.name), error);
        let mut array = aya::maps::Array::<_, Raw<V>>::try_from(&mut *self.map).map_err(|error| wrong(&error))?;
        array.set(index, Raw(*value), 0).map_err(|error| wrong(&error))
    }

    /// Sets many, in their order.
    pub fn set_all(&mut self, entries: &[(u32, V)]) -> Result<(), Error> {
        let (keys, values): (Vec<_>, Vec<_>) = entries.iter().copied().unzip();
        let name = self.name;
        batch::update_all(self.data()?.fd().as_fd(), plain(&keys), plain(&values), entries.len())
            .map_err(|error| Error::new(format!("writing to the table {name}"), &error))
    }

    /// The first values, as many as that, of a table whose memory can be seen.
    pub fn first(&self, count: u32) -> Result<Values<V>, Error> {
        let wrong = |error: &io::Error| Error::new(format!("looking into the memory of the table {}", self.name), error);
        Values::map(self.data()?.fd().as_fd(), usize::try_from(count).unwrap_or(usize::MAX)).map_err(|error| wrong(&error))
    }

    fn data(&self) -> Result<&MapData, Error> {
        match &*self.map {
            Map::Array(data) => Ok(data),
            _ => Err(Error::missing(format!("the table {} as one of numbered values", self.name))),
        }
    }

    pub fn get(&self, index: u32) -> Result<V, Error> {
        let wrong = |error: &MapError| Error::new(format!("reading number {index} of the table {}", self.name), error);
        let array = aya::maps::Array::<_, Raw<V>>::try_from(&*self.map).map_err(|error| wrong(&error))?;
        array.get(&index, 0).map(|Raw(value)| value).map_err(|error| wrong(&error))
    }
}

impl<V: Pod> Array<'_, V> {
    /// Values from number `first` on, as many as `count` where there are so many.
    pub fn run(&self, first: u32, count: u32) -> Result<Vec<V>, Error> {
        let row = RowBytes { key: size_of::<u32>(), value: size_of::<V>() };
        let found = batch::lookup(self.data()?.fd().as_fd(), Cursor::before(first), count, row);
        let (_, values, _) = found.map_err(|error| Error::new(format!("reading the table {}", self.name), &error))?;
        Ok(values.chunks_exact(row.value).filter_map(read).collect())
    }
}

/// A table in which the longest prefix is found; `K` is what follows the number of bits.
#[derive(Debug)]
pub struct Prefixes<'d, K, V> {
    pub(crate) name: &'static str,
    pub(crate) map: &'d mut Map,
    pub(crate) types: PhantomData<(K, V)>,
}

impl<K: Pod, V: Pod> Prefixes<'_, K, V> {
    fn map(&mut self) -> Result<LpmTrie<&mut MapData, Raw<K>, Raw<V>>, Error> {
        LpmTrie::try_from(&mut *self.map).map_err(|error| Error::new(format!("table {}", self.name), &error))
    }

    pub fn put(&mut self, bits: u32, key: &K, value: &V) -> Result<(), Error> {
        let name = self.name;
        let key = Key::new(bits, Raw(*key));
        self.map()?.insert(&key, Raw(*value), 0).map_err(|error| Error::new(format!("writing to the table {name}"), &error))
    }

    /// Everything in it, as number of bits, key and value.
    pub fn entries(&mut self) -> Result<Vec<(u32, K, V)>, Error> {
        let name = self.name;
        let read = |entry: Result<(Key<Raw<K>>, Raw<V>), MapError>| entry.map(|(key, value)| (key.prefix_len(), key.data().0, value.0));
        self.map()?.iter().map(read).collect::<Result<_, _>>().map_err(|error| Error::new(format!("reading the table {name}"), &error))
    }

    pub fn remove(&mut self, bits: u32, key: &K) -> Result<(), Error> {
        let name = self.name;
        let key = Key::new(bits, Raw(*key));
        absent_is_fine(self.map()?.remove(&key)).map_err(|error| Error::new(format!("removing from the table {name}"), &error))
    }
}

/// What was counted, summed over all CPUs.
#[derive(Debug)]
pub struct Counters<'d> {
    pub(crate) map: &'d Map,
}

impl Counters<'_> {
    pub fn get(&self, hook: Hook, reason: u8) -> Result<Counter, Error> {
        Ok(self.of_each_cpu::<Counter>(CounterKey { hook, reason }.index())?.into_iter().fold(Counter::default(), |sum, one| Counter {
            packets: sum.packets.wrapping_add(one.packets),
            bytes: sum.bytes.wrapping_add(one.bytes),
        }))
    }

    pub(crate) fn number(&self, index: u32) -> Result<u64, Error> {
        Ok(self.of_each_cpu::<u64>(index)?.into_iter().fold(0, u64::wrapping_add))
    }

    fn of_each_cpu<V: Pod>(&self, index: u32) -> Result<Vec<V>, Error> {
        let wrong = |error: &MapError| Error::new("reading the counters", error);
        let array = PerCpuArray::<_, Raw<V>>::try_from(self.map).map_err(|error| wrong(&error))?;
        let each = array.get(&index, 0).map_err(|error| wrong(&error))?;
        Ok(each.iter().map(|Raw(one)| *one).collect())
    }
}
