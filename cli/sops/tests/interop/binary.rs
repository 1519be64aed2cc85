//! Files of bytes go to the genuine `sops` and back.

use std::path::PathBuf;

use ichor_sops::{ErrorKind, Previous, Rules, Terms, inspect, is_sealed, open_binary, rotate, seal_binary};

use crate::tamper::{find, flip, line};
use crate::tool::{Folder, Key, now, random, terms};

const NAME: &str = "bgp.sops.conf";
const CONFIG: &[u8] = b"! FRR\nrouter bgp 65010\n neighbor 10.0.0.1 password \"a\\b\" <&>\n\tend\r\n";

/// Text, nothing at all, no line break at the end, JSON and YAML as such, and what is no text.
const CONTENTS: [&[u8]; 6] = [CONFIG, b"", b"\xef\xbb\xbfno line break", b"{\"data\": 1}", b"sops:\n  mac: x\n", b"\xff\xfe\x00\x80\n"];

fn fresh(bytes: &[u8], terms: &Terms) -> String {
    seal_binary(None, bytes, terms, &mut random, &now()).unwrap()
}

fn again(text: &str, key: &Key, bytes: &[u8], terms: &Terms) -> String {
    let previous = Previous { text, identities: &key.identities };
    seal_binary(Some(previous), bytes, terms, &mut random, &now()).unwrap()
}

fn clear(text: &str, key: &Key) -> Vec<u8> {
    open_binary(text, &key.identities).unwrap_or_else(|error| panic!("{error}\n{text}")).plaintext.as_bytes().to_vec()
}

fn decrypted(folder: &Folder, key: &Key, text: &str) -> Vec<u8> {
    folder.write(NAME, text);
    folder.sops_bytes(key, &["decrypt", NAME])
}

fn creation_rules(folder: &Folder, recipients: &[&Key], more: &str) -> PathBuf {
    let age = recipients.iter().map(|key| key.public.as_str()).collect::<Vec<_>>().join(",");
    folder.write(".sops.yaml", format!("creation_rules:\n  - age: {age}\n{more}"))
}

