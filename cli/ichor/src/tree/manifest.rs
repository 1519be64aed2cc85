//! The record of what ichor wrote: how it knows its own files from those of the user.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::path::{RECORDS, TreePath};
use crate::failure::Failure;

/// The path of the record; it belongs into Git with the files that it lists.
pub const MANIFEST: &str = ".ichor/manifest.json";

const FORMAT: u32 = 1;

/// Every file that ichor wrote, with the digest of what it wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The cluster for which it wrote them; empty as long as nothing is written.
    pub cluster: String,
    pub files: BTreeMap<TreePath, Digest>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnDisk {
    format: u32,
    cluster: String,
    files: BTreeMap<String, Digest>,
}

impl Manifest {
    /// Reads the record. It may come from anyone's branch, so its paths are checked like any input.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let wrong = |why: String| {
            Failure::new(format!("`{MANIFEST}` cannot be read: {why}"))
                .help("restore it from Git; after a merge, keep either side: the next `ichor configure` mends the rest")
        };
        let on_disk: OnDisk = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        if on_disk.format != FORMAT {
            return Err(wrong(format!("it has format {}, and this ichor knows format {FORMAT}", on_disk.format)));
        }
        let mut files = BTreeMap::new();
        for (path, digest) in on_disk.files {
            files.insert(TreePath::new(&path).map_err(|failure| wrong(failure.message))?, digest);
        }
        Ok(Self { cluster: on_disk.cluster, files })
    }

    /// The record as it is written: sorted, one file a line, so that Git merges it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let files = self.files.iter().map(|(path, digest)| (path.to_string(), digest.clone())).collect();
        let mut bytes = serde_json::to_vec_pretty(&OnDisk { format: FORMAT, cluster: self.cluster.clone(), files }).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// Whether a path is one of ichor's own records, which are never rendered.
pub fn is_record(path: &TreePath) -> bool {
    path.as_str().split('/').next() == Some(RECORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_back_as_written() {
        let files = ["b/c.yaml", "a.yaml"].map(|path| (TreePath::new(path).unwrap(), Digest::of(path.as_bytes())));
        let manifest = Manifest { cluster: "home".to_owned(), files: files.into() };
        let bytes = manifest.to_bytes();
        assert_eq!(Manifest::parse(&bytes).unwrap(), manifest);
        assert_eq!(String::from_utf8(bytes).unwrap().lines().count(), 8);
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        let text = r#"{ "format": 1, "cluster": "home", "files": { "../../etc/passwd": "00" } }"#;
        assert!(Manifest::parse(text.as_bytes()).unwrap_err().message.contains("../../etc/passwd"));
        assert!(Manifest::parse(b"<<<<<<< HEAD").unwrap_err().help.unwrap().contains("merge"));
        assert!(Manifest::parse(br#"{ "format": 2, "cluster": "home", "files": {} }"#).unwrap_err().message.contains("format 2"));
    }
}
