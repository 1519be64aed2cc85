//! Rows: what comes, what becomes of it, and what is written down. The rows of one scenario share a world.

use std::net::IpAddr;

use ichor_datapath_types::{Addr, DECIDED_MARK, DropReason, Flow, FlowKey, Hook, Octets, Pace, Tuple, flow_flag, proto};

use crate::cluster::{Frontend, Setting};
use crate::frame::Frame;
use crate::host::{Place, Verdict, Way, way};
use crate::names::{Family, UPLINK, UPLINK_MAC, host_mac, interface_of, name, pod_mac};
use crate::world::World;

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) place: Place,
    pub(crate) frame: Vec<u8>,
    pub(crate) verdict: Verdict,
    pub(crate) out: Vec<u8>,
    /// Of the socket buffer that leaves.
    pub(crate) mark: u32,
    /// How long nothing came before it, in units of the clock.
    pub(crate) silence: u32,
    /// Flows that are new or changed.
    pub(crate) flows: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) family: Family,
    pub(crate) title: &'static str,
    pub(crate) setting: Setting,
    pub(crate) rows: Vec<Row>,
    services: Vec<Frontend>,
    /// Client, service, backend, how long ago.
    remembered: Vec<(&'static str, u32, u32, u32)>,
    taken: Vec<&'static str>,
    limited: Vec<(&'static str, Option<Pace>)>,
}

pub(crate) fn scenario(family: Family, title: &'static str) -> Scenario {
    let setting = Setting::OnePort;
    Scenario {
        family,
        title,
        setting,
        rows: Vec::new(),
        services: Vec::new(),
        remembered: Vec::new(),
        taken: Vec::new(),
        limited: Vec::new(),
    }
}

/// What there is before the first row.
impl Scenario {
    pub(crate) fn setting(self, setting: Setting) -> Self {
        Self { setting, ..self }
    }

    pub(crate) fn with(mut self, service: Frontend) -> Self {
        self.services.push(service);
        self
    }

    /// The client had this backend of this service so long ago.
    pub(crate) fn remembered(mut self, client: &'static str, service: u32, backend: u32, ago: u32) -> Self {
        self.remembered.push((client, service, backend, ago));
        self
    }

    /// An answer like this, "tcp outside:80 > node:61000", belongs to another connection; " => " says what it becomes.
    pub(crate) fn taken(mut self, answer: &'static str) -> Self {
        self.taken.push(answer);
        self
    }

    /// What the pod sends is limited in this way, or in none that the programs know.
    pub(crate) fn limited(mut self, pod: &'static str, pace: Option<Pace>) -> Self {
        self.limited.push((pod, pace));
        self
    }

    pub(crate) fn world(&self, now: u32) -> World {
        let mut world = World::new(self.setting);
        world.now.set(now);
        for service in &self.services {
            world.add(self.family, service);
        }
        for (client, service, backend, ago) in &self.remembered {
            world.remember(self.family, client, *service, *backend, *ago);
        }
        for (pod, pace) in &self.limited {
            world.limit(self.family, pod, *pace);
        }
        for text in &self.taken {
            let (protocol, ends) = text.split_once(' ').unwrap();
            let (key, becomes) = ends.split_once(" => ").unwrap_or((ends, ends));
            world.take(self.family, protocol_number(self.family, protocol), self.family.ends(key), self.family.ends(becomes));
        }
        world
    }
}

/// What comes.
impl Scenario {
    pub(crate) fn pod(self, pod: &str, what: &'static str, frame: impl Into<Vec<u8>>) -> Self {
        self.row(Hook::FromEndpoint, interface_of(pod), 0, what, frame.into())
    }

    pub(crate) fn wire(self, what: &'static str, frame: impl Into<Vec<u8>>) -> Self {
        self.row(Hook::FromWire, UPLINK, 0, what, frame.into())
    }

    pub(crate) fn xdp(self, what: &'static str, frame: impl Into<Vec<u8>>) -> Self {
        self.row(Hook::Xdp, UPLINK, 0, what, frame.into())
    }

    /// From a process of the node.
    pub(crate) fn host(self, what: &'static str, frame: impl Into<Vec<u8>>) -> Self {
        self.row(Hook::ToWire, UPLINK, 0, what, frame.into())
    }

    /// From a process of the node, on its way to a pod here.
    pub(crate) fn host_to(self, pod: &str, what: &'static str, frame: impl Into<Vec<u8>>) -> Self {
        self.row(Hook::ToEndpoint, interface_of(pod), 0, what, frame.into())
    }

    /// On its way out, after another hook of this node has decided on it.
    pub(crate) fn marked(self, what: &'static str, frame: impl Into<Vec<u8>>) -> Self {
        self.row(Hook::ToWire, UPLINK, DECIDED_MARK, what, frame.into())
    }

    fn row(mut self, hook: Hook, interface: u32, mark: u32, what: &'static str, frame: Vec<u8>) -> Self {
        let place = Place { hook, interface, mark };
        self.rows.push(Row { what, place, out: frame.clone(), frame, verdict: Verdict::Passed, mark, silence: 0, flows: Vec::new() });
        self
    }
}

/// What becomes of it.
impl Scenario {
    /// So long was everybody silent before it.
    pub(crate) fn after(mut self, silence: u32) -> Self {
        self.last().silence = silence;
        self
    }

    /// It goes on as it is.
    pub(crate) fn passes(self) -> Self {
        self
    }

    pub(crate) fn dropped(mut self, reason: DropReason) -> Self {
        self.last().verdict = Verdict::Dropped(reason);
        self
    }

    /// It would go on so, but its sender has sent too much.
    pub(crate) fn but_dropped(mut self, reason: DropReason) -> Self {
        self.last().verdict = Verdict::Dropped(reason);
        self
    }

    /// It goes where others would take a shorter way.
    pub(crate) fn by_queue(mut self) -> Self {
        self.last().decided();
        self
    }

    /// It is dropped, and this goes back where it came from.
    pub(crate) fn answered(mut self, reason: DropReason, frame: &Frame) -> Self {
        let row = self.last();
        row.verdict = Verdict::Answered(reason);
        row.out = frame.clone().turned_around().bytes();
        self
    }

    /// It goes on to the node's own processes, or out to the wire, as another.
    pub(crate) fn rewritten(mut self, frame: &Frame) -> Self {
        self.last().out = frame.bytes();
        self
    }

    /// It goes to the pod here that has its address, and has one hop less then.
    pub(crate) fn delivered(mut self, frame: Frame) -> Self {
        let to = name(frame.destination().into());
        let interface = interface_of(&to);
        let row = self.last();
        row.verdict = Verdict::Redirected;
        row.out = frame.forwarded().macs(host_mac(interface), pod_mac(interface)).bytes();
        self
    }

    /// It goes to another machine, by the node's routes, and has one hop less then.
    pub(crate) fn sent(mut self, frame: Frame) -> Self {
        let Way::To(mac) = way(frame.destination()) else { panic!("no way to {}", frame.destination()) };
        let row = self.last().decided();
        row.verdict = Verdict::Redirected;
        row.out = frame.forwarded().macs(UPLINK_MAC, mac).bytes();
        self
    }

    /// It goes to a machine whose MAC the kernel has to ask for.
    pub(crate) fn waits_for_neighbour(mut self, frame: Frame) -> Self {
        let row = self.last().decided();
        row.verdict = Verdict::Redirected;
        row.out = frame.forwarded().bytes();
        self
    }

    /// It would be routed, but the kernel has no route, or the address itself: it goes on, rewritten.
    pub(crate) fn left_to_kernel(mut self, frame: Frame) -> Self {
        let row = self.last().decided();
        row.out = frame.forwarded().bytes();
        self
    }

    /// What is written down: "tcp a:40000 > web:80 => a:40000 > b:8080 new destination #1".
    pub(crate) fn flows(mut self, flows: &[&str]) -> Self {
        let mut flows: Vec<_> = flows.iter().map(ToString::to_string).collect();
        flows.sort();
        self.last().flows = flows;
        self
    }

    fn last(&mut self) -> &mut Row {
        self.rows.last_mut().expect("a row comes before what becomes of it")
    }
}

impl Row {
    fn decided(&mut self) -> &mut Self {
        if self.place.hook != Hook::Xdp {
            self.mark = DECIDED_MARK;
        }
        self
    }
}

impl From<Frame> for Vec<u8> {
    fn from(frame: Frame) -> Self {
        frame.bytes()
    }
}

impl World {
    fn take(&self, family: Family, protocol: u8, key: [(IpAddr, u16); 2], becomes: [(IpAddr, u16); 2]) {
        use ichor_datapath_logic::FlowTable as _;
        if family == Family::V4 {
            let flow = Flow { becomes: tuple(becomes, |addr| addr.v4()), flags: flow_flag::REPLY, ..Flow::default() };
            let key = FlowKey { tuple: tuple(key, |addr| addr.v4()), protocol, ..FlowKey::default() };
            self.put_flow(&key, &flow).unwrap();
        } else {
            let flow = Flow { becomes: tuple(becomes, |addr| addr.0), flags: flow_flag::REPLY, ..Flow::default() };
            let key = FlowKey { tuple: tuple(key, |addr| addr.0), protocol, ..FlowKey::default() };
            self.put_flow(&key, &flow).unwrap();
        }
    }
}

fn tuple<A>([source, destination]: [(IpAddr, u16); 2], narrow: impl Fn(Addr) -> A) -> Tuple<A> {
    let address = |end: (IpAddr, u16)| narrow(Addr::from(end.0));
    Tuple {
        source: address(source),
        destination: address(destination),
        source_port: source.1.to_be(),
        destination_port: destination.1.to_be(),
    }
}

fn protocol_number(family: Family, protocol: &str) -> u8 {
    match (protocol, family) {
        ("tcp", _) => proto::TCP,
        ("udp", _) => proto::UDP,
        ("sctp", _) => proto::SCTP,
        ("echo", Family::V4) => proto::ICMP,
        ("echo", Family::V6) => proto::ICMP6,
        _ => panic!("{protocol} has no flows"),
    }
}

/// A flow as a line, in two parts: which it is, and what is written about it.
pub(crate) fn line<A: Octets>(key: &FlowKey<A>, flow: &Flow<A>, widen: impl Fn(A) -> ichor_datapath_types::Addr) -> (String, String) {
    let ends = |tuple: &Tuple<A>| {
        let end = |octets, port| format!("{}:{}", name(widen(octets)), u16::from_be(port));
        format!("{} > {}", end(tuple.source, tuple.source_port), end(tuple.destination, tuple.destination_port))
    };
    let protocol = match key.protocol {
        proto::TCP => "tcp".to_string(),
        proto::UDP => "udp".to_string(),
        proto::SCTP => "sctp".to_string(),
        proto::ICMP | proto::ICMP6 => "echo".to_string(),
        other => format!("protocol-{other}"),
    };
    let states = ["new", "established", "closing", "reset", "lasting"];
    let mut about = format!("{} {}", ends(&flow.becomes), states[usize::from(flow.state)]);
    let flags = [
        (flow_flag::REPLY, " reply"),
        (flow_flag::SOURCE, " source"),
        (flow_flag::DESTINATION, " destination"),
        (flow_flag::DIRECT, " direct"),
        (flow_flag::TOLD, " told"),
    ];
    for (_, word) in flags.into_iter().filter(|(flag, _)| flow.flags & flag != 0) {
        about.push_str(word);
    }
    if flow.backend != 0 {
        about.push_str(&format!(" #{}", flow.backend));
    }
    (format!("{protocol} {}", ends(&key.tuple)), about)
}
