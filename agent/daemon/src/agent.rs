//! The agent of a node: everything that happens to it is an event, and one thread looks at them one by one.

use std::collections::BTreeSet;
use std::fs::File;
use std::mem::discriminant;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use ichor_agent_apply::{Netlink, observe, take};
use ichor_agent_state::{Desired, Dirty, Ids, Limits, Observed, Op, Snapshot, Unit, compile, diff};
use ichor_datapath_loader::{Datapath, Pins, Sizes, TrafficControl};
use serde_json::{Value as Json, json};

use crate::arguments::Arguments;
use crate::bandwidth::EgressLimits;
use crate::checkpoint::Checkpoint;
use crate::config::AgentConfig;
use crate::fault::Fault;
use crate::ground;
use crate::health::{Health, Pulse};
use crate::hooks::Hooks;
use crate::inspect::Inspector;
use crate::log::{note, say};
use crate::pace::Pace;
use crate::request::{Code, Request, refusal};
use crate::routes;
use crate::settings::Settings;
use crate::socket::{Event, QUEUE, serve, watch_signals};
use crate::source::{Change, Source};
use crate::store::Store;
use crate::sweeper::Sweeper;

/// How often it looks after what nobody tells it.
const TICK: Duration = Duration::from_secs(5);
/// How often, in ticks, it compares everything with what the kernel really holds.
const RESYNC: u32 = 120;

#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) arguments: Arguments,
    pub(crate) config: AgentConfig,
    pub(crate) netlink: Netlink,
    pub(crate) hooks: Hooks,
    pub(crate) source: Source,
    pub(crate) store: Store,
    pub(crate) snapshot: Snapshot,
    pub(crate) dirty: Dirty,
    pub(crate) desired: Desired,
    pub(crate) observed: Observed,
    pub(crate) datapath: Option<Datapath>,
    pub(crate) settings: Option<Settings>,
    pub(crate) sweeper: Sweeper,
    pub(crate) limits: EgressLimits,
    pub(crate) pace: Pace,
    health: Health,
    pub(crate) sizes: Sizes,
    pub(crate) ids: Ids,
    /// The last steps were not all taken.
    behind: bool,
    /// Since when files were read that the snapshot, or the tables, do not have yet.
    objects_read: Option<Instant>,
    /// Interfaces and addresses may have changed.
    look_again: bool,
    pub(crate) ready: bool,
    waiting: String,
    pub(crate) compile_problems: BTreeSet<String>,
    noted: BTreeSet<String>,
    ticks: u32,
    events: SyncSender<Event>,
    _lock: File,
}

/// Runs until it is asked to end, and leaves the datapath as it is.
pub(crate) fn run(arguments: Arguments) -> Result<(), Fault> {
    let pace = Pace::begin();
    ground::check_rights_and_kernel()?;
    let config = AgentConfig::load(&arguments.config)?;
    ground::make_private_folder(&arguments.state)?;
    let lock = ground::lock(&arguments.state)?;
    ground::check_bpffs(&arguments.bpffs)?;
    let (store, unreadable) = Store::open(&arguments.state.join("endpoints"))?;
    let (checkpoint, broken) = Checkpoint::open(&arguments.state.join("checkpoint"))?;
    unreadable.iter().chain(&broken).for_each(|text| note(text));
    let (events, queue) = sync_channel(QUEUE);
    let sizes = Sizes::for_memory(ground::memory_bytes()?).with_flows(config.flow_entries);
    let hooks = Hooks {
        pins: Pins::at(&arguments.bpffs)?,
        traffic_control: TrafficControl::of_this_kernel(),
        cgroup: arguments.cgroup.clone().unwrap_or_else(|| config.cgroup_root.clone()),
    };
    hooks.check_cgroup()?;
    let sweeper = Sweeper::start(hooks.pins.clone(), sizes)?;
    let mut agent = Agent {
        netlink: Netlink::open()?,
        hooks,
        source: Source::open(&arguments.objects, checkpoint),
        store,
        snapshot: Snapshot::default(),
        dirty: Dirty::All,
        desired: Desired::default(),
        observed: Observed::default(),
        datapath: None,
        settings: None,
        sweeper,
        limits: EgressLimits::default(),
        health: Health::start(config.healthz)?,
        ids: Ids::restore(&Observed::default(), limits(&sizes)),
        sizes,
        behind: false,
        objects_read: None,
        pace,
        look_again: true,
        ready: false,
        waiting: String::new(),
        compile_problems: BTreeSet::new(),
        noted: BTreeSet::new(),
        ticks: 0,
        events: events.clone(),
        arguments,
        config,
        _lock: lock,
    };
    watch_signals(events.clone())?;
    agent.set_host()?;
    agent.watch_objects()?;
    agent.objects_changed();
    agent.pace.ends("objects");
    agent.find_endpoints()?;
    agent.delete_marked()?;
    // Whoever reads that it is ready may ask at once; until then questions wait.
    let inspector = Inspector::new(&agent.arguments.node, &agent.hooks.pins, agent.sizes, &agent.sweeper, &events);
    serve(&agent.arguments.state.join("agent.sock"), &events, &inspector)?;
    agent.settle();
    agent.work(&queue)
}

