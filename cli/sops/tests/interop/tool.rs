//! The genuine programs, and a folder in memory for the secrets they handle.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use ichor_sops::age::{Identity, Recipient, parse_identities};
use ichor_sops::{Previous, Rules, Terms, Timestamp, seal};
use ichor_yaml::{Layout, Node, Value, parse};

/// A program of the tools folder; `age` comes from the system's packages and may stand elsewhere.
fn program(name: &str) -> PathBuf {
    let tools = std::env::var_os("ICHOR_TOOLS").expect("ICHOR_TOOLS is not set: run the tests through `cargo xtask test`");
    let mut folders = vec![PathBuf::from(tools)];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let found = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("`{name}` is neither in ICHOR_TOOLS nor in PATH: `cargo xtask tools` installs it"))
}

/// A private folder on tmpfs, removed in the end.
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ichor-sops-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new("/dev/shm").join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        Self { path }
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path.join(name)).unwrap()
    }

    /// Writes a script that `sops edit` runs on the decrypted file.
    pub(crate) fn editor(&self, script: &str) -> PathBuf {
        let path = self.write("editor", format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    /// Runs `sops` in this folder with one identity file.
    pub(crate) fn try_sops<S: AsRef<OsStr>>(&self, key: &Key, arguments: &[S]) -> Output {
        self.write("keys.txt", &key.file);
        Command::new(program("sops"))
            .args(arguments)
            .env_clear()
            .env("HOME", &self.path)
            .env("PATH", "/usr/bin:/bin")
            .env("EDITOR", self.path.join("editor"))
            .env("SOPS_AGE_KEY_FILE", self.path.join("keys.txt"))
            .current_dir(&self.path)
            .output()
            .unwrap()
    }

    /// As [`Self::try_sops`], and it must succeed; returns what it printed.
    pub(crate) fn sops(&self, key: &Key, arguments: &[&str]) -> String {
        String::from_utf8(self.sops_bytes(key, arguments)).unwrap()
    }

    pub(crate) fn sops_bytes(&self, key: &Key, arguments: &[&str]) -> Vec<u8> {
        let output = self.try_sops(key, arguments);
        assert!(output.status.success(), "sops {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// One that `age-keygen` made.
pub(crate) struct Key {
    file: String,
    pub(crate) public: String,
    pub(crate) identities: Vec<Identity>,
}

impl Key {
    pub(crate) fn generate() -> Self {
        let output = Command::new(program("age-keygen")).output().unwrap();
        let file = String::from_utf8(output.stdout).unwrap();
        let public = file.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
        let identities = parse_identities(&file).unwrap().usable;
        Self { file, public, identities }
    }

    pub(crate) fn recipient(&self) -> Recipient {
        self.public.parse().unwrap()
    }
}

pub(crate) fn terms(keys: &[&Key], rules: Rules) -> Terms {
    Terms { recipients: keys.iter().map(|key| key.recipient()).collect(), rules, layout: Layout::Four }
}

pub(crate) fn documents(text: &str) -> Vec<Node> {
    parse(text).unwrap().into_iter().map(|document| document.root).collect()
}

pub(crate) fn random(bytes: &mut [u8]) {
    use std::io::Read as _;
    fs::File::open("/dev/urandom").unwrap().read_exact(bytes).unwrap();
}

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T12:00:00Z").unwrap()
}

/// Seals as a new file.
pub(crate) fn fresh(text: &str, terms: &Terms) -> String {
    seal(None, &documents(text), terms, &mut random, &now()).unwrap()
}

/// Seals over a file that is there.
pub(crate) fn again(previous: &str, key: &Key, plaintext: &[Node], terms: &Terms) -> String {
    let previous = Previous { text: previous, identities: &key.identities };
    seal(Some(previous), plaintext, terms, &mut random, &Timestamp::parse("2026-11-22T12:00:00Z").unwrap()).unwrap()
}

/// What both sides agree on: `sops` prints floats its own way.
pub(crate) fn normal(node: &Node) -> Node {
    let value = match &node.value {
        Value::Float(text) if text.ends_with("inf") => node.value.clone(),
        Value::Float(text) => {
            let number: f64 = text.parse().unwrap();
            if number.fract() == 0.0 { Value::Int(number as i128) } else { Value::Float(number.to_string()) }
        }
        Value::Seq(items) => Value::Seq(items.iter().map(normal).collect()),
        Value::Map(map) => {
            let mut map = map.clone();
            map.entries.iter_mut().for_each(|entry| entry.node = normal(&entry.node));
            Value::Map(map)
        }
        other => other.clone(),
    };
    Node::new(value)
}

pub(crate) fn normal_text(text: &str) -> Vec<Node> {
    documents(text).iter().map(normal).collect()
}
