//! Writing a single file that is not part of the tree.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use crate::failure::Failure;

/// Puts new bytes in the place of a file, in one step: whoever reads finds all of the old file or all of the new.
pub fn write(place: &Path, bytes: &[u8]) -> Result<(), Failure> {
    // A link stays one, and what it points at is replaced.
    let place = place.canonicalize().unwrap_or_else(|_| place.to_owned());
    let draft = place.with_added_extension(format!("{}.new", std::process::id()));
    let written = draft_of(&draft, &place, bytes).and_then(|()| fs::rename(&draft, &place));
    written.map_err(|error| {
        let _ = fs::remove_file(&draft);
        Failure::io("cannot write", &place, &error)
    })
}

fn draft_of(draft: &Path, place: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(draft)?;
    if let Ok(meta) = fs::metadata(place) {
        file.set_permissions(meta.permissions())?;
    }
    file.write_all(bytes)?;
    file.sync_all()
}
