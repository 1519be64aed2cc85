//! What is in the output folder now.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use super::path::TreePath;
use crate::failure::Failure;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    File {
        bytes: Vec<u8>,
        /// Its permission bits.
        mode: u32,
    },
    /// Something that ichor neither wrote nor follows, in words.
    Other(String),
}

/// Looks at one path; a symbolic link on the way or at its end is never followed.
pub fn look(root: &Path, path: &TreePath) -> Result<Found, Failure> {
    for folder in path.folders() {
        let place = folder.below(root);
        match entry(&place)? {
            None => return Ok(Found::Nothing),
            Some(meta) if meta.is_dir() => {}
            Some(meta) => return Ok(Found::Other(format!("`{folder}` is {}, not a folder", kind(&meta)))),
        }
    }
    let place = path.below(root);
    match entry(&place)? {
        None => Ok(Found::Nothing),
        Some(meta) if meta.is_file() => {
            let bytes = fs::read(&place).map_err(|error| Failure::io("cannot read", &place, &error))?;
            Ok(Found::File { bytes, mode: meta.permissions().mode() & 0o7777 })
        }
        Some(meta) => Ok(Found::Other(format!("it is {}", kind(&meta)))),
    }
}

/// The entry at a place, without following a link.
fn entry(place: &Path) -> Result<Option<fs::Metadata>, Failure> {
    match fs::symlink_metadata(place) {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Failure::io("cannot look at", place, &error)),
    }
}

fn kind(meta: &fs::Metadata) -> &'static str {
    let kind = meta.file_type();
    if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_file() {
        "a file"
    } else {
        "neither a file nor a folder"
    }
}

/// The output folder itself; a link to it is followed here and never below.
pub fn root(out: &Path) -> Result<PathBuf, Failure> {
    match out.canonicalize() {
        Ok(root) if root.is_dir() => Ok(root),
        Ok(_) => Err(Failure::new(format!("the output folder `{}` is not a folder", out.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            not_yet(out).ok_or_else(|| Failure::io("cannot reach the output folder", out, &error))
        }
        Err(error) => Err(Failure::io("cannot reach the output folder", out, &error)),
    }
}

/// Where a folder will be that a write would make, with the folders on the way to it.
fn not_yet(out: &Path) -> Option<PathBuf> {
    let there = |folder: &&Path| folder.as_os_str().is_empty() || folder.exists();
    let folder = out.ancestors().skip(1).find(there)?;
    let rest = out.strip_prefix(folder).ok()?;
    let from = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let plain = rest.components().all(|part| matches!(part, Component::Normal(_)));
    plain.then(|| from.canonicalize().ok())?.map(|from| from.join(rest))
}
