//! The five users' clusters and the example, rendered once for all tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ichor_config::Cluster;
use ichor_templates::{Content, GatewayApiBundle, Inputs, SecretText, Secrets};
use ichor_tests::Scratch;

const SEEDS: [&str; 5] = ["000", "001", "002", "003", "004"];

/// A cluster and all that is rendered for it; secret files in clear.
pub(crate) struct Described {
    pub(crate) name: &'static str,
    pub(crate) cluster: Cluster,
    pub(crate) tree: BTreeMap<String, String>,
}

/// The top of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The five clusters in `tests/seeds`, and the example.
pub(crate) fn all() -> &'static [Described] {
    static ALL: OnceLock<Vec<Described>> = OnceLock::new();
    ALL.get_or_init(|| {
        let seeds = SEEDS.map(|name| (name, format!("tests/seeds/{name}/cluster.yaml")));
        let example = ("example", "cluster.example.yaml".to_owned());
        let gateway_api = gateway_api();
        seeds.into_iter().chain([example]).map(|(name, path)| described(name, &root().join(path), &gateway_api)).collect()
    })
}

fn described(name: &'static str, path: &Path, gateway_api: &GatewayApiBundle) -> Described {
    let text = fs::read_to_string(path).unwrap();
    let cluster = ichor_config::read(&text).unwrap_or_else(|mistakes| panic!("{}: {mistakes:#?}", path.display()));
    // Made up, and the same each time: what is compared is the plaintext.
    let secrets = ichor_templates::wanted(&cluster).into_iter().map(|wanted| {
        let value = SecretText::new(format!("made-up-{}", wanted.name));
        (wanted.name, value)
    });
    let secrets = Secrets::new(secrets.collect());
    let inputs = Inputs { secrets, gateway_api: Some(gateway_api), ..Inputs::default() };
    let tree = ichor_templates::render(&cluster, &inputs).unwrap_or_else(|error| panic!("{name}: {error}"));
    let tree = tree.iter().map(|(path, content)| (path.to_owned(), plain(content).to_owned())).collect();
    Described { name, cluster, tree }
}

fn plain(content: &Content) -> &str {
    match content {
        Content::Clear(text) => text,
        Content::Secret(text) => text.expose(),
    }
}

/// The Gateway API as its Go module has it.
pub(crate) fn gateway_api_folder() -> PathBuf {
    ichor_tests::crds().into_iter().find(|folder| folder.join("gateway.networking.k8s.io_gateways.yaml").exists()).unwrap()
}

fn gateway_api() -> GatewayApiBundle {
    let files: Vec<_> =
        fs::read_dir(gateway_api_folder()).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    let pinned = ichor_config::LOCK.gateway_api.first().unwrap();
    GatewayApiBundle::from_release(files.iter().map(String::as_str), pinned.sha256).unwrap_or_else(|error| panic!("{error}"))
}

impl Described {
    /// Writes the tree, with secrets in clear, into memory.
    pub(crate) fn write(&self) -> Scratch {
        let scratch = Scratch::new();
        for (path, text) in &self.tree {
            scratch.write(path, text);
        }
        scratch
    }

    /// The files that hold Kubernetes objects.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = (&str, &str)> {
        let elsewhere = ["talos/", "omni/", "unifi/", "frr/", "bird/", "."];
        let files = self.tree.iter().filter(move |(path, _)| !elsewhere.iter().any(|prefix| path.starts_with(prefix)));
        files.map(|(path, text)| (path.as_str(), text.as_str())).filter(|(path, _)| path.ends_with(".yaml") && !is_kustomization(path))
    }

    /// The folders that kustomize builds.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &str> {
        self.tree.keys().filter(|path| is_kustomization(path)).map(|path| path.rsplit_once('/').map_or(".", |(folder, _)| folder))
    }
}

fn is_kustomization(path: &str) -> bool {
    path.rsplit('/').next() == Some("kustomization.yaml")
}