pub(crate) fn limits(sizes: &Sizes) -> Limits {
    Limits { services: sizes.services as usize, backends: sizes.backends, slots: sizes.slots }
}

impl Agent {
    fn work(&mut self, queue: &Receiver<Event>) -> Result<(), Fault> {
        let mut next_tick = Instant::now() + TICK;
        loop {
            match queue.recv_timeout(next_tick.saturating_duration_since(Instant::now())) {
                Ok(event) => {
                    // What waits together is compiled together.
                    let mut stop = self.handle(event);
                    for event in queue.try_iter().take(QUEUE) {
                        stop |= self.handle(event);
                    }
                    self.settle();
                    if stop {
                        note("ends; the datapath goes on");
                        return self.source.save();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if Instant::now() >= next_tick {
                self.tick();
                next_tick = Instant::now() + TICK;
            }
        }
    }

    /// Whether this was the last event.
    fn handle(&mut self, event: Event) -> bool {
        match event {
            Event::Stop => return true,
            Event::Objects(change, at) => match self.source.read(&change) {
                Ok(()) => _ = self.objects_read.get_or_insert(at),
                Err(fault) => note(&fault.to_string()),
            },
            Event::Request(request, answers) => {
                let answer = self.answer(request);
                // Whoever asked may have gone.
                let _gone = answers.send(answer);
            }
            Event::View(services, answers) => {
                self.settle();
                let _gone = answers.send(self.view(services));
            }
        }
        false
    }

    fn answer(&mut self, request: Request) -> Json {
        match request {
            Request::Add { attachment, namespace, pod } => self.add(&attachment, namespace, pod),
            Request::Delete(attachment) => self.delete(&attachment),
            Request::Check(attachment) => self.check(&attachment),
            Request::Collect(valid) => self.collect(&valid),
            Request::CanAdd => self.can_add(),
            Request::Sync => self.sync(),
            Request::Status => {
                self.settle();
                self.status()
            }
        }
    }

    /// Does not wait to be told of changes, which may still be on their way.
    fn sync(&mut self) -> Json {
        self.objects_read = Some(Instant::now());
        match self.source.read(&Change::Unknown).and_then(|()| self.settle_now()) {
            Ok(()) => json!({ "synced": true }),
            Err(fault) => refusal(Code::TryAgain, "not everything is in the tables", &fault.to_string()),
        }
    }

    /// Reads all objects once they can be read. The first programs are begun as soon as the node is known: the verifier needs
    /// as long as the rest of the objects does.
    fn watch_objects(&mut self) -> Result<(), Fault> {
        let Some(reading) = self.source.watch(&self.events)? else { return Ok(()) };
        let (mut is_unknown, mut outcome) = (self.datapath.is_none(), Ok(()));
        for some in reading {
            outcome = outcome.and(self.source.take_all(some));
            self.objects_changed();
            if is_unknown && self.snapshot.nodes().contains_key(&self.arguments.node) {
                is_unknown = false;
                // What is in the way may come with the next objects, and is told when there are no more.
                let _not_yet = self.load();
            }
        }
        outcome
    }

    fn objects_changed(&mut self) {
        for key in self.source.changed() {
            match self.source.object(&key) {
                Some(object) => self.snapshot.put(object.clone(), &mut self.dirty),
                None => self.snapshot.remove(&key, &mut self.dirty),
            }
        }
        self.note_problems();
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready
    }

    /// What keeps it from being ready.
    pub(crate) fn waiting_for(&self) -> String {
        self.waiting.clone()
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let of_objects = self.source.problems().iter().map(ToString::to_string).collect::<Vec<_>>();
        of_objects.into_iter().chain(self.compile_problems.iter().cloned()).chain(self.limits.problems().cloned()).collect()
    }

    /// Says each problem once for as long as it lasts.
    pub(crate) fn note_problems(&mut self) {
        let now: BTreeSet<_> = self.problems().into_iter().collect();
        now.difference(&self.noted).for_each(|text| note(text));
        self.noted = now;
    }

    /// Brings the node to what it should be, or says what is in the way.
    pub(crate) fn settle(&mut self) {
        let outcome = self.settle_now();
        let own = self.snapshot.nodes().get(&self.arguments.node);
        self.health.beat(Pulse::now(self.ready && !self.behind, own.is_some_and(|node| node.leaves)));
        match outcome {
            Ok(()) => self.waiting.clear(),
            Err(fault) => {
                let text = fault.to_string();
                if text != self.waiting {
                    note(&text);
                }
                self.waiting = text;
            }
        }
    }

    pub(crate) fn settle_now(&mut self) -> Result<(), Fault> {
        if self.objects_read.is_some() {
            self.objects_changed();
        }
        let nodes_changed = match &self.dirty {
            Dirty::All => true,
            Dirty::Units(units) => units.contains(&Unit::Nodes),
        };
        let routes_changed =
            nodes_changed || self.look_again || matches!(&self.dirty, Dirty::Units(units) if units.contains(&Unit::Endpoints));
        if nodes_changed || self.look_again {
            self.load()?;
            self.look_again = false;
        }
        self.compile()?;
        if routes_changed {
            self.set_routes()?;
            self.set_limits();
        }
        if !self.ready {
            self.pace.ends("tables");
            self.attach()?;
            self.pace.ends("programs");
            self.ready = true;
            say("ready");
        }
        Ok(())
    }

    fn compile(&mut self) -> Result<(), Fault> {
        let Some(datapath) = &mut self.datapath else { return Ok(()) };
        if self.dirty.is_empty() && !self.behind {
            self.objects_read = None;
            return Ok(());
        }
        let dirty = std::mem::take(&mut self.dirty);
        let (newer, problems) = compile(&self.snapshot, &mut self.ids, &dirty);
        let ops = if self.behind {
            self.desired.update(newer);
            diff(&self.desired, &self.observed)
        } else {
            let ops = diff(&newer, &self.observed);
            self.desired.update(newer);
            ops
        };
        self.behind = true;
        let mut gone = BTreeSet::new();
        let mut outcome = Ok(());
        for some in ops.chunk_by(|one, next| discriminant(one) == discriminant(next)) {
            outcome = take(datapath, some);
            if outcome.is_err() {
                break;
            }
            some.iter().for_each(|op| self.observed.apply(op));
            gone.extend(some.iter().filter_map(|op| if let Op::DeleteBackend(id) = op { Some(*id) } else { None }));
        }
        if let Some(begun) = self.objects_read.take_if(|_| outcome.is_ok()) {
            self.pace.followed(ops.len(), begun);
        }
        self.sweeper.cut(gone);
        outcome?;
        if ops.iter().any(|op| matches!(op, Op::SetHealthCheck(..) | Op::DeleteHealthCheck(_))) {
            self.health.set(self.observed.health_checks.clone());
        }
        self.ids.applied();
        self.behind = false;
        if dirty == Dirty::All {
            self.compile_problems.clear();
        }
        self.compile_problems.extend(problems.iter().map(ToString::to_string));
        self.note_problems();
        Ok(())
    }

    fn set_routes(&mut self) -> Result<(), Fault> {
        let Some(settings) = &self.settings else { return Ok(()) };
        let direct = self.config.direct_node_routes;
        let (wanted, problems) = routes::wanted(&self.snapshot, &self.arguments.node, settings, direct, &self.store);
        let failed = self.netlink.set_routes(&wanted)?;
        for text in failed.iter().map(ToString::to_string).chain(problems) {
            if self.compile_problems.insert(text.clone()) {
                note(&text);
                self.noted.insert(text);
            }
        }
        Ok(())
    }

    fn tick(&mut self) {
        self.ticks = self.ticks.wrapping_add(1);
        self.look_again = true;
        if let Err(fault) = self.look_after() {
            note(&fault.to_string());
        }
        self.settle();
    }

    fn look_after(&mut self) -> Result<(), Fault> {
        self.watch_objects()?;
        self.source.save()?;
        self.find_endpoints()?;
        self.delete_marked()?;
        if let Some(datapath) = &mut self.datapath
            && self.ticks.is_multiple_of(RESYNC)
        {
            let health_checks = std::mem::take(&mut self.observed.health_checks);
            self.observed = Observed { health_checks, ..observe(datapath, &self.sizes)? };
            self.dirty = Dirty::All;
        }
        Ok(())
    }
}
