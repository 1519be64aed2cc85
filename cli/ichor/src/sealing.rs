//! Sealing rendered files, so that the bytes of each stay the same while its plaintext does.

use std::path::Path;

use ichor_sops::age::Recipient;
use ichor_sops::{CreationRules, Error, ErrorKind, Previous, Rules, Terms, Timestamp};
use ichor_yaml::{Layout, Node, Value};

use crate::failure::Failure;
use crate::identities::Identities;
use crate::system;

/// For whom and how files are sealed.
#[derive(Debug)]
pub(crate) struct Sealing<'a> {
    rules: Option<CreationRules>,
    recipients: Vec<Recipient>,
    identities: &'a Identities,
    now: Timestamp,
}

impl<'a> Sealing<'a> {
    /// Who may read comes from `cluster.yaml`; which values are hidden, from the `.sops.yaml` with this text.
    pub(crate) fn new(sops_yaml: Option<&str>, recipients: Vec<Recipient>, identities: &'a Identities) -> Result<Self, Failure> {
        let rules = sops_yaml.map(CreationRules::parse).transpose().map_err(|error| described(".sops.yaml", &error))?;
        let now = system::timestamp(system::unix_now_s())?;
        Ok(Self { rules, recipients, identities, now })
    }

    /// The terms for a file, whose path is relative to the folder of `.sops.yaml`.
    pub(crate) fn terms(&self, path: &str) -> Result<Terms, Failure> {
        let found = match &self.rules {
            Some(rules) => match rules.terms_for(path) {
                // A rule that is wrong has a place; that none matches has none, and everything is hidden then.
                Err(error) if error.position.is_some() => return Err(described(".sops.yaml", &error)),
                other => other.ok().flatten(),
            },
            None => None,
        };
        let (rules, layout) = found.map_or_else(|| (Rules::default(), Layout::Four), |terms| (terms.rules, terms.layout));
        Ok(Terms { recipients: self.recipients.clone(), rules, layout })
    }

    /// Seals a file; `previous` is what is on disk.
    pub(crate) fn seal(&self, path: &str, plaintext: &str, previous: Option<&str>) -> Result<String, Failure> {
        let terms = self.terms(path)?;
        let previous = previous.map(|text| Previous { text, identities: &self.identities.usable });
        let sealed = if is_yaml(path) {
            let documents =
                ichor_yaml::parse(plaintext).map_err(|error| Failure::new(format!("`{path}` is not YAML: {}", error.message)))?;
            let documents: Vec<Node> = documents.into_iter().map(|document| document.root).collect();
            system::with_entropy(|entropy| ichor_sops::seal(previous, &documents, &terms, entropy, &self.now))?
        } else {
            system::with_entropy(|entropy| ichor_sops::seal_binary(previous, plaintext.as_bytes(), &terms, entropy, &self.now))?
        };
        let sealed = sealed.map_err(|error| failure(Path::new(path), &error, self.identities))?;
        refuse_readable(path, &sealed)?;
        Ok(sealed)
    }
}

/// Refuses a sealed file in which the rules of `.sops.yaml` left a secret as it was.
pub(crate) fn refuse_readable(path: &str, sealed: &str) -> Result<(), Failure> {
    let Some(name) = readable(sealed) else { return Ok(()) };
    let failure = Failure::new(format!("`.sops.yaml` would leave `{name}` of `{path}` in clear text; nothing was written"));
    Err(failure.help("let the rule for this file hide every value, or give up the edit of `.sops.yaml` with `ichor configure --overwrite`"))
}

/// The name of a value that should be hidden in a sealed file, and is not.
pub(crate) fn readable(sealed: &str) -> Option<String> {
    let documents = ichor_yaml::parse(sealed).unwrap_or_default();
    documents.iter().filter_map(|document| document.root.as_map()).find_map(|root| {
        let is_secret = root.get("kind").and_then(Node::as_str) == Some("Secret");
        let hides = |key: &str| if is_secret { matches!(key, "data" | "stringData") } else { key != "sops" };
        root.entries.iter().filter(|entry| hides(&entry.key)).find_map(|entry| readable_in(&entry.key, &entry.key, &entry.node))
    })
}

fn readable_in(key: &str, name: &str, node: &Node) -> Option<String> {
    match &node.value {
        Value::Map(map) => map.entries.iter().find_map(|entry| readable_in(&entry.key, &format!("{name}.{}", entry.key), &entry.node)),
        Value::Seq(items) => items.iter().find_map(|item| readable_in(key, name, item)),
        Value::Null => None,
        Value::Str(text) if text.is_empty() || text.starts_with("ENC[") => None,
        // Certificates are public, and the suffix is how `sops` lets a person say so.
        _ => (key != "crt" && !key.ends_with("_unencrypted")).then(|| name.to_owned()),
    }
}

/// Whether `sops` takes a file with this name for YAML.
pub(crate) fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// A sealed file that does not open, with what to do about it.
pub(crate) fn failure(place: &Path, error: &Error, identities: &Identities) -> Failure {
    let failure = described(&place.display().to_string(), error);
    if error.kind == ErrorKind::NoIdentity { failure.help(identities.help()) } else { failure }
}

fn described(place: &str, error: &Error) -> Failure {
    let at = error.position.map(|position| format!(":{}:{}", position.line, position.column)).unwrap_or_default();
    Failure::new(format!("{place}{at}: {}", error.message)).help(error.help.clone())
}
