//! The datapath's tables: read back after a restart, and changed step by step.

use ichor_agent_state::{Observed, Op};
use ichor_datapath_loader::{Datapath, Sizes};
use ichor_datapath_types::{Addr, Backend, PrefixKey, SourceRangeKey};

use crate::error::Error;

/// What the tables hold. Health checks are no table's, so there are none.
pub fn observe(datapath: &mut Datapath, sizes: &Sizes) -> Result<Observed, Error> {
    let mut observed = Observed::default();
    observed.services.extend(datapath.services()?.entries()?);
    observed.endpoints.extend(datapath.endpoints()?.entries()?);
    let prefixes = datapath.prefixes()?.entries()?;
    observed.prefixes.extend(prefixes.into_iter().map(|(prefix_bits, addr, row)| (PrefixKey { prefix_bits, addr }, row)));
    let ranges = datapath.source_ranges()?.entries()?;
    let range =
        |(prefix_bits, [service, a, b, c, d], _): (u32, [u32; 5], u32)| SourceRangeKey { prefix_bits, service, addr: Addr([a, b, c, d]) };
    observed.source_ranges.extend(ranges.into_iter().map(range));
    let backends = datapath.backends()?.first(sizes.backends)?;
    observed.backends.extend((0..).zip(backends.iter()).skip(1).filter(|(_, row)| row.addr != Addr::UNSPECIFIED));
    // What stands in the table may be anything.
    let end = observed.services.values().map(|row| row.first_slot.saturating_add(row.slots).min(sizes.slots)).max();
    observed.slots = datapath.slots()?.first(end.unwrap_or(0))?.iter().collect();
    Ok(observed)
}

/// Takes steps that follow each other, and are quickest when those of a kind are given at once. What is answered to health
/// checks is not in the tables, so these steps do nothing here.
pub fn take(datapath: &mut Datapath, ops: &[Op]) -> Result<(), Error> {
    for some in ops.chunk_by(|one, next| std::mem::discriminant(one) == std::mem::discriminant(next)) {
        let backend = |op: &Op| if let Op::SetBackend(id, row) = op { Some((*id, *row)) } else { None };
        let service = |op: &Op| if let Op::SetService(key, row) = op { Some((*key, *row)) } else { None };
        match some {
            [Op::SetBackend(..), ..] => datapath.backends()?.set_all(&some.iter().filter_map(backend).collect::<Vec<_>>())?,
            [Op::SetService(..), ..] => datapath.services()?.put_all(&some.iter().filter_map(service).collect::<Vec<_>>())?,
            [Op::SetSlots { .. }, ..] => datapath.slots()?.set_all(&some.iter().flat_map(slots).collect::<Vec<_>>())?,
            _ => some.iter().try_for_each(|op| take_one(datapath, op))?,
        }
    }
    Ok(())
}

fn slots(op: &Op) -> Vec<(u32, u32)> {
    if let Op::SetSlots { first, backends } = op { (*first..).zip(backends.iter().copied()).collect() } else { Vec::new() }
}

fn take_one(datapath: &mut Datapath, op: &Op) -> Result<(), Error> {
    match op {
        Op::DeleteBackend(id) => datapath.backends()?.set(*id, &Backend::default())?,
        Op::DeleteService(key) => datapath.services()?.remove(key)?,
        Op::SetSourceRange(key) => datapath.source_ranges()?.put(key.prefix_bits, &range(key), &1)?,
        Op::DeleteSourceRange(key) => datapath.source_ranges()?.remove(key.prefix_bits, &range(key))?,
        Op::SetEndpoint(key, row) => datapath.endpoints()?.put(key, row)?,
        Op::DeleteEndpoint(key) => datapath.endpoints()?.remove(key)?,
        Op::SetPrefix(key, row) => datapath.prefixes()?.put(key.prefix_bits, &key.addr, row)?,
        Op::DeletePrefix(key) => datapath.prefixes()?.remove(key.prefix_bits, &key.addr)?,
        Op::SetBackend(..) | Op::SetService(..) | Op::SetSlots { .. } | Op::SetHealthCheck(..) | Op::DeleteHealthCheck(_) => {}
    }
    Ok(())
}

fn range(key: &SourceRangeKey) -> [u32; 5] {
    let Addr([a, b, c, d]) = key.addr;
    [key.service, a, b, c, d]
}
