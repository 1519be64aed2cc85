//! Clusters that `ichor configure` renders, each in a folder on the disk that the build is on.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use ichor_tests::{Run, ichor, many_nodes, tool};

use crate::measure::{Sample, run};

const EXAMPLE: &str = include_str!("../../../cluster.example.yaml");
/// The public key in both.
const RECIPIENT: &str = "age1gpxevf7wxtejdy25t38uu3m27kjrnyx2tghm670hmek0hy4kppusnq8zjn";

/// A folder with a `cluster.yaml` and all that `configure` needs beside it.
pub(crate) struct Workload {
    folder: PathBuf,
    /// How many folders were rendered into. Each is new: ext4 looks long for an inode where many were just deleted.
    round: Cell<usize>,
}

impl Drop for Workload {
    fn drop(&mut self) {
        let _gone_already = fs::remove_dir_all(&self.folder);
    }
}

impl Workload {
    pub(crate) fn example() -> Self {
        Self::new("example", EXAMPLE)
    }

    pub(crate) fn many(nodes: usize) -> Self {
        Self::new("many", &many_nodes(nodes))
    }

    fn new(name: &str, text: &str) -> Self {
        let folder = ichor().parent().unwrap().join(format!("bench-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let workload = Self { folder, round: Cell::new(0) };
        let key = workload.folder.join("age.key");
        Run::tool("age-keygen").args([OsStr::new("-o"), key.as_os_str()]).succeed();
        let recipient = Run::program(tool("age-keygen")).args([OsStr::new("-y"), key.as_os_str()]).succeed();
        fs::write(workload.folder.join("cluster.yaml"), text.replace(RECIPIENT, recipient.text().trim())).unwrap();
        fs::create_dir(workload.folder.join("cache")).unwrap();
        workload
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.join(format!("out-{}", self.round.get()))
    }

    /// Fills the cache and makes the secrets, which is done once in the life of a cluster; tells the number of files.
    pub(crate) fn first_run(&self) -> usize {
        let definitions = ichor_tests::crds().into_iter().find(|folder| folder.join("gateway.networking.k8s.io_gateways.yaml").exists());
        self.with(&[OsStr::new("--gateway-api"), definitions.expect("the Gateway API").as_os_str()]);
        crate::count(&self.out())
    }

    /// From its start to a written tree, in a folder that is not there yet.
    pub(crate) fn cold(&self) -> Sample {
        self.round.update(|round| round + 1);
        self.configure()
    }

    pub(crate) fn configure(&self) -> Sample {
        self.with(&[])
    }

    fn with(&self, more: &[&OsStr]) -> Sample {
        let out = self.out();
        let arguments = ["configure", "--config", "cluster.yaml", "--quiet", "--out"].map(OsStr::new);
        let arguments = [&arguments[..], &[out.as_os_str()], more].concat();
        let (cache, key) = (self.folder.join("cache"), self.folder.join("age.key"));
        let variables = [("XDG_CACHE_HOME", cache.as_os_str()), ("SOPS_AGE_KEY_FILE", key.as_os_str())];
        run(&ichor(), &self.folder, &arguments, &variables)
    }
}

/// The text files below a folder, by their path from there.
pub(crate) fn texts(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(folder).unwrap().to_path_buf(), text));
            }
        }
    }
    found
}
