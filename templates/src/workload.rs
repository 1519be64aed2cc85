//! Workloads: one form for everything that runs in pods of its own besides the agent.
//!
//! Every pod is `restricted` in the sense of Kubernetes' pod security standards, and has no token of the API unless it
//! has rights there.

use ichor_config::{Cluster, Family};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::component::Component;
use crate::engine::{Error, Template, template};
use crate::images::Image;
use crate::part::{Part, Scope};
use crate::secrets::SecretText;

const WORKLOAD: Template = template!("workload/workload.yaml.j2");
const SECRET: Template = template!("workload/secret.yaml.j2");

pub(crate) const PART: Part = Part { templates: &[WORKLOAD, SECRET], ..Part::NONE };

/// A Deployment, or a StatefulSet where it keeps data, with all that belongs to it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) namespace: String,
    pub(crate) image: String,
    /// The number of the user and of the group that it runs as.
    pub(crate) user: u32,
    pub(crate) replicas: i64,
    /// Whether two of it must never run at once, not even during an update.
    pub(crate) alone: bool,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<Env>,
    /// Environment that comes from a Secret of the workload's name.
    #[serde(skip)]
    pub(crate) secrets: Vec<SecretEnv>,
    pub(crate) ports: Vec<Port>,
    pub(crate) ready: Probe,
    pub(crate) alive: Probe,
    pub(crate) resources: Resources,
    /// Whether the image writes nowhere but to the volumes below.
    pub(crate) read_only_root: bool,
    /// Folders that may be written and are lost with the pod.
    pub(crate) scratch: Vec<&'static str>,
    pub(crate) config: Option<Config>,
    pub(crate) data: Option<Data>,
    /// What it may do at the API server.
    pub(crate) rights: Vec<Right>,
    pub(crate) service: Option<Service>,
    /// The name of the port with metrics, at `/metrics`.
    pub(crate) metrics: Option<&'static str>,
    /// What must have been done before it starts.
    pub(crate) preparation: Option<Preparation>,
}

/// One variable of the environment.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Env {
    pub(crate) name: &'static str,
    pub(crate) value: String,
}

/// One variable of the environment that is secret; without a value the whole Secret is left out.
#[derive(Clone, Debug)]
pub(crate) struct SecretEnv {
    pub(crate) name: &'static str,
    pub(crate) value: Option<SecretText>,
}

/// A port that the workload listens on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Port {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    pub(crate) protocol: &'static str,
}

/// How the kubelet finds out whether a container works.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Probe {
    Http { path: &'static str, port: u16 },
    Tcp { port: u16 },
    Command { command: Vec<&'static str> },
}

/// What it asks for, and the most memory that it may take.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Resources {
    pub(crate) cpu: &'static str,
    pub(crate) memory: &'static str,
    pub(crate) memory_limit: &'static str,
}

/// Files that it reads, in a ConfigMap of the workload's name.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Config {
    pub(crate) path: &'static str,
    pub(crate) files: Vec<ConfigFile>,
    /// A digest of the files: another content makes new pods.
    pub(crate) digest: String,
}

/// One file of a ConfigMap.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ConfigFile {
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

/// A volume that outlives its pod, of the cluster's default storage class.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Data {
    pub(crate) path: &'static str,
    pub(crate) size: &'static str,
}

/// Verbs on resources of an API group.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Right {
    pub(crate) group: &'static str,
    pub(crate) resources: &'static [&'static str],
    pub(crate) verbs: &'static [&'static str],
}

/// A Service of the workload's name.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Service {
    pub(crate) ports: Vec<ServicePort>,
    pub(crate) load_balancer: Option<LoadBalancer>,
}

/// A port of a Service.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ServicePort {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    /// The name of the container's port.
    pub(crate) target: &'static str,
    pub(crate) protocol: &'static str,
}

/// Addresses that a Service has towards the network outside.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LoadBalancer {
    /// Separated by commas.
    pub(crate) addresses: String,
    pub(crate) family_policy: &'static str,
    /// Said where it is one alone, which need not be the cluster's first.
    pub(crate) family: Option<&'static str>,
}

