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
    let backends = datapath.backends()?;
    for id in 1..sizes.backends {
        let row = backends.get(id)?;
        if row.addr != Addr::UNSPECIFIED {
            observed.backends.insert(id, row);
        }
    }
    let slots = datapath.slots()?;
    let runs: Vec<_> = observed.services.values().map(|row| (row.first_slot, row.slots)).collect();
    for (first, count) in runs {
        // What stands in the table may be anything.
        let end = first.saturating_add(count).min(sizes.slots);
        let places = usize::try_from(end).unwrap_or(usize::MAX);
        if observed.slots.len() < places {
            observed.slots.resize(places, 0);
        }
        for index in first..end {
            if let Some(place) = usize::try_from(index).ok().and_then(|index| observed.slots.get_mut(index)) {
                *place = slots.get(index)?;
            }
        }
    }
    Ok(observed)
}

/// Takes a step. What is answered to health checks is not in the tables, so these steps do nothing here.
pub fn take(datapath: &mut Datapath, op: &Op) -> Result<(), Error> {
    match op {
        Op::SetBackend(id, row) => datapath.backends()?.set(*id, row)?,
        Op::DeleteBackend(id) => datapath.backends()?.set(*id, &Backend::default())?,
        Op::SetSlots { first, backends } => {
            let mut slots = datapath.slots()?;
            for (index, backend) in (*first..).zip(backends.iter()) {
                slots.set(index, backend)?;
            }
        }
        Op::SetService(key, row) => datapath.services()?.put(key, row)?,
        Op::DeleteService(key) => datapath.services()?.remove(key)?,
        Op::SetSourceRange(key) => datapath.source_ranges()?.put(key.prefix_bits, &range(key), &1)?,
        Op::DeleteSourceRange(key) => datapath.source_ranges()?.remove(key.prefix_bits, &range(key))?,
        Op::SetEndpoint(key, row) => datapath.endpoints()?.put(key, row)?,
        Op::DeleteEndpoint(key) => datapath.endpoints()?.remove(key)?,
        Op::SetPrefix(key, row) => datapath.prefixes()?.put(key.prefix_bits, &key.addr, row)?,
        Op::DeletePrefix(key) => datapath.prefixes()?.remove(key.prefix_bits, &key.addr)?,
        Op::SetHealthCheck(..) | Op::DeleteHealthCheck(_) => {}
    }
    Ok(())
}

fn range(key: &SourceRangeKey) -> [u32; 5] {
    let Addr([a, b, c, d]) = key.addr;
    [key.service, a, b, c, d]
}
