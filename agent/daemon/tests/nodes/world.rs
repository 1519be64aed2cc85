//! A world of its own: everything in it goes when the test's process ends.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

/// Leaves the machine's mounts and network to themselves.
pub(crate) fn enter() {
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET).expect("namespaces of our own");
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
    mount(Some("run"), "/run", Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
}

/// A folder that no other process sees.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new("/run").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A BPF filesystem of its own.
pub(crate) fn bpffs(name: &str) -> PathBuf {
    let folder = folder(name);
    mount(Some("bpf"), &folder, Some("bpf"), MsFlags::empty(), None::<&str>).unwrap();
    folder
}

/// Runs `ip`, one command for each line.
pub(crate) fn ip(script: &str) {
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let out = Command::new("ip").args(line.split_whitespace()).output().expect("this test needs `ip` of iproute2");
        assert!(out.status.success(), "ip {line}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

pub(crate) fn namespace(name: &str) -> PathBuf {
    Path::new("/run/netns").join(name)
}

/// Does something in a network namespace, on a thread of its own.
pub(crate) fn inside<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> T {
    let file = File::open(namespace(name)).unwrap_or_else(|error| panic!("namespace {name}: {error}"));
    std::thread::scope(|scope| {
        let run = || {
            setns(file.as_fd(), CloneFlags::CLONE_NEWNET).unwrap();
            work()
        };
        scope.spawn(run).join().unwrap_or_else(|error| std::panic::resume_unwind(error))
    })
}

/// The root of the control groups of version 2.
fn cgroup_root() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mut lines = mounts.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.find(|words| words.get(2) == Some(&"cgroup2")).map(|words| PathBuf::from(words[1])).expect("a mounted cgroup2 filesystem")
}

/// A control group that goes with the value.
#[derive(Debug)]
pub(crate) struct Cgroup(pub(crate) PathBuf);

impl Cgroup {
    pub(crate) fn make(name: &str) -> Self {
        let place = cgroup_root().join(format!("ichor-test-{}-{name}", std::process::id()));
        fs::create_dir(&place).unwrap();
        Self(place)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _busy = fs::remove_dir(&self.0);
    }
}
