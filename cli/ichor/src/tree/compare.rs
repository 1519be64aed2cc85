//! What would change: a pure comparison of what is wanted, what was written before, and what is there.

use std::collections::BTreeMap;

use super::digest::Digest;
use super::found::Found;
use super::manifest::Manifest;
use super::path::TreePath;

/// A file as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub bytes: Vec<u8>,
    pub ownership: Ownership,
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Rendered: a hand edit is kept, and the file goes when it is no longer rendered.
    Rendered,
    /// The user's as much as ichor's, like the secrets: changed on purpose, not recorded, never removed.
    Shared,
}

/// What happens to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Add { new: Vec<u8> },
    Replace { old: Vec<u8>, new: Vec<u8>, mode: u32 },
    Remove { old: Vec<u8> },
}

/// Why a file stays as it is although it is not what would be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It was edited by hand.
    Edited,
    /// It was edited by hand and is no longer rendered: from now on it is the user's.
    EditedAndNoLongerRendered,
}

/// The whole difference.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    pub changes: BTreeMap<TreePath, Change>,
    pub kept: BTreeMap<TreePath, Kept>,
    /// Paths that ichor wants and that somebody else holds, with what is there.
    pub foreign: BTreeMap<TreePath, String>,
    pub unchanged: usize,
    /// The record after the change.
    pub manifest: Manifest,
}

/// Compares; with `overwrite`, hand edits of rendered files give way, but never files that ichor did not write.
pub fn compare(wanted: &BTreeMap<TreePath, Wanted>, before: &Manifest, found: &BTreeMap<TreePath, Found>, overwrite: bool) -> Comparison {
    let mut out = Comparison::default();
    for (path, file) in wanted {
        let there = found.get(path).unwrap_or(&Found::Nothing);
        match file.ownership {
            Ownership::Shared => out.shared(path, file, there),
            Ownership::Rendered => out.rendered(path, file, before.files.get(path), there, overwrite),
        }
    }
    for (path, written) in before.files.iter().filter(|(path, _)| !wanted.contains_key(*path)) {
        out.no_longer_rendered(path, written, found.get(path).unwrap_or(&Found::Nothing), overwrite);
    }
    out
}

impl Comparison {
    fn shared(&mut self, path: &TreePath, file: &Wanted, there: &Found) {
        match there {
            Found::Nothing => self.add(path, file),
            Found::File { bytes, .. } if *bytes == file.bytes => self.unchanged += 1,
            Found::File { bytes, mode } => self.replace(path, bytes, file, *mode),
            Found::Other(what) => {
                self.foreign.insert(path.clone(), what.clone());
            }
        }
    }

    fn rendered(&mut self, path: &TreePath, file: &Wanted, written: Option<&Digest>, there: &Found, overwrite: bool) {
        let record = |out: &mut Self| out.manifest.files.insert(path.clone(), Digest::of(&file.bytes));
        match (there, written) {
            (Found::Nothing, _) => {
                self.add(path, file);
                record(self);
            }
            // The same bytes are the same file, whoever wrote them: a clone without the record goes on working.
            (Found::File { bytes, .. }, _) if *bytes == file.bytes => {
                self.unchanged += 1;
                record(self);
            }
            (Found::File { bytes, mode }, Some(written)) if overwrite || Digest::of(bytes) == *written => {
                self.replace(path, bytes, file, *mode);
                record(self);
            }
            (Found::File { .. }, Some(written)) => {
                self.kept.insert(path.clone(), Kept::Edited);
                self.manifest.files.insert(path.clone(), written.clone());
            }
            (Found::File { .. }, None) => {
                self.foreign.insert(path.clone(), "it is a file that ichor did not write".to_owned());
            }
            (Found::Other(what), _) => {
                self.foreign.insert(path.clone(), what.clone());
            }
        }
    }

    fn no_longer_rendered(&mut self, path: &TreePath, written: &Digest, there: &Found, overwrite: bool) {
        match there {
            Found::File { bytes, .. } if overwrite || Digest::of(bytes) == *written => {
                self.changes.insert(path.clone(), Change::Remove { old: bytes.clone() });
            }
            Found::File { .. } => {
                self.kept.insert(path.clone(), Kept::EditedAndNoLongerRendered);
            }
            // Somebody took the file away, or put something else there: nothing of ours is left.
            Found::Nothing | Found::Other(_) => {}
        }
    }

    fn add(&mut self, path: &TreePath, file: &Wanted) {
        self.changes.insert(path.clone(), Change::Add { new: file.bytes.clone() });
    }

    fn replace(&mut self, path: &TreePath, old: &[u8], file: &Wanted, mode: u32) {
        self.changes.insert(path.clone(), Change::Replace { old: old.to_vec(), new: file.bytes.clone(), mode });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::new(text).unwrap()
    }

    fn file(text: &str) -> Found {
        Found::File { bytes: text.into(), mode: 0o644 }
    }

    fn run(wanted: &[&str], written: &[(&str, &str)], found: &[(&str, Found)], overwrite: bool) -> Comparison {
        let wanted = wanted.iter().map(|p| (path(p), Wanted { bytes: b"new".to_vec(), ownership: Ownership::Rendered })).collect();
        let files = written.iter().map(|(p, text)| (path(p), Digest::of(text.as_bytes()))).collect();
        let found = found.iter().map(|(p, found)| (path(p), found.clone())).collect();
        compare(&wanted, &Manifest { cluster: String::new(), files }, &found, overwrite)
    }

    #[test]
    fn a_hand_edit_is_kept_until_told_otherwise() {
        let (written, found) = ([("a", "old")], [("a", file("edited"))]);
        let kept = run(&["a"], &written, &found, false);
        assert_eq!(kept.kept.get(&path("a")), Some(&Kept::Edited));
        assert!(kept.changes.is_empty());
        // The record stays, or the edit would pass for ichor's own work the next time.
        assert_eq!(kept.manifest.files[&path("a")], Digest::of(b"old"));
        let overwritten = run(&["a"], &written, &found, true);
        assert!(matches!(overwritten.changes[&path("a")], Change::Replace { .. }));
    }

    #[test]
    fn a_foreign_file_is_never_touched() {
        for overwrite in [false, true] {
            let out = run(&["a"], &[], &[("a", file("mine"))], overwrite);
            assert!(out.changes.is_empty() && out.foreign.contains_key(&path("a")), "{out:?}");
            let link = run(&["a"], &[("a", "old")], &[("a", Found::Other("it is a symbolic link".into()))], overwrite);
            assert!(link.changes.is_empty() && link.foreign.contains_key(&path("a")), "{link:?}");
        }
    }

    #[test]
    fn what_is_no_longer_rendered_goes_unless_it_was_edited() {
        let written = [("gone", "old"), ("edited", "old"), ("away", "old")];
        let found = [("gone", file("old")), ("edited", file("mine")), ("away", Found::Nothing)];
        let out = run(&[], &written, &found, false);
        assert_eq!(out.changes.keys().map(TreePath::as_str).collect::<Vec<_>>(), ["gone"]);
        assert_eq!(out.kept.get(&path("edited")), Some(&Kept::EditedAndNoLongerRendered));
        assert!(out.manifest.files.is_empty());
    }

    #[test]
    fn the_same_bytes_are_taken_over() {
        let out = run(&["a"], &[], &[("a", file("new"))], false);
        assert_eq!((out.unchanged, out.changes.len(), out.foreign.len()), (1, 0, 0));
        assert_eq!(out.manifest.files[&path("a")], Digest::of(b"new"));
    }
}
