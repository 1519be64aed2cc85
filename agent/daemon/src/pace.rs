//! How long the agent takes: to come to work, and to follow a change of objects.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

#[derive(Debug)]
pub(crate) struct Pace {
    last: Instant,
    phases: Vec<(&'static str, Duration)>,
    /// The steps that the last change took, and the time from its event to the last of them.
    change: Option<(usize, Duration)>,
}

impl Pace {
    pub(crate) fn begin() -> Self {
        Self { last: Instant::now(), phases: Vec::new(), change: None }
    }

    /// Notes the end of a phase of the start, the first time; the next one begins.
    pub(crate) fn ends(&mut self, phase: &'static str) {
        if self.phases.iter().any(|(known, _)| *known == phase) {
            return;
        }
        let now = Instant::now();
        self.phases.push((phase, now - self.last));
        self.last = now;
    }

    pub(crate) fn followed(&mut self, steps: usize, begun: Instant) {
        self.change = Some((steps, begun.elapsed()));
    }

    /// Milliseconds of each phase of the start.
    pub(crate) fn start(&self) -> Json {
        self.phases.iter().map(|(phase, time)| ((*phase).to_owned(), Json::from(time.as_secs_f64() * 1000.0))).collect()
    }

    pub(crate) fn last_change(&self) -> Json {
        self.change.map_or(Json::Null, |(steps, time)| json!({ "steps": steps, "microseconds": time.as_micros() }))
    }
}
