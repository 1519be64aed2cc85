//! Processes inside the lab: each is this same executable, which first moves itself to where it belongs.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getppid, setsid};
use serde::{Deserialize, Serialize};

use crate::error::{Error, reason};
use crate::{cgroup, namespace, probe, server};

/// A process, told apart from a later one with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    pub(crate) pid: i32,
    /// Clock ticks since the machine started.
    start_time: u64,
}

impl ProcessId {
    fn of(pid: u32) -> Option<Self> {
        let pid = i32::try_from(pid).ok()?;
        Some(Self { pid, start_time: start_time(pid)? })
    }

    pub(crate) fn lives(&self) -> bool {
        start_time(self.pid) == Some(self.start_time)
    }

    pub(crate) fn kill(&self) -> Result<(), Error> {
        if !self.lives() {
            return Ok(());
        }
        kill(Pid::from_raw(self.pid), Signal::SIGKILL).map_err(|error| Error::system(format_args!("end process {}", self.pid), error))
    }
}

/// When a process started; none if it is gone or only waits for its parent to take note of its end.
fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let has_ended = matches!(fields.next()?, "Z" | "X");
    let start_time = fields.nth(18)?.parse().ok()?;
    (!has_ended || has_threads(pid)).then_some(start_time)
}

/// Whether there are others beside the first: what a process holds it holds until the last of them has ended.
fn has_threads(pid: i32) -> bool {
    fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|threads| threads.count() > 1)
}

/// Where in the lab a process runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spot {
    pub namespace: String,
    pub cgroup: PathBuf,
}

/// What it does there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Work {
    Run { program: PathBuf, args: Vec<OsString>, env: Vec<(String, String)> },
    Serve { pod: String, port: u16 },
    Probe,
}

/// What a new process is told on its command line.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    parent: i32,
    spot: Spot,
    /// Whether it stays when the command that started it has ended.
    stays: bool,
    work: Work,
}

/// A command that does some work at a spot.
pub fn command(executable: &Path, spot: &Spot, stays: bool, work: Work) -> Result<Command, Error> {
    let parent = nix::unistd::getpid().as_raw();
    let order = Order { parent, spot: spot.clone(), stays, work };
    let order = serde_json::to_string(&order).map_err(|error| Error::new(format!("cannot tell a process what to do: {error}")))?;
    let mut command = Command::new(executable);
    command.arg0("ichor").arg("lab-inside").arg(order);
    Ok(command)
}

/// Starts a process that stays, and waits for its line `ready`. Its other words go to a log.
pub(crate) fn start(mut command: Command, what: &str, log: &Path, deadline: Duration) -> Result<ProcessId, Error> {
    let words = File::create(log).map_err(|error| Error::at("write", log, error))?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(words);
    let mut child = command.spawn().map_err(|error| Error::system(format_args!("start {what}"), error))?;
    let found = ProcessId::of(child.id());
    let help = || last_words(log);
    match (first_line(&mut child, deadline), found) {
        (Ok(line), Some(process)) if line.trim_end() == "ready" => Ok(process),
        (Err(mpsc::RecvTimeoutError::Timeout), _) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(Error::new(format!("{what} is not ready after {} s", deadline.as_secs())).help(help()))
        }
        _ => {
            let _ = child.kill();
            let end = child.wait().map_or_else(|error| reason(&error), |status| status.to_string());
            Err(Error::new(format!("{what} ended before it was ready ({end})")).help(help()))
        }
    }
}

fn first_line(child: &mut Child, deadline: Duration) -> Result<String, mpsc::RecvTimeoutError> {
    let (send, receive) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = send.send(line);
        });
    }
    receive.recv_timeout(deadline)
}

fn last_words(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let last: Vec<_> = text.lines().rev().take(3).collect();
    let last: Vec<_> = last.into_iter().rev().collect();
    if last.is_empty() { "it said nothing".to_owned() } else { format!("it said: {}", last.join(" / ")) }
}

/// Runs a program to its end with an input, and gives what it wrote to stdout.
pub(crate) fn finish(mut command: Command, what: &str, input: &[u8]) -> Result<Vec<u8>, Error> {
    let failed = |error: io::Error| Error::system(format_args!("run {what}"), error);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends early says why itself.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
    let words = String::from_utf8_lossy(words);
    Err(Error::new(format!("{what} failed ({}): {}", output.status, words.trim().replace('\n', " / "))))
}

/// The other side of [`command`]: moves this process to its spot and does the work.
pub fn inside(order: &str) -> ExitCode {
    match follow(order) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn follow(order: &str) -> Result<ExitCode, Error> {
    let order: Order = serde_json::from_str(order).map_err(|error| Error::new(format!("not an order of the lab: {error}")))?;
    // Until it is in the lab's cgroup nobody would find this process again, so it ends with its parent.
    let watched = |signal: Option<Signal>| prctl::set_pdeathsig(signal).map_err(|error| Error::system("watch the parent", error));
    watched(Some(Signal::SIGKILL))?;
    if getppid().as_raw() != order.parent {
        return Err(Error::new("the command that wanted this has ended"));
    }
    cgroup::join(&order.spot.cgroup)?;
    namespace::enter(&order.spot.namespace)?;
    if order.stays {
        watched(None)?;
        // Ctrl-C in the terminal is not for it.
        setsid().map_err(|error| Error::system("leave the terminal", error))?;
    }
    match order.work {
        Work::Run { program, args, env } => {
            let error = Command::new(&program).args(args).envs(env).exec();
            Err(Error::at("run", &program, error))
        }
        Work::Serve { pod, port } => server::serve(&pod, port).map(|()| ExitCode::SUCCESS),
        Work::Probe => probe::answer_calls().map(|()| ExitCode::SUCCESS),
    }
}
