//! `ichor talos config`: a whole machine configuration, sealed or shown.

use crate::place::Place;

#[test]
fn the_export_is_sealed_stable_and_valid() {
    let place = Place::configured();
    place.ichor(["talos", "config", "node-1"]).succeed();
    let sealed = place.read("talos/node-1.sops.yaml");
    let again = place.ichor(["talos", "config", "node-1"]).succeed();
    assert!(again.words().contains("is unchanged"), "{}", again.words());
    assert_eq!(place.read("talos/node-1.sops.yaml"), sealed);
    let opened = place.tool("sops", ["-d", "talos/node-1.sops.yaml"]).succeed();
    place.scratch.write("opened.yaml", opened.text());
    place.tool("talosctl", ["validate", "--mode", "metal", "--strict", "--config", "../opened.yaml"]).succeed();
    let shown = place.ichor(["talos", "config", "node-1", "--reveal"]).succeed();
    place.scratch.write("shown.yaml", shown.text());
    place.tool("talosctl", ["validate", "--mode", "metal", "--strict", "--config", "../shown.yaml"]).succeed();
    // The export is the user's: configure neither takes it over nor removes it.
    place.ichor(["configure"]).succeed();
    assert_eq!(place.read("talos/node-1.sops.yaml"), sealed);
}

#[test]
fn what_cannot_be_exported_says_why() {
    let place = Place::configured();
    place.write("clear.yaml", "a: b\n");
    for (args, part) in [
        (&["node-9"][..], "the nodes are node-1, node-2, node-3"),
        (&["node-1", "--file", "clear.yaml"], "is not encrypted; it was not touched"),
        (&["node-1", "--file", "node.json"], "must end in .yaml"),
    ] {
        let refused = place.ichor(["talos", "config"]).args(args).fail();
        assert!(refused.words().contains(part), "{}", refused.words());
    }
    let place = Place::without_secrets();
    let refused = place.ichor(["talos", "config", "node-1"]).fail();
    assert!(
        refused.words().contains("there are no Talos secrets") && refused.words().contains("ichor secrets set talos"),
        "{}",
        refused.words()
    );
}