/// A container that runs before the others and ends.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Preparation {
    pub(crate) image: String,
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Serialize)]
struct WorkloadContext<'a> {
    #[serde(flatten)]
    workload: &'a Workload,
    kind: &'static str,
    secret: bool,
    monitored: bool,
}

#[derive(Debug, Serialize)]
struct SecretContext<'a> {
    name: &'a str,
    namespace: &'a str,
    entries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    value: &'a str,
}

impl std::fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Workload {
    /// A workload with one replica, no rights, and nothing to write to.
    pub(crate) fn new(
        name: &'static str,
        namespace: impl Into<String>,
        image: Image,
        user: u32,
        probe: Probe,
        resources: Resources,
    ) -> Self {
        Self {
            name,
            namespace: namespace.into(),
            image: image.reference(),
            user,
            replicas: 1,
            alone: false,
            args: Vec::new(),
            env: Vec::new(),
            secrets: Vec::new(),
            ports: Vec::new(),
            ready: probe.clone(),
            alive: probe,
            resources,
            read_only_root: true,
            scratch: Vec::new(),
            config: None,
            data: None,
            rights: Vec::new(),
            service: None,
            metrics: None,
            preparation: None,
        }
    }

    /// Listens on a TCP port, which a Service offers under the same number.
    pub(crate) fn serve(mut self, name: &'static str, port: u16) -> Self {
        self.ports.push(Port { name, port, protocol: "TCP" });
        let service = self.service.get_or_insert(Service { ports: Vec::new(), load_balancer: None });
        service.ports.push(ServicePort { name, port, target: name, protocol: "TCP" });
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push(Env { name, value: value.into() });
        self
    }

    pub(crate) fn secret(mut self, name: &'static str, value: Option<SecretText>) -> Self {
        self.secrets.push(SecretEnv { name, value });
        self
    }

    /// Adds its files to a component.
    pub(crate) fn add_to(&self, scope: Scope<'_>, component: &mut Component) -> Result<(), Error> {
        let context = WorkloadContext {
            workload: self,
            kind: if self.data.is_some() { "StatefulSet" } else { "Deployment" },
            secret: !self.secrets.is_empty(),
            monitored: self.metrics.is_some() && *scope.cluster.monitoring.enabled,
        };
        component.file(format!("{}.yaml", self.name), scope.engine.render(WORKLOAD, &context)?);
        let entries: Option<Vec<_>> =
            self.secrets.iter().map(|secret| Some(Entry { name: secret.name, value: secret.value.as_ref()?.expose() })).collect();
        if let Some(entries) = entries.filter(|entries| !entries.is_empty()) {
            add_secret(scope, component, self.name, &self.namespace, entries)?;
        }
        Ok(())
    }
}

/// Adds a Secret of one entry, if its value is at hand.
pub(crate) fn add_single_secret(
    scope: Scope<'_>,
    component: &mut Component,
    name: &str,
    namespace: &str,
    entry: (&str, Option<&SecretText>),
) -> Result<(), Error> {
    match entry {
        (key, Some(value)) => add_secret(scope, component, name, namespace, vec![Entry { name: key, value: value.expose() }]),
        (_, None) => Ok(()),
    }
}

fn add_secret(scope: Scope<'_>, component: &mut Component, name: &str, namespace: &str, entries: Vec<Entry<'_>>) -> Result<(), Error> {
    let text = scope.engine.render(SECRET, &SecretContext { name, namespace, entries })?;
    component.secret_file(format!("{name}.sops.yaml"), text);
    Ok(())
}

impl Config {
    pub(crate) fn new(path: &'static str, files: Vec<ConfigFile>) -> Self {
        let mut hasher = Sha256::new();
        for file in &files {
            hasher.update(file.name);
            hasher.update([0]);
            hasher.update(&file.text);
            hasher.update([0]);
        }
        Self { path, files, digest: hex(&hasher.finalize()) }
    }
}

/// All addresses of a pod or a node; with IPv6, those of IPv4 are among them.
pub(crate) fn any_address(cluster: &Cluster) -> &'static str {
    if cluster.families().contains(&Family::V6) { "[::]" } else { "0.0.0.0" }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Resources {
    pub(crate) const fn new(cpu: &'static str, memory: &'static str, memory_limit: &'static str) -> Self {
        Self { cpu, memory, memory_limit }
    }
}
