//! The export for Omni.

use super::{Check, check};
use crate::diagnostic::Diagnostics;
use crate::model::Spec;

pub(super) const CHECKS: &[Check] = &[
    check(machines_are_known_by_uuid, &[&["talos.omni", "nodes.uuid", "nodes.name"]]),
    check(export_has_a_place_of_its_own, &[&["talos.omni", "secrets.file"]]),
];

fn machines_are_known_by_uuid(spec: &Spec, out: &mut Diagnostics) {
    if spec.talos.omni.is_none() {
        return;
    }
    for node in spec.nodes.iter().filter(|node| node.uuid.is_none()) {
        out.push(
            node.name
                .mistake(format!("Omni knows machines by their UUID, and node `{}` has none", node.name))
                .help("add `uuid: …` to the node; `omnictl get machines` lists them")
                .also(spec.talos.omni.span, "the export for Omni"),
        );
    }
}

/// Folders and files that `ichor configure` fills with other things.
const TAKEN: [&str; 14] = [
    ".sops.yaml",
    "argocd",
    "argocd-apps",
    "bird",
    "bootstrap",
    "cluster",
    "cluster.yaml",
    "flux",
    "frr",
    "infra",
    "infrastructure",
    "manifests",
    "talos",
    "unifi",
];

fn export_has_a_place_of_its_own(spec: &Spec, out: &mut Diagnostics) {
    let Some(omni) = &*spec.talos.omni else { return };
    let (path, file) = (&omni.path, &spec.secrets.file);
    let first = path.as_str().split('/').next().unwrap_or_default();
    if path.as_str() == file.as_str() {
        let mistake = path.mistake("the export for Omni would be written over the encrypted secrets").help("choose another path");
        out.push(mistake.also(file.span, "the encrypted secrets"));
    } else if TAKEN.contains(&first) || !path.as_str().ends_with(".yaml") {
        let message = if TAKEN.contains(&first) { format!("`{first}` holds other rendered files") } else { "this is a YAML file".into() };
        out.push(path.mistake(message).help("write a path of its own, such as `omni/cluster-template.yaml`"));
    }
}
