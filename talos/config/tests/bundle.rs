//! The secrets bundle by itself; `talosctl.rs` holds it against the genuine one.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use ichor_talos_config::{Entropy, SecretsBundle};

const NOW: u64 = 1_790_000_000;

fn bundle(seed: u8) -> SecretsBundle {
    SecretsBundle::generate(&Entropy::new([seed; 32]), NOW).unwrap()
}

#[test]
fn the_same_entropy_and_time_give_the_same_bundle_and_others_give_another() {
    let one = bundle(1).to_yaml();
    assert_eq!(one, bundle(1).to_yaml());
    let (other, later) = (bundle(2).to_yaml(), SecretsBundle::generate(&Entropy::new([1; 32]), NOW + 1).unwrap().to_yaml());
    assert_ne!(one, other);
    assert_ne!(one, later);
    let shared = one.reveal().lines().filter(|line| line.contains(": ") && other.reveal().lines().any(|of_other| of_other == *line));
    assert_eq!(shared.count(), 0, "two bundles share a value");
}

#[test]
fn what_is_written_is_read_back() {
    let bundle = bundle(3);
    let read = SecretsBundle::parse(bundle.to_yaml().reveal()).unwrap();
    assert_eq!(read, bundle);
    let older = bundle.to_yaml().reveal().replace("secretboxencryptionsecret", "aescbcencryptionsecret");
    assert_eq!(SecretsBundle::parse(&older).unwrap().to_yaml().reveal(), older);
}

#[test]
fn debugging_shows_no_secret() {
    let bundle = bundle(4);
    let shown = format!("{bundle:?} {:?} {:?}", bundle.to_yaml(), Entropy::new([4; 32]));
    for line in bundle.to_yaml().reveal().lines() {
        if let Some((_, value)) = line.split_once(": ").filter(|(key, _)| !key.trim().eq("crt")) {
            assert!(!shown.contains(value), "{line} is shown");
        }
    }
    assert!(shown.contains("***") && !shown.contains("PRIVATE KEY"), "{shown}");
}

#[test]
fn a_time_that_no_certificate_can_hold_is_refused() {
    let error = SecretsBundle::generate(&Entropy::new([5; 32]), u64::MAX).unwrap_err();
    assert!(error.to_string().contains("cannot be made"), "{error}");
}

#[test]
fn mistakes_are_told_with_their_place_and_without_the_value() {
    let text = bundle(6).to_yaml().reveal().to_owned();
    let line_of = |key: &str| text.lines().position(|line| line.trim_start().starts_with(key)).unwrap() + 1;
    let replaced = |key: &str, value: &str| {
        let lines = text.lines().map(|line| match line.split_once(": ") {
            Some((name, _)) if name.trim() == key => format!("{name}: {value}\n"),
            _ => format!("{line}\n"),
        });
        lines.collect::<String>()
    };
    let cases = [
        (replaced("bootstraptoken", "hunter2"), line_of("bootstraptoken"), "`secrets.bootstraptoken` is not a token"),
        (replaced("token", "ABCDEF.0123456789abcdef"), line_of("token"), "`trustdinfo.token` is not a token"),
        (replaced("id", "[]"), line_of("id"), "`cluster.id` is not a text"),
        (replaced("crt", "hunter2!"), line_of("crt"), "`certs.etcd.crt` is not base64"),
        (replaced("crt", "aHVudGVyMg=="), line_of("crt"), "`certs.etcd.crt` is not PEM of the type CERTIFICATE"),
        (text.replace("    os:", "    moss:"), line_of("etcd:"), "`certs.os.crt` is missing"),
        (text.replace("secretboxencryptionsecret", "other"), line_of("bootstraptoken"), "is missing"),
        (format!("{text}cluster: {{}}\n"), text.lines().count() + 1, "twice"),
        ("[]\n".to_owned(), 1, "is missing"),
    ];
    for (text, line, message) in cases {
        let error = SecretsBundle::parse(&text).unwrap_err();
        assert!(error.message.contains(message), "{message}: {error}");
        assert_eq!(error.position.0, line, "{message}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
