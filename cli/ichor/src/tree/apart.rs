//! The moves of a write in a process of their own: whoever kills the one that a person started does not stop them half-way.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::lock::Lock;
use super::path::TreePath;

/// The hidden command of that process.
pub const COMMAND: &str = "finish-write";

/// Carries out what the journal in `root` says, and returns the files that somebody changed meanwhile. `None` if the
/// process could not start or did not come to its end: then the journal is still there, and this process goes on with it.
pub(super) fn carry_out(root: &Path, lock: &Lock) -> Option<Vec<TreePath>> {
    let program = std::env::current_exe().ok()?;
    let mut command = Command::new(program);
    // The lock travels as standard input: it is held until the last of both processes is gone.
    command.arg(COMMAND).arg(root).stdin(Stdio::from(lock.inherit()?)).stderr(Stdio::null());
    // In a group of its own, for Ctrl-C is meant for the process that the person sees.
    let output = command.process_group(0).output().ok().filter(|output| output.status.success())?;
    let overtaken: Vec<String> = serde_json::from_slice(&output.stdout).ok()?;
    overtaken.iter().map(|path| TreePath::new(path).ok()).collect()
}
