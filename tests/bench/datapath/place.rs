//! Where the benchmark makes everything, under one name, so that all of it can be found and removed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use ichor_lab::{Spot, cgroup, namespace};
use ichor_tests::ichor;
use nix::fcntl::{Flock, FlockArg};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// Part of the name of whatever is made.
const NAME: &str = "ichor-bench";
const ROOT: &str = "/run/ichor-bench";
const LOCK: &str = "/run/ichor-bench.lock";

/// The folders of a run.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) cgroup: PathBuf,
}

/// Keeps a second run off.
pub(crate) fn lock() -> Flock<File> {
    assert!(nix::unistd::geteuid().is_root(), "the benchmark makes network namespaces and loads programs: run it as root");
    let file = File::create(LOCK).unwrap();
    Flock::lock(file, FlockArg::LockExclusiveNonblock).unwrap_or_else(|_| panic!("another run of this benchmark goes on: wait for its end"))
}

impl Place {
    pub(crate) fn make() -> Self {
        let place = Self { cgroup: group() };
        fs::create_dir_all(place.bin()).unwrap();
        namespace::prepare(&note()).unwrap();
        fs::create_dir_all(place.bpffs()).unwrap();
        mount(Some("bpf"), &place.bpffs(), Some("bpf"), MsFlags::empty(), None::<&str>).unwrap();
        for name in ["ichor-agent", "ichor-cni"] {
            std::os::unix::fs::symlink(ichor(), place.bin().join(name)).unwrap();
        }
        cgroup::make(&place.cgroup).unwrap();
        place
    }

    /// Removes what this run or one before it has made, and nothing else.
    pub(crate) fn remove() {
        // The lab has its own way.
        if Path::new("/run/ichor-lab").join(NAME).exists() {
            let _said_so_itself = Command::new(ichor()).args(["lab", "down", "--name", NAME]).status();
        }
        cgroup::remove(&group()).unwrap();
        for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(&format!("{NAME}-")) {
                namespace::remove(&name).unwrap();
            }
        }
        let _not_mounted = umount2(&Path::new(ROOT).join("bpf"), MntFlags::MNT_DETACH);
        namespace::release(&note()).unwrap();
        let _absent = fs::remove_dir_all(ROOT);
    }

    pub(crate) fn lab() -> &'static str {
        NAME
    }

    pub(crate) fn bin(&self) -> PathBuf {
        Path::new(ROOT).join("bin")
    }

    pub(crate) fn bpffs(&self) -> PathBuf {
        Path::new(ROOT).join("bpf")
    }

    /// A folder of its own for a part.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = Path::new(ROOT).join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    pub(crate) fn namespace(name: &str) -> String {
        format!("{NAME}-{name}")
    }

    /// Somewhere a process may run: in a namespace, and in a group by which it is found again.
    pub(crate) fn spot(&self, namespace: &str, group: &str) -> Spot {
        Spot { namespace: Self::namespace(namespace), cgroup: self.cgroup.join(group) }
    }
}

fn group() -> PathBuf {
    cgroup::root().unwrap().join(NAME)
}

fn note() -> PathBuf {
    Path::new(ROOT).join("netns")
}
