//! A node without a kernel: it applies each step to its tables, and looks after each whether packets would still be served.

use std::collections::{BTreeMap, BTreeSet};

use ichor_agent_state::{
    Algorithm, Contents, Desired, Dirty, Folder, Host, Ids, Limits, LocalEndpoint, Name, Object, ObjectKey, Observed, Op, Problem,
    Snapshot, compile, diff, egress_limits,
};
use ichor_datapath_types::{Service, ServiceKey, scope, service_flag};

use crate::print;

pub(crate) const OWN_NAME: &str = "worker-1";
const LIMITS: Limits = Limits { services: 1000, backends: 1000, slots: 1 << 18 };

pub(crate) struct Machine {
    limits: Limits,
    pub(crate) snapshot: Snapshot,
    ids: Ids,
    desired: Desired,
    observed: Observed,
    problems: BTreeMap<String, Vec<Problem>>,
    folder_problems: Vec<Problem>,
    keys: BTreeSet<ObjectKey>,
    containers: BTreeSet<String>,
    ops: Vec<Op>,
    cables: u32,
}

type Outcome = Result<(), String>;

impl Machine {
    pub(crate) fn new() -> Self {
        Self::with(LIMITS)
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let mut machine = Self {
            limits,
            snapshot: Snapshot::default(),
            ids: Ids::restore(&Observed::default(), limits),
            desired: Desired::default(),
            observed: Observed::default(),
            problems: BTreeMap::new(),
            folder_problems: Vec::new(),
            keys: BTreeSet::new(),
            containers: BTreeSet::new(),
            ops: Vec::new(),
            cables: 0,
        };
        machine.snapshot.set_host(Host { name: OWN_NAME.into(), ..Host::default() }, &mut Dirty::default());
        machine
    }

    pub(crate) fn host(&mut self, text: &str) -> Outcome {
        let root = ichor_yaml::parse_one(text).map_err(|error| error.to_string())?;
        let texts = |key: &str| -> Vec<String> {
            let items = root.get(key).and_then(|node| node.as_seq()).unwrap_or_default();
            items.iter().map(|item| item.as_str().unwrap().to_owned()).collect()
        };
        let number = |key: &str| root.get(key).and_then(|node| node.as_int()).map(|number| u32::try_from(number).unwrap());
        self.limits.backends = number("backends").unwrap_or(self.limits.backends);
        self.limits.slots = number("slots").unwrap_or(self.limits.slots);
        self.limits.services = number("services").map_or(self.limits.services, |number| number as usize);
        let maglev = root.get("algorithm").and_then(|node| node.as_str()) == Some("maglev");
        let host = Host {
            name: root.get("name").and_then(|node| node.as_str()).unwrap_or(OWN_NAME).to_owned(),
            addresses: texts("addresses").iter().map(|text| text.parse().unwrap()).collect(),
            algorithm: if maglev { Algorithm::Maglev } else { Algorithm::Random },
            not_masqueraded: texts("notMasqueraded").iter().map(|text| text.parse().unwrap()).collect(),
            services: texts("services").iter().map(|text| text.parse().unwrap()).collect(),
            no_external_ips: root.get("externalIPs").and_then(|node| node.as_bool()) == Some(false),
            cluster_pool: root.get("clusterPool").and_then(|node| node.as_bool()).unwrap_or(false),
        };
        let mut dirty = Dirty::default();
        self.snapshot.set_host(host, &mut dirty);
        if self.limits != LIMITS {
            self.ids = Ids::restore(&self.observed, self.limits);
        }
        self.run(&dirty)
    }

    pub(crate) fn apply(&mut self, file: &str, text: &str) -> Outcome {
        let mut folder = Folder::default();
        let mut dirty = Dirty::default();
        for key in folder.set(file, Contents::read(file, &ichor_yaml::parse(text))) {
            self.put(folder.object(&key).unwrap().clone(), &mut dirty);
        }
        self.folder_problems = folder.problems();
        self.run(&dirty)
    }

    pub(crate) fn put(&mut self, object: Object, dirty: &mut Dirty) {
        self.keys.insert(object.key());
        self.snapshot.put(object, dirty);
    }

    pub(crate) fn delete(&mut self, words: &[&str]) -> Outcome {
        let mut dirty = Dirty::default();
        self.forget(words, &mut dirty)?;
        self.run(&dirty)
    }

