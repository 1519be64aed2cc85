//! What a run of `configure` writes: paths and bytes, sorted.

use std::collections::BTreeMap;

use crate::secrets::SecretText;

/// The content of one file.
#[derive(Clone, Debug)]
pub enum Content {
    /// Written as it is.
    Clear(String),
    /// Written as a SOPS file; the text is its plaintext.
    Secret(SecretText),
}

/// Files by path, relative to the output folder, with `/` between the parts.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, Content>,
}

impl Tree {
    /// Adds a file; a path that is there already is a mistake of the program and is kept as the first wrote it.
    pub fn insert(&mut self, path: impl Into<String>, content: Content) -> Result<(), String> {
        let path = path.into();
        if self.files.contains_key(&path) {
            return Err(path);
        }
        self.files.insert(path, content);
        Ok(())
    }

    pub fn get(&self, path: &str) -> Option<&Content> {
        self.files.get(path)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Content)> {
        self.files.iter().map(|(path, content)| (path.as_str(), content))
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}
