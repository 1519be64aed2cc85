//! The configuration of every node under Talos' own validation.

use ichor_talos_config::{Entropy, SecretsBundle, compose, patches};
use ichor_tests::{Run, Scratch};

use crate::described::all;

const NOW: u64 = 1_790_000_000;

#[test]
fn talos_takes_every_node() {
    let bundle = SecretsBundle::generate(&Entropy::new([3; 32]), NOW).unwrap();
    let scratch = Scratch::new();
    for described in all() {
        let talos = ichor_templates::talos_cluster(&described.cluster).unwrap();
        let patches = patches(&talos);
        for machine in &talos.nodes {
            let configuration = compose(&talos, &patches, machine, &bundle).unwrap_or_else(|error| panic!("{}: {error}", described.name));
            let file = scratch.write(&format!("{}-{}.yaml", described.name, machine.name), configuration.to_yaml().reveal());
            // talosctl is of the newest release that is out; what comes after it has a validator of its own.
            if described.cluster.versions.talos.numbers() >= (1, 14, 0) {
                Run::tool("talos114").args(["validate"]).args([file]).succeed();
            } else {
                let validate = ["validate", "--mode", "metal", "--strict", "--config"];
                Run::tool("talosctl").env("HOME", scratch.path()).args(validate).args([file]).succeed();
            }
        }
    }
}
