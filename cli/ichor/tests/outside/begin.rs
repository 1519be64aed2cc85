//! `ichor init` and `ichor import`: how a person begins.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use ichor_tests::Run;
use serde_json::Value as Json;

use crate::place::{Place, gateway_api};

const FLAGS: [&str; 12] = [
    "--name",
    "home",
    "--node-cidr",
    "192.168.1.0/24",
    "--vip",
    "192.168.1.10",
    "--node",
    "node-1=192.168.1.11,52:54:00:12:34:56",
    "--install-disk",
    "/dev/sda",
    "--age-key",
    "age.key",
];

fn empty() -> Place {
    let place = Place::without_secrets();
    fs::remove_file(place.path("cluster.yaml")).unwrap();
    place
}

#[test]
fn from_flags_to_a_whole_tree() {
    let place = empty();
    let words = place.ichor(["init"]).args(FLAGS).succeed().words();
    assert!(words.contains("export SOPS_AGE_KEY_FILE=\"$PWD/age.key\""), "{words}");
    let mode = fs::metadata(place.path("age.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(place.read(".gitignore"), "/age.key\n");
    assert!(place.read("cluster.yaml").contains("# The Kubernetes API is reached here"));
    let key = place.path("age.key");
    let run = place.ichor_without_key(["configure", "--gateway-api"]).args([gateway_api()]).env("SOPS_AGE_KEY_FILE", &key);
    run.succeed();
    Run::tool("sops").args(["-d".as_ref(), place.path("secrets.sops.yaml").as_os_str()]).env("SOPS_AGE_KEY_FILE", &key).succeed();

    let refused = place.ichor(["init"]).args(FLAGS).fail();
    assert!(refused.words().contains("`cluster.yaml` is there already") && refused.words().contains("--force"), "{}", refused.words());
    // A second cluster with the same key: the key is read and never replaced.
    let before = place.read("age.key");
    place.ichor(["init", "--config", "other/cluster.yaml"]).args(FLAGS).succeed();
    assert_eq!(place.read("age.key"), before);
    // A list that is there keeps its lines.
    place.write(".gitignore", "target");
    place.ichor(["init", "--config", "third.yaml"]).args(&FLAGS[..FLAGS.len() - 1]).args(["key.txt"]).succeed();
    assert_eq!(place.read(".gitignore"), "target\n/key.txt\n");
    assert_eq!(place.read("other/cluster.yaml"), place.read("cluster.yaml"));
}

#[test]
fn a_key_is_kept_out_of_git_whatever_its_name() {
    let place = empty();
    let git = |args: &[&str]| Run::program("/usr/bin/git").args(args).folder(&place.folder()).succeed().text().to_owned();
    git(&["init", "--quiet"]);
    for name in ["a*[x]?.key", "two words.key", "blank ", "back\\slash", "#hash", "!not"] {
        place.ichor(["init", "--force"]).args(&FLAGS[..FLAGS.len() - 1]).args([name]).succeed();
    }
    assert_eq!(git(&["status", "--short", "-uall", "-z"]), "?? .gitignore\0?? cluster.yaml\0");
    for (key, config) in [("same.yaml", "same.yaml"), ("./same.yaml", "same.yaml"), (".gitignore", "other.yaml")] {
        let refused = place.ichor(["init", "--config", config]).args(&FLAGS[..FLAGS.len() - 1]).args([key]).fail();
        assert!(refused.words().contains("cannot be the file of the age key too"), "{}", refused.words());
        assert!(!place.path(config).exists());
    }
}

#[test]
fn what_is_missing_or_wrong_is_told_by_its_flag() {
    let place = empty();
    let refused = place.ichor(["init", "--name", "home"]).fail();
    for flag in ["--node-cidr", "--node,", "--install-disk", "--age-key or --recipient"] {
        assert!(refused.words().contains(flag), "{flag}: {}", refused.words());
    }
    let refused = place.ichor(["init"]).args(FLAGS).args(["--pool", "10.0.0.0/24"]).args(["--worker", "node-2"]).fail();
    assert!(refused.words().contains("`node-2` is not a machine: write NAME=ADDRESS,MAC"), "{}", refused.words());
    let refused = place.ichor(["init"]).args(FLAGS).args(["--worker", "node-2=192.168.1.11,52:54:00:12:34:57"]).fail();
    assert!(refused.words().contains("192.168.1.11") && refused.words().contains("nothing was written"), "{}", refused.words());
    assert!(place.files().is_empty(), "{:?}", place.files().keys());
}

#[test]
fn on_a_terminal_it_asks() {
    let place = empty();
    let answers = [
        "",
        "192.168.1.0",
        "192.168.1.0/24",
        "node-1",
        "node-1=192.168.1.11,52:54:00:12:34:56",
        "",
        "",
        "192.168.1.10",
        "/dev/sda",
        "",
        "age.key",
        "",
    ];
    let command = format!("{} init", env!("CARGO_BIN_EXE_ichor"));
    let run = Run::program("/usr/bin/script").args(["-qec", &command, "/dev/null"]).folder(&place.folder());
    let run = run.input(answers.join("\n")).env("HOME", place.scratch.path()).succeed();
    let told = run.text().replace('\r', "");
    assert!(told.contains("Name of the cluster [home]:") && told.contains("write it like 192.168.1.0/24"), "{told}");
    let text = place.read("cluster.yaml");
    for part in ["name: home", "node_cidrs: [192.168.1.0/24]", "vip: 192.168.1.10", "install_disk: /dev/sda", "52:54:00:12:34:56"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

const OLD_CLUSTER: &str = r#"node_cidr: "192.168.1.0/24"
cluster_api_addr: "192.168.1.9"
cluster_dns_gateway_addr: "192.168.1.21"
cluster_gateway_addr: "192.168.1.22"
repository_name: "example/home-ops"
cloudflare_domain: "example.org"
cloudflare_token: "very-secret"
cloudflare_gateway_addr: "192.168.1.23"
cilium_loadbalancer_mode: "snat"
colour: "blue"
"#;

const OLD_NODES: &str = r#"nodes:
  - name: "node-1"
    address: "192.168.1.11"
    controller: true
    disk: "/dev/sda"
    mac_addr: "52:54:00:12:34:56"
    schematic_id: "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"
"#;

#[test]
fn old_files_are_converted_field_by_field() {
    let place = empty();
    place.write("old/cluster.yaml", OLD_CLUSTER);
    place.write("old/nodes.yaml", OLD_NODES);
    let key = fs::read_to_string(place.key()).unwrap();
    place.write("old/age.key", &key);
    let run = place.ichor(["import", "old"]).succeed();
    let row = |field: &str| run.text().lines().find(|line| line.contains(field)).unwrap_or_default().to_owned();
    assert!(row(" node_cidr ").contains("cluster.yaml:1: node_cidr -> network.node_cidrs"), "{}", run.text());
    assert!(row("cloudflare_token").contains("was not copied: `ichor secrets set cloudflare.token`"), "{}", run.text());
    assert!(row("colour").contains("was left out"), "{}", run.text());
    for field in ["cluster_api_addr", "cloudflare_domain", "mac_addr", "schematic_id", "disk"] {
        assert!(!row(field).is_empty(), "{field}: {}", run.text());
    }
    assert!(!run.described().contains("very-secret") && !place.read("cluster.yaml").contains("very-secret"));
    let recipient = crate::place::recipient_of(&key);
    assert!(place.read("cluster.yaml").contains(&recipient));
    let valid = place.ichor(["validate"]).finish();
    assert!(valid.status.success(), "{}\n{}", valid.words(), place.read("cluster.yaml"));

    let printed = place.ichor(["import", "old/cluster.yaml", "--print"]).succeed();
    assert_eq!(printed.text(), place.read("cluster.yaml"));
    let json: Json = serde_json::from_slice(&place.ichor(["import", "old", "--print", "--output", "json"]).succeed().stdout).unwrap();
    assert!(json["fields"].as_array().unwrap().iter().any(|row| row["field"] == "colour" && row["fate"] == "left-out"), "{json}");
}

#[test]
fn what_is_converted_is_never_replaced() {
    let place = empty();
    place.write("cluster.yaml", OLD_CLUSTER);
    place.write("nodes.yaml", OLD_NODES);
    for args in [&[][..], &["--force"]] {
        let refused = place.ichor(["import", "."]).args(args).fail();
        assert!(refused.words().contains("is the file to convert, and would be lost"), "{}", refused.words());
    }
    assert_eq!(place.read("cluster.yaml"), OLD_CLUSTER);
    for (path, part) in [("nowhere", "cluster.toml or cluster.yaml"), ("../home", "cluster.toml or cluster.yaml")] {
        let refused = place.ichor(["import", path, "--config", "new.yaml"]).fail();
        assert!(refused.words().contains(part), "{}", refused.words());
    }
}
