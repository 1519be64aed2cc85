//! What stands in the way: files of others, links, read-only folders, full disks, closed pipes, a second run.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use ichor_tests::Run;

use crate::place::{Files, Place};

const AGENT: &str = "cluster/apps/kube-system/ichor/app/agent.yaml";

/// A refused run names the obstacle and leaves everything as it is.
fn refused(place: &Place, args: &[&str], parts: &[&str]) {
    let before = place.files();
    let run = place.ichor(["configure"]).args(args).fail();
    assert_eq!(run.status.code(), Some(1), "{}", run.described());
    for part in parts {
        assert!(run.words().contains(part), "{part:?} is not in:\n{}", run.words());
    }
    assert_same(&before, &place.files());
}

fn assert_same(before: &Files, after: &Files) {
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(before), names(after));
    assert!(before == after, "contents changed");
}

#[test]
fn a_file_of_somebody_else_is_in_the_way() {
    let place = Place::new();
    place.write(AGENT, "mine\n");
    place.write("README.md", "mine\n");
    for args in [&[][..], &["--overwrite"]] {
        refused(&place, args, &[AGENT, "ichor did not write", "help: move them away"]);
    }
}

#[test]
fn the_files_of_another_cluster_are_in_the_way() {
    let place = Place::configured();
    let another = fs::read_to_string(place.path("cluster.yaml")).unwrap().replacen("\nname: ", "\nname: other-", 1);
    fs::write(place.path("cluster.yaml"), another).unwrap();
    for args in [&[][..], &["--check"]] {
        refused(&place, args, &["were rendered for the cluster `", "`other-", "help: keep each cluster in a folder of its own"]);
    }
    place.ichor(["configure", "--overwrite"]).succeed();
    place.ichor(["configure"]).succeed();
}

#[test]
fn links_are_never_followed() {
    let place = Place::new();
    let outside = place.scratch.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("agent.yaml"), "outside\n").unwrap();
    symlink(&outside, place.path("talos")).unwrap();
    refused(&place, &[], &["`talos` is a symbolic link, not a folder"]);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);

    fs::remove_file(place.path("talos")).unwrap();
    place.ichor(["configure"]).succeed();
    fs::remove_file(place.path(AGENT)).unwrap();
    symlink(outside.join("agent.yaml"), place.path(AGENT)).unwrap();
    refused(&place, &["--overwrite"], &[AGENT, "it is a symbolic link"]);
    assert_eq!(fs::read_to_string(outside.join("agent.yaml")).unwrap(), "outside\n");

    // A folder that became a link while its files were ichor's: they are not looked for behind it.
    let place = Place::configured();
    fs::rename(place.path("talos"), outside.join("talos")).unwrap();
    symlink(outside.join("talos"), place.path("talos")).unwrap();
    refused(&place, &[], &["`talos` is a symbolic link"]);
}

