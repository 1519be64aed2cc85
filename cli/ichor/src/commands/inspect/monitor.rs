//! `ichor monitor`: drops and new flows, as they happen.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use ichor_agent_api::inspect::{End, Event, EventKind, Line, Lost, Question};
use serde_json::{Value as Json, json};

use crate::commands::inspect::ask::{Asked, Place, Silence, ask};
use crate::commands::inspect::list::Printed;
use crate::failure::Failure;
use crate::printer::{BAD, GOOD};
use crate::{Exit, Printer, Shell};

/// How long an agent that has ended may take to come back.
const COMES_BACK: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

struct Monitor<'a> {
    place: &'a Place,
    question: Question,
    printer: &'a Printer,
    said: bool,
}

/// Prints events until there were as many as wanted, nobody reads them, or the agent stays away.
pub(super) fn monitor(place: &Place, question: Question, shell: &Shell) -> Printed {
    let printer = &shell.printer;
    let mut monitor = Monitor { place, question, printer, said: false };
    match monitor.run() {
        Ok(()) => Printed(Exit::Done),
        Err(failure) => {
            printer.failure_words(&failure);
            if printer.is_json() {
                line(printer, &json!({ "error": failure.to_json() }));
            }
            Printed(Exit::Refused)
        }
    }
}

impl Monitor<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        let mut asked = ask(self.place, &self.question)?;
        loop {
            match self.listen(&mut asked) {
                Ok(()) => return Ok(()),
                Err(Silence::Refused(failure)) => return Err(failure),
                Err(Silence::Away(failure)) => {
                    self.printer
                        .warning(&format!("{}; waiting for it to come back, and what happens meanwhile is not shown", failure.message));
                    asked = self.wait()?;
                    self.said = false;
                }
            }
        }
    }

    /// Prints what comes, to the end.
    fn listen(&mut self, asked: &mut Asked) -> Result<(), Silence> {
        loop {
            match asked.next_line::<Event>()? {
                Line::Row(event) => {
                    if self.printer.is_json() {
                        line(self.printer, &serde_json::to_value(&event).unwrap_or_default());
                    } else {
                        self.printer.data(&text(&event, self.printer));
                    }
                    self.question.limit = self.question.limit.map(|left| left.saturating_sub(1));
                }
                Line::Lost(lost) => self.lost(&lost),
                Line::Listening { node } => {
                    if !std::mem::replace(&mut self.said, true) {
                        self.printer.note(&format!("listening to `{node}`; end it with Ctrl-C"));
                    }
                    // Nothing is written while nothing happens, so that a closed pipe would not show.
                    if self.printer.has_no_reader() {
                        return Ok(());
                    }
                }
                Line::End(_) => return Ok(()),
                Line::Error(_) => {}
            }
            if self.printer.is_closed() || self.question.limit == Some(0) {
                return Ok(());
            }
        }
    }

    fn lost(&self, lost: &Lost) {
        if self.printer.is_json() {
            let Lost { drops, new_flows, unread } = lost;
            line(self.printer, &json!({ "kind": "lost", "drops": drops, "new_flows": new_flows, "unread": unread }));
        } else {
            self.printer.warning(&format!(
                "not shown: {} drops and {} new flows that came too fast, and {} events that were not read in time",
                lost.drops, lost.new_flows, lost.unread
            ));
        }
    }

    fn wait(&self) -> Result<Asked, Failure> {
        let deadline = Instant::now() + COMES_BACK;
        loop {
            match ask(self.place, &self.question) {
                Ok(asked) => return Ok(asked),
                Err(Silence::Refused(failure)) => return Err(failure),
                Err(Silence::Away(failure)) if Instant::now() >= deadline => {
                    let words =
                        format!("the agent at `{}` did not come back within {} s", self.place.path().display(), COMES_BACK.as_secs());
                    return Err(Failure { message: words, ..failure });
                }
                Err(Silence::Away(_)) => a_moment(),
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the condition is asked again, until a deadline")]
fn a_moment() {
    std::thread::sleep(LOOK_AGAIN);
}

fn line(printer: &Printer, document: &Json) {
    printer.data(&format!("{document}\n"));
}

fn text(event: &Event, printer: &Printer) -> String {
    let (seconds, millis) = (event.time_unix_ms / 1000, event.time_unix_ms % 1000);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let word = match event.kind {
        EventKind::Drop => printer.styled(BAD, "drop"),
        EventKind::NewFlow => printer.styled(GOOD, "flow"),
    };
    let mut line = format!("{hour:02}:{minute:02}:{second:02}.{millis:03}Z {word} {:<13}", event.hook);
    if let Some(reason) = &event.reason {
        let _ = write!(line, " {reason}");
    }
    let source = event.source.as_ref().map_or_else(|| "a process".to_owned(), end);
    let _ = write!(line, " {} {source} -> {}", event.protocol, end(&event.destination));
    if event.becomes_source.is_some() || event.becomes_destination.is_some() {
        line.push_str(" becomes");
        if let Some(source) = &event.becomes_source {
            let _ = write!(line, " {}", end(source));
        }
        if let Some(destination) = &event.becomes_destination {
            let _ = write!(line, " -> {}", end(destination));
        }
    }
    let interface = event.interface.as_ref().map(|name| format!("on {name}"));
    let flags = (!event.tcp_flags.is_empty()).then(|| event.tcp_flags.join("+"));
    let length = (event.length > 0).then(|| format!("{} bytes", event.length));
    let rest: Vec<_> = flags.into_iter().chain(interface).chain(length).collect();
    if !rest.is_empty() {
        let _ = write!(line, " ({})", rest.join(", "));
    }
    if let Some(text) = &event.text {
        let _ = write!(line, ": {text}");
    }
    line.push('\n');
    line
}

fn end(end: &End) -> String {
    match &end.owner {
        Some(owner) => format!("{end} [{owner}]"),
        None => end.to_string(),
    }
}
