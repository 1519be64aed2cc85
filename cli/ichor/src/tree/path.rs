//! Paths below the output folder.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The folder of ichor's own records in the output folder.
pub const RECORDS: &str = ".ichor";

/// A path below the output folder, with `/` between its parts and no way out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreePath(String);

impl TreePath {
    /// Takes a path that names a file below the folder; Git's own folder is out of bounds too.
    pub fn new(text: &str) -> Result<Self, Failure> {
        let fits = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.eq_ignore_ascii_case(".git");
        if text.split('/').all(fits) && !text.contains('\\') && !text.contains(char::is_control) {
            return Ok(Self(text.to_owned()));
        }
        // What a terminal would obey is not printed.
        let shown = text.replace(char::is_control, "\u{fffd}");
        Err(Failure::new(format!("`{shown}` is not a path below the output folder")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it is.
    pub fn below(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }

    /// The folders on the way to it, the outermost first.
    pub fn folders(&self) -> impl DoubleEndedIterator<Item = TreePath> + '_ {
        let ends: Vec<usize> = self.0.match_indices('/').map(|(at, _)| at).collect();
        ends.into_iter().filter_map(|end| self.0.get(..end)).map(|folder| Self(folder.to_owned()))
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out() {
        for text in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a/.git/hooks/x", ".GIT/config", "a\\b", "a\0b", "a\x1bb"] {
            assert!(TreePath::new(text).is_err(), "{text}");
        }
        let path = TreePath::new("cluster/apps/x.yaml").unwrap();
        assert_eq!(path.folders().map(|folder| folder.to_string()).collect::<Vec<_>>(), ["cluster", "cluster/apps"]);
        assert_eq!(TreePath::new("x.yaml").unwrap().folders().count(), 0);
    }
}
