//! Whatever is changed without the key is refused, here and by `sops`.

use ichor_sops::{ErrorKind, Rules, open};

use crate::tool::{Folder, Key, fresh, terms};

const TEXT: &str = "\
first: one
second: two
number: 5
list:
    - red
    - green
    - blue
nested:
    first: eleven
clear_unencrypted: visible
also_unencrypted: visible too
---
other: document
";

/// Replaces the line that starts with `start` by what `change` makes of it.
pub(crate) fn line(text: &str, start: &str, change: impl Fn(&str) -> String) -> String {
    let mut hits = 0;
    let mut lines = Vec::new();
    for line in text.lines() {
        let hit = hits == 0 && line.starts_with(start);
        hits += usize::from(hit);
        lines.push(if hit { change(line) } else { line.to_owned() });
    }
    assert_eq!(hits, 1, "no line starts with {start:?}");
    lines.join("\n") + "\n"
}

pub(crate) fn find<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(start)).unwrap()
}

/// Changes the first character behind a mark.
pub(crate) fn flip(line: &str, mark: &str) -> String {
    let at = line.find(mark).unwrap() + mark.len();
    let (head, tail) = line.split_at(at);
    let new = if tail.starts_with('A') { 'B' } else { 'A' };
    format!("{head}{new}{}", &tail[1..])
}

fn value_of<'a>(text: &'a str, start: &str) -> &'a str {
    find(text, start).split_once(": ").unwrap().1
}

fn with_value(text: &str, start: &str, value: &str) -> String {
    line(text, start, |old| format!("{}: {value}", old.split_once(": ").unwrap().0))
}

fn swapped(text: &str, one: &str, two: &str) -> String {
    let (a, b) = (find(text, one).to_owned(), find(text, two).to_owned());
    text.replace(&a, "@").replace(&b, &a).replace('@', &b)
}

/// What was done, the file after it, and a word of the message.
fn cases(text: &str, stranger: &str) -> Vec<(&'static str, String, &'static str)> {
    let items: Vec<_> = text.lines().filter(|line| line.starts_with("    - ENC")).collect();
    let armor = text.lines().position(|line| line.contains("BEGIN AGE")).unwrap();
    let payload = text.lines().nth(armor + 5).unwrap().to_owned();
    let (first_document, _) = text.split_once("\n---\n").unwrap();
    vec![
        ("value changed", line(text, "first:", |line| flip(line, "data:")), "`first` does not open"),
        ("iv changed", line(text, "first:", |line| flip(line, "iv:")), "`first` does not open"),
        ("tag changed", line(text, "first:", |line| flip(line, "tag:")), "`first` does not open"),
        ("value moved to another key", with_value(text, "second:", value_of(text, "first:")), "`second` does not open"),
        (
            "values exchanged",
            with_value(&with_value(text, "second:", value_of(text, "first:")), "first:", value_of(text, "second:")),
            "`first`",
        ),
        ("value of another file", with_value(text, "first:", value_of(stranger, "first:")), "`first` does not open"),
        ("value moved up from a nested key", with_value(text, "first:", value_of(text, "    first:")), "`first` does not open"),
        ("key renamed", line(text, "first:", |line| line.replace("first:", "primary:")), "`primary` does not open"),
        ("keys reordered", swapped(text, "first:", "second:"), "do not agree with `sops.mac`"),
        ("items reordered", swapped(text, items[0], items[2]), "do not agree"),
        ("item repeated", line(text, items[0], |line| format!("{line}\n{line}")), "do not agree"),
        ("item removed", text.replace(&format!("{}\n", items[1]), ""), "do not agree"),
        ("value removed", text.replace(&format!("{}\n", find(text, "second:")), ""), "do not agree"),
        ("value emptied", with_value(text, "second:", "\"\""), "do not agree"),
        ("value replaced by clear text", with_value(text, "second:", "two"), "`second` is clear"),
        ("value replaced by a number", with_value(text, "number:", "5"), "`number` is clear"),
        ("value added", line(text, "second:", |line| format!("{line}\nthird: three")), "`third` is clear"),
        ("type changed", line(text, "first:", |line| line.replace("type:str", "type:int")), "type that it claims"),
        ("value made a comment", line(text, "number:", |line| line.replace("type:int", "type:comment")), "claims to be a comment"),
        ("item made a comment", text.replace(items[1], &items[1].replace("type:str", "type:comment")), "do not agree"),
        ("clear value changed", with_value(text, "clear_unencrypted:", "seen"), "do not agree"),
        ("clear value removed", text.replace("clear_unencrypted: visible\n", ""), "do not agree"),
        ("clear values exchanged", swapped(text, "clear_", "also_"), "do not agree"),
        ("document removed", format!("{first_document}\n"), "do not agree"),
        ("mac changed", line(text, "    mac:", |line| flip(line, "data:")), "`sops.mac` does not open"),
        ("mac of another file", with_value(text, "    mac:", value_of(stranger, "    mac:")), "`sops.mac` does not open"),
        ("mac replaced by a value", with_value(text, "    mac:", value_of(text, "first:")), "`sops.mac` does not open"),
        ("mac removed", text.replace(&format!("{}\n", find(text, "    mac:")), ""), "`sops.mac` is missing"),
        ("time changed", with_value(text, "    lastmodified:", "\"2026-11-21T12:00:01Z\""), "`sops.mac` does not open"),
        ("data key changed", text.replace(&payload, &flip(&payload, "            ")), "`sops.age[0].enc`"),
        ("rule changed", with_value(text, "    unencrypted_suffix:", "_clear"), "`clear_unencrypted` is clear"),
        ("mac rule changed", line(text, "    mac:", |line| format!("{line}\n    mac_only_encrypted: true")), "do not agree"),
    ]
}

#[test]
fn every_change_is_refused() {
    let (folder, key) = (Folder::new(), Key::generate());
    let terms = terms(&[&key], Rules::default());
    let (text, stranger) = (fresh(TEXT, &terms), fresh(TEXT, &terms));
    folder.write("file.yaml", &text);
    folder.sops(&key, &["decrypt", "file.yaml"]);
    assert!(open(&text, &key.identities).is_ok());
    for (what, changed, word) in cases(&text, &stranger) {
        assert_ne!(changed, text, "{what}");
        let error = open(&changed, &key.identities).expect_err(what);
        assert_eq!(error.kind, ErrorKind::Tampered, "{what}: {error}");
        assert!(error.message.contains(word), "{what}: {error}");
        folder.write("file.yaml", &changed);
        assert!(!folder.try_sops(&key, &["decrypt", "file.yaml"]).status.success(), "`sops` accepts: {what}");
    }
}
