//! What shall be on disk, sealed where it must be, and how that differs from what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ichor_templates::{Content, Tree};

use crate::config::Described;
use crate::failure::Failure;
use crate::identities::Identities;
use crate::sealing::Sealing;
use crate::secrets_file::{self, SecretsFile};
use crate::tree::compare::{Change, Comparison, Ownership, Wanted, compare};
use crate::tree::found::{Found, look};
use crate::tree::manifest::{MANIFEST, Manifest, is_record};
use crate::tree::{Digest, TreePath};

const SOPS_YAML: &str = ".sops.yaml";

/// Where is written, and under which terms.
pub(super) struct Target<'a> {
    pub(super) root: &'a Path,
    pub(super) described: &'a Described,
    pub(super) identities: &'a Identities,
    pub(super) overwrite: bool,
}

/// What is on disk.
struct There {
    manifest: Manifest,
    found: BTreeMap<TreePath, Found>,
}

/// The secrets file, where it is outside the output folder.
pub(super) struct Apart {
    pub(super) place: PathBuf,
    pub(super) text: String,
}

impl Target<'_> {
    /// Compares the rendered tree and the secrets with what is on disk.
    pub(super) fn compare(&self, tree: &Tree, secrets: &SecretsFile) -> Result<(Comparison, Option<Apart>), Failure> {
        let secrets_path = self.secrets_path()?;
        let there = self.there(tree, secrets_path.as_ref())?;
        let sealing = Sealing::new(there.sops_yaml(tree, self.overwrite), secrets_file::recipients(self.described)?, self.identities)?;

        let mut wanted = BTreeMap::new();
        for (path, content) in tree.iter() {
            let path = TreePath::new(path)?;
            if is_record(&path) {
                return Err(Failure::new(format!("`{path}` is among ichor's own records")).help("choose another path in cluster.yaml"));
            }
            let text = match content {
                Content::Clear(text) => text.clone(),
                Content::Secret(secret) => self.seal(&sealing, &there, &path, secret.expose())?,
            };
            wanted.insert(path, Wanted { bytes: text.into_bytes(), ownership: Ownership::Rendered });
        }
        let file = self.described.cluster.secrets.file.as_str();
        let text = secrets.seal(&sealing.terms(file)?, self.identities)?;
        let apart = match secrets_path {
            Some(path) if wanted.contains_key(&path) => {
                let failure = Failure::new(format!("`secrets.file` names `{path}`, which is rendered"));
                return Err(failure.help("choose another name for the secrets"));
            }
            Some(path) => {
                wanted.insert(path, Wanted { bytes: text.into_bytes(), ownership: Ownership::Shared });
                None
            }
            None => (secrets.sealed.as_ref() != Some(&text)).then(|| Apart { place: secrets.place.clone(), text }),
        };
        let mut comparison = compare(&wanted, &there.manifest, &there.found, self.overwrite);
        self.record(&mut comparison)?;
        Ok((comparison, apart))
    }

    /// The secrets file as a path below the output folder, if it is there.
    fn secrets_path(&self) -> Result<Option<TreePath>, Failure> {
        let folder = self.described.folder();
        let folder = folder.canonicalize().map_err(|error| Failure::io("cannot reach", folder, &error))?;
        let place = folder.join(self.described.cluster.secrets.file.as_str());
        let below = place.strip_prefix(self.root).ok().and_then(Path::to_str);
        below.map(TreePath::new).transpose()
    }

    fn there(&self, tree: &Tree, secrets: Option<&TreePath>) -> Result<There, Failure> {
        let manifest = record(self.root)?;
        let rendered = tree.iter().map(|(path, _)| TreePath::new(path)).collect::<Result<Vec<_>, _>>()?;
        let mut paths: BTreeSet<&TreePath> = rendered.iter().collect();
        paths.extend(manifest.files.keys());
        paths.extend(secrets);
        let found = paths.into_iter().map(|path| Ok((path.clone(), look(self.root, path)?))).collect::<Result<_, Failure>>()?;
        Ok(There { manifest, found })
    }

    /// Seals a file. What was sealed before and does not open is given up only when the person says so, or when it is not
    /// ichor's: then it stays as it is anyway.
    fn seal(&self, sealing: &Sealing<'_>, there: &There, path: &TreePath, plaintext: &str) -> Result<String, Failure> {
        let previous = match there.found.get(path) {
            Some(Found::File { bytes, .. }) => std::str::from_utf8(bytes).ok().filter(|text| ichor_sops::is_sealed(text)),
            _ => None,
        };
        match sealing.seal(path.as_str(), plaintext, previous) {
            Err(_) if previous.is_some() && (self.overwrite || !there.manifest.files.contains_key(path)) => {
                sealing.seal(path.as_str(), plaintext, None)
            }
            Err(mut failure) if previous.is_some() => {
                let or = "or make it anew with `ichor configure --overwrite`";
                failure.help = Some(failure.help.map_or_else(|| or.to_owned(), |help| format!("{help}; {or}")));
                Err(failure)
            }
            other => other,
        }
    }

    /// Adds the record to the change, if it changes.
    fn record(&self, comparison: &mut Comparison) -> Result<(), Failure> {
        let path = TreePath::new(MANIFEST)?;
        comparison.manifest.cluster = self.described.cluster.name.to_string();
        let new = comparison.manifest.to_bytes();
        let change = match look(self.root, &path)? {
            Found::File { bytes, .. } if bytes == new => return Ok(()),
            Found::File { bytes, mode } => Change::Replace { old: bytes, new, mode },
            _ => Change::Add { new },
        };
        comparison.changes.insert(path, change);
        Ok(())
    }
}

/// The record of what was written before.
pub(super) fn record(root: &Path) -> Result<Manifest, Failure> {
    match look(root, &TreePath::new(MANIFEST)?)? {
        Found::Nothing => Ok(Manifest::default()),
        Found::File { bytes, .. } => Manifest::parse(&bytes),
        Found::Other(what) => Err(Failure::new(format!("`{MANIFEST}` cannot be read: {what}"))),
    }
}

impl There {
    /// The rules that will be on disk: a file that was edited by hand stays and counts.
    fn sops_yaml<'a>(&'a self, tree: &'a Tree, overwrite: bool) -> Option<&'a str> {
        let rendered = match tree.get(SOPS_YAML) {
            Some(Content::Clear(text)) => Some(text.as_str()),
            _ => None,
        };
        let path = TreePath::new(SOPS_YAML).ok()?;
        match (self.found.get(&path), self.manifest.files.get(&path)) {
            (Some(Found::File { bytes, .. }), Some(written)) if !overwrite && Digest::of(bytes) != *written => {
                std::str::from_utf8(bytes).ok().or(rendered)
            }
            _ => rendered,
        }
    }
}
