//! The nodes of a world with the real agent, and pods by the real CNI plugin.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use ichor_datapath_loader::{Datapath, OBJECT, Pins, Sizes};
use ichor_datapath_types::Config;
use ichor_lab::{Spot, cgroup};
use serde_json::{Value as Json, json};

use crate::inside::{self, Server};
use crate::objects::write_nodes;
use crate::place::Place;
use crate::world::{NODES, World};

const CONFIG: &str = "addresses: {services: [10.96.0.0/12]}\nmasquerade: {exclude: [10.91.0.0/16]}\n\
    loadBalancer: {mode: snat, algorithm: random, acceleration: disabled}\n";

/// A node's agent and its folders.
#[derive(Debug)]
pub(crate) struct Node<'p> {
    place: &'p Place,
    name: &'static str,
    /// Of the world that it is in.
    world: String,
    agent: Option<Server>,
}

impl<'p> Node<'p> {
    /// Both nodes of a world, with the same folder of objects.
    pub(crate) fn all(place: &'p Place, world: &World) -> Vec<Self> {
        write_nodes(&objects(place, &world.named("objects")));
        NODES.iter().map(|name| Self { place, name, world: world.named(""), agent: None }).collect()
    }

    fn named(&self, what: &str) -> String {
        format!("{}{what}", self.world)
    }

    pub(crate) fn objects(&self) -> PathBuf {
        objects(self.place, &self.named("objects"))
    }

    fn state(&self) -> PathBuf {
        self.place.folder(&self.named(self.name))
    }

    fn bpffs(&self) -> PathBuf {
        self.place.bpffs().join(self.named(self.name))
    }

    /// The group on which the socket programs are.
    fn cgroup(&self) -> PathBuf {
        self.place.cgroup.join(self.named(self.name))
    }

    fn spot(&self) -> Spot {
        self.place.spot(&self.named(self.name), &self.named(&format!("{}/host", self.name)))
    }

    /// Starts the agent, and waits until everything is in the kernel.
    pub(crate) fn start(&mut self) -> Duration {
        let config = self.place.folder("config").join("agent.yaml");
        fs::write(&config, CONFIG).unwrap();
        cgroup::make(&self.cgroup()).unwrap();
        fs::create_dir_all(self.bpffs()).unwrap();
        let paths = [
            ("--config", config),
            ("--objects", self.objects()),
            ("--state", self.state()),
            ("--bpffs", self.bpffs()),
            ("--cgroup", self.cgroup()),
        ];
        let paths = paths.map(|(flag, path)| [flag.to_owned(), path.to_str().unwrap().to_owned()]);
        let mut args = vec!["node", "--node", self.name];
        args.extend(paths.iter().flatten().map(String::as_str));
        let start = Instant::now();
        self.agent = Some(Server::start(inside::at(&self.spot(), &self.place.bin().join("ichor-agent"), &args, &[])));
        start.elapsed()
    }

    /// Ends the agent, and removes everything that it would find again.
    pub(crate) fn forget(&mut self) {
        self.agent = None;
        let (bpffs, state) = (self.bpffs(), self.state());
        let words = ["uninstall", "--bpffs", bpffs.to_str().unwrap(), "--state", state.to_str().unwrap()];
        inside::answer(inside::at(&self.spot(), &self.place.bin().join("ichor-agent"), &words, &[]));
    }

    pub(crate) fn pid(&self) -> u32 {
        self.agent.as_ref().unwrap().pid()
    }

    /// Asks the agent about something.
    pub(crate) fn get(&self, what: &str) -> Json {
        let mut socket = UnixStream::connect(self.state().join("agent.sock")).unwrap();
        socket.write_all(format!("{{\"get\":\"{what}\"}}\n").as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(socket).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Waits until the agent serves so many services.
    pub(crate) fn wait_for(&self, services: u32) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while self.get("status")["frontends"] != services {
            assert!(Instant::now() < deadline, "{} does not come to {services} services: {}", self.name, self.get("status"));
            pause();
        }
    }

    /// The node's tables, by a second load of the programs that is attached nowhere.
    pub(crate) fn tables(&self) -> Datapath {
        let memory = nix::sys::sysinfo::sysinfo().unwrap().ram_total();
        Datapath::load_again(OBJECT, &Config::default(), &Sizes::for_memory(memory), &Pins::at(&self.bpffs()).unwrap()).unwrap()
    }

    /// Lets the plugin connect a pod (`ADD`) or take it off (`DEL`).
    pub(crate) fn plugin(&self, verb: &str, pod: &str) {
        let env = [
            ("CNI_COMMAND", verb.to_owned()),
            ("CNI_CONTAINERID", self.named(pod)),
            ("CNI_NETNS", format!("/run/netns/{}", Place::namespace(&self.named(pod)))),
            ("CNI_IFNAME", "eth0".to_owned()),
            ("CNI_ARGS", format!("IgnoreUnknown=1;K8S_POD_NAMESPACE=bench;K8S_POD_NAME={pod}")),
            ("CNI_PATH", self.place.bin().display().to_string()),
        ];
        let mut command = std::process::Command::new(self.place.bin().join("ichor-cni"));
        command.envs(env).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let socket = self.state().join("agent.sock");
        let input = json!({ "cniVersion": "1.1.0", "name": "ichor", "type": "ichor-cni", "socket": socket });
        child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{verb} {pod}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

/// A little before a condition is looked at again.
pub(crate) fn pause() {
    std::thread::park_timeout(Duration::from_millis(10));
}

fn objects(place: &Place, name: &str) -> PathBuf {
    place.folder(name)
}
