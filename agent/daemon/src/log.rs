//! Words for people: plain lines, and never one for each packet.

use std::io::Write as _;

/// A line about what the agent does.
pub(crate) fn note(text: &str) {
    // Nobody is left to be told when this fails.
    let _gone = writeln!(std::io::stderr().lock(), "ichor-agent: {text}");
}

/// A line that somebody waits for.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _gone = writeln!(out, "{text}").and_then(|()| out.flush());
}
