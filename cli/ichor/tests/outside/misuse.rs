//! What a hurried or a hostile hand does: nothing that is precious gets lost, and no secret comes to light.

use std::fs;
use std::os::unix::fs::symlink;

use crate::place::Place;

const FILE: &str = "secrets.sops.yaml";
const PASSWORD: &str = "cluster/apps/kube-system/ichor-network/app/bgp-peer-password.sops.yaml";
const ROUTER: &str = "unifi/bgp.sops.conf";

/// A refused run says so with a help, and leaves everything as it is.
fn refused<const N: usize>(place: &Place, args: [&str; N], parts: &[&str]) {
    let before = place.files();
    let words = place.ichor(args).fail().words();
    for part in parts.iter().chain(&["help: "]) {
        assert!(words.contains(part), "{part:?} is not in:\n{words}");
    }
    assert!(place.files() == before, "something was changed");
}

fn password(place: &Place) -> String {
    place.tool("sops", ["-d", "--extract", "[\"bgp\"][\"gateway\"]", FILE]).succeed().text().to_owned()
}

#[test]
fn an_export_takes_the_place_of_an_export_only() {
    let place = Place::configured();
    for file in [FILE, PASSWORD] {
        refused(&place, ["talos", "config", "node-1", "--file", file], &[file, "is not the configuration of a machine"]);
    }
    place.ichor(["talos", "config", "node-1"]).succeed();
    place.ichor(["talos", "config", "node-2", "--file", "talos/node-1.sops.yaml"]).succeed();
}

#[test]
fn rules_of_sops_that_hide_nothing_are_refused() {
    let place = Place::configured();
    for rule in ["encrypted_regex: ^nothing$", "unencrypted_regex: .*", "unencrypted_suffix: way", "encrypted_suffix: x"] {
        place.write(".sops.yaml", format!("creation_rules:\n  - path_regex: .*\n    {rule}\n    age: {}\n", place.recipient()));
        refused(&place, ["configure"], &["`.sops.yaml` would leave `", "in clear text"]);
        refused(&place, ["secrets", "rotate"], &["secrets.sops.yaml", "in clear text"]);
        refused(&place, ["secrets", "rotate", "bgp.gateway"], &["in clear text"]);
    }
    // A rule that hides the values of a Secret leaves a machine configuration readable.
    let rule = "encrypted_regex: ^(data|stringData)$";
    place.write(".sops.yaml", format!("creation_rules:\n  - path_regex: .*talos.*\n    {rule}\n    age: {}\n", place.recipient()));
    refused(&place, ["talos", "config", "node-1"], &["talos/node-1.sops.yaml", "in clear text"]);
    place.ichor(["configure", "--overwrite"]).succeed();
}

#[test]
fn secrets_that_are_gone_are_not_made_anew() {
    let place = Place::configured();
    fs::rename(place.path(FILE), place.path("moved.sops.yaml")).unwrap();
    for args in [["configure", "--quiet"], ["configure", "--check"], ["configure", "--overwrite"]] {
        refused(&place, args, &["`secrets.sops.yaml` is gone", "restore it from Git"]);
    }
    place.change("cluster.yaml", "  recipients:", "  file: moved.sops.yaml\n  recipients:");
    place.ichor(["configure"]).succeed();
}

#[test]
fn secrets_are_not_kept_among_the_records() {
    let place = Place::new();
    for file in [".ichor/staging/s.sops.yaml", ".ichor/s.sops.yaml", "x/.git/s.sops.yaml"] {
        place.write("cluster.yaml", place.read("cluster.yaml").replace("secrets:\n", &format!("secrets:\n  file: {file}\n")));
        refused(&place, ["validate"], &["secrets.file"]);
        place.change("cluster.yaml", &format!("  file: {file}\n"), "");
    }
}

#[test]
fn a_secret_that_somebody_decrypted_is_not_shown_by_a_diff() {
    let place = Place::configured();
    let (password, sealed) = (password(&place), place.read(PASSWORD));
    let hidden = |place: &Place| {
        let run = place.ichor(["configure", "--check", "--diff", "--overwrite"]).fail();
        assert!(run.text().contains("~ ") || run.text().contains("- "), "{}", run.text());
        assert!(!run.described().contains(&password), "the password is shown");
    };
    for file in [PASSWORD, ROUTER] {
        let clear = place.tool("sops", ["-d", file]).succeed().text().to_owned();
        assert!(clear.contains(&password));
        place.write(file, clear);
        hidden(&place);
    }
    // One value among sealed ones.
    let line = sealed.lines().find(|line| line.contains("password: ENC[")).unwrap();
    place.write(PASSWORD, sealed.replace(line, &format!("    password: {password}")));
    hidden(&place);
    // No longer rendered; and a password that is kept and not used any more is in no other file.
    place.change("cluster.yaml", "md5: true", "md5: false");
    hidden(&place);
    place.ichor(["configure", "--overwrite"]).succeed();
    assert!(!place.read("unifi/bgp.conf").contains(&password), "an unused password is written in clear text");
}

