//! The ring of events: read by one thread, while somebody listens, and handed to everybody who does.
//!
//! Nobody waits for a listener. Each has a queue of its own, and what does not fit is counted.

use std::collections::BTreeMap;
use std::os::fd::AsFd as _;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ichor_agent_api::inspect::{EventKind, Lost};
use ichor_datapath_loader::{Events, Pins, Sizes};
use ichor_datapath_types::{Event, Watch, event_kind};
use nix::poll::{PollFd, PollFlags, poll};

use crate::collect::now;
use crate::fault::Fault;
use crate::log::note;

/// How many events a listener may be behind.
const QUEUE: usize = 4096;
/// How many may listen at once.
const MOST: usize = 8;
/// How many events of a kind each CPU tells in a second: more than a person reads, and no work for a CPU.
const EVENTS_PER_SECOND: u32 = 1000;
/// How long the datapath goes on telling when nobody renews it, in units of its clock.
const WATCHED_FOR: u32 = 5;
const RENEWED_EVERY: Duration = Duration::from_secs(1);
/// How long the reader may rest while the ring is silent.
const REST_MS: u16 = 250;

/// Where to listen.
#[derive(Clone, Debug)]
pub(crate) struct Hub {
    listeners: Arc<Mutex<Listeners>>,
    pins: Pins,
    sizes: Sizes,
}

#[derive(Debug, Default)]
struct Listeners {
    each: BTreeMap<u64, Sink>,
    next: u64,
    is_read: bool,
}

#[derive(Debug)]
struct Sink {
    queue: SyncSender<Event>,
    kind: Option<EventKind>,
    lost: Arc<Mutex<Lost>>,
}

/// Somebody who listens, until this is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    number: u64,
    hub: Hub,
    pub(crate) events: Receiver<Event>,
    lost: Arc<Mutex<Lost>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub(crate) fn new(pins: Pins, sizes: Sizes) -> Self {
        Self { listeners: Arc::default(), pins, sizes }
    }

    /// Begins to listen to events of a kind, or of both.
    pub(crate) fn listen(&self, kind: Option<EventKind>) -> Result<Listener, Fault> {
        let listener = self.enter(kind)?;
        // Whoever entered leaves again when this fails.
        self.let_it_be_read()?;
        Ok(listener)
    }

    fn enter(&self, kind: Option<EventKind>) -> Result<Listener, Fault> {
        let (queue, events) = sync_channel(QUEUE);
        let lost = Arc::default();
        let mut listeners = held(&self.listeners);
        if listeners.each.len() >= MOST {
            return Err(Fault::new(format!("{MOST} others listen already: end one of them")));
        }
        let number = listeners.next;
        listeners.next += 1;
        listeners.each.insert(number, Sink { queue, kind, lost: Arc::clone(&lost) });
        Ok(Listener { number, hub: self.clone(), events, lost })
    }

    fn let_it_be_read(&self) -> Result<(), Fault> {
        let mut listeners = held(&self.listeners);
        let mut ring = self.pins.events(&self.sizes)?;
        if listeners.is_read {
            return self.renew(&mut ring, &listeners);
        }
        // What is left of an earlier listener is old.
        while ring.next_event().is_some() {}
        self.renew(&mut ring, &listeners)?;
        let hub = self.clone();
        let read = move || hub.read(ring);
        let started = std::thread::Builder::new().name("events".to_owned()).spawn(read);
        started.map_err(|error| Fault::new(format!("starting to read events: {error}")))?;
        listeners.is_read = true;
        Ok(())
    }

    /// Says to the datapath what is wanted, for a while.
    fn renew(&self, ring: &mut Events, listeners: &Listeners) -> Result<(), Fault> {
        let most = |kind| {
            let wanted = listeners.each.values().any(|sink| sink.kind.is_none_or(|only| only == kind));
            if wanted { EVENTS_PER_SECOND } else { 0 }
        };
        let until = if listeners.each.is_empty() { 0 } else { now()?.saturating_add(WATCHED_FOR) };
        let watch = Watch { until, drops: most(EventKind::Drop), new_flows: most(EventKind::NewFlow), pad: 0 };
        Ok(ring.watch(&watch)?)
    }

    /// Reads until nobody listens any more.
    fn read(&self, mut ring: Events) {
        if let Err(fault) = self.read_on(&mut ring) {
            note(&format!("stops reading events: {fault}"));
            // Their queues end with them, so that they notice.
            let mut listeners = held(&self.listeners);
            listeners.each.clear();
            listeners.is_read = false;
        }
    }

    fn read_on(&self, ring: &mut Events) -> Result<(), Fault> {
        let mut held_back = ring.held_back()?;
        let mut renewed = Instant::now();
        loop {
            let ready = poll(&mut [PollFd::new(ring.as_fd(), PollFlags::POLLIN)], REST_MS);
            if let Err(error) = ready
                && error != nix::errno::Errno::EINTR
            {
                return Err(Fault::new(format!("waiting for events: {error}")));
            }
            let mut listeners = held(&self.listeners);
            // As many as the ring can hold: then it is somebody else's turn with the lock.
            for _ in 0..QUEUE {
                let Some(event) = ring.next_event() else { break };
                listeners.each.retain(|_, sink| sink.hand(&event));
            }
            if renewed.elapsed() >= RENEWED_EVERY || listeners.each.is_empty() {
                renewed = Instant::now();
                let newer = ring.held_back()?;
                for sink in listeners.each.values() {
                    sink.missed(newer.0.wrapping_sub(held_back.0), newer.1.wrapping_sub(held_back.1));
                }
                held_back = newer;
                self.renew(ring, &listeners)?;
                if listeners.each.is_empty() {
                    listeners.is_read = false;
                    return Ok(());
                }
            }
        }
    }
}

