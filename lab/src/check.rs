//! Walking every path of a lab, and what was seen at both ends.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::agent;
use crate::behaviour::Behaviour;
use crate::error::Error;
use crate::lab::Lab;
use crate::matrix::{self, Case, Cell, Source};
use crate::probe::{Call, Outcome, probe};
use crate::process::Spot;
use crate::state::State;

/// What was found.
#[derive(Debug)]
pub struct Report {
    pub walked: Vec<Walked>,
    pub left_out: Vec<(Cell, &'static str)>,
    pub behaviours: Vec<Behaviour>,
    pub took: Duration,
}

/// One connection.
#[derive(Debug)]
pub struct Walked {
    pub cell: Cell,
    pub to: SocketAddr,
    /// The pod that answered, and the client's address as it saw it.
    pub seen: Option<(String, IpAddr)>,
    /// What is not as it must be.
    pub problem: Option<String>,
    pub took_us: u64,
}

impl Report {
    pub fn failures(&self) -> usize {
        let walked = self.walked.iter().filter(|walked| walked.problem.is_some()).count();
        walked + self.behaviours.iter().filter(|behaviour| behaviour.problem.is_some()).count()
    }

    pub fn checks(&self) -> usize {
        self.walked.len() + self.behaviours.len()
    }
}

impl Lab {
    /// Walks every path. With `settle` it first waits until the agents serve what was just written.
    pub fn check(&self, settle: bool) -> Result<Report, Error> {
        let start = Instant::now();
        let state = self.state();
        if settle {
            self.settle(&state)?;
        }
        let (left_out, cells): (Vec<_>, Vec<_>) =
            Cell::all().map(|cell| (cell, matrix::left_out(&cell, &state.topology))).partition(|(_, why)| why.is_some());
        let left_out = left_out.into_iter().filter_map(|(cell, why)| Some((cell, why?))).collect();
        let walked: Vec<_> = std::thread::scope(|scope| {
            let (cells, state) = (&cells, &state);
            let of = |source| cells.iter().map(|(cell, _)| *cell).filter(move |cell: &Cell| cell.source == source).collect::<Vec<_>>();
            let threads: Vec<_> =
                Source::ALL.into_iter().map(|source| scope.spawn(move || self.walk(state, source, &of(source)))).collect();
            let ended =
                threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(Error::new("a thread of the lab ended badly"))));
            ended.collect::<Result<Vec<_>, _>>()
        })?;
        let behaviours = self.behaviours(&state)?;
        Ok(Report { walked: walked.into_iter().flatten().collect(), left_out, behaviours, took: start.elapsed() })
    }

    /// The spot at which connections of a kind begin; none if it is off, or was never there.
    pub(crate) fn source(&self, state: &State, source: Source) -> Option<Spot> {
        let (here, there) = matrix::here_and_there(&state.topology)?;
        let node = match source {
            Source::Outside => return Some(self.client()),
            Source::SameNode | Source::Host => here,
            Source::OtherNode | Source::OtherHost => there?,
        };
        if state.off.contains(&node.name) {
            return None;
        }
        Some(match source {
            Source::SameNode | Source::OtherNode => self.pod(&node.name, &node.pods.iter().find(|pod| !pod.web)?.name),
            _ => self.host(&node.name),
        })
    }

    fn walk(&self, state: &State, source: Source, cells: &[Cell]) -> Result<Vec<Walked>, Error> {
        let case = |cell: &Cell| matrix::case(*cell, &state.topology, &state.pods);
        let (Some(spot), cases) = (self.source(state, source), cells.iter().filter_map(case).collect::<Vec<_>>()) else {
            return Ok(cells.iter().map(|cell| impossible(*cell, "the node is off")).collect());
        };
        let outcomes = probe(&state.executable, &spot, &cases.iter().map(call).collect::<Vec<_>>())?;
        let mut walked: Vec<_> = cases.iter().zip(outcomes).map(|(case, outcome)| judge(case, outcome)).collect();
        let missing = cells.iter().filter(|cell| !cases.iter().any(|case| case.cell == **cell));
        walked.extend(missing.map(|cell| impossible(*cell, "a pod or node that it needs is off")));
        Ok(walked)
    }

    /// Waits until every agent that runs serves every object.
    pub(crate) fn settle(&self, state: &State) -> Result<(), Error> {
        let nodes = state.topology.nodes.iter().map(|node| node.name.as_str());
        let running = nodes.filter(|node| !state.off.contains(*node) && state.runs(&State::agent(node)));
        crate::up::each(running.map(|node| move || agent::sync(&self.place, node)))
    }
}

fn call(case: &Case) -> Call {
    let cell = &case.cell;
    Call::new(cell.protocol, case.to, format!("{} to {} over {} {}", cell.source, cell.target, cell.protocol, cell.family))
}

fn impossible(cell: Cell, why: &str) -> Walked {
    let nowhere = SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, 0));
    Walked { cell, to: nowhere, seen: None, problem: Some(why.to_owned()), took_us: 0 }
}

fn judge(case: &Case, outcome: Outcome) -> Walked {
    let (seen, problem) = match outcome.answer {
        Err(why) => (None, Some(why)),
        Ok(answer) => {
            let problem = if answer.pod != case.pod {
                Some(format!("`{}` answered instead of `{}`", answer.pod, case.pod))
            } else if case.sources.contains(&answer.source) {
                None
            } else {
                let expected: Vec<_> = case.sources.iter().map(ToString::to_string).collect();
                Some(format!("the pod saw {} instead of {}", answer.source, expected.join(" or ")))
            };
            (Some((answer.pod, answer.source)), problem)
        }
    };
    Walked { cell: case.cell, to: case.to, seen, problem, took_us: outcome.took_us }
}