#[test]
fn a_password_that_no_router_reads_is_refused() {
    let place = Place::configured();
    let long = "x".repeat(81);
    for text in ["two words", "a\nneighbor 1.1.1.1 shutdown", "a\"b", "ü", &long, "a\0b"] {
        let before = place.files();
        let run = place.ichor(["secrets", "set", "bgp.gateway"]).input(text).fail();
        assert!(run.words().contains("`bgp.gateway`") && run.words().contains("help: "), "{}", run.words());
        assert!(place.files() == before);
    }
    // However it came there.
    place.tool("sops", ["set", FILE, "[\"bgp\"][\"gateway\"]", "\"two words\""]).succeed();
    refused(&place, ["configure"], &["`bgp.gateway`", "ichor secrets rotate bgp.gateway"]);
    place.ichor(["secrets", "rotate", "bgp.gateway"]).succeed();
    place.ichor(["configure"]).succeed();
}

#[test]
fn a_secret_has_an_end() {
    let place = Place::configured();
    let run = place.ichor(["secrets", "set", "git.ssh_key"]).input(vec![b'x'; (1 << 20) + 1]).fail();
    assert!(run.words().contains("larger than"), "{}", run.words());
    let run = place.ichor(["secrets", "set", "git.ssh_key"]).input(b"\xff\xfe".as_slice()).fail();
    assert!(run.words().contains("is not UTF-8 text"), "{}", run.words());
}

#[test]
fn a_mistake_in_the_editor_does_not_repeat_what_was_typed() {
    let place = Place::configured();
    for text in ["{gateway: !hunter2 x}", "{gateway: *hunter2}", "{gateway: hunter2: x}", "{gateway: [hunter2]}", "'hunter2"] {
        let editor = place.editor(&format!("cat > \"$1\" <<'END'\nbgp: {text}\nEND"));
        let run = place.ichor(["secrets", "edit"]).env("EDITOR", editor).env("XDG_RUNTIME_DIR", "/dev/shm").fail();
        assert!(!run.described().contains("hunter2"), "{}", run.described());
    }
}

#[test]
fn a_file_that_ichor_cannot_use_is_not_mended_with_ichor() {
    let place = Place::configured();
    place.tool("sops", ["set", FILE, "[\"bgp\"][\"gateway\"]", "12345"]).succeed();
    refused(&place, ["secrets", "edit"], &["`bgp.gateway` is not a text", "sops secrets.sops.yaml"]);
}

#[test]
fn a_stream_has_no_folder_for_a_tree() {
    let place = Place::new();
    let text = place.read("cluster.yaml");
    for name in ["/dev/stdin", "/proc/self/fd/0"] {
        place.ichor(["validate", "--config", name]).input(text.as_str()).succeed();
        for args in [&["configure", "--check"][..], &["configure", "--check", "--out", "out"], &["secrets", "status"]] {
            let run = place.ichor([]).args(args).args(["--config", name]).input(text.as_str()).fail();
            assert_eq!(run.status.code(), Some(1), "{}", run.described());
            assert!(run.words().contains(name) && run.words().contains("help: "), "{}", run.words());
        }
    }
}

#[test]
fn a_check_sees_the_folder_that_a_write_would_make() {
    let place = Place::new();
    let run = place.ichor(["configure", "--check", "--out", "a/b/c"]).fail();
    assert_eq!(run.status.code(), Some(3), "{}", run.described());
    assert!(!place.path("a").exists());
    place.ichor(["configure", "--out", "a/b/c"]).succeed();
    place.ichor(["configure", "--check", "--out", "a/b/c"]).succeed();
}

#[test]
fn a_journal_that_leads_nowhere_is_refused_with_what_to_do() {
    let place = Place::configured();
    let digest = "0".repeat(64);
    for path in ["new.yaml", "../up", "/etc/passwd", ".git/hooks/x", "a/../b", "\\u001b[31m/../x"] {
        place.write(".ichor/journal.json", format!(r#"{{"format":1,"steps":[{{"path":"{path}","old":null,"new":"{digest}"}}]}}"#));
        refused(&place, ["configure"], &["journal.json", "restore the files with Git"]);
        let words = place.ichor(["configure"]).fail().words();
        assert!(!words.contains('\x1b') && !words.contains("the rest follows"), "{words:?}");
    }
}

#[test]
fn the_second_half_of_a_write_is_not_for_people() {
    let place = Place::configured();
    let text = place.read("talos/all.yaml");
    let digest = place.digest_of("talos/all.yaml");
    place.write(".ichor/journal.json", format!(r#"{{"format":1,"steps":[{{"path":"talos/all.yaml","old":"{digest}","new":null}}]}}"#));
    refused(&place, ["finish-write", "."], &["ichor configure"]);
    assert_eq!(place.read("talos/all.yaml"), text);
    let linked = place.scratch.path().join("linked");
    symlink(place.folder(), &linked).unwrap();
    place.ichor(["configure", "--out", linked.to_str().unwrap()]).succeed();
    assert_eq!(place.read("talos/all.yaml"), text);
}

#[test]
fn a_file_that_is_wrong_everywhere_is_told_in_pages_not_books() {
    let place = Place::new();
    let unknown: String = (0..3000).map(|at| format!("x{at}: 1\nx{at}: 2\n")).collect();
    place.write("cluster.yaml", place.read("cluster.yaml") + &unknown);
    let run = place.ichor(["validate", "--output", "json"]).fail();
    assert!(run.words().contains("6000 mistakes in `cluster.yaml`, the first 1000 are shown"), "{}", run.words().len());
    let json: serde_json::Value = serde_json::from_str(run.text()).unwrap();
    assert_eq!(json["error"]["mistakes"].as_array().unwrap().len(), 1000);
}
