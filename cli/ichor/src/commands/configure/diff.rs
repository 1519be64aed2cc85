//! The difference of each file, line by line, with secrets masked.

use std::collections::BTreeMap;

use similar::TextDiff;

use crate::sealing;
use crate::tree::compare::Change;
use crate::tree::manifest::is_record;
use crate::tree::{Digest, TreePath};

const CIPHERTEXT: &str = "ENC[";

/// A unified diff for each file that changes.
pub(super) fn of(changes: &BTreeMap<TreePath, Change>) -> BTreeMap<TreePath, String> {
    let files = changes.iter().filter(|(path, _)| !is_record(path));
    files.map(|(path, change)| (path.clone(), unified(path.as_str(), change))).collect()
}

fn unified(path: &str, change: &Change) -> String {
    let (old, new): (&[u8], &[u8]) = match change {
        Change::Add { new } => (&[], new),
        Change::Replace { old, new, .. } => (old, new),
        Change::Remove { old } => (old, &[]),
    };
    let is_secret = path.contains(".sops.") || [old, new].into_iter().any(|bytes| ichor_sops::is_sealed(&String::from_utf8_lossy(bytes)));
    let (old, new) = (shown(old, is_secret), shown(new, is_secret));
    let (from, to) = (if old.is_empty() { "/dev/null" } else { path }, if new.is_empty() { "/dev/null" } else { path });
    TextDiff::from_lines(old.as_str(), new.as_str()).unified_diff().header(from, to).to_string()
}

/// A file as it may be shown: of a sealed one, the clear part and a mark for each ciphertext, by which a change is seen.
/// Of one that somebody decrypted, nothing.
fn shown(bytes: &[u8], is_secret: bool) -> String {
    let text = String::from_utf8_lossy(bytes);
    if !is_secret || text.is_empty() {
        return text.into_owned();
    }
    if !ichor_sops::is_sealed(&text) || sealing::readable(&text).is_some() {
        return "(a secret in clear text)\n".to_owned();
    }
    let lines = text.lines().take_while(|line| !is_block(line));
    lines.map(|line| mask(line) + "\n").collect()
}

/// Whether the metadata of `sops` begins here, which ends the file.
fn is_block(line: &str) -> bool {
    line == "sops:" || line == "\t\"sops\": {"
}

fn mask(line: &str) -> String {
    let Some((before, rest)) = line.split_once(CIPHERTEXT) else { return line.to_owned() };
    let end = rest.find(']').map_or(rest.len(), |end| end + 1);
    let (ciphertext, after) = rest.split_at(end);
    let digest = Digest::of(ciphertext.as_bytes());
    format!("{before}ENC[{}…]{}", digest.as_str().get(..8).unwrap_or_default(), mask(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ciphertext_becomes_a_mark_that_tells_it_from_others() {
        let (one, two) =
            (mask("  password: ENC[AES256_GCM,data:a,type:str] # ENC[x]"), mask("  password: ENC[AES256_GCM,data:b,type:str]"));
        assert!(one.starts_with("  password: ENC[") && one.contains("…] # ENC[") && !one.contains("AES"), "{one}");
        assert_ne!(one.get(..24), two.get(..24));
    }
}
