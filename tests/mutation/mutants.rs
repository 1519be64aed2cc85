//! The example with one thing changed, or two or three.

use std::collections::BTreeMap;

use ichor_yaml::{Entry, Node, Value};
use serde_json::Value as Json;

use crate::growth::growths;
use crate::moods::{chosen, moods};
use crate::tree::{Dice, Way, at, at_mut, spelled, text_of, ways};
use crate::values::{neighbours, strangers};

/// A changed example.
pub(crate) struct Mutant {
    /// What was changed, in words.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A change of the tree.
struct Edit {
    name: String,
    apply: Box<dyn Fn(&mut Node)>,
}

fn edit(name: String, apply: impl Fn(&mut Node) + 'static) -> Edit {
    Edit { name, apply: Box::new(apply) }
}

/// How many strangers take the place of each value.
const STRANGERS: usize = 3;
const SWAPS: usize = 60;
const PAIRS: usize = 200;

/// How often each mood is changed.
const IN_A_MOOD: usize = 70;

/// All mutants, the same for the same seed and each text once.
pub(crate) fn mutants(example: &str, schema: &Json, seed: u64) -> Vec<Mutant> {
    let root = ichor_yaml::parse_one(example).unwrap();
    let mut dice = Dice::new(seed);
    let mut edits = Vec::new();
    for way in ways(&root) {
        edits.extend(of_value(&root, &way, &mut dice));
        edits.extend(of_entry(&root, &way));
    }
    edits.extend(swaps(&root, &mut dice));
    let growing = of_growth(&root, schema, &mut dice);

    let mut found = Found::default();
    edits.iter().chain(&growing).for_each(|edit| found.keep("", &root, &[edit]));
    // An edit of a pair could find its place gone, so pairs only put keys in or give them another value.
    for _ in 0..PAIRS {
        found.keep("", &root, &[&growing[dice.roll(growing.len())], &growing[dice.roll(growing.len())]]);
    }
    for mood in moods(&root) {
        let growing = of_growth(&mood.root, schema, &mut dice);
        found.keep(mood.name, &mood.root, &[]);
        chosen(&growing, &mut dice, IN_A_MOOD).into_iter().for_each(|edit| found.keep(mood.name, &mood.root, &[edit]));
    }
    found.0.remove(&text_of(&root));
    found.0.into_iter().map(|(text, name)| Mutant { name, text }).collect()
}

/// Texts with the first name that each was found under.
#[derive(Default)]
struct Found(BTreeMap<String, String>);

impl Found {
    fn keep(&mut self, mood: &str, root: &Node, edits: &[&Edit]) {
        let mut changed = root.clone();
        edits.iter().for_each(|edit| (edit.apply)(&mut changed));
        let names = edits.iter().map(|edit| edit.name.as_str());
        let name = Some(mood).filter(|mood| !mood.is_empty()).into_iter().chain(names).collect::<Vec<_>>().join("; ");
        self.0.entry(text_of(&changed)).or_insert(name);
    }
}

fn of_value(root: &Node, way: &Way, dice: &mut Dice) -> Vec<Edit> {
    let node = at(root, way);
    let others = dice.some(strangers(node), STRANGERS).into_iter().map(|(what, value)| (what.to_owned(), value));
    let put = |(what, value): (String, Node)| {
        let way = way.clone();
        edit(format!("{} becomes {what}", spelled(root, &way)), move |root| *at_mut(root, &way) = value.clone())
    };
    neighbours(node).into_iter().chain(others).map(put).collect()
}

/// Edits of a key together with its value.
fn of_entry(root: &Node, way: &Way) -> Vec<Edit> {
    let Some((&index, above)) = way.split_last() else { return Vec::new() };
    let Value::Map(map) = &at(root, above).value else { return Vec::new() };
    let key = map.entries[index].key.clone();
    let mut shuffled: Vec<char> = key.chars().collect();
    let last = shuffled.len() - 1;
    shuffled.swap(last / 2, last);
    let changes: [(&str, Change); 4] = [
        ("is dropped", Box::new(|entries, index| drop(entries.remove(index)))),
        ("stands twice", Box::new(|entries, index| entries.push(entries[index].clone()))),
        ("has a letter too many", Box::new(|entries, index| entries[index].key.push('s'))),
        ("is misspelled", Box::new(move |entries, index| entries[index].key = shuffled.iter().collect())),
    ];
    let whole = spelled(root, way);
    let of = |(what, change): (&str, Change)| {
        let above = above.to_vec();
        edit(format!("the key {whole} {what}"), move |root| {
            if let Value::Map(map) = &mut at_mut(root, &above).value {
                change(&mut map.entries, index);
            }
        })
    };
    changes.into_iter().map(of).collect()
}

type Change = Box<dyn Fn(&mut Vec<Entry>, usize)>;

fn of_growth(root: &Node, schema: &Json, dice: &mut Dice) -> Vec<Edit> {
    let of = |growth: crate::growth::Growth| {
        let place = spelled(root, &growth.way);
        let value = text_of(&growth.value).trim().replace('\n', ", ");
        edit(format!("with {place}.{}: {value}", growth.key), move |root| {
            if let Some(map) = at_mut(root, &growth.way).as_map_mut() {
                map.set(growth.key.as_str(), growth.value.clone());
            }
        })
    };
    growths(root, schema, dice).into_iter().map(of).collect()
}

/// Two values change places.
fn swaps(root: &Node, dice: &mut Dice) -> Vec<Edit> {
    let scalars: Vec<_> = ways(root).into_iter().filter(|way| !matches!(at(root, way).value, Value::Map(_) | Value::Seq(_))).collect();
    let mut swap = || {
        let (a, b) = (scalars[dice.roll(scalars.len())].clone(), scalars[dice.roll(scalars.len())].clone());
        edit(format!("{} and {} are swapped", spelled(root, &a), spelled(root, &b)), move |root| {
            let (one, other) = (at(root, &a).clone(), at(root, &b).clone());
            *at_mut(root, &a) = other;
            *at_mut(root, &b) = one;
        })
    };
    (0..SWAPS).map(|_| swap()).collect()
}
