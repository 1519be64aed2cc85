//! The objects in a tree, as the API server would see them.

use std::collections::BTreeMap;
use std::rc::Rc;

use ichor_templates::{Content, Tree};
use serde_json::Value as Json;

/// An object and the file that it stands in.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) path: String,
    pub(crate) json: Rc<Json>,
}

impl Object {
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// Group, kind, namespace and name: what the API server keeps apart.
    pub(crate) fn key(&self) -> String {
        let group = self.text("/apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
        format!("{group}/{}/{}/{}", self.kind(), self.text("/metadata/namespace"), self.text("/metadata/name"))
    }

    pub(crate) fn annotation(&self, name: &str) -> &str {
        self.json["metadata"]["annotations"][name].as_str().unwrap_or_default()
    }
}

/// Parses texts, each only once.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    known: BTreeMap<String, Vec<Rc<Json>>>,
}

impl Reader {
    pub(crate) fn documents(&mut self, path: &str, text: &str) -> Vec<Rc<Json>> {
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        let documents = ichor_yaml::parse(text).unwrap_or_else(|error| panic!("{path} is not YAML: {error}\n{text}"));
        assert!(documents.iter().all(|document| document.duplicates.is_empty()), "{path} has a key twice\n{text}");
        let documents: Vec<_> = documents.iter().map(|document| Rc::new(ichor_yaml::to_json(&document.root))).collect();
        self.known.insert(text.to_owned(), documents.clone());
        documents
    }

    /// Every object of Kubernetes in the tree; machine configurations and kustomize's own files are none.
    pub(crate) fn objects(&mut self, tree: &Tree) -> Vec<Object> {
        let mut objects = Vec::new();
        for (path, content) in tree.iter().filter(|(path, _)| path.ends_with(".yaml")) {
            for json in self.documents(path, text(content).0) {
                let foreign = path.starts_with("talos/") || path.starts_with("omni/") || path.ends_with("kustomization.yaml");
                if !foreign && path != ".sops.yaml" {
                    objects.push(Object { path: path.to_owned(), json });
                }
            }
        }
        objects
    }
}

/// The plain text of a file, and whether it is a secret.
pub(crate) fn text(content: &Content) -> (&str, bool) {
    match content {
        Content::Clear(text) => (text, false),
        Content::Secret(text) => (text.expose(), true),
    }
}
