//! Every check, shown by a mistake: the files in `mistakes/` hold the edits, and beside them what is printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ichor_config::{Diagnostic, read};
use ichor_yaml::{Node, Value};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes")
}

/// One mistake: a name, and the text that makes it.
struct Case {
    name: String,
    text: String,
}

fn text_of<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Node::as_str)
}

/// A case is a whole `text`, or edits of a base: `replace` finds a text that stands there once, `sections` puts other
/// text in the place of a whole top-level section (none to remove it).
fn case(node: &Node) -> Case {
    let name = text_of(node, "name").unwrap_or_else(|| panic!("a case without a name at line {}", node.span.start.line)).to_owned();
    if let Some(text) = text_of(node, "text") {
        return Case { name, text: text.to_owned() };
    }
    let base = folder().join("base").join(text_of(node, "base").unwrap_or("routed.yaml"));
    let mut text = fs::read_to_string(&base).unwrap_or_else(|error| panic!("{}: {error}", base.display()));
    for edit in node.get("replace").and_then(Node::as_seq).unwrap_or_default() {
        let (find, put) = (text_of(edit, "find").expect("find"), text_of(edit, "put").unwrap_or_default());
        assert_eq!(text.matches(find).count(), 1, "`{find}` must stand once in the base of `{name}`");
        text = text.replace(find, put);
    }
    if let Some(sections) = node.get("sections").and_then(Node::as_map) {
        for entry in &sections.entries {
            text = with_section(&text, &entry.key, entry.node.as_str().unwrap_or_default());
        }
    }
    Case { name, text }
}

fn with_section(text: &str, key: &str, section: &str) -> String {
    let head = format!("{key}:");
    let (mut out, mut inside, mut found) = (String::new(), false, false);
    for line in text.lines() {
        if line.starts_with(&head) {
            (inside, found) = (true, true);
            out.push_str(section);
        } else if !line.starts_with([' ', '#']) && !line.is_empty() {
            inside = false;
        }
        if !inside {
            out.push_str(line);
            out.push('\n');
        }
    }
    if !found {
        out.push_str(section);
    }
    out
}

fn cases(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).unwrap();
    let documents = ichor_yaml::parse(&text).unwrap_or_else(|error| panic!("{}:{error}", file.display()));
    documents.iter().map(|document| &document.root).filter(|root| matches!(root.value, Value::Map(_))).map(case).collect()
}

fn files() -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(files.len() > 10, "the files with mistakes are gone");
    files
}

/// The cases whose mistake is that they are no YAML; in any other, an edit went wrong.
const NOT_YAML: [&str; 2] = ["not YAML", "a tab in the indentation"];

/// Whether a person can find the place and knows what to do.
fn assert_helpful(case: &Case, diagnostic: &Diagnostic) {
    let what = format!("`{}`: {}", case.name, diagnostic.message);
    let lines = case.text.lines().count().max(1);
    assert!(diagnostic.help.as_ref().is_some_and(|help| !help.is_empty()), "no help: {what}");
    if !case.text.is_empty() {
        for place in std::iter::once(&diagnostic.span).chain(diagnostic.also.iter().map(|(span, _)| span)) {
            assert!((1..=lines).contains(&place.start.line) && place.start.column >= 1, "line {} of {lines}: {what}", place.start.line);
        }
    }
}

#[test]
fn every_mistake_prints_what_is_expected() {
    for file in files() {
        let mut page = String::new();
        for case in cases(&file) {
            let (verdict, diagnostics) = match read(&case.text) {
                Ok(cluster) => ("accepted", cluster.warnings().to_vec()),
                Err(diagnostics) => ("refused", diagnostics),
            };
            page.push_str(&format!("=== {} ({verdict})\n\n", case.name));
            let broken = diagnostics.iter().any(|diagnostic| diagnostic.message.starts_with("this is not YAML"));
            assert_eq!(broken, NOT_YAML.contains(&case.name.as_str()), "`{}` is about what stands in the file", case.name);
            for diagnostic in &diagnostics {
                assert_helpful(&case, diagnostic);
                page.push_str(&diagnostic.render("cluster.yaml", &case.text, false));
                page.push_str("\n\n");
            }
        }
        ichor_tests::assert_file(&file.with_extension("err"), page.as_bytes());
    }
}

#[test]
fn names_of_cases_are_unique() {
    let mut seen = BTreeSet::new();
    for case in files().iter().flat_map(|file| cases(file)) {
        assert!(seen.insert(case.name.clone()), "two cases are called `{}`", case.name);
    }
}

/// `validate` behind `parse` tells the same as `read`, as long as the form is right.
#[test]
fn both_ways_agree() {
    for case in files().iter().flat_map(|file| cases(file)) {
        let Ok(spec) = ichor_config::parse(&case.text) else { continue };
        let (one, other) = (ichor_config::validate(spec), read(&case.text));
        match (one, other) {
            (Ok(one), Ok(other)) => assert_eq!(one.warnings(), other.warnings(), "{}", case.name),
            (Err(one), Err(other)) => assert_eq!(one, other, "{}", case.name),
            _ => panic!("{}: one accepts what the other refuses", case.name),
        }
    }
}
