//! Files as a whole, without any other program: stability, what is kept, what is refused and in which words.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod binary;
#[path = "../tree/mod.rs"]
mod tree;

use ichor_sops::age::{Identity, Recipient};
use ichor_sops::{Error, ErrorKind, Previous, Rules, Terms, Timestamp, inspect, is_sealed, open, rotate, seal};
use ichor_yaml::{Layout, Map, Node, Value, emit, parse};
use proptest::prelude::*;

const PLAIN: &str = "# head\nuser: admin\npassword: hunter2 # beside\nlist:\n    - 1\n    # two\n    - 2.5\nport_unencrypted: 443\n";

/// Deterministic and never twice the same.
fn entropy(seed: u64) -> impl FnMut(&mut [u8]) {
    let mut state = seed;
    move |bytes| {
        for byte in bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 33) as u8;
        }
    }
}

fn identity(seed: u64) -> Identity {
    Identity::generate(&mut entropy(seed))
}

fn documents(text: &str) -> Vec<Node> {
    parse(text).unwrap().into_iter().map(|document| document.root).collect()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn terms(identities: &[&Identity], rules: Rules) -> Terms {
    Terms { recipients: identities.iter().map(|identity| identity.recipient()).collect(), rules, layout: Layout::Four }
}

fn fresh(plaintext: &[Node], terms: &Terms) -> String {
    seal(None, plaintext, terms, &mut entropy(1), &at("2026-11-21T12:00:00Z")).unwrap()
}

fn again(text: &str, identity: &Identity, plaintext: &[Node], terms: &Terms) -> Result<String, Error> {
    let previous = Previous { text, identities: std::slice::from_ref(identity) };
    seal(Some(previous), plaintext, terms, &mut entropy(2), &at("2026-11-22T12:00:00Z"))
}

fn clear(text: &str, identity: &Identity) -> String {
    let opened = open(text, std::slice::from_ref(identity)).unwrap();
    opened.plaintext.documents().iter().map(|document| emit(document, Layout::Four)).collect()
}

proptest! {
    #[test]
    fn every_tree_comes_back_and_settles(tree in tree::tree(0), rule in 0..5_usize, only in any::<bool>()) {
        let rules = [
            Rules::default(),
            Rules::encrypted_suffix("a"),
            Rules::unencrypted_suffix("b"),
            Rules::encrypted_regex("[a-m]").unwrap(),
            Rules::unencrypted_regex("^[n-z]").unwrap(),
        ];
        let terms = terms(&[&identity(7)], rules[rule].clone().mac_only_encrypted(only));
        let sealed = fresh(std::slice::from_ref(&tree), &terms);
        let opened = open(&sealed, &[identity(7)]).unwrap();
        prop_assert_eq!(opened.plaintext.first(), Some(&tree), "{}", sealed);
        prop_assert!(opened.warnings.is_empty(), "{:?}\n{}", opened.warnings, sealed);
        prop_assert_eq!(again(&sealed, &identity(7), std::slice::from_ref(&tree), &terms).unwrap(), sealed.clone());
        prop_assert_eq!(again(&sealed, &identity(7), opened.plaintext.documents(), &terms).unwrap(), sealed);
    }

    #[test]
    fn no_text_panics(text in ".{0,200}", at in 0..2000_usize) {
        let _ = (open(&text, &[identity(7)]), inspect(&text), is_sealed(&text));
        let sealed = fresh(&documents(PLAIN), &terms(&[&identity(7)], Rules::default()));
        let mut broken: Vec<char> = sealed.chars().collect();
        broken.splice(at.min(broken.len() - 1)..(at + 3).min(broken.len()), text.chars().take(4));
        let _ = open(&broken.into_iter().collect::<String>(), &[identity(7)]);
    }
}

#[test]
fn only_what_changed_changes() {
    let (ours, terms) = (identity(7), terms(&[&identity(7)], Rules::default()));
    let sealed = fresh(&documents(PLAIN), &terms);
    assert_eq!(again(&sealed, &ours, &documents(PLAIN), &terms).unwrap(), sealed);

    let changed = again(&sealed, &ours, &documents(&PLAIN.replace("hunter2", "hunter3")), &terms).unwrap();
    let lines: Vec<_> = sealed.lines().zip(changed.lines()).filter(|(old, new)| old != new).map(|(_, new)| new).collect();
    assert_eq!(lines.len(), 3, "{changed}");
    assert!(lines[0].starts_with("password: ENC[") && lines[1].starts_with("    lastmodified") && lines[2].starts_with("    mac"));
    // The comment beside the password is a value of its own and keeps its ciphertext.
    let comment =
        |text: &str| text.lines().find_map(|line| line.starts_with("password").then(|| line.split_once(" #").unwrap().1.to_owned()));
    assert_eq!(comment(&sealed), comment(&changed));

    let commented = again(&sealed, &ours, &documents(&PLAIN.replace("# head", "# top")), &terms).unwrap();
    assert_eq!(clear(&commented, &ours), PLAIN.replace("# head", "# top"));
}

#[test]
fn a_changed_rule_keeps_the_data_key() {
    let ours = identity(7);
    let sealed = fresh(&documents(PLAIN), &terms(&[&ours], Rules::default()));
    let other = terms(&[&ours], Rules::encrypted_regex("^password$").unwrap().mac_only_encrypted(true));
    let changed = again(&sealed, &ours, &documents(PLAIN), &other).unwrap();
    assert!(
        changed.contains("user: admin\n") && changed.contains("    mac_only_encrypted: true\n") && !changed.contains("unencrypted_suffix")
    );
    let password = |text: &str| text.lines().find(|line| line.starts_with("password")).unwrap().split(' ').nth(1).unwrap().to_owned();
    assert_eq!(password(&sealed), password(&changed));
    assert_eq!(clear(&changed, &ours), PLAIN);
    assert_eq!(inspect(&changed).unwrap().rules, other.rules);
}

#[test]
fn order_of_recipients_and_duplicates_do_not_count() {
    let (one, two) = (identity(7), identity(8));
    let sealed = fresh(&documents(PLAIN), &terms(&[&one, &two, &one], Rules::default()));
    assert_eq!(inspect(&sealed).unwrap().recipients.len(), 2);
    assert_eq!(again(&sealed, &one, &documents(PLAIN), &terms(&[&two, &one], Rules::default())).unwrap(), sealed);
}

#[test]
fn keys_of_other_services_are_kept() {
    let (ours, theirs) = (identity(7), identity(8));
    let pgp = "    pgp:\n        - created_at: \"2026-01-01T00:00:00Z\"\n          enc: |-\n            -----BEGIN PGP MESSAGE-----\n            hQ==\n          fp: ABCD\n";
    let plugin = "        - enc: x\n          recipient: age1yubikey1abc\n    lastmodified";
    let sealed = fresh(&documents(PLAIN), &terms(&[&ours], Rules::default()));
    let sealed = sealed.replace("    unencrypted_suffix", &format!("{pgp}    unencrypted_suffix")).replacen("    lastmodified", plugin, 1);
    let summary = inspect(&sealed).unwrap();
    assert_eq!((summary.foreign.as_slice(), summary.recipients[1].as_str()), (["pgp (1)".to_owned()].as_slice(), "age1yubikey1abc"));

    let both = terms(&[&ours, &theirs], Rules::default());
    let changed = again(&sealed, &ours, &documents(&PLAIN.replace("hunter2", "hunter3")), &both).unwrap();
    assert!(changed.contains(pgp) && changed.contains("recipient: age1yubikey1abc"), "{changed}");
    assert_eq!(clear(&changed, &theirs), PLAIN.replace("hunter2", "hunter3"));

    let error = open(&sealed, std::slice::from_ref(&theirs)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoIdentity);
    for word in [ours.recipient().to_string().as_str(), "age1yubikey1abc", "pgp (1)", "SOPS_AGE_KEY_FILE"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    let previous = Previous { text: &sealed, identities: std::slice::from_ref(&ours) };
    let error = rotate(previous, &both, &mut entropy(3), &at("2026-11-22T12:00:00Z")).unwrap_err();
    assert!(error.message.contains("pgp (1)"), "{error}");
}

#[test]
fn what_cannot_be_opened_says_why() {
    let sealed = fresh(&documents(PLAIN), &terms(&[&identity(7)], Rules::default()));
    let mac = "    mac:";
    for (text, kind, word) in [
        (PLAIN.to_owned(), ErrorKind::NotSealed, "no `sops` block"),
        (String::new(), ErrorKind::NotSealed, "no `sops` block"),
        ("a: [".to_owned(), ErrorKind::Syntax, ""),
        ("- a\n".to_owned(), ErrorKind::Unsupported, "mappings only"),
        ("sops: 1\n".to_owned(), ErrorKind::Metadata, "not a mapping"),
        ("sops: {lastmodified: now}\n".to_owned(), ErrorKind::Metadata, "RFC 3339"),
        ("sops: {lastmodified: \"2026-11-21T12:00:00Z\"}\n".to_owned(), ErrorKind::Metadata, "nobody"),
        (sealed.replace("age:", "gea:"), ErrorKind::Metadata, "nobody"),
        (sealed.replace("enc: |", "cne: |"), ErrorKind::Metadata, "`sops.age[0].enc` is missing"),
        (sealed.replace(mac, "    encrypted_suffix: x\n    mac:"), ErrorKind::Metadata, "both"),
        (sealed.replace("unencrypted_suffix: _unencrypted", "encrypted_regex: \"(\""), ErrorKind::Metadata, "regular expression"),
        (sealed.replace(mac, "    key_groups: [{age: []}]\n    mac:"), ErrorKind::Unsupported, "key_groups"),
        (sealed.replace(mac, "    encrypted_comment_regex: x\n    mac:"), ErrorKind::Unsupported, "encrypted_comment_regex"),
        (format!("user: x\n{sealed}"), ErrorKind::Syntax, "`user` stands here twice"),
        (sealed.replace("END AGE", "ENDAGE"), ErrorKind::Tampered, "`sops.age[0].enc`"),
    ] {
        let error = open(&text, &[identity(7)]).unwrap_err();
        assert!(error.kind == kind && error.message.contains(word), "{error}\n{text}");
    }
    assert_eq!(open(&sealed, &[]).unwrap_err().kind, ErrorKind::NoIdentity);
    let tampered = sealed.replacen("password: ENC[AES256_GCM,data:", "password: ENC[AES256_GCM,data:A", 1);
    assert!(open(&tampered, &[identity(7)]).unwrap_err().to_string().starts_with("3:11: the value of `password` is clear"));
    let error = again(&tampered, &identity(7), &documents(PLAIN), &terms(&[&identity(7)], Rules::default())).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Tampered);
    assert!(is_sealed(&sealed) && !is_sealed(PLAIN));
}

#[test]
fn what_cannot_be_sealed_says_why() {
    let good = terms(&[&identity(7)], Rules::default());
    let nobody = Terms { recipients: Vec::new(), ..good.clone() };
    let too_big = Node::from(Map::new().with("a", Map::new().with("b", i128::MAX)));
    for (plaintext, terms, word) in [
        (documents("a: 1"), &nobody, "for nobody"),
        (documents("- a"), &good, "mappings only"),
        (documents("sops: {}"), &good, "`sops` is taken"),
        (vec![too_big], &good, "`a.b` is an integer of more than 64 bits"),
        (Vec::new(), &good, "no document"),
    ] {
        let error = seal(None, &plaintext, terms, &mut entropy(1), &at("2026-11-21T12:00:00Z")).unwrap_err();
        assert!(error.message.contains(word), "{error}");
    }
}

#[test]
fn awkward_comments_stay_in_their_place() {
    let (ours, terms) = (identity(7), terms(&[&identity(7)], Rules::default()));
    let comment = |text: &str, value: Value| Node { right: Some(text.into()), ..Node::new(value) };
    let list = vec![comment("", "one".into()), comment(" x", "two".into())];
    let root = Map::new().with("map", comment(" of map\n of map too", Map::new().with("a", 1).into())).with("list", list);
    let sealed = fresh(&[Node::from(root)], &terms);
    assert_eq!(clear(&sealed, &ours), "# of map\n# of map too\nmap:\n    a: 1\nlist:\n    - one\n    - two # x\n");
    assert_eq!(again(&sealed, &ours, &documents(&clear(&sealed, &ours)), &terms).unwrap(), sealed);
}

#[test]
fn nothing_secret_is_shown() {
    let ours = identity(7);
    let sealed = fresh(&documents(PLAIN), &terms(&[&ours], Rules::default()));
    let opened = open(&sealed, std::slice::from_ref(&ours)).unwrap();
    let shown = format!("{opened:?} {ours:?}");
    for secret in ["hunter2", "beside", "AGE-SECRET-KEY"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains(&ours.recipient().to_string()));
    assert_eq!(ours.recipient().to_string().parse::<Recipient>().unwrap(), ours.recipient());
}
