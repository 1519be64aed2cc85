//! A Kubernetes API server with its etcd, on loopback and in memory, for as long as a value lives.

mod server;

use crate::{Finished, Run, Scratch, until};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

const ESTABLISHED: &str = r#"--output=jsonpath={range .items[*]}{.status.conditions[?(@.type=="Established")].status}{"\n"}{end}"#;

/// A running API server. Its processes and files go away with this value, and also if the test process
/// is killed. It may be kept in a `static`: then it goes when the process ends.
#[derive(Debug)]
pub struct ControlPlane {
    scratch: Scratch,
    /// The processes belong to a thread of their own: the kernel ends them with the thread that started
    /// them, and the thread of a test may end before others are done with the API server.
    keeper: Option<JoinHandle<()>>,
    stop: Option<Sender<()>>,
    pids: Vec<u32>,
}

impl ControlPlane {
    /// Start etcd and the API server and wait until it serves.
    #[track_caller]
    pub fn start() -> Self {
        let scratch = Scratch::new();
        let folder = scratch.path().to_path_buf();
        let programs = server::Programs { etcd: crate::tool("etcd"), api: crate::tool("kube-apiserver"), kubectl: crate::tool("kubectl") };
        let (stop, stopped) = channel();
        let (ready, started) = channel();
        let keeper = std::thread::spawn(move || server::keep(&folder, &programs, &ready, &stopped));
        let pids = match started.recv() {
            Ok(Ok(pids)) => pids,
            Ok(Err(reason)) => panic!("the control plane did not start: {reason}"),
            Err(_) => panic!("the thread of the control plane panicked"),
        };
        Self { scratch, keeper: Some(keeper), stop: Some(stop), pids }
    }

    /// kubectl with full rights on this API server.
    #[track_caller]
    pub fn kubectl<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        let home = self.scratch.path();
        Run::tool("kubectl")
            .env("KUBECONFIG", home.join(server::KUBECONFIG))
            .env("KUBECACHEDIR", home.join("kubectl-cache"))
            .env("HOME", home)
            .args(arguments)
    }

    /// Install the resource definitions in these files and folders and wait until all are served.
    #[track_caller]
    pub fn install(&self, definitions: &[PathBuf]) {
        let files = definitions.iter().map(|path| format!("--filename={}", path.display()));
        self.kubectl(["apply", "--server-side"]).args(files).deadline(Duration::from_secs(120)).succeed();
        // One question for all: `kubectl wait` asks for each, and waits between its own questions.
        until("all resource definitions are served", Duration::from_secs(60), || {
            // A definition that is new has no conditions yet, and the question fails.
            let states = self.kubectl(["get", "customresourcedefinitions", ESTABLISHED]).finish();
            states.status.success() && states.text().lines().all(|state| state == "True")
        });
    }

    /// Would the API server take these objects exactly as they are written? An unknown field is a refusal.
    #[track_caller]
    pub fn dry_run(&self, objects: &str) -> Finished {
        let arguments = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--output=name", "--filename=-"];
        self.kubectl(arguments).input(objects).finish()
    }

    /// The numbers of its processes.
    pub fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// The folder that holds all its files.
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(keeper) = self.keeper.take() {
            let _panicked_already = keeper.join();
        }
    }
}
