//! The commands that ask a node's agent: what it has, what its datapath holds, and what happens there.

mod ask;
mod list;
mod monitor;
mod rows;
mod table;

use ichor_agent_api::inspect::{
    Counter, Endpoint, EventKind, Family, Filter, Flow, Frontend, Health, Node, Question, Reference, Service, State, Subject, Table,
};

use crate::cli::inspect::{self as cli, Bpf, BpfCt, BpfLb, BpfMap, BpfMetrics, BpfNat, BpfPolicy, Ends, Limit, Pods};
use crate::failure::Failure;
use crate::{Answer, Shell};
use ask::Place;
use list::list;

type Outcome = Result<Box<dyn Answer>, Failure>;

/// All rows of a list with a filter.
fn rows<R: rows::Row>(subject: Subject, agent: &cli::Agent, filter: Filter, limit: Option<u64>, all: bool, shell: &Shell) -> Outcome {
    let question = Question { inspect: subject, filter, limit };
    Ok(Box::new(list::<R>(&Place::of(agent)?, &question, all, shell)?))
}

pub(super) fn endpoint(command: &cli::Endpoint, shell: &Shell) -> Outcome {
    match command {
        cli::Endpoint::List(args) => {
            rows::<Endpoint>(Subject::Endpoints, &args.agent, of_pods(&args.pods), number(&args.limit), true, shell)
        }
        cli::Endpoint::Health(args) => rows::<Health>(Subject::Health, &args.agent, of_pods(&args.pods), number(&args.limit), true, shell),
    }
}

pub(super) fn service(command: &cli::Service, shell: &Shell) -> Outcome {
    let cli::Service::List(args) = command;
    rows::<Service>(Subject::Services, &args.agent, of_ends(&args.ends), number(&args.limit), true, shell)
}

pub(super) fn node(command: &cli::Node, shell: &Shell) -> Outcome {
    let cli::Node::List(args) = command;
    rows::<Node>(Subject::Nodes, &args.agent, Filter::default(), number(&args.limit), true, shell)
}

pub(super) fn bpf(command: &Bpf, shell: &Shell) -> Outcome {
    match command {
        Bpf::Lb(BpfLb::List(args)) => {
            rows::<Frontend>(Subject::Frontends, &args.agent, of_ends(&args.ends), number(&args.limit), true, shell)
        }
        Bpf::Ct(BpfCt::List(args)) => {
            let filter = Filter { state: args.state.map(state), ..of_ends(&args.ends) };
            rows::<Flow>(Subject::Flows, &args.agent, filter, number(&args.limit), true, shell)
        }
        Bpf::Nat(BpfNat::List(args)) => {
            rows::<Flow>(Subject::Translations, &args.agent, of_ends(&args.ends), number(&args.limit), true, shell)
        }
        Bpf::Policy(BpfPolicy::List(_)) => {
            Err(Failure::new("the datapath of this version knows no network policies: every pod may talk to every other")
                .help("what is dropped for other reasons is shown by `ichor monitor --drops` and counted in `ichor bpf metrics list`"))
        }
        Bpf::Metrics(BpfMetrics::List(args)) => {
            let filter = Filter { reasons: args.reason.clone(), ..Filter::default() };
            rows::<Counter>(Subject::Counters, &args.agent, filter, None, args.all || !args.reason.is_empty(), shell)
        }
        Bpf::Map(BpfMap::List(args)) => rows::<Table>(Subject::Tables, &args.agent, Filter::default(), None, true, shell),
    }
}

pub(super) fn monitor(args: &cli::Monitor, shell: &Shell) -> Outcome {
    let is_about_drops = args.drops || !args.reason.is_empty();
    let kind = if is_about_drops { Some(EventKind::Drop) } else { args.flows.then_some(EventKind::NewFlow) };
    let filter = Filter { kind, reasons: args.reason.clone(), ..of_ends(&args.ends) };
    let question = Question { inspect: Subject::Events, filter, limit: number(&args.limit) };
    Ok(Box::new(monitor::monitor(&Place::of(&args.agent)?, question, shell)))
}

fn number(limit: &Limit) -> Option<u64> {
    limit.limit
}

fn of_pods(pods: &Pods) -> Filter {
    Filter { namespace: pods.namespace.clone(), pod: pods.pod.clone().map(Reference::from), address: pods.address, ..Filter::default() }
}

fn of_ends(ends: &Ends) -> Filter {
    let protocol = |protocol| match protocol {
        cli::Protocol::Tcp => "TCP",
        cli::Protocol::Udp => "UDP",
        cli::Protocol::Sctp => "SCTP",
        cli::Protocol::Icmp => "ICMP",
        cli::Protocol::Icmpv6 => "ICMPv6",
    };
    let family = |family| match family {
        cli::Family::Ipv4 => Family::Ipv4,
        cli::Family::Ipv6 => Family::Ipv6,
    };
    Filter {
        service: ends.service.clone().map(Reference::from),
        port: ends.port,
        protocol: ends.protocol.map(|wanted| protocol(wanted).to_owned()),
        family: ends.family.map(family),
        ..of_pods(&ends.pods)
    }
}

fn state(state: cli::State) -> State {
    match state {
        cli::State::New => State::New,
        cli::State::Established => State::Established,
        cli::State::Lasting => State::Lasting,
        cli::State::Closing => State::Closing,
        cli::State::Reset => State::Reset,
    }
}