    fn forget(&mut self, words: &[&str], dirty: &mut Dirty) -> Outcome {
        for pair in words.chunks(2) {
            let [kind, name] = pair else { return Err("write pairs of kind and name".into()) };
            let full = || name.split_once('/').map(|(namespace, name)| Name::new(namespace, name)).unwrap();
            let key = match *kind {
                "Node" => ObjectKey::Node((*name).into()),
                "CiliumNode" => ObjectKey::CiliumNode((*name).into()),
                "Namespace" => ObjectKey::Namespace((*name).into()),
                "Pod" => ObjectKey::Pod(full()),
                "Service" => ObjectKey::Service(full()),
                "EndpointSlice" => ObjectKey::EndpointSlice(full()),
                other => return Err(format!("no kind {other}")),
            };
            if !self.keys.remove(&key) {
                return Err(format!("{key} is not there"));
            }
            self.snapshot.remove(&key, dirty);
        }
        Ok(())
    }

    pub(crate) fn cable(&mut self, container: &str, pod: &str, addresses: &[&str]) -> Outcome {
        self.cables += 1;
        let mut dirty = Dirty::default();
        let (namespace, name) = pod.split_once('/').unwrap();
        let last = u8::try_from(self.cables).unwrap();
        let endpoint = LocalEndpoint {
            pod: Name::new(namespace, name),
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            interface: 100 + self.cables,
            identity: 5,
            mac: [0x02, 0, 0, 0, 0, last],
            host_mac: [0x06, 0, 0, 0, 0, last],
        };
        self.lay(container, Some(endpoint), &mut dirty);
        self.run(&dirty)
    }

    pub(crate) fn lay(&mut self, container: &str, endpoint: Option<LocalEndpoint>, dirty: &mut Dirty) {
        self.containers.insert(container.to_owned());
        self.snapshot.set_endpoint(container, endpoint, dirty);
    }

    pub(crate) fn cut(&mut self, container: &str) -> Outcome {
        let mut dirty = Dirty::default();
        self.lay(container, None, &mut dirty);
        self.run(&dirty)
    }

    pub(crate) fn restart(&mut self, without: &[&str]) -> Outcome {
        self.forget(without, &mut Dirty::default())?;
        self.ids = Ids::restore(&self.observed, self.limits);
        self.desired = Desired::default();
        self.problems.clear();
        self.ops.clear();
        self.run(&Dirty::default())
    }

    /// What an agent does after a change, and what a full compile of the same must give.
    pub(crate) fn run(&mut self, dirty: &Dirty) -> Outcome {
        self.take_steps(dirty, usize::MAX)?;
        self.ids.applied();
        self.compare()
    }

    /// The same, trusting that it is right.
    pub(crate) fn run_unwatched(&mut self, dirty: &Dirty) {
        self.compile(dirty).iter().for_each(|op| self.observed.apply(op));
        self.ids.applied();
    }

    /// The same, when the tables refuse to take more after some steps, and take the rest later.
    pub(crate) fn run_with_failure(&mut self, dirty: &Dirty, after: usize) -> Outcome {
        self.take_steps(dirty, after)?;
        self.desired.complete = true;
        for op in diff(&self.desired, &self.observed) {
            self.step(&op)?;
        }
        self.ids.applied();
        self.compare()
    }

    /// The same, when the agent dies after some steps and comes back.
    pub(crate) fn run_with_crash(&mut self, dirty: &Dirty, after: usize) -> Outcome {
        self.take_steps(dirty, after)?;
        self.restart(&[])
    }

    fn take_steps(&mut self, dirty: &Dirty, most: usize) -> Outcome {
        for op in self.compile(dirty).into_iter().take(most) {
            self.step(&op)?;
            self.ops.push(op);
        }
        Ok(())
    }

    /// Takes a step; what a service points to must not be written to.
    fn step(&mut self, op: &Op) -> Outcome {
        if let Op::SetSlots { first, backends } = op {
            let end = first + u32::try_from(backends.len()).unwrap();
            let busy = |row: &&Service| row.slots > 0 && row.first_slot < end && *first < row.first_slot + row.slots;
            if let Some(row) = self.observed.services.values().find(busy) {
                return Err(format!("{op:?} writes to slots that #{} reads", row.id));
            }
        }
        self.observed.apply(op);
        self.served(op)
    }

    fn compile(&mut self, dirty: &Dirty) -> Vec<Op> {
        let (newer, problems) = compile(&self.snapshot, &mut self.ids, dirty);
        if newer.complete {
            self.problems.clear();
        }
        if let Dirty::Units(units) = dirty {
            units.iter().for_each(|unit| drop(self.problems.remove(&unit.to_string())));
        }
        for problem in problems {
            self.problems.entry(problem.object.clone()).or_default().push(problem);
        }
        let ops = diff(&newer, &self.observed);
        self.desired.update(newer);
        ops
    }

