//! The objects as they were last known: what a node that comes up works with before anybody tells it more.
//!
//! Only objects that the datapath depends on are kept, so a Secret that lies beside them is not copied.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use ichor_agent_state::{Documents, objects_of};
use ichor_yaml::{Layout, Node as Yaml, emit_all};

use crate::fault::Fault;
use crate::store::write_durably;

const KEPT: [&str; 6] = ["Node", "CiliumNode", "Namespace", "Pod", "Service", "EndpointSlice"];

/// A line with the texts of all files, and one for each later save with those that changed: a large cluster changes all the
/// time, a little.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    place: PathBuf,
    texts: BTreeMap<String, String>,
    changed: BTreeSet<String>,
    /// The bytes of the first line, and those behind it.
    whole: usize,
    more: usize,
}

impl Checkpoint {
    /// A file that is missing or broken counts as empty, and so does what follows a broken line: it is a help and not the truth.
    pub(crate) fn open(place: &Path) -> Result<(Self, Option<String>), Fault> {
        let mut checkpoint = Self { place: place.to_owned(), texts: BTreeMap::new(), changed: BTreeSet::new(), whole: 0, more: 0 };
        let text = match std::fs::read_to_string(place) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((checkpoint, None)),
            Err(error) => return Err(Fault::file("reading", place, &error)),
        };
        for line in text.split_inclusive('\n') {
            let Ok(files) = serde_json::from_str::<BTreeMap<String, Option<String>>>(line) else {
                // The next save writes all of it.
                checkpoint.whole = 0;
                return Ok((checkpoint, Some(format!("{}: a line cannot be read, and counts as empty", place.display()))));
            };
            for (file, text) in files {
                match text {
                    Some(text) => drop(checkpoint.texts.insert(file, text)),
                    None => drop(checkpoint.texts.remove(&file)),
                }
            }
            let part = if checkpoint.whole == 0 { &mut checkpoint.whole } else { &mut checkpoint.more };
            *part += line.len();
        }
        if !text.ends_with('\n') {
            // Nothing may follow on the same line: the next save writes all of it.
            checkpoint.whole = 0;
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
            self.changed.insert(file.to_owned());
        }
    }

    pub(crate) fn forget(&mut self, file: &str) {
        if self.texts.remove(file).is_some() {
            self.changed.insert(file.to_owned());
        }
    }

    /// Writes what has changed, and everything anew once that has become as much.
    pub(crate) fn save(&mut self) -> Result<(), Fault> {
        if self.changed.is_empty() {
            return Ok(());
        }
        let wrong = |error: std::io::Error| Fault::file("writing", &self.place, &error);
        let changes: BTreeMap<_, _> = self.changed.iter().map(|file| (file, self.texts.get(file))).collect();
        let bytes: usize = changes.values().map(|text| text.map_or(0, String::len)).sum();
        if self.more + bytes >= self.whole {
            // Never in memory as one: a process keeps what it once had.
            write_durably(&self.place, |file| {
                serde_json::to_writer(&mut *file, &self.texts).map_err(Into::into).and_then(|()| file.write_all(b"\n"))
            })?;
            let length = std::fs::metadata(&self.place).map_err(wrong)?.len();
            (self.whole, self.more) = (usize::try_from(length).unwrap_or(usize::MAX), 0);
        } else {
            let mut line = serde_json::to_vec(&changes).map_err(|error| wrong(error.into()))?;
            line.push(b'\n');
            let append = || {
                let mut file = OpenOptions::new().append(true).open(&self.place)?;
                file.write_all(&line)?;
                file.sync_data()
            };
            if let Err(error) = append() {
                // Half of a line may be there: the next save writes all of it.
                self.whole = 0;
                return Err(Fault::file("writing", &self.place, &error));
            }
            self.more += line.len();
        }
        self.changed.clear();
        Ok(())
    }
}

/// What is to be kept of a file's text; nothing where it cannot be read.
pub(crate) fn kept(text: String, documents: &Documents) -> Option<String> {
    let documents = documents.as_ref().ok()?;
    let is_kept = |object: &&Yaml| object.get("kind").and_then(Yaml::as_str).is_some_and(|kind| KEPT.contains(&kind));
    let objects = || documents.iter().flat_map(|document| objects_of(&document.root));
    Some(if objects().all(|object| is_kept(&object)) { text } else { emit_all(objects().filter(is_kept), Layout::Two) })
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
        keep("c.yaml", "kind: List\nitems:\n- {kind: Pod, metadata: {name: two}}\n- {kind: Secret, stringData: {key: hidden}}\n");
        checkpoint.forget("b.yaml");
        checkpoint.save().unwrap();
        let (again, problem) = Checkpoint::open(&place).unwrap();
        assert_eq!(problem, None);
        let text = &again.texts()["a.yaml"];
        assert!(text.contains("name: one") && !text.contains("hidden"), "{text}");
        let text = &again.texts()["c.yaml"];
        assert!(text.contains("name: two") && !text.contains("hidden"), "{text}");
        assert_eq!(again.texts().len(), 2);
        std::fs::write(&place, "{").unwrap();
        assert!(Checkpoint::open(&place).unwrap().1.is_some());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_changes_is_written_behind_what_is_there() {
        let folder = std::env::temp_dir().join(format!("ichor-checkpoint-more-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let place = folder.join("checkpoint");
        let length = || std::fs::metadata(&place).unwrap().len();
        let read = || Checkpoint::open(&place).unwrap();
        let (mut checkpoint, _) = read();
        (0..100).for_each(|file| checkpoint.keep(&format!("{file}.yaml"), format!("text of {file}")));
        checkpoint.save().unwrap();
        let whole = length();
        checkpoint.keep("7.yaml", "another text".to_owned());
        checkpoint.forget("8.yaml");
        checkpoint.save().unwrap();
        checkpoint.save().unwrap();
        assert!(length() < whole + 100, "{} after {whole}", length());
        assert_eq!(read().0.texts(), checkpoint.texts());
        assert_eq!(read().0.texts()["7.yaml"], "another text");
        // A loss of power: the last line is half there, and the next save mends it.
        let text = std::fs::read_to_string(&place).unwrap();
        std::fs::write(&place, &text[..text.len() - 5]).unwrap();
        let (mut torn, problem) = read();
        assert!(problem.is_some() && torn.texts()["7.yaml"] == "text of 7" && torn.texts().len() == 100);
        torn.keep("9.yaml", "a text after it".to_owned());
        torn.save().unwrap();
        assert_eq!((read().0.texts(), read().1), (torn.texts(), None));
        // The last line is whole but for its end, and an earlier release's only one has none.
        for text in [text.trim_end(), r#"{"a.yaml":"text of a","b.yaml":"text of b"}"#] {
            std::fs::write(&place, text).unwrap();
            let (mut unended, problem) = read();
            assert_eq!(problem, None);
            unended.keep("9.yaml", "a text after it".to_owned());
            unended.save().unwrap();
            assert_eq!((read().0.texts(), read().1), (unended.texts(), None));
        }
        checkpoint.whole = 0;
        for time in 0..1000 {
            checkpoint.keep("9.yaml", format!("the text at {time}"));
            checkpoint.save().unwrap();
            assert!(length() < whole * 3, "{} after {whole}", length());
        }
        assert_eq!(read().0.texts(), checkpoint.texts());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
