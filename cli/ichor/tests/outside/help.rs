//! The help of every command, as files: read them as a new user would.

use std::path::Path;

use ichor_tests::{Run, assert_file, assert_tree};

use crate::place::{Files, Place};

fn help(words: &[&str]) -> Vec<u8> {
    let run = Run::program(env!("CARGO_BIN_EXE_ichor")).args(words).args(["--help"]).env("COLUMNS", "100").env("NO_COLOR", "1");
    run.succeed().stdout
}

/// Every command that the help shows, with its words.
fn commands(command: &clap::Command, words: &[&str], found: &mut Vec<Vec<String>>) {
    found.push(words.iter().map(|word| (*word).to_owned()).collect());
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        commands(sub, &[words, &[sub.get_name()]].concat(), found);
    }
}

#[test]
fn every_help_page_is_as_it_was_read() {
    let mut found = Vec::new();
    commands(&ichor::command(), &[], &mut found);
    assert!(found.len() > 14, "{found:?}");
    let mut pages = Files::new();
    for words in &found {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        pages.insert(format!("{}.txt", [&["ichor"], words.as_slice()].concat().join("-")), help(&words));
    }
    assert_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help"), &pages);
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let place = Place::without_secrets();
    for (words, part) in [
        (&["configur"][..], "similar subcommand exists: 'configure'"),
        (&["configure", "--chek"], "--check"),
        (&["configure", "--output", "yaml"], "possible values: text, json"),
        (&["secrets", "set"], "NAME"),
        (&[], "Usage: ichor"),
    ] {
        let run = place.ichor([]).args(words).fail();
        assert_eq!(run.status.code(), Some(2), "{}", run.described());
        assert!(run.words().contains(part) && run.text().is_empty(), "{}", run.described());
    }
}

#[test]
fn what_is_not_there_yet_says_so() {
    let place = Place::without_secrets();
    for words in [&["observe"][..], &["bootstrap"], &["upgrade", "--plan"], &["connectivity", "test"]] {
        let run = place.ichor([]).args(words).fail();
        assert_eq!(run.status.code(), Some(1));
        assert!(run.words().contains(&format!("`ichor {}` is not in this version yet", words[0])), "{}", run.described());
    }
}

#[test]
fn man_pages_and_completions_cover_every_command() {
    let place = Place::without_secrets();
    let pages = place.ichor(["man", "man"]).succeed();
    for page in ["ichor.1", "ichor-configure.1", "ichor-secrets-rotate.1", "ichor-talos-config.1", "ichor-lab-up.1", "ichor-bpf-ct-list.1"]
    {
        assert!(pages.text().lines().any(|line| line == format!("man/{page}")), "{}", pages.text());
        assert!(place.read(&format!("man/{page}")).starts_with(".ie"), "{page}");
    }
    assert!(!pages.text().contains("finish-write"));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.ichor(["completions", shell]).succeed();
        for word in ["configure", "secrets", "--overwrite", "rotate"] {
            assert!(script.text().contains(word.trim_start_matches("--")), "{shell}: {word}");
        }
    }
    let script = place.scratch.write("ichor.bash", place.ichor(["completions", "bash"]).succeed().stdout);
    Run::program("/bin/bash").args(["-n".as_ref(), script.as_os_str()]).succeed();
}

#[test]
fn colours_are_for_terminals() {
    let place = Place::configured();
    place.change("cluster.yaml", "/dev/nvme0n1", "/dev/sdb");
    let colours = |args: &[&str], env: &str| {
        place.ichor(["configure", "--check"]).args(args).env("NO_COLOR", env).finish().described().contains('\x1b')
    };
    assert!(!colours(&[], "") && !colours(&["--color", "never"], "") && colours(&["--color", "always"], "1"));
}

#[test]
fn the_error_page_of_typical_mistakes_is_a_file() {
    let place = Place::new();
    place.change("cluster.yaml", "install_disk: /dev/nvme0n1", "instal_disk: /dev/nvme0n1");
    place.change("cluster.yaml", "addresses: [192.168.42.12, ", "addresses: [192.168.42.11, ");
    place.change("cluster.yaml", "      asn: 64513", "      asn: 64514");
    let run = place.ichor(["configure"]).fail();
    assert_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/typical-mistakes.err"), &run.stderr);
}