    /// Whether a full compile of the same gives the same, and the tables hold it.
    pub(crate) fn compare(&mut self) -> Outcome {
        let (whole, problems) = compile(&self.snapshot, &mut self.ids.clone(), &Dirty::All);
        let known: Vec<_> = self.problems.values().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let problems: Vec<_> = problems.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        self.desired.complete = true;
        (known == problems).then_some(()).ok_or_else(|| format!("a full compile finds other problems: {problems:?}, not {known:?}"))?;
        (self.desired == whole).then_some(()).ok_or_else(|| format!("a full compile gives {whole:#?}, not {:#?}", self.desired))?;
        let left = diff(&whole, &self.observed);
        left.is_empty().then_some(()).ok_or_else(|| format!("steps are left: {left:?}"))
    }

    /// Whether each row refers to what is there.
    fn served(&self, after: &Op) -> Outcome {
        for (key, row) in &self.observed.services {
            let run = self.observed.run(row.first_slot, row.slots).ok_or(format!("{after:?}: {key:?} has slots that are not there"))?;
            if let Some(id) = run.iter().find(|id| !self.observed.backends.contains_key(id)) {
                return Err(format!("{after:?}: {key:?} leads to backend {id}, which is not there"));
            }
            let outside = ServiceKey { scope: scope::EXTERNAL, ..*key };
            if row.flags & service_flag::SPLIT != 0 && !self.observed.services.contains_key(&outside) {
                return Err(format!("{after:?}: {key:?} sends clients from outside nowhere"));
            }
            let ranges = || self.observed.source_ranges.iter().any(|range| range.service == row.id);
            if row.flags & service_flag::SOURCE_RANGES != 0 && !ranges() {
                return Err(format!("{after:?}: {key:?} asks for source ranges that are not there"));
            }
        }
        Ok(())
    }

    /// Deletes everything: nothing may be left.
    pub(crate) fn end(mut self) -> Outcome {
        for container in std::mem::take(&mut self.containers) {
            self.cut(&container)?;
        }
        let mut dirty = Dirty::default();
        std::mem::take(&mut self.keys).iter().for_each(|key| self.snapshot.remove(key, &mut dirty));
        self.run(&dirty)?;
        self.snapshot.set_host(Host { name: OWN_NAME.into(), ..Host::default() }, &mut dirty);
        self.run(&dirty)?;
        self.ids.applied();
        self.ids.applied();
        let slots = std::mem::take(&mut self.observed.slots);
        let text = format!("{}{}{}", self.print_tables(&slots), print::endpoints(&self.observed), print::prefixes(&self.observed));
        let free = self.ids.free_slots();
        (text.is_empty()).then_some(()).ok_or(format!("this is left:\n{text}"))?;
        (free == (self.limits.slots - 1, 1)).then_some(()).ok_or(format!("{free:?} slots are free"))
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        self.problems.values().flatten().map(ToString::to_string).collect()
    }

    pub(crate) fn free_slots(&self) -> (u32, usize) {
        self.ids.free_slots()
    }

    /// How many steps the last restart took.
    pub(crate) fn ops_of_restart(&self) -> usize {
        self.ops.len()
    }

    /// How many slots services point to.
    pub(crate) fn slots_in_use(&self) -> u32 {
        let runs: BTreeSet<_> = self.observed.services.values().map(|row| (row.first_slot, row.slots)).collect();
        runs.into_iter().map(|(_, slots)| slots).sum()
    }

    fn print_tables(&self, slots: &[u32]) -> String {
        let problems = self.folder_problems.iter().chain(self.problems.values().flatten());
        [
            print::services(&self.desired, &self.observed, slots),
            print::backends(&self.observed),
            print::source_ranges(&self.observed),
            print::health_checks(&self.observed),
            print::problems(problems),
        ]
        .concat()
    }

    pub(crate) fn tables(&mut self) -> String {
        self.ops.clear();
        let text = self.print_tables(&self.observed.slots);
        self.folder_problems.clear();
        if text.is_empty() { "nothing\n".into() } else { text }
    }

    pub(crate) fn limits(&self) -> String {
        let (limits, problems) = egress_limits(&self.snapshot);
        print::limits(&limits) + &print::problems(problems.iter())
    }

    pub(crate) fn nodes(&mut self) -> String {
        self.ops.clear();
        format!("{}{}", print::endpoints(&self.observed), print::prefixes(&self.observed))
    }

    pub(crate) fn ops(&mut self) -> String {
        print::ops(&std::mem::take(&mut self.ops))
    }
}
