//! Work that this same executable does in a namespace, in a process of its own.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::time::Instant;

use ichor_lab::{Spot, Work, command};
use ichor_tests::{ichor, tool};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::{client, packets, server};

pub(crate) const INSIDE: &str = "--inside";

/// A command at a spot, which ends with this process.
pub(crate) fn at(spot: &Spot, program: &Path, args: &[&str], env: &[(&str, String)]) -> Command {
    let args = args.iter().map(OsString::from).collect();
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    command(&ichor(), spot, false, Work::Run { program: program.to_owned(), args, env }).unwrap()
}

/// A part of this program at a spot.
pub(crate) fn own(spot: &Spot, args: &[&str]) -> Command {
    at(spot, &std::env::current_exe().unwrap(), &[&[INSIDE], args].concat(), &[])
}

/// What it says.
pub(crate) fn answer(mut command: Command) -> String {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?} failed");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A process that serves until its value goes.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) child: Child,
    /// Kept open, so that it may say more.
    _words: BufReader<ChildStdout>,
}

impl Server {
    /// Waits for its line `ready`.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut words = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        words.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready", "{command:?}");
        Self { child, _words: words }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// How many milliseconds a tool takes in a namespace, without the way into it.
pub(crate) fn time(spot: &Spot, name: &str, args: &[&str]) -> f64 {
    answer(own(spot, &[&["time", tool(name).to_str().unwrap()], args].concat())).parse().unwrap()
}

pub(crate) fn work(order: &[String]) -> ExitCode {
    let words: Vec<_> = order.iter().map(String::as_str).collect();
    match &words[..] {
        ["serve", address] => server::serve(address.parse().unwrap()),
        ["ask", kind, connections, seconds, address] => {
            println!("{}", client::ask(kind, connections.parse().unwrap(), seconds.parse().unwrap(), address.parse().unwrap()));
        }
        ["time", program, args @ ..] => {
            let mut command = Command::new(program);
            command.args(args).stdin(Stdio::null()).stdout(Stdio::null());
            let start = Instant::now();
            let status = command.status().unwrap_or_else(|error| panic!("{program}: {error}"));
            println!("{}", start.elapsed().as_secs_f64() * 1000.0);
            assert!(status.success(), "{command:?} failed");
        }
        ["packets"] => packets::inside(),
        _ => panic!("there is no work {words:?}"),
    }
    ExitCode::SUCCESS
}

/// Gives this process's session its full share of the machine: it is not what should be measured.
pub(crate) fn lift() {
    // A kernel without such groups shares by process.
    let _without = std::fs::write("/proc/self/autogroup", "-20");
}

/// Keeps this process on one processor; whoever asks and whoever answers have one each.
pub(crate) fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu).unwrap();
    // A machine with one processor has no other.
    let _only_one = sched_setaffinity(Pid::from_raw(0), &set);
}
