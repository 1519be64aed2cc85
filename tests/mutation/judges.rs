//! The programs that will read what is rendered. Mutants have most of it in common, so each text is judged once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use ichor_config::{Cluster, LOCK};
use ichor_talos_config::{Entropy, SecretsBundle, compose, patches};
use ichor_templates::{Content, GatewayApiBundle, Inputs, SecretText, Secrets, Tree};
use ichor_tests::{ControlPlane, Run, Scratch, crds};

const NOW: u64 = 1_790_000_000;
/// How many objects the API server is asked about in one go.
const BATCH: usize = 400;
/// How many configurations one talosctl after the other judges side by side.
const SIDE_BY_SIDE: usize = 2;

/// The Gateway API as its Go module has it, held against the lock.
pub(crate) fn gateway_api() -> GatewayApiBundle {
    let folder = crds().into_iter().find(|folder| folder.join("gateway.networking.k8s.io_gateways.yaml").exists());
    let folder = folder.expect("the definitions of the Gateway API");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    let default = LOCK.gateway_api.first().unwrap();
    GatewayApiBundle::from_release(files.iter().map(String::as_str), default.sha256).unwrap_or_else(|error| panic!("{error}"))
}

/// Renders with made-up secrets, which are the same each time.
pub(crate) fn render(cluster: &Cluster, gateway_api: &GatewayApiBundle) -> Result<Tree, String> {
    let secrets = ichor_templates::wanted(cluster).into_iter().map(|wanted| {
        let value = SecretText::new(format!("made-up-{}", wanted.name));
        (wanted.name, value)
    });
    let inputs = Inputs { secrets: Secrets::new(secrets.collect()), gateway_api: Some(gateway_api), ..Inputs::default() };
    ichor_templates::render(cluster, &inputs).map_err(|error| error.to_string())
}

/// Texts to judge, each with the first mutant that had it.
#[derive(Default)]
pub(crate) struct Evidence {
    machines: BTreeMap<String, String>,
    machines_114: BTreeMap<String, String>,
    frr: BTreeMap<String, String>,
    bird: BTreeMap<String, String>,
    objects: BTreeMap<String, String>,
}

impl Evidence {
    /// Takes the texts of one tree that were in none before; an error is one that shows before any program is asked.
    pub(crate) fn take(&mut self, name: &str, cluster: &Cluster, tree: &Tree, bundle: &SecretsBundle) -> Result<(), String> {
        for (path, content) in tree.iter() {
            let text = match content {
                Content::Clear(text) => text,
                Content::Secret(text) => text.expose(),
            };
            match path.split('/').next().unwrap_or_default() {
                "talos" | "omni" | ".sops.yaml" => {}
                "unifi" | "frr" => note(&mut self.frr, text, name),
                "bird" => note(&mut self.bird, text, name),
                _ if path.ends_with("kustomization.yaml") || cluster.talos.omni.as_ref().is_some_and(|omni| omni.path.as_str() == path) => {
                }
                _ if path.ends_with(".yaml") => {
                    text.split("\n---\n")
                        .filter(|object| object.contains("kind:"))
                        .for_each(|object| note(&mut self.objects, object, name));
                }
                _ => return Err(format!("nobody judges {path}")),
            }
        }
        let talos = ichor_templates::talos_cluster(cluster).map_err(|error| error.to_string())?;
        let patches = patches(&talos);
        let machines = if cluster.versions.talos.numbers() >= (1, 14, 0) { &mut self.machines_114 } else { &mut self.machines };
        for machine in &talos.nodes {
            let configuration = compose(&talos, &patches, machine, bundle).map_err(|error| error.to_string())?;
            note(machines, configuration.to_yaml().reveal(), name);
        }
        Ok(())
    }

    pub(crate) fn counted(&self) -> String {
        let Self { machines, machines_114, frr, bird, objects } = self;
        format!(
            "{} machine configurations, {} of Talos 1.14, {} files for FRR, {} for BIRD, {} objects",
            machines.len(),
            machines_114.len(),
            frr.len(),
            bird.len(),
            objects.len()
        )
    }

    /// What the programs refuse, with the mutant that it came from.
    pub(crate) fn judged(&self) -> Vec<String> {
        let scratch = Scratch::new();
        std::thread::scope(|scope| {
            let (api, router) = (scope.spawn(|| self.by_api_server()), scope.spawn(|| self.by_routers(&scratch)));
            let talos = self.by_talos(&scratch);
            [api.join().unwrap(), router.join().unwrap(), talos].concat()
        })
    }

