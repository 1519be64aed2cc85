//! What is sealed here, `sops` opens and changes.

use std::collections::BTreeSet;

use ichor_sops::{CreationRules, Previous, Rules, Terms, inspect, open, rotate};
use ichor_yaml::{Layout, Value};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use crate::tool::{Folder, Key, again, documents, fresh, normal, normal_text, now, random, terms};
use crate::tree::tree;
use crate::{EVERYTHING, SECRET};

pub(crate) fn every_rule() -> Vec<Rules> {
    let base = vec![
        Rules::default(),
        Rules::unencrypted_suffix("_clear"),
        Rules::encrypted_suffix("_enc"),
        Rules::encrypted_regex("^(mapping|list|stringData|data)$").unwrap(),
        Rules::unencrypted_regex("^(m|l|metadata)").unwrap(),
    ];
    let only = base.clone().into_iter().map(|rules| rules.mac_only_encrypted(true));
    base.iter().cloned().chain(only).collect()
}

#[test]
fn sops_decrypts_ours_under_every_rule() {
    let (folder, key) = (Folder::new(), Key::generate());
    for text in [EVERYTHING, SECRET] {
        for rules in every_rule() {
            for layout in [Layout::Two, Layout::Four] {
                folder.write("file.yaml", fresh(text, &Terms { layout, ..terms(&[&key], rules.clone()) }));
                let clear = folder.sops(&key, &["decrypt", "file.yaml"]);
                assert_eq!(normal_text(&clear), normal_text(text), "{rules:?}");
                assert!(!clear.contains("ENC["), "a comment did not open under {rules:?}:\n{clear}");
                let comments = |text: &str| text.matches('#').count();
                assert_eq!(comments(&clear), comments(text), "{rules:?}\n{clear}");
            }
        }
    }
}

#[test]
fn each_recipient_opens_ours() {
    let folder = Folder::new();
    let keys = [Key::generate(), Key::generate(), Key::generate()];
    folder.write("file.yaml", fresh(SECRET, &terms(&keys.iter().collect::<Vec<_>>(), Rules::default())));
    for key in &keys {
        assert_eq!(normal_text(&folder.sops(key, &["decrypt", "file.yaml"])), normal_text(SECRET));
    }
    assert!(!folder.try_sops(&Key::generate(), &["decrypt", "file.yaml"]).status.success());
}

#[test]
fn several_documents_and_an_empty_one() {
    let (folder, key) = (Folder::new(), Key::generate());
    let text = "a: 1\n# comment\n---\nb: two\n---\n{}\n---\nc:\n    - 3\n";
    let sealed = fresh(text, &terms(&[&key], Rules::default()));
    folder.write("file.yaml", &sealed);
    assert_eq!(normal_text(&folder.sops(&key, &["decrypt", "file.yaml"])), normal_text(text));
    assert_eq!(open(&sealed, &key.identities).unwrap().plaintext.documents(), documents(text));
}

/// `sops updatekeys` writes the whole file anew and encrypts no value, so that every line shows whose style it has.
#[test]
fn ours_has_the_layout_of_sops() {
    let (folder, key, second) = (Folder::new(), Key::generate(), Key::generate());
    for (indent, layout) in [(2, Layout::Two), (4, Layout::Four)] {
        let ours = fresh(SECRET, &Terms { layout, ..terms(&[&key], Rules::encrypted_regex("^stringData$").unwrap()) });
        folder.write("file.yaml", &ours);
        let both = format!("{},{}", key.public, second.public);
        folder.write(".sops.yaml", format!("creation_rules:\n  - age: {both}\nstores:\n  yaml:\n    indent: {indent}\n"));
        folder.sops(&key, &["updatekeys", "--yes", "file.yaml"]);
        let theirs = folder.read("file.yaml");
        assert_eq!(without_age(&ours), without_age(&theirs));
        let shape = |text: &str| text.lines().map(|line| line.find(|c| c != ' ')).collect::<Vec<_>>();
        let block_lines = 10;
        assert!(shape(&theirs).windows(block_lines).any(|lines| lines == &shape(age_block(&ours))[..block_lines]), "{ours}\n{theirs}");
        assert_eq!(open(&theirs, &second.identities).unwrap().recipients, [key.recipient(), second.recipient()]);
    }
}

fn age_block(text: &str) -> &str {
    let start = text.find("age:\n").unwrap();
    &text[text[..start].rfind('\n').unwrap() + 1..text.find("lastmodified:").unwrap()]
}

fn without_age(text: &str) -> String {
    let (before, rest) = text.split_once("    age:\n").or_else(|| text.split_once("  age:\n")).unwrap();
    let (_, after) = rest.split_once("lastmodified:").unwrap();
    format!("{before}{after}")
}

