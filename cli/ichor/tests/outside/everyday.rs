//! The everyday loop: render, nothing to do, change, remove, edit by hand.

use std::fs;

use crate::place::{Place, marked};

const AGENT: &str = "cluster/apps/kube-system/ichor/app/agent.yaml";

#[test]
fn a_first_run_then_nothing_to_do() {
    let place = Place::without_secrets();
    let first = place.ichor(["configure", "--verbose"]).succeed();
    let added = marked(first.text(), "+ ");
    for file in [AGENT, "secrets.sops.yaml", ".sops.yaml", "talos/nodes/node-1.yaml", "unifi/bgp.sops.conf"] {
        assert!(added.contains(&file), "{file}: {added:?}");
    }
    assert!(first.words().contains("made and kept encrypted: bgp.gateway"), "{}", first.words());
    let before = place.files();
    for name in added {
        assert!(before.contains_key(name), "{name} was announced and not written");
    }
    // The cluster.yaml that was there, the record, and what was announced: nothing else.
    assert_eq!(before.len(), marked(first.text(), "+ ").len() + 2, "{:?}", before.keys());

    assert!(!first.words().contains("no age key at hand"), "{}", first.words());
    let second = place.ichor(["configure"]).succeed();
    assert_eq!(second.text(), "");
    assert!(second.words().contains("nothing to do"), "{}", second.words());
    assert!(place.files() == before, "a second run changed bytes");
    place.ichor(["configure", "--check"]).succeed();
}

#[test]
fn a_change_is_shown_checked_and_written() {
    let place = Place::configured();
    let before = place.files();
    place.change("cluster.yaml", "install_disk: /dev/nvme0n1", "install_disk: /dev/sdb");
    let check = place.ichor(["configure", "--check", "--diff"]).fail();
    assert_eq!(check.status.code(), Some(3), "{}", check.described());
    assert!(!marked(check.text(), "~ talos/").is_empty(), "{}", check.described());
    assert!(check.text().lines().any(|line| line.starts_with('-') && line.contains("/dev/nvme0n1")), "{}", check.text());
    assert!(check.text().lines().any(|line| line.starts_with('+') && line.contains("/dev/sdb")), "{}", check.text());
    let mut unchanged = place.files();
    unchanged.insert("cluster.yaml".into(), before["cluster.yaml"].clone());
    assert!(unchanged == before, "--check wrote something");

    let written = place.ichor(["configure"]).succeed();
    let named = marked(written.text(), "~ ");
    let after = place.files();
    for (name, bytes) in &after {
        let expected = named.contains(&name.as_str()) || name == ".ichor/manifest.json" || name == "cluster.yaml";
        assert_eq!(before.get(name) != Some(bytes), expected, "{name}");
    }
    place.ichor(["configure", "--check"]).succeed();
}

#[test]
fn what_is_no_longer_rendered_goes_with_its_folders() {
    let place = Place::configured();
    place.write("cluster/apps/kube-system/ichor-observability/notes.md", "mine");
    place.change("cluster.yaml", "layout: apps", "layout: infra");
    let words = place.ichor(["configure"]).succeed();
    assert!(marked(words.text(), "- ").contains(&AGENT), "{}", words.text());
    assert!(!place.path("cluster/apps/kube-system/ichor").exists(), "an empty folder stayed");
    assert_eq!(place.read("cluster/apps/kube-system/ichor-observability/notes.md"), "mine");
    let back = |place: &Place| place.change("cluster.yaml", "layout: infra", "layout: apps");
    back(&place);
    place.ichor(["configure"]).succeed();
    assert!(place.path(AGENT).exists() && !place.path("infra").exists());
}

#[test]
fn an_edit_by_hand_is_kept_until_it_is_given_up() {
    let place = Place::configured();
    let rendered = place.read(AGENT);
    let edited = format!("{rendered}# mine\n");
    place.write(AGENT, &edited);
    let kept = place.ichor(["configure"]).succeed();
    assert!(kept.words().contains(&format!("`{AGENT}` stays as it is: it was edited by hand")), "{}", kept.words());
    assert_eq!(place.read(AGENT), edited);
    // It is still an edit the next time.
    place.ichor(["configure"]).succeed();
    assert_eq!(place.read(AGENT), edited);
    let check = place.ichor(["configure", "--check", "--overwrite"]).fail();
    assert_eq!(check.status.code(), Some(3));
    assert_eq!(place.read(AGENT), edited);
    place.ichor(["configure", "--overwrite"]).succeed();
    assert_eq!(place.read(AGENT), rendered);
}

