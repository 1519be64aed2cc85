//! The one file that keeps a cluster's secrets: the Talos bundle under `talos`, and every password under its dotted name.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ichor_sops::age::Recipient;
use ichor_sops::{Previous, Terms};
use ichor_talos_config::{Entropy, SecretsBundle};
use ichor_templates::{SecretOrigin, SecretText, Secrets, WantedSecret};
use ichor_yaml::{Layout, Map, Node, Value};

use crate::config::Described;
use crate::failure::Failure;
use crate::identities::Identities;
use crate::printer::Printer;
use crate::tree::Lock;
use crate::{sealing, system};

/// The key of the Talos bundle.
pub(crate) const TALOS: &str = "talos";

/// What TCP MD5 takes.
const LONGEST_MD5: usize = 80;

/// The opened file.
pub(crate) struct SecretsFile {
    pub(crate) place: PathBuf,
    /// Its bytes on disk, if it is there.
    pub(crate) sealed: Option<String>,
    root: Map,
}

impl SecretsFile {
    /// Opens the file beside `cluster.yaml`; one that is not there is empty.
    pub(crate) fn open(described: &Described, identities: &Identities) -> Result<Self, Failure> {
        let place = described.beside(described.cluster.secrets.file.as_str());
        let sealed = match fs::read_to_string(&place) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self { place, sealed: None, root: Map::new() }),
            Err(error) => return Err(Failure::io("cannot read the secrets in", &place, &error)),
        };
        if !ichor_sops::is_sealed(&sealed) {
            let help = format!("encrypt it with `sops --encrypt --in-place {}`, or move it away", place.display());
            return Err(Failure::new(format!("`{}` is not encrypted", place.display())).help(help));
        }
        let opened = ichor_sops::open(&sealed, &identities.usable).map_err(|error| sealing::failure(&place, &error, identities))?;
        let documents = opened.plaintext.into_documents();
        let root = Self::check(&place, &documents)?.clone();
        Ok(Self { place, sealed: Some(sealed), root })
    }

    /// Keeps other runs away from the file's folder, unless that is a folder that is locked already.
    pub(crate) fn lock(described: &Described, locked: Option<&Path>, printer: &Printer) -> Result<Option<Lock>, Failure> {
        let folder = described.folder();
        let folder = folder.canonicalize().map_err(|error| Failure::io("cannot reach", folder, &error))?;
        if locked == Some(folder.as_path()) {
            return Ok(None);
        }
        Lock::exclusive(&folder, printer).map(Some)
    }

    /// The one mapping of texts that the file must be.
    fn check<'a>(place: &Path, documents: &'a [Node]) -> Result<&'a Map, Failure> {
        // Not with `ichor secrets edit`, which would have to use the file first.
        let help = format!("mend it with `sops {}`", place.display());
        let wrong = |what: String| Failure::new(format!("`{}`: {what}", place.display())).help(&help);
        let [Node { value: Value::Map(root), .. }] = documents else {
            return Err(wrong("it must be one document of keys and texts".to_owned()));
        };
        if let Some(name) = first_non_text("", root) {
            return Err(wrong(format!("`{name}` is not a text; put it in quotes")));
        }
        if let Some(bundle) = root.get(TALOS) {
            parse_bundle(bundle).map_err(|error| wrong(format!("`{TALOS}`: {}", error.message)))?;
        }
        Ok(root)
    }

    /// Takes a text that a person edited in place of what was there.
    pub(crate) fn replace(&mut self, text: &str) -> Result<(), Failure> {
        let documents = ichor_yaml::parse(text).map_err(|error| {
            let start = error.span.start;
            Failure::new(format!("line {}, column {}: {}", start.line, start.column, error.message))
        })?;
        if let Some(duplicate) = documents.iter().flat_map(|document| &document.duplicates).next() {
            return Err(Failure::new(format!("line {}: the key `{}` stands here twice", duplicate.second.start.line, duplicate.key)));
        }
        let roots: Vec<Node> = documents.into_iter().map(|document| document.root).collect();
        self.root = match roots.as_slice() {
            [] => Map::new(),
            [only] if only.is_null() => Map::new(),
            roots => Self::check(&self.place, roots)?.clone(),
        };
        self.refuse_unusable()
    }

    /// Refuses a password that breaks the file of a router.
    pub(crate) fn refuse_unusable(&self) -> Result<(), Failure> {
        let breaks = |text: &str| {
            text.is_empty() || text.len() > LONGEST_MD5 || !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains('"')
        };
        let values = self.values();
        let Some((name, _)) = values.iter().find(|(name, value)| name.starts_with("bgp.") && breaks(value.expose())) else {
            return Ok(());
        };
        Err(Failure::new(format!(
            "no router takes the password `{name}`: it must be 1 to {LONGEST_MD5} characters of ASCII, without blanks and double quotes"
        ))
        .help(format!("store another with `ichor secrets set {name}`, or make one with `ichor secrets rotate {name}`")))
    }

    /// The plaintext, for an editor.
    pub(crate) fn plaintext(&self) -> String {
        ichor_yaml::emit(&Node::from(self.root.clone()), Layout::Two)
    }

    /// The passwords and tokens that are wanted: one that is kept and not in use must not get into a file.
    pub(crate) fn secrets(&self, wanted: &[WantedSecret]) -> Secrets {
        let mut values = self.values();
        values.retain(|name, _| wanted.iter().any(|secret| secret.name == *name));
        Secrets::new(values)
    }

    fn values(&self) -> BTreeMap<String, SecretText> {
        let mut values = BTreeMap::new();
        for entry in self.root.entries.iter().filter(|entry| entry.key != TALOS) {
            flatten(&entry.key, &entry.node, &mut values);
        }
        values
    }

    /// Stores a secret.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let keys: Vec<&str> = name.split('.').collect();
        put(&mut self.root, &keys, value)
            .ok_or_else(|| Failure::new(format!("`{name}` is in the way of another secret")).help("look with `ichor secrets edit`"))
    }

    /// Makes the passwords that are wanted and not there yet, and returns their names.
    pub(crate) fn complete(&mut self, wanted: &[WantedSecret]) -> Result<Vec<String>, Failure> {
        let there = self.values();
        let mut made = Vec::new();
        for secret in wanted.iter().filter(|secret| !there.contains_key(&secret.name)) {
            if let SecretOrigin::Generated { length } = secret.origin {
                self.set(&secret.name, &password(length)?)?;
                made.push(secret.name.clone());
            }
        }
        Ok(made)
    }

    pub(crate) fn bundle(&self) -> Option<Result<SecretsBundle, Failure>> {
        let node = self.root.get(TALOS)?;
        Some(parse_bundle(node).map_err(|error| Failure::new(format!("`{}`: {}", self.place.display(), error.message))))
    }

    pub(crate) fn has_bundle(&self) -> bool {
        self.root.get(TALOS).is_some()
    }

    /// Makes a new Talos bundle.
    pub(crate) fn make_bundle(&mut self) -> Result<(), Failure> {
        let mut bytes = [0; 32];
        system::with_entropy(|fill| fill(&mut bytes))?;
        let bundle = SecretsBundle::generate(&Entropy::new(bytes), system::unix_now_s());
        self.set_bundle(&bundle.map_err(|error| Failure::new(error.to_string()))?)
    }

    /// Keeps a Talos bundle.
    pub(crate) fn set_bundle(&mut self, bundle: &SecretsBundle) -> Result<(), Failure> {
        let yaml = ichor_yaml::parse_one(bundle.to_yaml().reveal()).map_err(|error| Failure::new(error.message))?;
        self.root.set(TALOS, yaml);
        Ok(())
    }

    /// The file's new bytes, which are the old ones if nothing changed.
    pub(crate) fn seal(&self, terms: &Terms, identities: &Identities) -> Result<String, Failure> {
        let now = system::timestamp(system::unix_now_s())?;
        let previous = self.sealed.as_deref().map(|text| Previous { text, identities: &identities.usable });
        let documents = [Node::from(self.root.clone())];
        let sealed = system::with_entropy(|entropy| ichor_sops::seal(previous, &documents, terms, entropy, &now))?
            .map_err(|error| sealing::failure(&self.place, &error, identities))?;
        sealing::refuse_readable(&self.place.display().to_string(), &sealed)?;
        Ok(sealed)
    }
}

