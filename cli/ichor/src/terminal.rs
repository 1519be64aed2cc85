//! Questions to the person at the terminal: asked on stderr, so that stdout stays data.

use std::io::{self, BufRead as _, Write as _};
use std::thread;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::failure::Failure;

/// One line of answer, without its end; the end of the input is a refusal.
pub(crate) fn line(question: &str) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::new(format!("cannot ask: {}", crate::failure::reason(&error)));
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question}").and_then(|()| stderr.flush()).map_err(failed)?;
    let mut answer = String::new();
    if io::stdin().lock().read_line(&mut answer).map_err(failed)? == 0 {
        return Err(Failure::new("no answer was given; nothing was changed"));
    }
    answer.truncate(answer.trim_end_matches(['\n', '\r']).len());
    Ok(answer)
}

/// The same without showing what is typed.
pub(crate) fn hidden_line(question: &str) -> Result<String, Failure> {
    let stdin = io::stdin();
    let failed = |errno: rustix::io::Errno| Failure::new(format!("cannot hide what is typed: {errno}"));
    let shown = tcgetattr(&stdin).map_err(failed)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    let before = shown.clone();
    // Whoever gives up with Ctrl-C shall see again what they type.
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]).map_err(|error| Failure::new(format!("cannot ask: {error}")))?;
    let asked = signals.handle();
    let watch = thread::spawn(move || {
        for signal in &mut signals {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
            let _ = emulate_default_handler(signal);
        }
    });
    tcsetattr(&stdin, OptionalActions::Flush, &hidden).map_err(failed)?;
    let answer = line(question);
    asked.close();
    let _ = watch.join();
    tcsetattr(&stdin, OptionalActions::Flush, &shown).map_err(failed)?;
    let _ = writeln!(io::stderr());
    answer
}

/// A word about an answer.
pub(crate) fn say(words: &str) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(io::stderr(), "{words}");
}