#[test]
fn the_folder_of_records_is_not_a_way_out_either() {
    let place = Place::new();
    let outside = place.scratch.path().join("outside");
    fs::create_dir_all(outside.join("staging")).unwrap();
    fs::write(outside.join("staging/keep"), "").unwrap();
    fs::write(outside.join("journal.json"), r#"{"format":1,"steps":[]}"#).unwrap();
    symlink(&outside, place.path(".ichor")).unwrap();
    refused(&place, &[], &[".ichor", "is a symbolic link"]);
    assert!(outside.join("staging/keep").exists() && outside.join("journal.json").exists());

    fs::remove_file(place.path(".ichor")).unwrap();
    place.write(".ichor/manifest.json", r#"{ "format": 1, "cluster": "home", "files": { "../../home/key.txt": "00" } }"#);
    refused(&place, &[], &["../../home/key.txt"]);
    let journal = r#"{"format":1,"steps":[{"path":"../home/key.txt","old":null,"new":null}]}"#;
    place.write(".ichor/journal.json", journal);
    refused(&place, &[], &["../home/key.txt"]);
    assert!(place.key().exists());
}

/// Runs a script with mounts of its own.
fn among_mounts(place: &Place, script: &str) -> Run {
    let ichor = env!("CARGO_BIN_EXE_ichor");
    let run = Run::program("/usr/bin/unshare").args(["--map-root-user", "--mount", "sh", "-ec", script, ichor]);
    let home = place.scratch.path().join("home");
    run.folder(&place.folder()).env("HOME", home).env("XDG_CACHE_HOME", &place.cache).env("SOPS_AGE_KEY_FILE", place.key())
}

#[test]
fn a_read_only_folder_stops_the_change_before_it_begins() {
    let place = Place::configured();
    place.change("cluster.yaml", "install_disk: /dev/nvme0n1", "install_disk: /dev/sdb");
    place.change("cluster.yaml", "mode: audit", "mode: enforce");
    let before = place.files();
    let run = among_mounts(&place, "mount --bind talos talos; mount -o remount,ro,bind talos; \"$0\" configure").fail();
    let words = run.words();
    assert!(words.contains(": Read-only file system; nothing was changed") && words.contains("help:"), "{words}");
    assert_same(&before, &place.files());
}

#[test]
fn another_filesystem_inside_the_folder_is_refused() {
    let place = Place::configured();
    place.change("cluster.yaml", "install_disk: /dev/nvme0n1", "install_disk: /dev/sdb");
    let before = place.files();
    let script = "cp -r talos ../copy; mount -t tmpfs none talos; cp -r ../copy/. talos/; \"$0\" configure";
    let run = among_mounts(&place, script).fail();
    assert!(run.words().contains("cluster/talos` is on another filesystem than"), "{}", run.words());
    assert_same(&before, &place.files());
}

#[test]
fn a_full_disk_leaves_the_old_tree() {
    let place = Place::configured();
    let script = "mkdir -p ../small; mount -t tmpfs -o size=${SIZE}k none ../small; cp cluster.yaml secrets.sops.yaml ../small; cd ../small
        \"$0\" configure --quiet > ../log && echo fits && exit; find . -type f | sort; ls -A .ichor";
    for (refused, size) in ["64", "400", "1500", "2500", "40000"].into_iter().enumerate() {
        let run = among_mounts(&place, &format!("SIZE={size}; {script}")).succeed();
        if run.text() == "fits\n" {
            assert!(refused > 0, "64 kB were enough");
            return;
        }
        assert!(run.words().contains("No space left on device") && run.words().contains("nothing was changed"), "{}", run.described());
        assert_eq!(run.text(), "./cluster.yaml\n./secrets.sops.yaml\n", "{}", run.described());
    }
    panic!("40 MB were not enough");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::new();
    let script = "\"$0\" configure | head -n 1; \"$0\" schema | head -n 1; \"$0\" completions bash | true";
    let run = among_mounts(&place, script).succeed();
    assert!(run.text().starts_with("+ ") && !run.words().contains("error"), "{}", run.described());
    place.ichor(["configure", "--check"]).succeed();
    let run = among_mounts(&place, "\"$0\" schema > /dev/full").fail();
    assert!(run.words().contains("cannot write to standard output: No space left on device"), "{}", run.described());
}

#[test]
fn two_runs_at_once_take_turns() {
    let place = Place::new();
    // Held as another run would hold it.
    let folder = fs::File::open(place.folder()).unwrap();
    folder.lock().unwrap();
    let mut waiting = Command::new(env!("CARGO_BIN_EXE_ichor"))
        .arg("configure")
        .current_dir(place.folder())
        .env("XDG_CACHE_HOME", &place.cache)
        .env("SOPS_AGE_KEY_FILE", place.key())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut words = BufReader::new(waiting.stderr.take().unwrap()).lines();
    assert!(words.next().unwrap().unwrap().contains("another run of ichor works in"));
    assert!(!place.path(AGENT).exists());
    folder.unlock().unwrap();
    let rest: Vec<_> = words.map(Result::unwrap).collect();
    assert!(waiting.wait().unwrap().success(), "{rest:?}");

    let place = Place::without_secrets();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| place.ichor(["configure"]).succeed());
        }
    });
    // Only one of them made the secrets, and the others used them.
    place.ichor(["configure", "--check"]).succeed();
}

#[test]
fn gits_own_folder_is_out_of_reach() {
    let place = Place::new();
    place.change("cluster.yaml", "  recipients:", "  file: .git/hooks/post-checkout.sops.yaml\n  recipients:");
    let run = place.ichor(["configure"]).fail();
    assert!(run.words().contains(".git"), "{}", run.described());
    assert!(!Path::new(&place.path(".git")).exists());
}
