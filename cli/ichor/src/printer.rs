//! The one place that prints: data goes to stdout, words go to stderr.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use rustix::event::{PollFd, PollFlags, poll};
use serde_json::{Value as Json, json};

use crate::cli::{Colour, Format};
use crate::failure::Failure;

/// How loud the words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    Quiet,
    Normal,
    Verbose,
}

/// Prints in the form that the person asked for.
#[derive(Debug)]
pub struct Printer {
    format: Format,
    loudness: Loudness,
    colour_stdout: bool,
    colour_stderr: bool,
    /// Why stdout takes no more, if it does not.
    closed: OnceLock<Option<Failure>>,
}

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const CHANGED: Style = AnsiColor::Yellow.on_default();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const HELP: Style = AnsiColor::Cyan.on_default();

impl Printer {
    pub fn new(format: Format, loudness: Loudness, colour: Colour) -> Self {
        let wants = |terminal: bool| match colour {
            Colour::Always => true,
            Colour::Never => false,
            // https://no-color.org: any value but the empty one means no.
            Colour::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Self {
            format,
            loudness,
            colour_stdout: wants(io::stdout().is_terminal()),
            colour_stderr: wants(io::stderr().is_terminal()),
            closed: OnceLock::new(),
        }
    }

    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether words may have colours.
    pub fn colours_words(&self) -> bool {
        self.colour_stderr
    }

    /// Data, as it is.
    pub fn data(&self, text: &str) {
        if self.closed.get().is_some() {
            return;
        }
        let mut stdout = io::stdout().lock();
        if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            // Whoever reads, as `head` does, may stop when it has enough.
            let broken = (error.kind() != ErrorKind::BrokenPipe)
                .then(|| Failure::new(format!("cannot write to standard output: {}", crate::failure::reason(&error))));
            let _ = self.closed.set(broken);
        }
    }

    /// Data in a colour, where the reader is a terminal.
    pub fn styled(&self, style: Style, text: impl Display) -> String {
        if self.colour_stdout { format!("{style}{text}{style:#}") } else { text.to_string() }
    }

    /// The one JSON document of a command.
    pub fn json(&self, document: &Json) {
        let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
        text.push('\n');
        self.data(&text);
    }

    /// Words that a person can do without.
    pub fn note(&self, words: &str) {
        self.words(Loudness::Normal, words);
    }

    /// Words for who wants to know more.
    pub fn detail(&self, words: &str) {
        self.words(Loudness::Verbose, words);
    }

    pub fn warning(&self, words: &str) {
        self.words(Loudness::Normal, &format!("{}: {words}", self.word(WARNING, "warning")));
    }

    /// Words that are said even when quiet was asked for.
    pub fn important(&self, words: &str) {
        self.words(Loudness::Quiet, words);
    }

    /// A failure with its help, and as data where data was asked for.
    pub fn failure(&self, failure: &Failure) {
        self.failure_words(failure);
        if self.is_json() {
            self.json(&json!({ "error": failure.to_json() }));
        }
    }

    /// A failure with its help, where data is printed otherwise.
    pub fn failure_words(&self, failure: &Failure) {
        for mistake in &failure.mistakes {
            self.important(&format!("{}\n", mistake.text));
        }
        self.important(&format!("{}: {}", self.word(ERROR, "error"), failure.message));
        if let Some(help) = &failure.help {
            self.important(&format!("  {}: {help}", self.word(HELP, "help")));
        }
    }

    /// Whether whoever read stdout has gone, also where nothing was written since.
    pub fn has_no_reader(&self) -> bool {
        let stdout = io::stdout();
        let mut place = [PollFd::new(&stdout, PollFlags::empty())];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut place, Some(&now)).is_ok() && place.iter().any(|place| place.revents().contains(PollFlags::ERR))
    }

    /// Whether stdout takes no more.
    pub fn is_closed(&self) -> bool {
        self.closed.get().is_some()
    }

    /// Why not everything could be printed, if it could not.
    pub fn broken(&self) -> Option<&Failure> {
        self.closed.get().and_then(Option::as_ref)
    }

    fn word(&self, style: Style, word: &str) -> String {
        if self.colour_stderr { format!("{style}{word}{style:#}") } else { word.to_owned() }
    }

    fn words(&self, loudness: Loudness, words: &str) {
        if loudness <= self.loudness {
            // Nobody is left to tell if this fails.
            let _ = writeln!(io::stderr().lock(), "{words}");
        }
    }
}
