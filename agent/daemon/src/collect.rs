//! Flows that are over, and those whose backend is gone.

use std::collections::BTreeSet;

use ichor_datapath_loader::{Error, Table};
use ichor_datapath_types::{Config, Flow, FlowKey, Octets, proto};
use nix::time::{ClockId, clock_gettime};

use crate::fault::Fault;
use crate::flow_age::{is_other, is_over, may_be_over, partners};

const BATCH: u32 = 4096;

/// What a walk through the flows found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Walk {
    pub(crate) seen: usize,
    pub(crate) removed: usize,
}

/// The datapath's clock.
pub(crate) fn now() -> Result<u32, Fault> {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).map_err(|error| Fault::new(format!("reading the clock: {error}")))?;
    let nanoseconds = i128::from(time.tv_sec()) * 1_000_000_000 + i128::from(time.tv_nsec());
    Ok(u32::try_from((nanoseconds >> Config::CLOCK_SHIFT) & i128::from(u32::MAX)).unwrap_or_default())
}

impl Walk {
    pub(crate) fn and(self, other: Self) -> Self {
        Self { seen: self.seen + other.seen, removed: self.removed + other.removed }
    }
}

/// Removes the flows that are over.
pub(crate) fn sweep<A: Octets + Ord>(table: &mut Table<'_, FlowKey<A>, Flow<A>>, now: u32) -> Result<Walk, Error> {
    let mut walk = Walk::default();
    // What went with its other direction is still in the batch that was read.
    let mut gone = BTreeSet::new();
    each(table, |table, key, flow| {
        if gone.remove(&key) {
            return Ok(());
        }
        walk.seen += 1;
        if !may_be_over(key.protocol, &flow, now) {
            return Ok(());
        }
        let mut other = None;
        for partner in partners(&key, &flow) {
            if other.is_none() && partner != key {
                other = table.get(&partner)?.filter(|other| is_other(&key, &flow, other)).map(|other| (partner, other));
            }
        }
        if is_over(key.protocol, &flow, other.as_ref().map(|(_, flow)| flow), now) {
            table.remove(&key)?;
            walk.removed += 1;
            if let Some((partner, _)) = other {
                table.remove(&partner)?;
                walk.removed += 1;
                gone.insert(partner);
            }
        }
        Ok(())
    })?;
    Ok(walk)
}

/// Removes the UDP flows to backends that are gone: their clients would send into nothing for ever.
pub(crate) fn cut_udp<A: Octets>(table: &mut Table<'_, FlowKey<A>, Flow<A>>, backends: &BTreeSet<u32>) -> Result<usize, Error> {
    let mut removed = 0;
    each(table, |table, key, flow| {
        if key.protocol == proto::UDP && backends.contains(&flow.backend) {
            table.remove(&key)?;
            removed += 1;
        }
        Ok(())
    })?;
    Ok(removed)
}

/// How many there are.
pub(crate) fn count<A: Octets>(table: &mut Table<'_, FlowKey<A>, Flow<A>>) -> Result<u64, Error> {
    let mut there = 0;
    each(table, |_, _, _| {
        there += 1;
        Ok::<_, Error>(())
    })?;
    Ok(there)
}

/// Walks through a table in batches.
pub(crate) fn each<'d, A: Octets, E: From<Error>>(
    table: &mut Table<'d, FlowKey<A>, Flow<A>>,
    mut visit: impl FnMut(&mut Table<'d, FlowKey<A>, Flow<A>>, FlowKey<A>, Flow<A>) -> Result<(), E>,
) -> Result<(), E> {
    let mut place = None;
    loop {
        let (entries, next) = table.batch(place, BATCH)?;
        for (key, flow) in entries {
            visit(table, key, flow)?;
        }
        if next.is_none() {
            return Ok(());
        }
        place = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow_age::units;
    use ichor_datapath_loader::{Datapath, OBJECT, Sizes};
    use ichor_datapath_types::{Tuple, flow_flag, flow_state};

    const BACKEND: u32 = 7;

    /// Both directions of a connection to a service, begun by client number `client`, last seen so many seconds ago.
    fn connection(client: u32, protocol: u8, state: u8, seconds: u64, now: u32) -> [(FlowKey<u32>, Flow<u32>); 2] {
        let tuple = Tuple { source: client, destination: 2, source_port: 3, destination_port: 4 };
        let becomes = Tuple { destination: 5, destination_port: 6, ..tuple };
        let flow = Flow { becomes, backend: BACKEND + client % 2, seen: now.wrapping_sub(units(seconds)), state, flags: 0, pad: 0 };
        let key = |tuple| FlowKey { tuple, protocol, pad: 0, pad2: 0 };
        let answer = Flow { becomes: tuple.reversed(), flags: flow_flag::REPLY, ..flow };
        [(key(tuple), flow), (key(becomes.reversed()), answer)]
    }

    #[test]
    fn the_kernels_flows_end_at_their_time_and_with_their_backend() {
        assert!(nix::unistd::geteuid().is_root(), "this test makes tables in the kernel: run it as root");
        let mut datapath = Datapath::load(OBJECT, &Config::default(), &Sizes::for_memory(1 << 30)).unwrap();
        let now = now().unwrap();
        let sweep = |datapath: &mut Datapath| sweep(&mut datapath.flows_v4().unwrap(), now).unwrap();
        let cut = |datapath: &mut Datapath| cut_udp(&mut datapath.flows_v4().unwrap(), &BTreeSet::from([BACKEND])).unwrap();
        // More than a batch, in both states.
        for client in 0..3000 {
            let seconds = if client % 3 == 0 { 20 } else { 2 };
            for (key, flow) in connection(client, proto::TCP, flow_state::CLOSING, seconds, now) {
                datapath.flows_v4().unwrap().put(&key, &flow).unwrap();
            }
        }
        // One direction is quiet, and the other is not.
        let [quiet, busy] = connection(9000, proto::TCP, flow_state::CLOSING, 20, now);
        datapath.flows_v4().unwrap().put(&quiet.0, &quiet.1).unwrap();
        datapath.flows_v4().unwrap().put(&busy.0, &Flow { seen: now, ..busy.1 }).unwrap();
        assert_eq!(sweep(&mut datapath).removed, 2000);
        assert_eq!(sweep(&mut datapath), Walk { seen: 4002, removed: 0 });
        for client in 10_000..10_100 {
            for (key, flow) in connection(client, proto::UDP, flow_state::ESTABLISHED, 1, now) {
                datapath.flows_v4().unwrap().put(&key, &flow).unwrap();
            }
        }
        assert_eq!(cut(&mut datapath), 100);
        assert_eq!(cut(&mut datapath), 0);
        assert_eq!(sweep(&mut datapath).seen, 4102);
    }
}
