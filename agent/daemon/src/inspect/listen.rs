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
        let (queue, events) = sync_channel(QUEUE);
        let lost = Arc::default();
        let mut listeners = held(&self.listeners);
        if listeners.each.len() >= MOST {
            return Err(Fault::new(format!("{MOST} others listen already: end one of them")));
        }
        let number = listeners.next;
        listeners.next += 1;
        listeners.each.insert(number, Sink { queue, kind, lost: Arc::clone(&lost) });
        let listener = Listener { number, hub: self.clone(), events, lost };
        let mut ring = if listeners.is_read { None } else { Some(self.pins.events(&self.sizes)?) };
        if let Some(ring) = &mut ring {
            // What is left of an earlier listener is old.
            while ring.next_event().is_some() {}
        }
        self.renew(ring.as_mut(), &listeners)?;
        if let Some(ring) = ring {
            let hub = self.clone();
            let read = move || hub.read(ring);
            std::thread::Builder::new()
                .name("events".to_owned())
                .spawn(read)
                .map_err(|error| Fault::new(format!("starting to read events: {error}")))?;
            listeners.is_read = true;
        }
        Ok(listener)
    }

    /// Says to the datapath what is wanted, for a while.
    fn renew(&self, ring: Option<&mut Events>, listeners: &Listeners) -> Result<(), Fault> {
        let most = |kind| {
            let wanted = listeners.each.values().any(|sink| sink.kind.is_none_or(|only| only == kind));
            if wanted { EVENTS_PER_SECOND } else { 0 }
        };
        let until = if listeners.each.is_empty() { 0 } else { now()?.saturating_add(WATCHED_FOR) };
        let watch = Watch { until, drops: most(EventKind::Drop), new_flows: most(EventKind::NewFlow), pad: 0 };
        match ring {
            Some(ring) => Ok(ring.watch(&watch)?),
            None => Ok(self.pins.events(&self.sizes)?.watch(&watch)?),
        }
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
                self.renew(Some(ring), &listeners)?;
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
