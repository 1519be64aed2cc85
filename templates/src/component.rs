//! Components: what is applied together, whoever applies it.

use crate::secrets::SecretText;
use crate::tree::Content;

/// A set of objects that is applied and owned together. Where its folder is, and which object of the GitOps
/// engine points at it, is decided by the layout.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its name, unique in the cluster; also the name of the engine's object.
    pub name: String,
    /// The namespace of its objects.
    pub namespace: String,
    /// Its place in bootstrap's order, if bootstrap applies it before the engine takes over.
    pub bootstrap: Option<u8>,
    /// Components that must be ready before; one that is not rendered is not waited for.
    pub needs: Vec<String>,
    /// Whether the engine may delete its objects when they vanish from Git: never for CRDs, namespaces and the network itself.
    pub prune: bool,
    /// Whether it only has settings for controllers that other components bring; some layouts keep the two apart.
    pub configures: bool,
    /// Its files, in the order of its `kustomization.yaml`.
    pub files: Vec<ComponentFile>,
}

/// One file of a component.
#[derive(Clone, Debug)]
pub struct ComponentFile {
    pub name: String,
    pub content: Content,
}

impl Component {
    pub fn new(name: impl Into<String>, namespace: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            namespace: namespace.into(),
            bootstrap: None,
            needs: Vec::new(),
            prune: true,
            configures: false,
            files: Vec::new(),
        }
    }

    /// Adds a file in clear.
    pub fn file(&mut self, name: impl Into<String>, text: String) {
        self.files.push(ComponentFile { name: name.into(), content: Content::Clear(text) });
    }

    /// Adds a file that is written as a SOPS file; `text` is the manifest of a Secret with `stringData`.
    pub fn secret_file(&mut self, name: impl Into<String>, text: String) {
        self.files.push(ComponentFile { name: name.into(), content: Content::Secret(SecretText::new(text)) });
    }
}