impl Sink {
    fn takes(&self, kind: EventKind) -> bool {
        self.kind.is_none_or(|only| only == kind)
    }

    /// Whether there is still somebody to hand events to.
    fn hand(&self, event: &Event) -> bool {
        let kind = if event.kind == event_kind::DROP { EventKind::Drop } else { EventKind::NewFlow };
        if !self.takes(kind) {
            return true;
        }
        match self.queue.try_send(*event) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                held(&self.lost).unread += 1;
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }

    fn missed(&self, drops: u64, new_flows: u64) {
        let mut lost = held(&self.lost);
        lost.drops += if self.takes(EventKind::Drop) { drops } else { 0 };
        lost.new_flows += if self.takes(EventKind::NewFlow) { new_flows } else { 0 };
    }
}

impl Listener {
    /// What was lost since this was asked last.
    pub(crate) fn lost(&self) -> Lost {
        std::mem::take(&mut *held(&self.lost))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        held(&self.hub.listeners).each.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does something with a hub where there are no tables.
    fn with_hub(name: &str, test: impl FnOnce(&Hub)) {
        let folder = std::env::temp_dir().join(format!("ichor-{name}-{}", std::process::id()));
        test(&Hub::new(Pins::at(&folder).unwrap(), Sizes::for_memory(0)));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn who_cannot_listen_leaves_no_trace() {
        with_hub("absent", |hub| {
            for _ in 0..=MOST {
                assert!(hub.listen(None).unwrap_err().to_string().contains("opening the table"));
            }
            assert!(held(&hub.listeners).each.is_empty());
        });
    }

    #[test]
    fn what_does_not_fit_is_counted_for_who_is_slow_alone() {
        with_hub("slow", |hub| {
            let [slow, quick, other] = [None, Some(EventKind::Drop), Some(EventKind::NewFlow)].map(|kind| hub.enter(kind).unwrap());
            let event = Event { kind: event_kind::DROP, ..Event::default() };
            for _ in 0..QUEUE + 7 {
                held(&hub.listeners).each.retain(|_, sink| sink.hand(&event));
                quick.events.recv().unwrap();
            }
            assert_eq!((slow.lost().unread, quick.lost().unread), (7, 0));
            assert_eq!((slow.events.try_iter().count(), other.events.try_iter().count()), (QUEUE, 0));
            assert!(slow.lost().is_none(), "it is told once");
            drop(quick);
            assert_eq!(held(&hub.listeners).each.len(), 2);
        });
    }
}
