//! What `sops` sealed is opened here, and sealed again with as little change as it would make itself.

use std::collections::BTreeSet;

use ichor_sops::{Opened, Terms, open};
use ichor_yaml::{Layout, Node, Value, emit};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use crate::tool::{Folder, Key, again, normal, normal_text};
use crate::tree::tree;
use crate::{EVERYTHING, SECRET};

const FLAGS: [&[&str]; 7] = [
    &[],
    &["--unencrypted-suffix", "_clear"],
    &["--encrypted-suffix", "_enc"],
    &["--encrypted-regex", "^(mapping|list|stringData|data)$"],
    &["--unencrypted-regex", "^(m|l|metadata)"],
    &["--mac-only-encrypted"],
    &["--mac-only-encrypted", "--encrypted-regex", "^(mapping|list|stringData|data)$"],
];

fn encrypt(folder: &Folder, keys: &[&Key], flags: &[&str], text: &str) -> String {
    folder.write("file.yaml", text);
    let recipients = keys.iter().map(|key| key.public.as_str()).collect::<Vec<_>>().join(",");
    let arguments = [&["--encrypt", "--age", recipients.as_str()], flags, &["file.yaml"]].concat();
    folder.sops(keys[0], &arguments)
}

fn own_terms(opened: &Opened) -> Terms {
    Terms { recipients: opened.recipients.clone(), rules: opened.summary.rules.clone(), layout: Layout::Four }
}

