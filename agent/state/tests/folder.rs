//! A folder of files: what a half-written or broken file takes away (nothing), and text that nobody meant.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use ichor_agent_state::{Contents, Folder, Name, Object, ObjectKey};
use proptest::prelude::*;

const WEB: &str =
    "{apiVersion: v1, kind: Service, metadata: {namespace: shop, name: web}, spec: {clusterIP: 10.96.0.10, ports: [{port: 80}]}}\n";
const MAIL: &str =
    "{apiVersion: v1, kind: Service, metadata: {namespace: shop, name: mail}, spec: {clusterIP: 10.96.0.25, ports: [{port: 25}]}}\n";

fn cluster_ip(folder: &Folder, name: &str) -> Option<String> {
    match folder.object(&ObjectKey::Service(Name::new("shop", name)))? {
        Object::Service(_, service) => Some(service.cluster_ips[0].to_string()),
        other => panic!("{other:?}"),
    }
}

fn set(folder: &mut Folder, file: &str, text: &str) -> Vec<String> {
    folder.set(file, Contents::read(file, &ichor_yaml::parse(text))).iter().map(ToString::to_string).collect()
}

fn problems(folder: &Folder) -> Vec<String> {
    folder.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_that_is_no_yaml_counts_as_it_was() {
    let mut folder = Folder::default();
    set(&mut folder, "a.yaml", WEB);
    set(&mut folder, "a.yaml", "{apiVersion: v1, kind: Serv");
    assert_eq!(cluster_ip(&folder, "web").as_deref(), Some("10.96.0.10"));
    let found = problems(&folder);
    assert!(found.len() == 1 && found[0].starts_with("a.yaml:1:") && found[0].ends_with("; the file counts as it was before"), "{found:?}");
    set(&mut folder, "a.yaml", MAIL);
    assert_eq!((cluster_ip(&folder, "web"), problems(&folder).len()), (None, 0));
}

#[test]
fn an_object_with_a_mistake_counts_as_it_was_and_its_neighbours_change() {
    let mut folder = Folder::default();
    set(&mut folder, "a.yaml", &format!("{WEB}---\n{MAIL}"));
    set(&mut folder, "a.yaml", &format!("{}---\n{}", WEB.replace("port: 80", "port: none"), MAIL.replace("0.25", "0.26")));
    assert_eq!(cluster_ip(&folder, "web").as_deref(), Some("10.96.0.10"));
    assert_eq!(cluster_ip(&folder, "mail").as_deref(), Some("10.96.0.26"));
    assert_eq!(problems(&folder), ["a.yaml:1:118: Service shop/web: spec.ports[0].port is a text, and must be a whole number"]);
}

#[test]
fn of_two_files_with_one_object_the_first_counts() {
    let mut folder = Folder::default();
    set(&mut folder, "b.yaml", &WEB.replace("0.10", "0.11"));
    set(&mut folder, "a.yaml", WEB);
    set(&mut folder, "c.yaml", &WEB.replace("0.10", "0.12"));
    assert_eq!(cluster_ip(&folder, "web").as_deref(), Some("10.96.0.10"));
    let wanted = |other: &str| format!("Service shop/web: is in a.yaml and in {other}; only the former counts, so take it out of one");
    assert_eq!(problems(&folder), [wanted("b.yaml"), wanted("c.yaml")]);
    folder.remove("a.yaml");
    assert_eq!(cluster_ip(&folder, "web").as_deref(), Some("10.96.0.11"));
}

#[test]
fn only_what_may_be_another_is_told() {
    let mut folder = Folder::default();
    assert_eq!(set(&mut folder, "b.yaml", &format!("{WEB}---\n{MAIL}")), ["Service shop/mail", "Service shop/web"]);
    assert_eq!(set(&mut folder, "b.yaml", &format!("{MAIL}---\n{WEB}")), [""; 0]);
    assert_eq!(set(&mut folder, "b.yaml", &format!("{}---\n{MAIL}", WEB.replace("0.10", "0.11"))), ["Service shop/web"]);
    assert_eq!(set(&mut folder, "a.yaml", WEB), ["Service shop/web"]);
    assert_eq!(cluster_ip(&folder, "web").as_deref(), Some("10.96.0.10"));
    assert_eq!(set(&mut folder, "a.yaml", MAIL), ["Service shop/mail", "Service shop/web"]);
    assert_eq!(cluster_ip(&folder, "web").as_deref(), Some("10.96.0.11"));
    let gone: Vec<_> = folder.remove("b.yaml").iter().map(ToString::to_string).collect();
    assert_eq!(gone, ["Service shop/mail", "Service shop/web"]);
    assert_eq!((cluster_ip(&folder, "web"), cluster_ip(&folder, "mail").as_deref()), (None, Some("10.96.0.25")));
    assert_eq!(problems(&folder), [""; 0]);
}

/// Objects as users write them, for the mutations to begin with.
fn seeds() -> Vec<String> {
    let objects = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tables/objects");
    let files = std::fs::read_dir(objects).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    files.chain([WEB.to_owned(), MAIL.to_owned()]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let mut folder = Folder::default();
        set(&mut folder, "a.yaml", &text);
        folder.problems();
    }

    /// Half of what a user wrote, with something else in place of a stretch of it.
    #[test]
    fn a_broken_file_is_read_or_refused(seed in prop::sample::select(seeds()), at in 0.0..1.0, gone in 0_usize..12, new in "[a-z0-9:\\[\\]{} \n.,-]{0,8}") {
        let chars: Vec<char> = seed.chars().collect();
        let start = ((chars.len() as f64) * at) as usize;
        let text: String = chars[..start].iter().copied().chain(new.chars()).chain(chars.iter().skip(start + gone).copied()).collect();
        let mut folder = Folder::default();
        let (objects, problems) = (set(&mut folder, "a.yaml", &text), folder.problems());
        // Another version is another kind of object.
        let is_service = ["apiVersion: v1", "kind: Service"].iter().all(|line| text.lines().any(|found| found == *line));
        prop_assert!(!objects.is_empty() || !problems.is_empty() || !is_service, "{text}");
    }
}