#[test]
fn an_edited_file_that_is_no_longer_rendered_becomes_the_users() {
    let place = Place::configured();
    place.write(AGENT, "mine\n");
    place.change("cluster.yaml", "layout: apps", "layout: infra");
    for _ in 0..2 {
        place.ichor(["configure", "--overwrite"]).finish();
    }
    // With --overwrite the edit is given up, so the file went; without, it stays for good.
    assert!(!place.path(AGENT).exists());
    let place = Place::configured();
    place.write(AGENT, "mine\n");
    place.change("cluster.yaml", "layout: apps", "layout: infra");
    let words = place.ichor(["configure"]).succeed().words();
    assert!(words.contains("it is yours from now on"), "{words}");
    place.ichor(["configure", "--overwrite"]).succeed();
    assert_eq!(place.read(AGENT), "mine\n");
}

#[test]
fn a_deleted_file_comes_back_and_a_clone_without_the_record_goes_on() {
    let place = Place::configured();
    let before = place.files();
    fs::remove_file(place.path(AGENT)).unwrap();
    let text = place.ichor(["configure"]).succeed();
    assert_eq!(marked(text.text(), "+ "), [AGENT]);
    fs::remove_file(place.path(".ichor/manifest.json")).unwrap();
    place.ichor(["configure"]).succeed();
    assert!(place.files() == before);
}

#[test]
fn the_output_folder_is_anywhere_and_the_secrets_stay_beside_the_file() {
    let place = Place::new();
    place.ichor(["configure", "--out", "../tree/deep"]).succeed();
    assert!(place.scratch.path().join("tree/deep").join(AGENT).exists());
    assert!(!place.scratch.path().join("tree/deep/secrets.sops.yaml").exists());
    assert_eq!(place.files().keys().collect::<Vec<_>>(), ["cluster.yaml", "secrets.sops.yaml"]);
    let other = place.ichor(["configure", "--out", "../other", "--quiet"]).succeed();
    assert_eq!(other.words(), "");
    let same = |name: &str| fs::read(place.scratch.path().join("tree/deep").join(name)).unwrap();
    assert_eq!(same(AGENT), fs::read(place.scratch.path().join("other").join(AGENT)).unwrap());
}

#[test]
fn mistakes_are_told_together_and_nothing_is_written() {
    let place = Place::new();
    let before = place.files();
    place.change("cluster.yaml", "vip: 192.168.42.10", "vipp: 192.168.42.10");
    place.change("cluster.yaml", "asn: 64513", "asn: 64514");
    for command in ["configure", "validate"] {
        let refused = place.ichor([command]).fail();
        assert_eq!(refused.status.code(), Some(1));
        let words = refused.words();
        for part in ["cluster.yaml:", "did you mean `vip`", "help:", "2 mistakes in `cluster.yaml`; nothing was written"] {
            assert!(words.contains(part), "{part:?} is not in:\n{words}");
        }
    }
    assert_eq!(place.files().len(), before.len());
}

#[test]
fn overrides_replace_templates_by_name() {
    let place = Place::configured();
    let names = place.ichor(["configure", "--list-templates"]).succeed();
    assert!(names.text().lines().any(|name| name == "agent/agent.yaml.j2"), "{}", names.text());
    place.write(".ichor/templates/agent/agent.yaml.j2", "kind: Mine\nmetadata:\n  name: mine\n");
    place.ichor(["configure"]).succeed();
    assert!(place.read(AGENT).starts_with("kind: Mine\n"));
    place.write("elsewhere/network/agent.yaml.j2", "kind: Mine\n");
    let refused = place.ichor(["configure", "--templates", "elsewhere"]).fail();
    assert!(refused.words().contains("did you mean `agent/agent.yaml.j2`?"), "{}", refused.words());
    place.write(".ichor/templates/agent/agent.yaml.j2", "kind: #{ nothing }#\n");
    let refused = place.ichor(["configure"]).fail();
    assert!(refused.words().contains("agent/agent.yaml.j2"), "{}", refused.words());
    assert!(place.read(AGENT).starts_with("kind: Mine\n"));
}
