//! The processes of a control plane.

use crate::Run;
use crate::run::leashed;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

pub(super) const KUBECONFIG: &str = "kubeconfig";
const TOKEN: &str = "only-on-loopback";
const READY_WITHIN: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// A port can be taken by another program between being found free and being used.
const TRIES: u32 = 3;

#[derive(Debug)]
pub(super) struct Programs {
    pub(super) etcd: PathBuf,
    pub(super) api: PathBuf,
    pub(super) kubectl: PathBuf,
}

/// The life of a control plane: start, say so, wait for the end, leave nothing.
pub(super) fn keep(folder: &Path, programs: &Programs, ready: &Sender<Result<Vec<u32>, String>>, stopped: &Receiver<()>) {
    let mut processes = Processes(Vec::new());
    let mut outcome = Err(String::new());
    for n in 1..=TRIES {
        let home = folder.join(format!("try-{n}"));
        outcome = start(folder, &home, programs, stopped, &mut processes);
        match &outcome {
            Err(reason) if reason.contains("address already in use") => processes = Processes(Vec::new()),
            _ => break,
        }
    }
    let failed = outcome.is_err();
    let pids = processes.0.iter().map(|process| process.child.id()).collect();
    if ready.send(outcome.map(|()| pids)).is_ok() && !failed {
        let _ended = stopped.recv();
    }
}

struct Process {
    child: Child,
    log: PathBuf,
}

/// Ended when dropped, the API server before its etcd.
struct Processes(Vec<Process>);

impl Drop for Processes {
    fn drop(&mut self) {
        for process in self.0.iter_mut().rev() {
            let _gone_already = process.child.kill();
            let _reaped = process.child.wait();
        }
    }
}

impl Processes {
    fn start(&mut self, mut command: Command, log: PathBuf) -> Result<(), String> {
        let file = File::create(&log).and_then(|file| Ok((file.try_clone()?, file)));
        let (out, err) = file.map_err(|error| format!("cannot create {}: {error}", log.display()))?;
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let child = child.map_err(|error| format!("cannot start setpriv: {error}"))?;
        self.0.push(Process { child, log });
        Ok(())
    }

    /// The end of the log of the first process that ended although it should run.
    fn ended(&mut self) -> Option<String> {
        let process = self.0.iter_mut().find_map(|process| match process.child.try_wait() {
            Ok(None) => None,
            _ => Some(&process.log),
        })?;
        let log = fs::read_to_string(process).unwrap_or_default();
        let last: Vec<_> = log.lines().rev().take(15).collect();
        Some(format!("{} ends with\n{}", process.display(), last.into_iter().rev().collect::<Vec<_>>().join("\n")))
    }

    /// Wait until `condition` holds.
    fn until(&mut self, what: &str, stopped: &Receiver<()>, mut condition: impl FnMut() -> bool) -> Result<(), String> {
        let deadline = Instant::now() + READY_WITHIN;
        while !condition() {
            if let Some(log) = self.ended() {
                return Err(log);
            }
            if Instant::now() > deadline {
                return Err(format!("{what} not within {READY_WITHIN:?}"));
            }
            if !matches!(stopped.recv_timeout(LOOK_AGAIN), Err(RecvTimeoutError::Timeout)) {
                return Err("stopped while starting".into());
            }
        }
        Ok(())
    }
}

fn start(folder: &Path, home: &Path, programs: &Programs, stopped: &Receiver<()>, processes: &mut Processes) -> Result<(), String> {
    fs::create_dir_all(home).map_err(|error| format!("cannot create {}: {error}", home.display()))?;
    let [client, peer, api] = free_ports().map_err(|error| format!("no free port: {error}"))?;
    processes.start(etcd(&programs.etcd, home, client, peer), home.join("etcd.log"))?;
    let command =
        api_server(&programs.api, home, client, api).map_err(|error| format!("cannot write below {}: {error}", home.display()))?;
    processes.start(command, home.join("kube-apiserver.log"))?;

    processes.until("the API server's port is open", stopped, || TcpStream::connect(("127.0.0.1", api)).is_ok())?;
    let certificate = home.join("certificates/apiserver.crt");
    let kubeconfig = folder.join(KUBECONFIG);
    fs::write(&kubeconfig, kubeconfig_text(&certificate, api))
        .map_err(|error| format!("cannot write {}: {error}", kubeconfig.display()))?;
    processes.until("the API server is ready", stopped, || {
        let ready = Run::program(&programs.kubectl).args(["get", "--raw=/readyz"]).env("KUBECONFIG", &kubeconfig).finish();
        ready.status.success()
    })
}

fn free_ports() -> std::io::Result<[u16; 3]> {
    // All three are held until all are known, so that they differ.
    let listeners = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

fn etcd(program: &Path, home: &Path, client: u16, peer: u16) -> Command {
    let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
    let mut command = leashed(program);
    command
        .args(["--name=test", "--unsafe-no-fsync", "--log-level=warn"])
        .arg(format!("--data-dir={}", home.join("etcd").display()))
        .args([format!("--listen-client-urls={client}"), format!("--advertise-client-urls={client}")])
        .args([format!("--listen-peer-urls={peer}"), format!("--initial-advertise-peer-urls={peer}")])
        .arg(format!("--initial-cluster=test={peer}"));
    command
}

fn api_server(program: &Path, home: &Path, etcd: u16, port: u16) -> std::io::Result<Command> {
    let (key, tokens) = (home.join("service-account.key"), home.join("tokens.csv"));
    Run::tool("openssl").args(["ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out"]).args([&key]).succeed();
    fs::write(&tokens, format!("{TOKEN},test,test,system:masters\n"))?;
    let mut command = leashed(program);
    command
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none"])
        .args([format!("--secure-port={port}"), format!("--etcd-servers=http://127.0.0.1:{etcd}")])
        .arg(format!("--cert-dir={}", home.join("certificates").display()))
        .arg(format!("--token-auth-file={}", tokens.display()))
        .args(["--service-account-issuer=https://kubernetes.default.svc", "--authorization-mode=RBAC", "--allow-privileged=true"])
        .args(["--service-account-key-file", "--service-account-signing-key-file"].map(|name| format!("{name}={}", key.display())))
        .arg("--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112")
        // No controller makes the default service accounts that this plugin asks for.
        .arg("--disable-admission-plugins=ServiceAccount");
    Ok(command)
}

fn kubeconfig_text(certificate: &Path, port: u16) -> String {
    format!(
        "apiVersion: v1
kind: Config
clusters:
  - name: test
    cluster: {{server: 'https://127.0.0.1:{port}', certificate-authority: '{}'}}
users:
  - name: test
    user: {{token: {TOKEN}}}
contexts:
  - name: test
    context: {{cluster: test, user: test}}
current-context: test
",
        certificate.display()
    )
}
