//! Walks through the flows on a thread of its own: a table may hold millions, and nobody should wait for them.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ichor_datapath_loader::{KeptTables, Pins, Sizes};
use serde_json::{Value as Json, json};

use crate::collect::{Walk, count, cut_udp, now, sweep};
use crate::fault::Fault;
use crate::log::note;
use crate::pushed_out::PushedOut;

/// How often flows that are over are looked for.
const EVERY: Duration = Duration::from_secs(5);

/// Hands work to the thread, and tells what it found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sweeper {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Backends whose flows of UDP are to be cut.
    gone: BTreeSet<u32>,
    walks: u64,
    last: Walk,
    took: Duration,
    /// What was pushed out is to be counted from now on.
    begins: bool,
    /// Of IPv4, and of IPv6.
    pushed_out: [PushedOut; 2],
}

impl Sweeper {
    /// Begins to sweep the tables that are pinned there, as soon as they are.
    pub(crate) fn start(pins: Pins, sizes: Sizes) -> Result<Self, Fault> {
        let sweeper = Self::default();
        let own = sweeper.clone();
        let work = move || own.work(&pins, &sizes);
        let started = std::thread::Builder::new().name("flows".to_owned()).spawn(work);
        started.map_err(|error| Fault::new(format!("starting to look after flows: {error}")))?;
        Ok(sweeper)
    }

    /// Has the UDP flows to these backends cut, soon.
    pub(crate) fn cut(&self, backends: BTreeSet<u32>) {
        if !backends.is_empty() {
            self.held().gone.extend(backends);
            self.shared.wake.notify_one();
        }
    }

    /// The programs were loaded, and may have brought rows of an earlier release.
    pub(crate) fn programs_changed(&self) {
        let mut state = self.held();
        state.pushed_out.iter_mut().for_each(PushedOut::begin_again);
        state.begins = true;
        self.shared.wake.notify_one();
    }

    /// Rows that made room for new ones, of IPv4 and of IPv6.
    pub(crate) fn pushed_out(&self) -> [u64; 2] {
        self.held().pushed_out.map(|pushed_out| pushed_out.so_far())
    }

    /// What the last walk found.
    pub(crate) fn status(&self) -> Json {
        let state = self.held();
        let Walk { seen, removed } = state.last;
        json!({ "walks": state.walks, "flows": seen, "removed": removed, "milliseconds": state.took.as_millis() })
    }

    fn held(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, pins: &Pins, sizes: &Sizes) {
        let (mut next, mut gone, mut noted) = (Instant::now() + EVERY, BTreeSet::new(), String::new());
        loop {
            gone.append(&mut self.wait_until(next));
            let is_due = Instant::now() >= next;
            match self.walk(pins, sizes, &gone, is_due) {
                Ok(()) => {
                    gone.clear();
                    noted.clear();
                }
                Err(fault) => {
                    let text = fault.to_string();
                    // Before the programs are loaded for the first time there are no tables.
                    if text != noted && self.held().walks > 0 {
                        note(&format!("flows that are over stay: {text}"));
                    }
                    noted = text;
                }
            }
            if is_due {
                next = Instant::now() + EVERY;
            }
        }
    }

    /// Waits for the next walk or for backends that are gone, and hands these out.
    fn wait_until(&self, next: Instant) -> BTreeSet<u32> {
        let mut state = self.held();
        while state.gone.is_empty() && !state.begins {
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            (state, _) = self.shared.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::take(&mut state.gone)
    }

    fn walk(&self, pins: &Pins, sizes: &Sizes, gone: &BTreeSet<u32>, is_due: bool) -> Result<(), Fault> {
        let mut tables = pins.open(sizes)?;
        if !gone.is_empty() {
            let removed = [cut_udp(&mut tables.flows_v4()?, gone)?, cut_udp(&mut tables.flows_v6()?, gone)?];
            self.held().removed(removed);
        }
        if std::mem::take(&mut self.held().begins) || is_due {
            self.draw_balance(&mut tables)?;
        }
        if is_due {
            let (begun, now) = (Instant::now(), now()?);
            let (v4, v6) = (sweep(&mut tables.flows_v4()?, now)?, sweep(&mut tables.flows_v6()?, now)?);
            let mut state = self.held();
            state.removed([v4.removed, v6.removed]);
            (state.last, state.took, state.walks) = (v4.and(v6), begun.elapsed(), state.walks + 1);
        }
        Ok(())
    }

    /// Finds out what was pushed out, before anything is removed.
    fn draw_balance(&self, tables: &mut KeptTables) -> Result<(), Fault> {
        let [before_v4, before_v6] = tables.flows_added()?;
        let (v4, v6) = (count(&mut tables.flows_v4()?)?, count(&mut tables.flows_v6()?)?);
        let [after_v4, after_v6] = tables.flows_added()?;
        let [pushed_v4, pushed_v6] = &mut self.held().pushed_out;
        pushed_v4.balance(v4, before_v4, after_v4);
        pushed_v6.balance(v6, before_v6, after_v6);
        Ok(())
    }
}

impl State {
    fn removed(&mut self, [v4, v6]: [usize; 2]) {
        let [pushed_v4, pushed_v6] = &mut self.pushed_out;
        pushed_v4.removed(v4);
        pushed_v6.removed(v6);
    }
}
