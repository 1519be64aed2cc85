//! A folder with a cluster.yaml, an age key and a home of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ichor_tests::{Run, Scratch, tool};

const EXAMPLE: &str = include_str!("../../../../cluster.example.yaml");

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What takes long to make is made once for all tests of a process.
struct Ready {
    scratch: Scratch,
    /// An age key pair.
    identity: String,
    recipient: String,
    /// Secrets of the example, sealed for that key.
    secrets: Vec<u8>,
}

impl Ready {
    fn get() -> &'static Self {
        static READY: OnceLock<Ready> = OnceLock::new();
        READY.get_or_init(|| {
            let scratch = Scratch::new();
            let identity = Run::tool("age-keygen").succeed().text().to_owned();
            let recipient = recipient_of(&identity);
            let mut ready = Self { scratch, identity, recipient, secrets: Vec::new() };
            let first = Place::with(&ready, &[]);
            first.ichor(["configure", "--gateway-api"]).args([gateway_api()]).succeed();
            ready.secrets = fs::read(first.path("secrets.sops.yaml")).unwrap();
            ready
        })
    }
}

pub(crate) fn recipient_of(identity: &str) -> String {
    identity.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned()
}

/// The CRDs of the Gateway API that the lock names.
pub(crate) fn gateway_api() -> PathBuf {
    ichor_tests::crds().into_iter().find(|folder| folder.ends_with("gateway-api")).expect("ICHOR_CRDS has no gateway-api")
}

pub(crate) struct Place {
    pub(crate) scratch: Scratch,
    pub(crate) cache: PathBuf,
}

impl Place {
    /// The example with its secrets; nothing rendered yet.
    pub(crate) fn new() -> Self {
        let ready = Ready::get();
        Self::with(ready, &ready.secrets)
    }

    /// The same without secrets.
    pub(crate) fn without_secrets() -> Self {
        Self::with(Ready::get(), &[])
    }

    /// The same, rendered.
    pub(crate) fn configured() -> Self {
        let place = Self::new();
        place.ichor(["configure"]).succeed();
        place
    }

    fn with(ready: &Ready, secrets: &[u8]) -> Self {
        let place = Self { scratch: Scratch::new(), cache: ready.scratch.path().join("cache") };
        let start = EXAMPLE.find("age1").unwrap();
        let end = EXAMPLE[start..].find(']').unwrap() + start;
        let text = EXAMPLE.replace(&EXAMPLE[start..end], &ready.recipient);
        place.write("cluster.yaml", text.replace("engine: flux\n", "engine: flux\n  layout: apps\n"));
        place.scratch.write("home/key.txt", &ready.identity);
        if !secrets.is_empty() {
            place.write("secrets.sops.yaml", secrets);
        }
        place
    }

    /// The folder of cluster.yaml.
    pub(crate) fn folder(&self) -> PathBuf {
        self.scratch.path().join("cluster")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        self.scratch.write(&format!("cluster/{name}"), content);
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Changes a text in a file, which must be there.
    pub(crate) fn change(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "no {from:?} in {name}");
        self.write(name, text.replace(from, to));
    }

    /// Runs ichor in the folder, with the age key at hand.
    pub(crate) fn ichor<const N: usize>(&self, args: [&str; N]) -> Run {
        self.ichor_without_key(args).env("SOPS_AGE_KEY_FILE", self.key())
    }

    pub(crate) fn ichor_without_key<const N: usize>(&self, args: [&str; N]) -> Run {
        self.at_home(Run::program(env!("CARGO_BIN_EXE_ichor")).args(args)).env("SOPS_AGE_KEY_FILE", "")
    }

    /// Runs a tool in the folder, with the age key at hand.
    pub(crate) fn tool<const N: usize>(&self, name: &str, args: [&str; N]) -> Run {
        self.at_home(Run::program(tool(name)).args(args)).env("SOPS_AGE_KEY_FILE", self.key())
    }

    fn at_home(&self, run: Run) -> Run {
        let home = self.scratch.path().join("home");
        run.folder(&self.folder())
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_CACHE_HOME", &self.cache)
            .env("SOPS_AGE_KEY", "")
    }

    /// The public half of the key at hand.
    pub(crate) fn recipient(&self) -> String {
        recipient_of(&fs::read_to_string(self.key()).unwrap())
    }

    /// The SHA-256 of a file.
    pub(crate) fn digest_of(&self, name: &str) -> String {
        let run = Run::program("/usr/bin/sha256sum").args([self.path(name)]).succeed();
        run.text().split(' ').next().unwrap().to_owned()
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.scratch.path().join("home/key.txt")
    }

    /// Every file and link below the folder.
    pub(crate) fn files(&self) -> Files {
        let mut files = Files::new();
        collect(&self.folder(), &self.folder(), &mut files);
        files
    }

    /// An editor that runs a script on its file.
    pub(crate) fn editor(&self, script: &str) -> String {
        let path = self.scratch.write("home/editor", format!("set -e\n{script}\n"));
        format!("sh {}", path.display())
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_dir() {
            collect(root, &path, files);
        } else if meta.is_symlink() {
            files.insert(name, fs::read_link(&path).unwrap().display().to_string().into_bytes());
        } else {
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// The lines of a summary that start with a mark.
pub(crate) fn marked<'a>(text: &'a str, mark: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(mark)).collect()
}
