//! Expected output as files. `cargo xtask bless` writes them anew; Git shows what changed.

use similar::TextDiff;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const LINES_SHOWN: usize = 200;

/// Hold one output against its expected file.
#[track_caller]
pub fn assert_file(expected: &Path, content: &[u8]) {
    let folder = expected.parent().unwrap_or(expected);
    let name = expected.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if blessing() {
        write(expected, content);
        return;
    }
    let wanted = fs::read(expected).ok();
    complain(folder, &difference(&name, wanted.as_deref(), Some(content)));
}

/// Hold a whole tree (path to content) against the folder that has what is expected, and nothing else.
#[track_caller]
pub fn assert_tree(expected: &Path, tree: &BTreeMap<String, Vec<u8>>) {
    let wanted = if expected.exists() { read(expected, expected) } else { BTreeMap::new() };
    if blessing() {
        bless(expected, &wanted, tree);
        return;
    }
    let names: std::collections::BTreeSet<_> = wanted.keys().chain(tree.keys()).collect();
    let found: String =
        names.into_iter().map(|name| difference(name, wanted.get(name).map(Vec::as_slice), tree.get(name).map(Vec::as_slice))).collect();
    complain(expected, &found);
}

fn blessing() -> bool {
    std::env::var_os("ICHOR_BLESS").is_some_and(|value| value == "1")
}

fn bless(expected: &Path, wanted: &BTreeMap<String, Vec<u8>>, tree: &BTreeMap<String, Vec<u8>>) {
    for (name, content) in tree {
        if wanted.get(name) != Some(content) {
            write(&expected.join(name), content);
        }
    }
    for name in wanted.keys().filter(|name| !tree.contains_key(*name)) {
        let path = expected.join(name);
        fs::remove_file(&path).unwrap_or_else(|error| panic!("cannot remove {}: {error}", path.display()));
        // Stops by itself at the first folder that still holds something.
        path.ancestors().skip(1).take_while(|folder| *folder != expected && fs::remove_dir(folder).is_ok()).for_each(drop);
    }
}

fn write(path: &Path, content: &[u8]) {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, content))
        .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

fn read(root: &Path, folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let list = |folder: &Path| -> std::io::Result<Vec<PathBuf>> { fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect() };
    let mut tree = BTreeMap::new();
    for path in list(folder).unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display())) {
        if path.is_dir() {
            tree.extend(read(root, &path));
        } else {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            tree.insert(name, fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display())));
        }
    }
    tree
}

fn difference(name: &str, wanted: Option<&[u8]>, got: Option<&[u8]>) -> String {
    match (wanted, got) {
        (Some(wanted), Some(got)) if wanted == got => String::new(),
        (Some(_), None) => format!("{name}: expected, and not there\n"),
        (wanted, Some(got)) => {
            let headline = if wanted.is_some() { "differs" } else { "there, and not expected" };
            let (old, new) = (String::from_utf8_lossy(wanted.unwrap_or_default()), String::from_utf8_lossy(got));
            let diff = TextDiff::from_lines(old.as_ref(), new.as_ref());
            format!("{name}: {headline}\n{}\n", diff.unified_diff().context_radius(3).header("expected", "got"))
        }
        (None, None) => String::new(),
    }
}

#[track_caller]
fn complain(expected: &Path, found: &str) {
    if found.is_empty() {
        return;
    }
    let shown: Vec<_> = found.lines().take(LINES_SHOWN).collect();
    let hidden = found.lines().count() - shown.len();
    let hidden = if hidden > 0 { format!("\n({hidden} more lines)") } else { String::new() };
    panic!("not as in {}:\n{}{hidden}\nif this is as it should be: cargo xtask bless", expected.display(), shown.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;

    fn tree(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        files.iter().map(|(name, content)| ((*name).to_string(), content.as_bytes().to_vec())).collect()
    }

    fn complaint(expected: &Path, tree: &BTreeMap<String, Vec<u8>>) -> String {
        let check = std::panic::AssertUnwindSafe(|| assert_tree(expected, tree));
        match std::panic::catch_unwind(check) {
            Ok(()) => String::new(),
            Err(message) => *message.downcast::<String>().unwrap(),
        }
    }

    #[test]
    fn every_kind_of_difference_is_told() {
        let scratch = Scratch::new();
        scratch.write("gone.yaml", "a: 1\n");
        scratch.write("b/changed.yaml", "a: 1\nb: 2\n");
        scratch.write("same.yaml", "a: 1\n");
        let message =
            complaint(scratch.path(), &tree(&[("b/changed.yaml", "a: 1\nb: 3\n"), ("new.yaml", "n: 1\n"), ("same.yaml", "a: 1\n")]));
        for part in
            ["gone.yaml: expected, and not there", "b/changed.yaml: differs", "-b: 2\n+b: 3", "new.yaml: there, and not expected", "+n: 1"]
        {
            assert!(message.contains(part), "{part:?} is not in:\n{message}");
        }
        assert!(!message.contains("same.yaml"));
    }

    #[test]
    fn blessing_makes_the_folder_equal_the_tree() {
        let scratch = Scratch::new();
        scratch.write("old/deep/gone.yaml", "a: 1\n");
        scratch.write("kept.yaml", "a: 1\n");
        let new = tree(&[("kept.yaml", "a: 2\n"), ("x/new.yaml", "n: 1\n")]);
        bless(scratch.path(), &read(scratch.path(), scratch.path()), &new);
        assert_eq!(complaint(scratch.path(), &new), "");
        assert!(!scratch.path().join("old").exists(), "an empty folder stayed");
    }
}
