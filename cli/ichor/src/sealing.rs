//! Sealing rendered files, so that the bytes of each stay the same while its plaintext does.

use std::path::Path;

use ichor_sops::age::Recipient;
use ichor_sops::{CreationRules, Error, ErrorKind, Previous, Rules, Terms, Timestamp};
use ichor_yaml::{Layout, Node};

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
        sealed.map_err(|error| failure(Path::new(path), &error, self.identities))
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
