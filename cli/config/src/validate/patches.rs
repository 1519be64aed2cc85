//! The user's own patches: whom they mean, what they must not say.

use ichor_talos_config::check_patch;
use ichor_yaml::{Node as Tree, Value};

use super::{Check, Fields, check};
use crate::diagnostic::{Diagnostic, Diagnostics, Path};
use crate::model::{Node, Role, Spec};
use crate::nearest::nearest;

/// The fields that [`documents_of`] reads.
pub(super) const DOCUMENTS: Fields = &["talos.patches", "nodes.patches", "nodes.name", "nodes.role"];

pub(super) const CHECKS: &[Check] = &[
    check(targets_exist, &[&["talos.patches.target", "nodes.name"]]),
    check(patches_have_a_known_form, &[DOCUMENTS]),
    check(talos_takes_the_patches, &[DOCUMENTS, &["versions.talos"]]),
];

/// Keys that a patch of the oldest form may begin with.
const TOP: [&str; 5] = ["cluster", "debug", "machine", "persist", "version"];

/// One patch with its place.
pub(super) struct Document<'a> {
    pub(super) tree: &'a Tree,
    pub(super) path: Path,
    /// The kind of document, empty for keys of `v1alpha1`.
    pub(super) kind: &'a str,
}

impl<'a> Document<'a> {
    fn new(tree: &'a Tree, path: &Path) -> Self {
        Self { tree, path: path.clone(), kind: tree.get("kind").and_then(Tree::as_str).unwrap_or_default() }
    }

    pub(super) fn mistake(&self, message: String) -> Diagnostic {
        Diagnostic::new(&self.path, self.tree.span, message)
    }

    /// The value at a path of keys, with its place.
    pub(super) fn at(&self, keys: &[&str]) -> Option<(&'a Tree, Path)> {
        Some((self.tree.at(keys)?, keys.iter().fold(self.path.clone(), |path, key| path.key(key))))
    }
}

/// Every patch of the file.
pub(super) fn documents(spec: &Spec) -> Vec<Document<'_>> {
    let common = spec.talos.patches.iter().map(|patch| Document::new(&patch.patch.value, &patch.patch.at));
    let own = spec.nodes.iter().flat_map(|node| node.patches.iter()).map(|patch| Document::new(&patch.value, &patch.at));
    common.chain(own).collect()
}

/// The patches of one node.
pub(super) fn documents_of<'a>(spec: &'a Spec, node: &'a Node) -> Vec<Document<'a>> {
    let group = if *node.role == Role::ControlPlane { "controlplane" } else { "worker" };
    let meant = |target: &str| [node.name.as_str(), group, "all"].contains(&target);
    let common = spec.talos.patches.iter().filter(|patch| meant(patch.target.as_str()));
    let common = common.map(|patch| Document::new(&patch.patch.value, &patch.patch.at));
    common.chain(node.patches.iter().map(|patch| Document::new(&patch.value, &patch.at))).collect()
}

fn targets_exist(spec: &Spec, out: &mut Diagnostics) {
    let groups = ["all", "controlplane", "worker"];
    for patch in spec.talos.patches.iter() {
        let names = || groups.into_iter().chain(spec.nodes.iter().map(|node| node.name.as_str()));
        if !names().any(|name| name == patch.target.as_str()) {
            let help = match nearest(patch.target.as_str(), names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write `all`, `controlplane`, `worker`, or the name of a node".into(),
            };
            out.push(patch.target.mistake(format!("there is no node called `{}`", patch.target)).help(help));
        }
    }
}

fn patches_have_a_known_form(spec: &Spec, out: &mut Diagnostics) {
    for document in documents(spec) {
        let Some(map) = document.tree.as_map() else { continue };
        let (kind, version) = (map.get("kind").is_some(), map.get("apiVersion").is_some());
        if map.entries.is_empty() {
            out.push(document.mistake("this patch changes nothing".into()).warning().help("write what it changes, or remove it"));
        } else if kind != version {
            let (has, lacks) = if kind { ("kind", "apiVersion") } else { ("apiVersion", "kind") };
            let help = format!("add `{lacks}`; most documents of Talos have `apiVersion: v1alpha1`");
            out.push(document.mistake(format!("a document has `apiVersion` and `kind`, and this one has `{has}` only")).help(help));
        } else if !kind {
            for entry in map.entries.iter().filter(|entry| !TOP.contains(&entry.key.as_str())) {
                let path = document.path.key(&entry.key);
                let help = match nearest(&entry.key, TOP.into_iter()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "begin with `machine` or `cluster`, or write a whole document with `apiVersion` and `kind`".into(),
                };
                out.push(
                    Diagnostic::new(&path, entry.key_span, format!("the machine configuration has no key `{}`", entry.key)).help(help),
                );
            }
        }
    }
}

/// Documents that came later, and settings that moved into documents of their own.
fn talos_takes_the_patches(spec: &Spec, out: &mut Diagnostics) {
    // A version outside the lock is told elsewhere.
    let Ok(talos) = spec.versions.talos.as_str().parse() else { return };
    for document in documents(spec) {
        let is_whole = document.tree.get("kind").is_some() == document.tree.get("apiVersion").is_some();
        for problem in check_patch(std::slice::from_ref(document.tree), &talos).into_iter().filter(|_| is_whole) {
            out.push(Diagnostic::new(&document.path, problem.span, problem.message).help(problem.help));
        }
    }
}

/// What is done with one scalar of a tree: its key, itself, its path, and all keys of its mapping.
type Visit<'a> = dyn FnMut(&str, &Tree, &Path, &[&str]) + 'a;

/// Calls `visit` with every scalar of a tree.
pub(super) fn scalars(tree: &Tree, path: &Path, visit: &mut Visit<'_>) {
    match &tree.value {
        Value::Map(map) => {
            let keys: Vec<_> = map.entries.iter().map(|entry| entry.key.as_str()).collect();
            for entry in &map.entries {
                let path = path.key(&entry.key);
                if matches!(entry.node.value, Value::Map(_) | Value::Seq(_)) {
                    scalars(&entry.node, &path, visit);
                } else {
                    visit(&entry.key, &entry.node, &path, &keys);
                }
            }
        }
        Value::Seq(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = path.index(index);
                if matches!(item.value, Value::Map(_) | Value::Seq(_)) { scalars(item, &path, visit) } else { visit("", item, &path, &[]) }
            }
        }
        _ => {}
    }
}
