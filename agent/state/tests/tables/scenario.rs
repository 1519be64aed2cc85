//! Scenarios: objects in, tables out, changes, tables again; at the end everything goes, and nothing may be left.
//!
//! Each file below `scenarios` is one. A line that begins with `==` says what comes:
//!
//!     == host                     this node in YAML; without it: worker-1, random
//!     == use NAME                 the objects of objects/NAME.yaml
//!     == apply                    objects in YAML
//!     == delete KIND NAME ...     objects that go
//!     == cable CONTAINER POD ADDRESS ...      what the CNI plugin laid
//!     == cut CONTAINER
//!     == restart                  the agent begins anew with what the tables hold
//!     == restart without KIND NAME ...        the same, and these objects went meanwhile
//!     == expect                   services, backends, source ranges, health checks and problems
//!     == expect nodes             endpoints and prefixes
//!     == expect limits            what pods here may send
//!     == expect ops               the steps since the last expectation
//!
//! `cargo xtask bless` writes what was expected anew.
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::machine::Machine;

const LEAST_SCENARIOS: usize = 60;

struct Section<'a> {
    words: Vec<&'a str>,
    body: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables")
}

fn sections(text: &str) -> (String, Vec<Section<'_>>) {
    let mut before = String::new();
    let mut sections: Vec<Section<'_>> = Vec::new();
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("== ") {
            sections.push(Section { words: words.split_whitespace().collect(), body: String::new() });
        } else {
            let body = sections.last_mut().map_or(&mut before, |section| &mut section.body);
            writeln!(body, "{line}").unwrap();
        }
    }
    (before, sections)
}

/// Plays a scenario, and gives it back with what really came in place of what was expected.
fn play(text: &str) -> String {
    let (mut out, sections) = sections(text);
    let mut machine = Machine::new();
    for Section { words, body } in sections {
        writeln!(out, "== {}", words.join(" ")).unwrap();
        let body = match words[..] {
            ["host"] => machine.host(&body).map(|()| body),
            ["use", name] => machine
                .apply(&format!("{name}.yaml"), &fs::read_to_string(folder().join(format!("objects/{name}.yaml"))).unwrap())
                .map(|()| body),
            ["apply"] => machine.apply("scenario.yaml", &body).map(|()| body),
            ["delete", ref keys @ ..] => machine.delete(keys).map(|()| body),
            ["cable", container, pod, ref addresses @ ..] => machine.cable(container, pod, addresses).map(|()| body),
            ["cut", container] => machine.cut(container).map(|()| body),
            ["restart"] => machine.restart(&[]).map(|()| body),
            ["restart", "without", ref keys @ ..] => machine.restart(keys).map(|()| body),
            ["expect"] => Ok(machine.tables()),
            ["expect", "nodes"] => Ok(machine.nodes()),
            ["expect", "limits"] => Ok(machine.limits()),
            ["expect", "ops"] => Ok(machine.ops()),
            _ => panic!("`== {}` says nothing", words.join(" ")),
        };
        let body = body.unwrap_or_else(|error| panic!("after `== {}`: {error}", words.join(" ")));
        out.push_str(body.trim_end_matches('\n'));
        out.push_str(if body.trim().is_empty() { "" } else { "\n" });
    }
    machine.end().unwrap_or_else(|error| panic!("after everything was deleted: {error}"));
    out
}

#[test]
fn scenarios() {
    let mut files: Vec<_> = fs::read_dir(folder().join("scenarios")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut failed = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let check = || ichor_tests::assert_file(file, play(&text).as_bytes());
        if std::panic::catch_unwind(check).is_err() {
            failed.push(file.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    println!("{} scenarios, {} failed", files.len(), failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(files.len() >= LEAST_SCENARIOS, "only {} scenarios: are they where they are looked for?", files.len());
}
