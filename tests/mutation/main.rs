//! The example with every part of it changed: either refused with a place and a mend, or rendered into files that the
//! real programs take.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod growth;
mod judges;
mod moods;
mod mutants;
mod tree;
mod values;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ichor_config::{Cluster, Diagnostic, Severity};
use judges::{Evidence, bundle, gateway_api, render};
use mutants::{Mutant, mutants};

/// Another seed makes other mutants; a failure names the mutant, which the same seed makes again.
const SEED: u64 = 3;
const FILE: &str = "cluster.yaml";

fn example() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("cluster.example.yaml")).unwrap()
}

fn all() -> Vec<Mutant> {
    mutants(&example(), &ichor_config::json_schema(), SEED)
}

/// What is missing in the words for a mutant that is refused.
fn unhelpful(mutant: &Mutant, mistakes: &[Diagnostic]) -> Option<String> {
    let lines = mutant.text.lines().count();
    if !mistakes.iter().any(|mistake| mistake.severity == Severity::Error) {
        return Some("it is refused without an error".into());
    }
    let bad = |mistake: &&Diagnostic| {
        let shown = mistake.render(FILE, &mutant.text, false);
        let (line, column) = (mistake.span.start.line, mistake.span.start.column);
        let place = format!("{FILE}:{line}:{column}");
        mistake.help.as_ref().is_none_or(String::is_empty)
            || !(1..=lines).contains(&line)
            || !shown.contains(&place)
            || !shown.contains('^')
    };
    mistakes.iter().find(bad).map(|mistake| format!("no place or no help: {mistake:?}"))
}

/// Reads the mutant, and renders it if it is taken.
fn lived(
    mutant: &Mutant,
    inputs: &(ichor_templates::GatewayApiBundle, ichor_talos_config::SecretsBundle),
    evidence: &mut Evidence,
) -> Outcome {
    let cluster: Cluster = match ichor_config::read(&mutant.text) {
        Err(mistakes) => return unhelpful(mutant, &mistakes).map_or(Outcome::Refused, Outcome::Wrong),
        Ok(cluster) => cluster,
    };
    let taken = render(&cluster, &inputs.0).and_then(|tree| evidence.take(&mutant.name, &cluster, &tree, &inputs.1));
    taken.map_or_else(|why| Outcome::Wrong(format!("taken and not rendered: {why}")), |()| Outcome::Taken)
}

enum Outcome {
    Refused,
    Taken,
    Wrong(String),
}

#[test]
fn every_mutant_is_refused_with_its_place_or_makes_files_that_are_taken() {
    let inputs = (gateway_api(), bundle());
    let (mut evidence, mut wrong) = (Evidence::default(), Vec::new());
    let (mut refused, mut taken) = (0, 0);
    for mutant in all() {
        let outcome = catch_unwind(AssertUnwindSafe(|| lived(&mutant, &inputs, &mut evidence)));
        match outcome.unwrap_or_else(|_| Outcome::Wrong("it panics".into())) {
            Outcome::Refused => refused += 1,
            Outcome::Taken => taken += 1,
            Outcome::Wrong(why) => wrong.push(format!("{}: {why}", mutant.name)),
        }
    }
    let counted = format!("{refused} refused, {taken} taken, which make {}", evidence.counted());
    assert!(refused >= 1000 && taken >= 600, "too few to show anything: {counted}");
    wrong.extend(evidence.judged());
    assert!(wrong.is_empty(), "{counted}\n{} are wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn mutants_are_the_same_each_time() {
    let texts: Vec<_> = all().into_iter().map(|mutant| mutant.text).collect();
    let again: Vec<_> = all().into_iter().map(|mutant| mutant.text).collect();
    assert!(texts == again && texts.len() >= 2000, "{} mutants", texts.len());
    let different: BTreeSet<_> = texts.iter().collect();
    assert_eq!(different.len(), texts.len());
}

/// A mood that is refused would hide all of its mutants.
#[test]
fn moods_are_right() {
    let example = ichor_yaml::parse_one(&example()).unwrap();
    for mood in moods::moods(&example) {
        let text = tree::text_of(&mood.root);
        let mistakes = ichor_config::read(&text).err().unwrap_or_default();
        let told: Vec<_> = mistakes.iter().map(|mistake| mistake.render(FILE, &text, false)).collect();
        assert!(told.is_empty(), "{}: {}", mood.name, told.join("\n"));
    }
}

/// The judges say no to what is broken.
#[test]
fn judges_refuse_what_is_broken() {
    let cluster = ichor_config::read(&example()).unwrap();
    let evidence = Evidence::broken(&render(&cluster, &gateway_api()).unwrap());
    let refused = evidence.judged();
    for part in ["machine", "router", "bird", "object"] {
        assert!(refused.iter().any(|one| one.starts_with(&format!("{part}: "))), "the broken {part} was taken: {refused:#?}");
    }
}