fn changed_lines(old: &str, new: &str) -> Vec<String> {
    let old: BTreeSet<_> = old.lines().collect();
    new.lines().filter(|line| !old.contains(line)).map(|line| line.trim_start().split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn every_type_comment_and_rule() {
    let (folder, key) = (Folder::new(), Key::generate());
    for text in [EVERYTHING, SECRET] {
        for flags in FLAGS {
            let sealed = encrypt(&folder, &[&key], flags, text);
            let opened = open(&sealed, &key.identities).unwrap_or_else(|error| panic!("{flags:?}: {error}\n{sealed}"));
            assert_eq!(opened.warnings, [""; 0], "{flags:?}");
            let documents: Vec<Node> = opened.plaintext.documents().iter().map(normal).collect();
            assert_eq!(documents, normal_text(text), "{flags:?}");
            let clear = emit(opened.plaintext.first().unwrap(), Layout::Four);
            assert_eq!(clear.matches('#').count(), text.matches('#').count(), "{flags:?}\n{clear}");
            assert_eq!(again(&sealed, &key, opened.plaintext.documents(), &own_terms(&opened)), sealed, "{flags:?}");
        }
    }
}

#[test]
fn each_of_several_recipients() {
    let folder = Folder::new();
    let keys = [Key::generate(), Key::generate(), Key::generate()];
    let sealed = encrypt(&folder, &keys.iter().collect::<Vec<_>>(), &[], SECRET);
    for key in &keys {
        let opened = open(&sealed, &key.identities).unwrap();
        assert_eq!(opened.recipients, keys.iter().map(Key::recipient).collect::<Vec<_>>());
        assert_eq!(normal(opened.plaintext.first().unwrap()), normal_text(SECRET)[0]);
    }
    let stranger = open(&sealed, &Key::generate().identities).unwrap_err().to_string();
    assert!(keys.iter().all(|key| stranger.contains(&key.public)), "{stranger}");
}

#[test]
fn several_documents() {
    let (folder, key) = (Folder::new(), Key::generate());
    let text = "a: 1\n# comment\n---\nb: two\n---\nc:\n    - 3\n";
    let sealed = encrypt(&folder, &[&key], &[], text);
    let opened = open(&sealed, &key.identities).unwrap();
    assert_eq!(opened.plaintext.documents(), normal_text(text));
    let mut documents = opened.plaintext.documents().to_vec();
    documents[1].as_map_mut().unwrap().set("b", "changed");
    let new = again(&sealed, &key, &documents, &own_terms(&opened));
    assert_eq!(changed_lines(&sealed, &new), ["lastmodified:", "mac:", "b:", "lastmodified:", "mac:", "lastmodified:", "mac:"]);
    folder.write("file.yaml", &new);
    assert_eq!(normal_text(&folder.sops(&key, &["decrypt", "file.yaml"])), documents);
}

#[test]
fn a_changed_value_changes_three_lines() {
    let (folder, key) = (Folder::new(), Key::generate());
    for text in [EVERYTHING, SECRET] {
        let sealed = encrypt(&folder, &[&key], &[], text);
        let opened = open(&sealed, &key.identities).unwrap();
        let mut documents = opened.plaintext.documents().to_vec();
        let (parent, name) = if text == SECRET { ("stringData", "password") } else { ("mapping", "token") };
        let node = documents[0].as_map_mut().unwrap().get_mut(parent).unwrap().as_map_mut().unwrap().get_mut(name).unwrap();
        node.value = "changed".into();
        let new = again(&sealed, &key, &documents, &own_terms(&opened));
        // Comments in lists are lines again, and quotes are double: the style of the one who wrote last.
        let changed: Vec<_> = changed_lines(&sealed, &new).into_iter().filter(|line| !line.starts_with(['#', '-', '"'])).collect();
        assert_eq!(changed, [&format!("{name}:"), "lastmodified:", "mac:"], "{sealed}\n{new}");
        folder.write("file.yaml", &new);
        let wanted: Vec<Node> = documents.iter().map(normal).collect();
        assert_eq!(normal_text(&folder.sops(&key, &["decrypt", "file.yaml"])), wanted);
    }
}

/// The tree has no type for times, and a file keeps it all the same.
#[test]
fn a_time_keeps_its_type_while_it_is_unchanged() {
    let (folder, key) = (Folder::new(), Key::generate());
    let sealed = encrypt(&folder, &[&key], &[], "when: 2026-11-21\nwhen_unencrypted: 2026-11-21T12:00:00Z\nother: x\n");
    let opened = open(&sealed, &key.identities).unwrap();
    assert_eq!(opened.plaintext.first().unwrap().get("when").unwrap().as_str(), Some("2026-11-21T00:00:00Z"));
    let mut documents = opened.plaintext.documents().to_vec();
    documents[0].as_map_mut().unwrap().set("other", Value::Bool(true));
    let new = again(&sealed, &key, &documents, &own_terms(&opened));
    assert!(new.contains("type:time]"));
    folder.write("file.yaml", &new);
    let clear = folder.sops(&key, &["decrypt", "file.yaml"]);
    assert_eq!(clear, "when: 2026-11-21T00:00:00Z\nwhen_unencrypted: \"2026-11-21T12:00:00Z\"\nother: true\n");
}

/// A person's edit with `sops` and ichor's next run do not fight over the file.
#[test]
fn an_edit_by_sops_settles() {
    let (folder, key) = (Folder::new(), Key::generate());
    let sealed = encrypt(&folder, &[&key], &[], SECRET);
    folder.write("file.yaml", &sealed);
    folder.editor("sed -i 's/correct horse/wrong horse/' \"$1\"");
    folder.sops(&key, &["edit", "file.yaml"]);
    let edited = folder.read("file.yaml");
    let opened = open(&edited, &key.identities).unwrap();
    let password = opened.plaintext.first().unwrap().at(&["stringData", "password"]).unwrap();
    assert_eq!(password.as_str(), Some("wrong horse battery staple"));
    assert_eq!(again(&edited, &key, opened.plaintext.documents(), &own_terms(&opened)), edited);
    let back = again(&edited, &key, open(&sealed, &key.identities).unwrap().plaintext.documents(), &own_terms(&opened));
    assert_eq!(changed_lines(&edited, &back), ["password:", "lastmodified:", "mac:"]);
}

#[test]
fn whatever_tree_sops_sealed() {
    let (folder, key) = (Folder::new(), Key::generate());
    let mut runner = TestRunner::deterministic();
    for flags in FLAGS.iter().cycle().take(42) {
        // An empty comment in a list becomes an item when `sops` decrypts.
        let tree = tree(1).new_tree(&mut runner).unwrap().current();
        let text = emit(&tree, Layout::Two);
        let sealed = encrypt(&folder, &[&key], flags, &text);
        let opened = open(&sealed, &key.identities).unwrap_or_else(|error| panic!("{flags:?}: {error}\n{text}\n{sealed}"));
        folder.write("file.yaml", &sealed);
        let clear = folder.sops(&key, &["decrypt", "file.yaml"]);
        assert_eq!(opened.plaintext.documents().iter().map(normal).collect::<Vec<_>>(), normal_text(&clear), "{flags:?}\n{text}\n{sealed}");
        assert_eq!(opened.warnings, [""; 0], "{flags:?}\n{text}\n{sealed}");
    }
}
