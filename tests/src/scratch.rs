//! A folder in memory for one test. Secrets may lie there: nothing of it reaches a disk, and it goes
//! away with the test, or, if the whole process is killed, with the process.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

const MEMORY: &str = "/dev/shm";

/// A private folder on tmpfs that is removed when this value goes.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// An empty folder.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "making a folder is no default")]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let path = Process::own().folder.join(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
        make(&path).unwrap_or_else(|error| panic!("cannot create {}: {error}", path.display()));
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Write a file, and the folders it lies in.
    #[track_caller]
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path.join(name);
        let folder = path.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, content))
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now goes when the process ends.
        let _later = fs::remove_dir_all(&self.path);
    }
}

/// All folders of this process lie in one, which a watcher removes when the process is gone for whatever reason.
struct Process {
    folder: PathBuf,
    /// Holds the pipe whose end is how the watcher notices.
    _watcher: Child,
}

/// A program that is still being killed may write once more, hence the repetition. The signals are those
/// of a terminal, which reach every process of the session.
const WATCH: &str = r#"trap '' INT TERM HUP
cat >/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$1" 2>/dev/null && exit; sleep 0.1; done"#;

impl Process {
    #[track_caller]
    fn own() -> &'static Self {
        static OWN: OnceLock<Process> = OnceLock::new();
        OWN.get_or_init(|| Self::begin().unwrap_or_else(|error| panic!("cannot use {MEMORY} for secret files: {error}")))
    }

    fn begin() -> io::Result<Self> {
        let mounts = fs::read_to_string("/proc/mounts")?;
        if !mounts.lines().any(|line| line.split(' ').skip(1).take(2).eq([MEMORY, "tmpfs"])) {
            return Err(io::Error::other("it is not a tmpfs"));
        }
        let folder = Path::new(MEMORY).join(format!("ichor-tests-{}", std::process::id()));
        if folder.exists() {
            // Of an earlier process with the same number, whose watcher was killed, too.
            fs::remove_dir_all(&folder)?;
        }
        make(&folder)?;
        let mut watcher = Command::new("/bin/sh");
        watcher.args(["-c", WATCH, "watcher"]).arg(&folder);
        watcher.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Ok(Self { folder, _watcher: watcher.spawn()? })
    }
}

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_private_and_goes_even_when_the_test_panics() {
        let path = std::panic::catch_unwind(|| {
            let scratch = Scratch::new();
            scratch.write("a/b", "secret");
            assert_eq!(fs::metadata(scratch.path()).unwrap().permissions().mode() & 0o777, 0o700);
            std::panic::panic_any(scratch.path().to_path_buf());
        });
        let path = path.unwrap_err().downcast::<PathBuf>().unwrap();
        assert!(path.starts_with(MEMORY) && !path.exists());
    }
}
