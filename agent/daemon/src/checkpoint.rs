//! The objects as they were last known: what a node that comes up works with before anybody tells it more.
//!
//! Only objects that the datapath depends on are kept, so a Secret that lies beside them is not copied.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ichor_agent_state::Documents;
use ichor_yaml::{Layout, Node as Yaml, emit_all};

use crate::fault::Fault;
use crate::store::write_durably;

const KEPT: [&str; 6] = ["Node", "CiliumNode", "Namespace", "Pod", "Service", "EndpointSlice"];

#[derive(Debug)]
pub(crate) struct Checkpoint {
    place: PathBuf,
    texts: BTreeMap<String, String>,
    changed: bool,
}

impl Checkpoint {
    /// A file that is missing or broken counts as empty: it is a help and not the truth.
    pub(crate) fn open(place: &Path) -> Result<(Self, Option<String>), Fault> {
        let mut checkpoint = Self { place: place.to_owned(), texts: BTreeMap::new(), changed: false };
        let text = match std::fs::read_to_string(place) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((checkpoint, None)),
            Err(error) => return Err(Fault::file("reading", place, &error)),
        };
        match serde_json::from_str(&text) {
            Ok(texts) => checkpoint.texts = texts,
            Err(_) => return Ok((checkpoint, Some(format!("{}: cannot be read, and counts as empty", place.display())))),
        }
        Ok((checkpoint, None))
    }

    pub(crate) fn texts(&self) -> &BTreeMap<String, String> {
        &self.texts
    }

    /// Keeps what is to be kept of a file.
    pub(crate) fn keep(&mut self, file: &str, text: String) {
        if self.texts.get(file) != Some(&text) {
            self.texts.insert(file.to_owned(), text);
            self.changed = true;
        }
    }

    pub(crate) fn forget(&mut self, file: &str) {
        self.changed |= self.texts.remove(file).is_some();
    }

    /// Writes it if something changed.
    pub(crate) fn save(&mut self) -> Result<(), Fault> {
        if self.changed {
            write_durably(&self.place, |file| serde_json::to_writer(file, &self.texts).map_err(Into::into))?;
            self.changed = false;
        }
        Ok(())
    }
}

/// What is to be kept of a file's text; nothing where it cannot be read.
pub(crate) fn kept(text: String, documents: &Documents) -> Option<String> {
    let documents = documents.as_ref().ok()?;
    let is_kept = |root: &&Yaml| root.get("kind").and_then(Yaml::as_str).is_some_and(|kind| KEPT.contains(&kind.trim_end_matches("List")));
    let roots = || documents.iter().map(|document| &document.root);
    Some(if roots().all(|root| is_kept(&root)) { text } else { emit_all(roots().filter(is_kept), Layout::Two) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_kept_and_secrets_are_not() {
        let folder = std::env::temp_dir().join(format!("ichor-checkpoint-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let place = folder.join("checkpoint");
        let (mut checkpoint, _) = Checkpoint::open(&place).unwrap();
        let mut keep = |file: &str, text: &str| {
            if let Some(text) = kept(text.to_owned(), &ichor_yaml::parse(text)) {
                checkpoint.keep(file, text);
            }
        };
        keep("a.yaml", "kind: Node\nmetadata: {name: one}\n---\nkind: Secret\nstringData: {key: hidden}\n");
        keep("b.yaml", "kind: Service\n");
        keep("a.yaml", "kind: [");
        checkpoint.forget("b.yaml");
        checkpoint.save().unwrap();
        let (again, problem) = Checkpoint::open(&place).unwrap();
        assert_eq!(problem, None);
        let text = &again.texts()["a.yaml"];
        assert!(text.contains("name: one") && !text.contains("hidden"), "{text}");
        assert_eq!(again.texts().len(), 1);
        std::fs::write(&place, "{").unwrap();
        assert!(Checkpoint::open(&place).unwrap().1.is_some());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
