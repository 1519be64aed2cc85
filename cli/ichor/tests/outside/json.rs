//! `--output json`: one document from every command, also when it fails.

use serde_json::Value as Json;

use crate::place::Place;

fn document(run: &ichor_tests::Finished) -> Json {
    serde_json::from_slice(&run.stdout).unwrap_or_else(|error| panic!("not one JSON document: {error}\n{}", run.described()))
}

#[test]
fn every_command_prints_one_document() {
    let place = Place::configured();
    place.change("cluster.yaml", "/dev/nvme0n1", "/dev/sdb");
    let editor = place.editor("true");
    for (words, code, key) in [
        (&["validate"][..], 0, "cluster"),
        (&["configure", "--check", "--diff"], 3, "changes"),
        (&["configure"], 0, "changes"),
        (&["configure", "--list-templates"], 0, "templates"),
        (&["secrets", "status"], 0, "secrets"),
        (&["secrets", "edit"], 0, "changed"),
        (&["secrets", "rotate", "bgp.gateway"], 0, "changed"),
        (&["secrets", "set", "cloudflare.token"], 0, "changed"),
        (&["talos", "config", "node-1"], 0, "file"),
        (&["talos", "config", "node-1", "--reveal"], 0, "config"),
        (&["schema"], 0, "$schema"),
        (&["completions", "zsh"], 0, "script"),
        (&["man", "pages"], 0, "written"),
        (&["version"], 0, "tested_with"),
        (&["init", "--config", "new.yaml"], 1, "error"),
        (&["import", "nowhere"], 1, "error"),
        (&["lab", "status", "--name", "nowhere"], 1, "error"),
        (&["endpoint", "list", "--socket", "nowhere.sock"], 1, "error"),
        (&["monitor", "--socket", "nowhere.sock"], 1, "error"),
        (&["bpf", "policy", "list"], 1, "error"),
        (&["bootstrap"], 1, "error"),
        (&["validate", "--config", "nowhere.yaml"], 1, "error"),
    ] {
        // Flags of the whole program come first: after a planned command everything belongs to it.
        let run = place.ichor(["--output", "json"]).args(words).env("EDITOR", &editor).input("token\n").finish();
        assert_eq!(run.status.code(), Some(code), "{}", run.described());
        let document = document(&run);
        assert!(document.get(key).is_some(), "{words:?}: no `{key}` in {document:#}");
    }
}

#[test]
fn a_change_is_data() {
    let place = Place::configured();
    place.change("cluster.yaml", "/dev/nvme0n1", "/dev/sdb");
    let run = place.ichor(["configure", "--check", "--diff", "--output", "json"]).fail();
    let document = document(&run);
    assert_eq!(document["written"], false);
    let changes = document["changes"].as_array().unwrap();
    let change = changes.iter().find(|change| change["path"].as_str().unwrap().starts_with("talos/")).unwrap();
    assert_eq!(change["change"], "changed");
    assert!(change["diff"].as_str().unwrap().contains("+"), "{change}");
    assert!(document["missing_secrets"].as_array().unwrap().iter().any(|secret| secret["name"] == "cloudflare.token"));
}

#[test]
fn mistakes_are_data_with_their_places() {
    let place = Place::new();
    place.change("cluster.yaml", "vip: 192.168.42.10", "vipp: 192.168.42.10");
    let document = document(&place.ichor(["configure", "--output", "json"]).fail());
    let mistake = &document["error"]["mistakes"][0];
    assert_eq!((&mistake["file"], &mistake["severity"]), (&Json::from("cluster.yaml"), &Json::from("error")));
    assert!(mistake["line"].as_u64().unwrap() > 1 && mistake["help"].as_str().unwrap().contains("vip"), "{document:#}");
}
