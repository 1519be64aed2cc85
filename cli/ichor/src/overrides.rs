//! The user's own templates, which stand in for those of the same name.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::failure::Failure;

/// Where they are looked for beside `cluster.yaml` when no folder is named.
pub(crate) const DEFAULT_FOLDER: &str = ".ichor/templates";

/// Reads every file below a folder, by its path in it.
pub(crate) fn read(folder: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let mut texts = BTreeMap::new();
    walk(folder, "", &mut texts)?;
    Ok(texts)
}

fn walk(folder: &Path, prefix: &str, texts: &mut BTreeMap<String, String>) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::io("cannot list the templates in", folder, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| Failure::io("cannot list the templates in", folder, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            walk(&path, &format!("{name}/"), texts)?;
        } else {
            let text = fs::read_to_string(&path).map_err(|error| Failure::io("cannot read the template", &path, &error))?;
            texts.insert(name, text);
        }
    }
    Ok(())
}
