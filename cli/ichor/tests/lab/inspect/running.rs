//! Programs that go on while something else is done.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::Lab;

const PATIENCE: Duration = Duration::from_secs(20);

/// A command of `ichor` that runs until this is dropped.
pub(super) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    data: Arc<Mutex<Vec<String>>>,
    words: Arc<Mutex<Vec<String>>>,
}

impl Running {
    pub(super) fn start(words: &[&str]) -> Self {
        // It dies with the test.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", env!("CARGO_BIN_EXE_ichor")]).args(words);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let data = lines(child.stdout.take().unwrap());
        let said = lines(child.stderr.take().unwrap());
        Self { input: child.stdin.take(), child, data, words: said }
    }

    /// A monitor that listens already.
    pub(super) fn monitor(lab: &Lab, node: &str, words: &[&str]) -> Self {
        let running = Self::start(&[&["monitor", "--lab", &lab.name, "--node", node], words].concat());
        running.until_said("listening to");
        running
    }

    /// A script in a part of the lab.
    pub(super) fn script(lab: &Lab, place: &str, script: &str) -> Self {
        Self::start(&["lab", "exec", "--name", &lab.name, place, "--", "bash", "-c", script])
    }

    /// What it wrote to stdout so far.
    pub(super) fn data(&self) -> Vec<String> {
        self.data.lock().unwrap().clone()
    }

    /// What it wrote to stderr so far.
    pub(super) fn words(&self) -> String {
        self.words.lock().unwrap().join("\n")
    }

    /// Waits for a line of data, and gives it.
    pub(super) fn until(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let mut found = None;
        ichor_tests::until(&format!("{what}, among {:#?} {}", self.data().len(), self.words()), PATIENCE, || {
            found = self.data().into_iter().find(|line| is_it(line));
            found.is_some()
        });
        found.unwrap()
    }

    pub(super) fn until_said(&self, part: &str) {
        ichor_tests::until(part, PATIENCE, || self.words().contains(part));
    }

    /// Writes a line to its stdin.
    pub(super) fn tell(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits for its own end.
    pub(super) fn end(&mut self) -> ExitStatus {
        let mut status = None;
        ichor_tests::until("its end", PATIENCE, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

fn lines(stream: impl Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&found);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line);
        }
    });
    found
}