#[test]
fn sops_changes_ours_and_we_read_it_back() {
    let (folder, key) = (Folder::new(), Key::generate());
    let sealed = fresh(EVERYTHING, &terms(&[&key], Rules::default()));
    folder.write("file.yaml", &sealed);
    let value = |path: &[&str]| {
        let opened = open(&folder.read("file.yaml"), &key.identities).unwrap();
        assert_eq!(opened.warnings, [""; 0]);
        opened.plaintext.first().unwrap().at(path).map(|node| node.value.clone())
    };

    folder.sops(&key, &["set", "file.yaml", r#"["mapping"]["token"]"#, r#""changed""#]);
    assert_eq!(value(&["mapping", "token"]), Some("changed".into()));
    folder.sops(&key, &["set", "file.yaml", r#"["mapping"]["new"]"#, "7"]);
    // A number out of JSON is a float to it.
    assert_eq!(value(&["mapping", "new"]), Some(Value::Float("7.0".into())));
    folder.sops(&key, &["unset", "file.yaml", r#"["int"]"#]);
    assert_eq!(value(&["int"]), None);
    folder.editor("sed -i -e 's/^string: .*/string: edited/' -e 's/above everything/reworded/' \"$1\"");
    folder.sops(&key, &["edit", "file.yaml"]);
    assert_eq!(value(&["string"]), Some("edited".into()));
    assert_eq!(value(&["mapping", "deeper", "port"]), Some(8080.into()));
    folder.sops(&key, &["rotate", "--in-place", "file.yaml"]);
    assert_eq!(value(&["string"]), Some("edited".into()));
    let opened = open(&folder.read("file.yaml"), &key.identities).unwrap();
    let root = opened.plaintext.first().unwrap();
    let first = &root.as_map().unwrap().entries[0].node;
    assert_eq!(first.before, [" reworded", " still above", " beside a string"]);
}

#[test]
fn recipients_change_without_a_change_of_values() {
    let (folder, key, second) = (Folder::new(), Key::generate(), Key::generate());
    let one = fresh(EVERYTHING, &terms(&[&key], Rules::default()));
    let both = again(&one, &key, &documents(EVERYTHING), &terms(&[&key, &second], Rules::default()));
    assert_eq!(without_age(&one), without_age(&both));
    folder.write("file.yaml", &both);
    assert_eq!(normal_text(&folder.sops(&second, &["decrypt", "file.yaml"])), normal_text(EVERYTHING));
    let other = again(&both, &key, &documents(EVERYTHING), &terms(&[&second], Rules::default()));
    assert_eq!(inspect(&other).unwrap().recipients, [second.public.as_str()]);
    folder.write("file.yaml", &other);
    assert_eq!(normal_text(&folder.sops(&second, &["decrypt", "file.yaml"])), normal_text(EVERYTHING));
}

#[test]
fn a_rotated_file_shares_nothing_with_the_old_one() {
    let (folder, key) = (Folder::new(), Key::generate());
    let terms = terms(&[&key], Rules::default());
    let old = fresh(EVERYTHING, &terms);
    let new = rotate(Previous { text: &old, identities: &key.identities }, &terms, &mut random, &now()).unwrap();
    let values = |text: &str| text.lines().filter(|line| line.contains("ENC[")).map(str::to_owned).collect::<Vec<_>>();
    assert!(values(&old).iter().all(|line| !values(&new).contains(line)));
    folder.write("file.yaml", &new);
    assert_eq!(normal_text(&folder.sops(&key, &["decrypt", "file.yaml"])), normal_text(EVERYTHING));
}

#[test]
fn creation_rules_mean_what_they_mean_to_sops() {
    let (folder, key, second) = (Folder::new(), Key::generate(), Key::generate());
    let (one, two) = (&key.public, &second.public);
    let text = format!(
        "creation_rules:\n  - path_regex: ^talos/.*\\.yaml$\n    mac_only_encrypted: true\n    age: >-\n      {one},\n      {two}\n  \
         - path_regex: secret\n    encrypted_regex: ^(data|stringData)$\n    age: [{two}, \"{one},{two}\"]\n  \
         - encrypted_suffix: _enc\n    key_groups:\n      - age: [{one}]\n"
    );
    folder.write(".sops.yaml", &text);
    let rules = CreationRules::parse(&text).unwrap();
    std::fs::create_dir(folder.write("talos.tmp", "").with_file_name("talos")).unwrap();
    for path in ["talos/a.yaml", "secret.yaml", "talos/a.yml"] {
        folder.write(path, EVERYTHING);
        let theirs = inspect(&folder.sops(&key, &["encrypt", path])).unwrap();
        let ours = inspect(&fresh(EVERYTHING, &rules.terms_for(path).unwrap().unwrap())).unwrap();
        assert_eq!(ours.rules, theirs.rules, "{path}");
        // A recipient that the rule names twice stands twice in the file of `sops`.
        let wanted: BTreeSet<_> = theirs.recipients.iter().collect();
        assert_eq!(ours.recipients.iter().collect::<BTreeSet<_>>(), wanted, "{path}");
        assert_eq!(ours.recipients.len(), wanted.len(), "{path}");
    }
}

/// A process for each case: few cases, each a file of many values.
#[test]
fn sops_decrypts_whatever_tree_we_seal() {
    let (folder, key) = (Folder::new(), Key::generate());
    let mut runner = TestRunner::deterministic();
    for rules in every_rule().iter().cycle().take(40) {
        let tree = tree(0).new_tree(&mut runner).unwrap().current();
        let sealed = ichor_sops::seal(None, std::slice::from_ref(&tree), &terms(&[&key], rules.clone()), &mut random, &now()).unwrap();
        folder.write("file.yaml", &sealed);
        let output = folder.try_sops(&key, &["decrypt", "file.yaml"]);
        assert!(output.status.success(), "{}\n{sealed}", String::from_utf8_lossy(&output.stderr));
        let clear = String::from_utf8(output.stdout).unwrap();
        assert_eq!(normal_text(&clear).first(), Some(&normal(&tree)), "{sealed}\n{clear}");
        assert!(!clear.contains("ENC["), "{sealed}\n{clear}");
    }
}
