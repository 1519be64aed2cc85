//! A node: its namespace, and the agent in it as a child process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;

use crate::world::{Cgroup, bpffs, folder, inside};

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) state: PathBuf,
    pub(crate) bpffs: PathBuf,
    pub(crate) cgroup: Cgroup,
    pub(crate) objects: PathBuf,
    pub(crate) config: PathBuf,
    /// Whether the command line names the control group, and not the configuration.
    pub(crate) names_cgroup: bool,
    agent: Option<Child>,
    /// Another build, of which the next agent is.
    pub(crate) build: Option<PathBuf>,
}

/// This program under another name. A copy, for the checkout may lie where another user finds nothing.
pub(crate) fn program(name: &str) -> PathBuf {
    static COPIED: Once = Once::new();
    let copy = folder("bin").join("program");
    COPIED.call_once(|| {
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    });
    named("bin", &copy, name)
}

fn named(place: &str, executable: &Path, name: &str) -> PathBuf {
    let place = folder(place).join(name);
    if !place.exists() {
        symlink(executable, &place).unwrap();
    }
    place
}

fn arguments(program: PathBuf, node: &str, places: &[(&str, &Path)]) -> Command {
    let mut command = Command::new(program);
    command.args(["node", "--node", node]);
    for (name, place) in places {
        command.arg(name).arg(place);
    }
    command
}

impl Node {
    /// A node whose namespace is there.
    pub(crate) fn new(name: &str, objects: PathBuf) -> Self {
        let state = folder(&format!("state-{name}"));
        let node = Self {
            name: name.to_owned(),
            config: state.join("config.yaml"),
            bpffs: bpffs(&format!("bpf-{name}")),
            cgroup: Cgroup::make(name),
            state,
            objects,
            names_cgroup: true,
            agent: None,
            build: None,
        };
        node.configure("snat", "disabled");
        node
    }

    pub(crate) fn configure(&self, mode: &str, acceleration: &str) {
        let text = format!(
            "cluster: test\nrouting: {{directNodeRoutes: true, endpointRoutes: true}}\n\
             masquerade: {{enabled: true, exclude: [192.168.42.0/24, 'fd00:42::/64']}}\n\
             loadBalancer: {{mode: {mode}, algorithm: maglev, acceleration: {acceleration}}}\n"
        );
        std::fs::write(&self.config, text).unwrap();
    }

    /// The first configuration with more behind it.
    pub(crate) fn configure_with(&self, more: &str) {
        self.configure("snat", "disabled");
        self.add_to_config(more);
    }

    pub(crate) fn add_to_config(&self, more: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        std::fs::write(&self.config, text + more).unwrap();
    }

    pub(crate) fn uninstall(&self) {
        let mut command = Command::new(program("ichor-agent"));
        command.arg("uninstall").arg("--bpffs").arg(self.bpffs.join("node")).arg("--state").arg(&self.state);
        assert!(inside(&self.name, || command.status()).unwrap().success());
    }

    /// Starts the agent without waiting for it.
    pub(crate) fn launch(&mut self) -> BufReader<std::process::ChildStdout> {
        let mut command = self.command();
        let mut child = inside(&self.name, move || command.stdout(Stdio::piped()).spawn().unwrap());
        let out = BufReader::new(child.stdout.take().unwrap());
        self.agent = Some(child);
        out
    }

    fn command(&self) -> Command {
        let pins = self.bpffs.join("node");
        let program = match &self.build {
            Some(other) => named("other", other, "ichor-agent"),
            None => program("ichor-agent"),
        };
        let mut given = vec![("--config", &*self.config), ("--objects", &self.objects), ("--state", &self.state), ("--bpffs", &pins)];
        if self.names_cgroup {
            given.push(("--cgroup", &self.cgroup.0));
        }
        arguments(program, &self.name, &given)
    }

    /// The command of another agent, with its own folders and one thing that is wrong.
    pub(crate) fn refused(&self, fresh: &Path, flag: &str, value: &Path) -> Command {
        let (state, pins) = (fresh.join("state"), self.bpffs.join("refused"));
        let mut given = [
            ("--config", &*self.config),
            ("--objects", &*self.objects),
            ("--state", &*state),
            ("--bpffs", &*pins),
            ("--cgroup", &*self.cgroup.0),
        ];
        given.iter_mut().filter(|(name, _)| *name == flag).for_each(|(_, place)| *place = value);
        arguments(program("ichor-agent"), &self.name, &given)
    }

    /// Starts the agent and waits until it is ready.
    pub(crate) fn start(&mut self) -> Duration {
        let begun = Instant::now();
        let mut line = String::new();
        self.launch().read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "the agent of {} did not become ready", self.name);
        begun.elapsed()
    }

    pub(crate) fn kill(&mut self) {
        let mut child = self.agent.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn stop(&mut self) {
        let mut child = self.agent.take().unwrap();
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
        assert!(child.wait().unwrap().success(), "the agent of {} ends cleanly", self.name);
    }

    /// Memory that the agent uses, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        let id = self.agent.as_ref().unwrap().id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Processor time that the agent has used, in hundredths of a second.
    pub(crate) fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.agent.as_ref().unwrap().id())).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.state.join("agent.sock")
    }

    /// Asks the agent's local API how it is, or for all rows of something.
    pub(crate) fn get(&self, subject: &str) -> Json {
        let mut connection = UnixStream::connect(self.socket()).unwrap();
        let verb = if subject == "status" { "get" } else { "inspect" };
        writeln!(connection, "{{\"{verb}\":\"{subject}\"}}").unwrap();
        let mut rows = Vec::new();
        for line in BufReader::new(connection).lines() {
            let mut line: Json = serde_json::from_str(&line.unwrap()).unwrap();
            assert!(line.get("error").is_none(), "{subject}: {line}");
            match line.get_mut("row") {
                Some(row) => rows.push(row.take()),
                None if verb == "get" => return line,
                None => break,
            }
        }
        Json::Array(rows)
    }

    /// Waits until the agent says something, and fails loudly when it does not.
    pub(crate) fn wait_for(&self, what: &str, subject: &str, is_so: impl Fn(&Json) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = self.get(subject);
            if is_so(&answer) {
                return;
            }
            assert!(Instant::now() < deadline, "{}: {what} did not happen: {answer:#}", self.name);
            std::thread::yield_now();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.agent.take() {
            let _gone = child.kill();
            let _gone = child.wait();
        }
    }
}
