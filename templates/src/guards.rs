//! Guards on objects that no engine may delete: CRDs, namespaces, and the network itself.
//!
//! They stand in the objects, because bootstrap applies the same files as the engine does, and because a switch of the
//! engine's own object protects nothing once that object is gone.

use std::fmt::Write as _;

use crate::component::{Component, ComponentFile};
use crate::engine::Error;
use crate::secrets::SecretText;
use crate::tree::Content;

/// For Flux, and for Argo CD: neither when they leave Git, nor with the Application that carried them.
const GUARDS: [&str; 2] = ["argocd.argoproj.io/sync-options: Prune=false,Delete=false", "kustomize.toolkit.fluxcd.io/prune: disabled"];

const METADATA: &str = "metadata:";
const ANNOTATIONS: &str = "  annotations:";

/// Puts the guards on every object of a component.
pub(crate) fn add(component: &mut Component) -> Result<(), Error> {
    for ComponentFile { name, content } in &mut component.files {
        let guarded = match content {
            Content::Clear(text) => guarded(text).map(Content::Clear),
            Content::Secret(text) => guarded(text.expose()).map(|text| Content::Secret(SecretText::new(text))),
        };
        *content = guarded.map_err(|why| Error::Unusable { what: format!("{}/{name}", component.name), why })?;
    }
    Ok(())
}

/// The manifests with the guards among their annotations. Nothing is parsed: a release of CRDs is a megabyte.
fn guarded(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len() + 256);
    let (mut lines, mut objects, mut guarded) = (text.lines().peekable(), 0, 0);
    while let Some(line) = lines.next() {
        let _ = writeln!(out, "{line}");
        objects += usize::from(line.starts_with("kind:"));
        if line != METADATA {
            continue;
        }
        guarded += 1;
        let indented = |line: &&str| line.starts_with(' ');
        let mut before = Vec::new();
        while let Some(line) = lines.next_if(indented) {
            before.push(line);
            if line == ANNOTATIONS {
                break;
            }
        }
        let has_annotations = before.last() == Some(&ANNOTATIONS);
        if !has_annotations {
            let _ = writeln!(out, "{ANNOTATIONS}");
            GUARDS.iter().for_each(|guard| out.extend(["    ", guard, "\n"]));
        }
        before.iter().for_each(|line| out.extend([line, "\n"]));
        if has_annotations {
            GUARDS.iter().for_each(|guard| out.extend(["    ", guard, "\n"]));
        }
    }
    if guarded == objects {
        return Ok(out);
    }
    Err(format!("it has {objects} objects and {guarded} lines that read `{METADATA}`; write both keys at the start of a line"))
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn every_object_has_the_guards_once() {
        let text = "---\nkind: A\nmetadata:\n  name: a\n  annotations:\n    b: c\nspec:\n  metadata:\n    x: y\n---\nkind: B\nmetadata:\n  name: b\n";
        let expected = "---\nkind: A\nmetadata:\n  name: a\n  annotations:\n    argocd.argoproj.io/sync-options: Prune=false,Delete=false\n    \
            kustomize.toolkit.fluxcd.io/prune: disabled\n    b: c\nspec:\n  metadata:\n    x: y\n---\nkind: B\nmetadata:\n  annotations:\n    \
            argocd.argoproj.io/sync-options: Prune=false,Delete=false\n    kustomize.toolkit.fluxcd.io/prune: disabled\n  name: b\n";
        assert_eq!(guarded(text).unwrap(), expected);
    }

    #[test]
    fn an_object_in_another_style_is_refused() {
        assert!(guarded("kind: A\nmetadata: {name: a}\n").unwrap_err().contains("1 objects and 0 lines"));
    }
}
