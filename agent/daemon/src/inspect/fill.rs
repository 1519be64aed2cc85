//! How full the tables are in which new rows push out old ones.

use ichor_agent_api::inspect::Table as Row;
use ichor_datapath_loader::{Error, KeptTables, Sizes, Table};
use ichor_datapath_types::{Flow, FlowKey, Octets};

use nix::unistd::{SysconfVar, sysconf};

use crate::collect::{each, now};
use crate::flow_age::idle;
use crate::inspect::answer::{Answer, Stop};
use crate::inspect::flows::seconds;

/// The kernel keeps so many rows at hand for each CPU, free, but of no more than half of the table: a full table has these left.
const AT_HAND: u64 = 128;

pub(crate) fn tell(tables: &mut KeptTables, sizes: &Sizes, [lost_v4, lost_v6]: [u64; 2], answer: &mut Answer<'_>) -> Result<(), Stop> {
    let now = now()?;
    let cpus = sysconf(SysconfVar::_NPROCESSORS_CONF).ok().flatten().and_then(|cpus| u64::try_from(cpus).ok()).unwrap_or(1);
    let v4 = Fill { most: u64::from(sizes.flows_v4), cpus, pushed_out: lost_v4 };
    answer.row(v4.row("FLOWS4", "directions of IPv4 connections", filled(&mut tables.flows_v4()?, now)?))?;
    let v6 = Fill { most: u64::from(sizes.flows_v6), cpus, pushed_out: lost_v6 };
    answer.row(v6.row("FLOWS6", "directions of IPv6 connections", filled(&mut tables.flows_v6()?, now)?))
}

/// How many rows there are, and the longest time for which one was silent.
fn filled<A: Octets>(table: &mut Table<'_, FlowKey<A>, Flow<A>>, now: u32) -> Result<(u64, Option<u32>), Error> {
    let (mut entries, mut oldest) = (0, None);
    each(table, |_, _, flow| {
        entries += 1;
        oldest = oldest.max(Some(idle(now, flow.seen)));
        Ok::<_, Error>(())
    })?;
    Ok((entries, oldest))
}

struct Fill {
    most: u64,
    cpus: u64,
    pushed_out: u64,
}

impl Fill {
    fn row(&self, name: &str, holds: &str, (entries, oldest): (u64, Option<u32>)) -> Row {
        let Self { most, cpus, pushed_out } = *self;
        let full = entries + (cpus * AT_HAND).min(most / 2) >= most;
        Row { name: name.to_owned(), holds: holds.to_owned(), entries, most, full, pushed_out, oldest_idle_s: oldest.map(seconds) }
    }
}