/// Everyone who may read the secrets, as `cluster.yaml` says.
pub(crate) fn recipients(described: &Described) -> Result<Vec<Recipient>, Failure> {
    let parse = |text: &str| text.parse().map_err(|error: ichor_sops::Error| Failure::new(error.message).help(error.help));
    described.cluster.secrets.recipients.iter().map(|recipient| parse(recipient.as_str())).collect()
}

/// A new password of letters and digits.
pub(crate) fn password(length: usize) -> Result<String, Failure> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut byte = [0];
        system::with_entropy(|fill| fill(&mut byte))?;
        // 248 is the largest multiple of 62 in a byte: what lies above would favour the first characters.
        let index = usize::from(byte[0]);
        if let Some(c) = (index < 248).then(|| ALPHABET.get(index % 62)).flatten() {
            text.push(char::from(*c));
        }
    }
    Ok(text)
}

/// Reads a bundle that is a part of the file.
fn parse_bundle(node: &Node) -> Result<SecretsBundle, ichor_talos_config::BundleError> {
    SecretsBundle::parse(&ichor_yaml::emit(node, Layout::Two))
}

fn first_non_text(name: &str, map: &Map) -> Option<String> {
    map.entries.iter().find_map(|entry| {
        let name = if name.is_empty() { entry.key.clone() } else { format!("{name}.{}", entry.key) };
        match &entry.node.value {
            Value::Map(inner) => first_non_text(&name, inner),
            Value::Str(_) => None,
            _ => Some(name),
        }
    })
}

fn flatten(name: &str, node: &Node, out: &mut BTreeMap<String, SecretText>) {
    match &node.value {
        Value::Map(map) => map.entries.iter().for_each(|entry| flatten(&format!("{name}.{}", entry.key), &entry.node, out)),
        Value::Str(text) => {
            out.insert(name.to_owned(), SecretText::new(text.clone()));
        }
        _ => {}
    }
}

fn put(map: &mut Map, keys: &[&str], value: &str) -> Option<()> {
    match keys {
        [] => None,
        [last] => {
            let free = map.get(last).is_none_or(|node| node.as_map().is_none());
            free.then(|| map.set(*last, value))
        }
        [first, rest @ ..] => {
            if map.get(first).is_none() {
                map.set(*first, Map::new());
            }
            put(map.get_mut(first)?.as_map_mut()?, rest, value)
        }
    }
}