/// The file without what is drawn at random, or the time: all else is layout.
fn shape(text: &str) -> String {
    let quoted = |line: &str| match line.split_once(": \"") {
        Some((key, _)) if key.contains("lastmodified") => format!("{key}: TIME"),
        Some((key, value)) if !key.contains("recipient") && !key.contains("version") => {
            format!("{key}: {}", if value.starts_with("ENC[") { "ENC" } else { value.split("\\n").next().unwrap().get(..10).unwrap() })
        }
        _ => line.to_owned(),
    };
    text.split('\n').map(|line| quoted(line).replace("\",", "")).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_reads_the_other_under_every_rule() {
    let (folder, key, second) = (Folder::new(), Key::generate(), Key::generate());
    for rule in ["", "    mac_only_encrypted: true\n", "    encrypted_regex: ^x$\n", "    unencrypted_suffix: data\n"] {
        creation_rules(&folder, &[&key, &second], rule);
        for content in CONTENTS {
            folder.write("plain.conf", content);
            let theirs = folder.sops(&key, &["encrypt", "plain.conf"]);
            let both = terms(&[&key, &second], Rules::default());
            assert_eq!(clear(&theirs, &second), content, "{rule}");
            assert_eq!(again(&theirs, &key, content, &both), theirs, "{rule}");
            let ours = fresh(content, &both);
            assert_eq!(decrypted(&folder, &key, &ours), content);
            assert_eq!(decrypted(&folder, &second, &ours), content);
            assert!(is_sealed(&ours) && is_sealed(&theirs));
            assert_eq!(inspect(&ours).unwrap().rules, inspect(&theirs).unwrap().rules);
            if !content.is_empty() {
                assert_eq!(shape(&ours), shape(&theirs));
            }
        }
    }
    assert!(!folder.try_sops(&Key::generate(), &["decrypt", NAME]).status.success());
}

#[test]
fn sops_changes_ours_and_we_read_it_back() {
    let (folder, key, second) = (Folder::new(), Key::generate(), Key::generate());
    let (alone, both) = (terms(&[&key], Rules::default()), terms(&[&key, &second], Rules::default()));
    folder.write(NAME, fresh(CONFIG, &alone));
    folder.sops(&key, &["rotate", "--in-place", NAME]);
    assert_eq!(clear(&folder.read(NAME), &key), CONFIG);
    // It adds its default rule, which is no reason to write the file again.
    assert!(folder.read(NAME).contains("\"unencrypted_suffix\""));
    assert_eq!(again(&folder.read(NAME), &key, CONFIG, &alone), folder.read(NAME));

    creation_rules(&folder, &[&key, &second], "");
    folder.sops(&key, &["updatekeys", "--yes", NAME]);
    assert_eq!(clear(&folder.read(NAME), &second), CONFIG);
    assert_eq!(again(&folder.read(NAME), &key, CONFIG, &both), folder.read(NAME));

    folder.editor("printf 'more\\n' >> \"$1\"");
    folder.sops(&second, &["edit", NAME]);
    let longer = [CONFIG, b"more\n"].concat();
    assert_eq!(clear(&folder.read(NAME), &key), longer);

    let changed = again(&folder.read(NAME), &key, CONFIG, &alone);
    assert_eq!(decrypted(&folder, &key, &changed), CONFIG);
    assert!(!folder.try_sops(&second, &["decrypt", NAME]).status.success());
}

#[test]
fn what_is_sealed_again_sops_decrypts() {
    let (folder, key, second) = (Folder::new(), Key::generate(), Key::generate());
    let (alone, both) = (terms(&[&key], Rules::default()), terms(&[&key, &second], Rules::default()));
    let old = fresh(CONFIG, &alone);
    let shared = again(&old, &key, CONFIG, &both);
    assert_eq!(find(&shared, "\t\"data\""), find(&old, "\t\"data\""));
    assert_eq!(decrypted(&folder, &second, &shared), CONFIG);
    let rotated = rotate(Previous { text: &shared, identities: &second.identities }, &both, &mut random, &now()).unwrap();
    assert_ne!(find(&rotated, "\t\"data\""), find(&old, "\t\"data\""));
    assert_eq!(decrypted(&folder, &key, &rotated), CONFIG);
    assert_eq!(shape(&rotated), shape(&shared));
}

#[test]
fn every_change_is_refused() {
    let (folder, key) = (Folder::new(), Key::generate());
    let terms = terms(&[&key], Rules::default());
    let (text, stranger) = (fresh(CONFIG, &terms), fresh(CONFIG, &terms));
    let (data, mac) = ("\t\"data\"", "\t\t\"mac\"");
    let swap = |start: &str, new: &str| line(&text, start, |_| new.to_owned());
    let typed = |kind: &str| line(&text, data, |line| line.replace("type:str", kind));
    let cases = [
        ("value changed", line(&text, data, |line| flip(line, "data:")), "`data` does not open"),
        ("iv changed", line(&text, data, |line| flip(line, "iv:")), "`data` does not open"),
        ("tag changed", line(&text, data, |line| flip(line, "tag:")), "`data` does not open"),
        ("value of another file", swap(data, find(&stranger, data)), "`data` does not open"),
        ("value emptied", swap(data, "\t\"data\": \"\","), "do not agree with `sops.mac`"),
        ("value clear", swap(data, "\t\"data\": \"router bgp 1\","), "`data` is clear"),
        ("value removed", text.replace(&format!("{}\n", find(&text, data)), ""), "`data` is missing"),
        ("value renamed", text.replace("\t\"data\"", "\t\"atad\""), "`atad` was added"),
        ("value added", line(&text, data, |line| format!("{line}\n\t\"note\": \"x\",")), "`note` was added"),
        ("type changed to bytes", typed("type:bytes"), "claims to be of the type `bytes`"),
        ("type changed to int", typed("type:int"), "type that it claims"),
        ("type changed to comment", typed("type:comment"), "claims to be a comment"),
        ("mac changed", line(&text, mac, |line| flip(line, "data:")), "`sops.mac` does not open"),
        ("mac of another file", swap(mac, find(&stranger, mac)), "`sops.mac` does not open"),
        ("mac removed", text.replace(&format!("{}\n", find(&text, mac)), ""), "`sops.mac` is missing"),
        ("time changed", text.replace("2026-11-21T12:00:00Z", "2026-11-21T12:00:01Z"), "`sops.mac` does not open"),
        ("rule added", line(&text, mac, |line| format!("{line}\n\t\t\"encrypted_regex\": \"^x$\",")), "`sops.encrypted_regex`"),
        ("mac rule added", line(&text, mac, |line| format!("{line}\n\t\t\"mac_only_encrypted\": true,")), "do not agree"),
        ("data key changed", line(&text, "\t\t\t\t\"enc\"", |line| line.replace("\\n-----END", "A\\n-----END")), "`sops.age[0].enc`"),
    ];
    assert_eq!(decrypted(&folder, &key, &text), CONFIG);
    for (what, changed, word) in cases {
        assert_ne!(changed, text, "{what}");
        let error = open_binary(&changed, &key.identities).expect_err(what);
        assert!(error.kind == ErrorKind::Tampered && error.message.contains(word), "{what}: {error}");
        folder.write(NAME, &changed);
        assert!(!folder.try_sops(&key, &["decrypt", NAME]).status.success(), "`sops` accepts: {what}");
    }
}
