//! Running a program to its end, with a deadline.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(60);

/// A program that is about to run.
#[derive(Debug)]
pub struct Run {
    program: PathBuf,
    command: Command,
    input: Vec<u8>,
    deadline: Duration,
}

/// What a program left behind.
#[derive(Debug)]
pub struct Finished {
    spelled: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

impl Run {
    /// A program by its path. It dies with the test that started it.
    #[track_caller]
    pub fn program(path: impl AsRef<Path>) -> Self {
        let program = path.as_ref().to_path_buf();
        assert!(program.is_file(), "there is no program {}", program.display());
        Self { command: leashed(&program), program, input: Vec::new(), deadline: DEADLINE }
    }

    /// A tool by its name.
    #[track_caller]
    pub fn tool(name: &str) -> Self {
        Self::program(crate::tool(name))
    }

    /// Add arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Set a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Run it in a folder.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Hand it this standard input, which is empty otherwise.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Fail the test when it takes longer; 60 seconds otherwise.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Run to the end, whatever the outcome.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        let spelled = spelled(&self.program, &self.command);
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("cannot start `{spelled}`: {error}"));
        let (sender, receiver) = channel();
        feed(&mut child, self.input);
        collect(child.stdout.take(), false, &sender);
        collect(child.stderr.take(), true, &sender);
        drop(sender);
        let gathered = gather(&receiver, Instant::now() + self.deadline);
        if !gathered.ended {
            let _gone_already = child.kill();
        }
        let status = child.wait().unwrap_or_else(|error| panic!("cannot wait for `{spelled}`: {error}"));
        let finished = Finished { spelled, status, stdout: gathered.stdout, stderr: gathered.stderr };
        assert!(gathered.ended, "not done after {:?}: {}", self.deadline, finished.described());
        finished
    }

    /// Run to the end, which must be a success.
    #[track_caller]
    pub fn succeed(self) -> Finished {
        let finished = self.finish();
        assert!(finished.status.success(), "{}", finished.described());
        finished
    }

    /// Run to the end, which must not be a success.
    #[track_caller]
    pub fn fail(self) -> Finished {
        let finished = self.finish();
        assert!(!finished.status.success(), "this should have failed: {}", finished.described());
        finished
    }
}

impl Finished {
    /// Its standard output as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap_or_else(|_| panic!("the output is not text: {}", self.described()))
    }

    /// Its standard error as text.
    pub fn words(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// All of it, for the message of a failed test.
    pub fn described(&self) -> String {
        let mut text = format!("`{}` ended with {}", self.spelled, self.status);
        for (name, bytes) in [("output", &self.stdout), ("errors", &self.stderr)] {
            if !bytes.is_empty() {
                text.push_str(&format!("\n--- {name}\n{}", String::from_utf8_lossy(bytes).trim_end()));
            }
        }
        text
    }
}

/// Ask again and again until something is so; fail the test if that takes longer than the deadline.
#[track_caller]
pub fn until(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < deadline, "waited {deadline:?} in vain until {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A command that the kernel kills when the thread that started it ends, even by a crash.
pub(crate) fn leashed(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

fn spelled(program: &Path, command: &Command) -> String {
    let name = program.file_name().unwrap_or_default();
    let arguments = command.get_args().skip_while(|argument| *argument != program.as_os_str()).skip(1);
    std::iter::once(name).chain(arguments).map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn feed(child: &mut Child, input: Vec<u8>) {
    if let Some(mut stdin) = child.stdin.take() {
        // A program may end without reading all of it.
        std::thread::spawn(move || stdin.write_all(&input));
    }
}

fn collect(stream: Option<impl Read + Send + 'static>, errors: bool, sender: &Sender<(bool, Vec<u8>)>) {
    let sender = sender.clone();
    std::thread::spawn(move || {
        let Some(mut stream) = stream else { return };
        let mut buffer = vec![0; 65536];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            if sender.send((errors, buffer.iter().copied().take(count).collect())).is_err() {
                return;
            }
        }
    });
}

#[derive(Default)]
struct Gathered {
    ended: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

fn gather(receiver: &Receiver<(bool, Vec<u8>)>, deadline: Instant) -> Gathered {
    use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};
    let mut gathered = Gathered::default();
    loop {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((true, bytes)) => gathered.stderr.extend(bytes),
            Ok((false, bytes)) => gathered.stdout.extend(bytes),
            Err(Disconnected) => return Gathered { ended: true, ..gathered },
            Err(Timeout) => return gathered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Run {
        Run::program("/bin/sh").args(["-c", script])
    }

    #[test]
    fn output_errors_and_input_pass_through_whole() {
        let input = vec![b'x'; 1_000_000];
        let finished = shell("cat; echo word >&2; exit 3").input(input.clone()).fail();
        assert_eq!(finished.stdout, input);
        assert_eq!(finished.words(), "word\n");
        assert_eq!(finished.status.code(), Some(3));
    }

    #[test]
    #[should_panic(expected = "not done after 200ms: `sh -c echo begun; exec sleep 600` ended with signal: 9 (SIGKILL)\n--- output\nbegun")]
    fn a_deadline_ends_it_and_shows_what_it_said() {
        shell("echo begun; exec sleep 600").deadline(Duration::from_millis(200)).finish();
    }

    #[test]
    #[should_panic(expected = "`sh -c exit 1` ended with exit status: 1")]
    fn a_failure_where_success_was_due() {
        shell("exit 1").succeed();
    }
}
