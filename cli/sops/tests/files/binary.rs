//! Files of bytes: stability, what is kept, what is refused and in which words.

use ichor_sops::age::Identity;
use ichor_sops::{Error, ErrorKind, Previous, Rules, Terms, inspect, is_sealed, open_binary, rotate, seal_binary};
use ichor_yaml::Layout;
use proptest::prelude::*;

use crate::{PLAIN, at, documents, entropy, identity, terms};

const CONFIG: &[u8] = b"router bgp 65010\n neighbor 10.0.0.1 password hunter2\r\n! \"end\" \\ <&>";

fn fresh(bytes: &[u8], terms: &Terms) -> String {
    seal_binary(None, bytes, terms, &mut entropy(1), &at("2026-11-21T12:00:00Z")).unwrap()
}

fn again(text: &str, identity: &Identity, bytes: &[u8], terms: &Terms) -> Result<String, Error> {
    let previous = Previous { text, identities: std::slice::from_ref(identity) };
    seal_binary(Some(previous), bytes, terms, &mut entropy(2), &at("2026-11-22T12:00:00Z"))
}

fn clear(text: &str, identity: &Identity) -> Vec<u8> {
    open_binary(text, std::slice::from_ref(identity)).unwrap().plaintext.as_bytes().to_vec()
}

fn value(text: &str) -> &str {
    text.lines().find(|line| line.starts_with("\t\"data\"")).unwrap()
}

proptest! {
    #[test]
    fn every_content_comes_back_and_settles(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let terms = terms(&[&identity(7)], Rules::default());
        let sealed = fresh(&bytes, &terms);
        prop_assert_eq!(clear(&sealed, &identity(7)), bytes.clone());
        prop_assert_eq!(again(&sealed, &identity(7), &bytes, &terms).unwrap(), sealed);
    }

    #[test]
    fn no_text_panics(text in ".{0,200}", at in 0..1000_usize) {
        let _ = open_binary(&text, &[identity(7)]);
        let mut broken: Vec<char> = fresh(CONFIG, &terms(&[&identity(7)], Rules::default())).chars().collect();
        broken.splice(at.min(broken.len() - 1)..(at + 3).min(broken.len()), text.chars().take(4));
        let broken: String = broken.into_iter().collect();
        let _ = (open_binary(&broken, &[identity(7)]), inspect(&broken));
    }
}