    fn by_talos(&self, scratch: &Scratch) -> Vec<String> {
        let write = |texts: &BTreeMap<String, String>, prefix: &str| -> Vec<(PathBuf, String)> {
            let files = texts.iter().enumerate();
            files.map(|(index, (text, name))| (scratch.write(&format!("{prefix}-{index}.yaml"), text), name.clone())).collect()
        };
        let mut refused = Vec::new();
        let newer = write(&self.machines_114, "newer");
        if !newer.is_empty() {
            let judged = Run::tool("talos114").args(["validate"]).args(newer.iter().map(|(path, _)| path)).finish();
            if !judged.status.success() {
                let words = judged.words();
                let blamed = newer.iter().filter(|(path, _)| words.contains(&path.display().to_string()));
                refused.extend(blamed.map(|(path, name)| format!("{name}: {}", line_about(&words, &path.display().to_string()))));
            }
        }
        let all = write(&self.machines, "machine");
        let parts: Vec<_> = all.chunks(all.len().div_ceil(SIDE_BY_SIDE).max(1)).collect();
        std::thread::scope(|scope| {
            let running: Vec<_> = parts.into_iter().map(|part| scope.spawn(|| validate(scratch, part))).collect();
            refused.extend(running.into_iter().flat_map(|one| one.join().unwrap()));
        });
        refused
    }

    fn by_routers(&self, scratch: &Scratch) -> Vec<String> {
        let mut refused = Vec::new();
        for (tool, arguments, texts) in [("vtysh", ["-C", "-f"], &self.frr), ("bird", ["-p", "-c"], &self.bird)] {
            for (index, (text, name)) in texts.iter().enumerate() {
                let file = scratch.write(&format!("{tool}-{index}.conf"), text);
                let judged = Run::tool(tool).args(arguments).args([file]).finish();
                if !judged.status.success() {
                    refused.push(format!("{name}: {}\n{text}", judged.described()));
                }
            }
        }
        refused
    }

    fn by_api_server(&self) -> Vec<String> {
        let plane = ControlPlane::start();
        plane.install(&crds());
        let scratch = Scratch::new();
        for file in ichor_agent_api::CRD_FILES.iter().filter(|file| file.name.contains(".ichor.dev.")) {
            scratch.write(file.name, file.yaml);
        }
        plane.install(&[scratch.path().to_path_buf()]);
        let objects: Vec<_> = self.objects.iter().map(|(text, name)| (text.as_str(), name.as_str())).collect();
        make_namespaces(&plane, &objects);
        objects.chunks(BATCH).flat_map(|batch| refused_objects(&plane, batch)).collect()
    }
}

fn note(texts: &mut BTreeMap<String, String>, text: &str, name: &str) {
    if !texts.contains_key(text) {
        texts.insert(text.to_owned(), name.to_owned());
    }
}

fn line_about(words: &str, what: &str) -> String {
    words.lines().find(|line| line.contains(what)).unwrap_or(words).to_owned()
}

fn validate(scratch: &Scratch, part: &[(PathBuf, String)]) -> Vec<String> {
    let judge = |(path, name): &(PathBuf, String)| {
        let validate = ["validate", "--mode", "metal", "--strict", "--config"];
        let judged = Run::tool("talosctl").env("HOME", scratch.path()).args(validate).args([path]).finish();
        (!judged.status.success()).then(|| format!("{name}: {}", judged.words()))
    };
    part.iter().filter_map(judge).collect()
}

fn make_namespaces(plane: &ControlPlane, objects: &[(&str, &str)]) {
    let names: BTreeSet<_> =
        objects.iter().flat_map(|(text, _)| text.lines()).filter_map(|line| line.strip_prefix("  namespace: ")).collect();
    let known = ["default", "kube-node-lease", "kube-public", "kube-system"];
    let namespace = |name: &&str| format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n");
    let all: String = names.iter().filter(|name| !known.contains(*name)).map(namespace).collect();
    if !all.is_empty() {
        plane.kubectl(["apply", "--server-side", "--filename=-"]).input(all).succeed();
    }
}

/// Asks about many at once, and again about fewer where the answer is no.
fn refused_objects(plane: &ControlPlane, batch: &[(&str, &str)]) -> Vec<String> {
    let text: String = batch.iter().map(|(text, _)| format!("---\n{}\n", text.trim_start_matches("---\n"))).collect();
    let judged = plane.dry_run(&text);
    if judged.status.success() && judged.words().is_empty() {
        return Vec::new();
    }
    match batch {
        [(text, name)] => vec![format!("{name}: {}\n{text}", judged.words())],
        _ => {
            let (first, second) = batch.split_at(batch.len() / 2);
            [refused_objects(plane, first), refused_objects(plane, second)].concat()
        }
    }
}

/// The secrets of all mutants' machines.
pub(crate) fn bundle() -> SecretsBundle {
    SecretsBundle::generate(&Entropy::new([7; 32]), NOW).unwrap()
}

impl Evidence {
    /// One broken text for each program, under the name of its kind.
    pub(crate) fn broken(tree: &Tree) -> Self {
        let mut evidence = Self::default();
        note(&mut evidence.machines, "version: v1alpha1\nmachine: {type: controlplane, unknown: 1}\n", "machine");
        note(&mut evidence.bird, "protocol bgp { local as; }\n", "bird");
        for (path, content) in tree.iter() {
            match content {
                Content::Secret(text) if path.starts_with("unifi/") => {
                    note(&mut evidence.frr, &text.expose().replace("neighbor ", "neighbour "), "router");
                }
                Content::Clear(text) if text.contains("kind: CiliumLoadBalancerIPPool") => {
                    note(&mut evidence.objects, &text.replace("  blocks:", "  block: 1\n  blocks:"), "object");
                }
                _ => {}
            }
        }
        evidence
    }
}
