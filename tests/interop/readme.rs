//! The commands on the README's first screen.

use std::fs;

use ichor_tests::{Run, Scratch, ichor};

use crate::described::{gateway_api_folder, root};

const PROGRAM: &str = "cargo run --release -p ichor --";
const FOLDER: &str = "/tmp/home";

#[test]
fn the_first_screen_is_true() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let is_command = |line: &&str| line.starts_with(PROGRAM) || line.starts_with("mkdir ");
    let commands: Vec<_> = readme.lines().filter_map(|line| line.strip_prefix("    ")).filter(is_command).collect();
    let [lab, make, configure] = commands.as_slice() else { panic!("{commands:?}") };
    assert!(lab.ends_with("lab up") && configure.contains(" configure "), "{commands:?}");
    let scratch = Scratch::new();
    let (home, cache) = (scratch.path().join("home"), scratch.path().join("cache"));
    // What is fetched once is here already, for there is no network.
    let other = scratch.write("other/cluster.yaml", fs::read(root().join("cluster.example.yaml")).unwrap());
    let run = Run::program(ichor()).env("XDG_CACHE_HOME", &cache).args(["configure", "--config"]).args([&other]);
    run.args(["--gateway-api"]).args([gateway_api_folder()]).succeed();

    let _down = Down;
    let script =
        [*lab, *make, *configure].join("\n").replace(PROGRAM, &ichor().display().to_string()).replace(FOLDER, &home.display().to_string());
    let run = Run::program("/bin/sh").folder(&root()).env("XDG_CACHE_HOME", &cache).args(["-euc", &script]).succeed();
    assert!(run.words().contains("added: 1"), "{}", run.described());
    assert!(run.text().contains("checks are as they must be"), "{}", run.described());
    assert!(home.join("talos/nodes/node-1.yaml").exists() && home.join("unifi/bgp.sops.conf").exists());
}

/// Ends the lab, also when a command after it failed.
struct Down;

impl Drop for Down {
    fn drop(&mut self) {
        Run::program(ichor()).args(["lab", "down", "--name", "home"]).finish();
    }
}