#[test]
fn only_what_changed_changes() {
    let (one, two) = (identity(7), identity(8));
    let alone = terms(&[&one], Rules::default());
    let sealed = fresh(CONFIG, &alone);
    let changed = again(&sealed, &one, b"router bgp 65011\n", &alone).unwrap();
    let lines: Vec<_> = sealed.lines().zip(changed.lines()).filter(|(old, new)| old != new).map(|(_, new)| new.trim_start()).collect();
    assert_eq!(lines.len(), 3, "{changed}");
    assert!(lines[0].starts_with("\"data\"") && lines[1].starts_with("\"lastmodified\"") && lines[2].starts_with("\"mac\""));
    assert_eq!(clear(&changed, &one), b"router bgp 65011\n");

    let both = again(&sealed, &one, CONFIG, &terms(&[&one, &two], Rules::default())).unwrap();
    let kept =
        |text: &str| text.lines().filter(|line| line.contains("ENC[") || line.contains("lastmod")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(kept(&both), kept(&sealed));
    assert_eq!(clear(&both, &two), CONFIG);
    assert_eq!(again(&both, &two, CONFIG, &terms(&[&two, &one], Rules::default())).unwrap(), both);
    assert_eq!(inspect(&again(&both, &two, CONFIG, &terms(&[&two], Rules::default())).unwrap()).unwrap().recipients.len(), 1);
}

/// `sops` says that a rule makes no sense here, and ignores it.
#[test]
fn rules_and_layout_have_no_meaning() {
    let ours = identity(7);
    let default = terms(&[&ours], Rules::default());
    let other = Terms { layout: Layout::Two, ..terms(&[&ours], Rules::encrypted_regex("^x$").unwrap().mac_only_encrypted(true)) };
    let sealed = fresh(CONFIG, &default);
    assert_eq!(fresh(CONFIG, &other), sealed);
    assert_eq!(again(&sealed, &ours, CONFIG, &other).unwrap(), sealed);
    assert!(!sealed.contains("encrypted_"), "{sealed}");
}

#[test]
fn a_rotated_file_keeps_its_form() {
    let ours = identity(7);
    let terms = terms(&[&ours], Rules::default());
    let sealed = fresh(CONFIG, &terms);
    let previous = Previous { text: &sealed, identities: std::slice::from_ref(&ours) };
    let rotated = rotate(previous, &terms, &mut entropy(3), &at("2026-11-22T12:00:00Z")).unwrap();
    assert!(rotated.starts_with("{\n\t\"data\": \"ENC[") && rotated.ends_with("\n}\n"), "{rotated}");
    assert_ne!(value(&rotated), value(&sealed));
    assert_eq!(clear(&rotated, &ours), CONFIG);
}

#[test]
fn what_cannot_be_opened_says_why() {
    let ours = identity(7);
    let good = terms(&[&ours], Rules::default());
    let sealed = fresh(CONFIG, &good);
    let yaml = ichor_sops::seal(None, &documents(PLAIN), &good, &mut entropy(1), &at("2026-11-21T12:00:00Z")).unwrap();
    let data = format!("{}\n", value(&sealed));
    let rule = |rule: &str| sealed.replace("\t\t\"version\"", &format!("\t\t{rule},\n\t\t\"version\""));
    for (text, kind, word) in [
        (String::from_utf8_lossy(CONFIG).into_owned(), ErrorKind::NotSealed, "no `sops` block"),
        (String::new(), ErrorKind::NotSealed, "no `sops` block"),
        ("{\"data\": \"clear\"}".to_owned(), ErrorKind::NotSealed, "no `sops` block"),
        (yaml, ErrorKind::NotSealed, "no `sops` block"),
        (sealed.replace("],\n", "]\n"), ErrorKind::Syntax, "not JSON"),
        (sealed.replace(&data, &data.repeat(2)), ErrorKind::Syntax, "`data` stands here twice"),
        (sealed.replace(&data, ""), ErrorKind::Tampered, "`data` is missing"),
        (sealed.replace(&data, &format!("{data}\t\"note\": null,\n")), ErrorKind::Tampered, "`note` was added"),
        (sealed.replace(&data, "\t\"data\": {},\n"), ErrorKind::Tampered, "`data` is clear"),
        (sealed.replacen("type:str", "type:bytes", 1), ErrorKind::Tampered, "type `bytes`"),
        (rule(r#""encrypted_regex": "^x$""#), ErrorKind::Tampered, "`sops.encrypted_regex` would leave `data` clear"),
        (rule(r#""encrypted_suffix": "x", "encrypted_regex": "x""#), ErrorKind::Metadata, "both"),
    ] {
        let error = open_binary(&text, std::slice::from_ref(&ours)).unwrap_err();
        assert!(error.kind == kind && error.message.contains(word), "{error}\n{text}");
    }
    let error = open_binary(&sealed.replacen("type:str", "type:bytes", 1), std::slice::from_ref(&ours)).unwrap_err();
    assert_eq!(error.position.map(|position| position.line), Some(2));
    let tampered = sealed.replacen("data:", "data:AAAA", 1);
    assert_eq!(again(&tampered, &ours, CONFIG, &good).unwrap_err().kind, ErrorKind::Tampered);
    assert_eq!(open_binary(&sealed, &[identity(8)]).unwrap_err().kind, ErrorKind::NoIdentity);
    let nobody = Terms { recipients: Vec::new(), ..good };
    assert!(seal_binary(None, CONFIG, &nobody, &mut entropy(1), &at("2026-11-21T12:00:00Z")).unwrap_err().message.contains("for nobody"));
    assert!(is_sealed(&sealed) && !is_sealed(&String::from_utf8_lossy(CONFIG)));
}

#[test]
fn nothing_secret_is_shown() {
    let ours = identity(7);
    let sealed = fresh(b"hunter2", &terms(&[&ours], Rules::default()));
    let shown = format!("{:?}", open_binary(&sealed, std::slice::from_ref(&ours)).unwrap());
    assert!(!shown.contains("hunter2") && !shown.contains(&format!("{:?}", b"hunter2")), "{shown}");
}
