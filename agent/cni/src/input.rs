//! What the container runtime says: a verb and a container in the environment, the network's configuration as JSON.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::output::{DECODE, ENVIRONMENT, Failure, INCOMPATIBLE, INVALID};
use crate::{NEWEST, VERSIONS};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Add,
    Delete,
    Check,
    Collect,
    Status,
    Version,
}

pub(crate) fn verb() -> Result<Verb, Failure> {
    match variable("CNI_COMMAND").as_str() {
        "ADD" => Ok(Verb::Add),
        "DEL" => Ok(Verb::Delete),
        "CHECK" => Ok(Verb::Check),
        "GC" => Ok(Verb::Collect),
        "STATUS" => Ok(Verb::Status),
        "VERSION" => Ok(Verb::Version),
        other => {
            Err(Failure::new(ENVIRONMENT, "CNI_COMMAND is none of ADD, DEL, CHECK, GC, STATUS and VERSION", &format!("it is `{other}`")))
        }
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// The version that the runtime speaks, as far as it can be read.
pub(crate) fn version_of(text: &str) -> String {
    let json: Json = serde_json::from_str(text).unwrap_or_default();
    json.get("cniVersion").and_then(Json::as_str).unwrap_or(NEWEST).to_owned()
}

/// One call of the plugin.
#[derive(Debug)]
pub(crate) struct Call {
    verb: Verb,
    pub(crate) version: String,
    pub(crate) socket: PathBuf,
    pub(crate) container: String,
    pub(crate) interface: String,
    namespace: String,
    pod_namespace: String,
    pod_name: String,
    valid: Vec<Json>,
}

impl Call {
    pub(crate) fn read(verb: Verb, text: &str) -> Result<Self, Failure> {
        let json: Json = serde_json::from_str(text)
            .map_err(|error| Failure::new(DECODE, "the network configuration is not JSON", &error.to_string()))?;
        let version = version_of(text);
        if !VERSIONS.contains(&version.as_str()) {
            let spoken = format!("this plugin speaks {}", VERSIONS.join(", "));
            return Err(Failure::new(INCOMPATIBLE, &format!("there is no support for version {version}"), &spoken));
        }
        let Some(socket) = json.get("socket").and_then(Json::as_str) else {
            return Err(Failure::new(INVALID, "the network configuration names no `socket`", "it is the path of the node agent's socket"));
        };
        let argument = |name: &str| {
            let arguments = variable("CNI_ARGS");
            let found = arguments.split(';').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
            found.map(|(_, value)| value.to_owned()).unwrap_or_default()
        };
        let call = Self {
            verb,
            version,
            socket: socket.into(),
            container: variable("CNI_CONTAINERID"),
            interface: variable("CNI_IFNAME"),
            namespace: variable("CNI_NETNS"),
            pod_namespace: argument("K8S_POD_NAMESPACE"),
            pod_name: argument("K8S_POD_NAME"),
            valid: valid_attachments(verb, &json)?,
        };
        call.complete()
    }

    fn complete(self) -> Result<Self, Failure> {
        let about_container = matches!(self.verb, Verb::Add | Verb::Delete | Verb::Check);
        let mut needed = vec![("CNI_CONTAINERID", &self.container), ("CNI_IFNAME", &self.interface)];
        if matches!(self.verb, Verb::Add | Verb::Check) {
            needed.push(("CNI_NETNS", &self.namespace));
        }
        match needed.iter().find(|(_, value)| about_container && value.is_empty()) {
            Some((name, _)) => Err(Failure::new(ENVIRONMENT, &format!("{name} is not set"), "")),
            None => Ok(self),
        }
    }

    /// What the agent is asked.
    pub(crate) fn request(&self) -> Json {
        let about = |verb: &str| json!({ "cni": verb, "container": self.container, "interface": self.interface });
        match self.verb {
            Verb::Add => json!({
                "cni": "add",
                "container": self.container,
                "interface": self.interface,
                "networkNamespace": self.namespace,
                "podNamespace": self.pod_namespace,
                "podName": self.pod_name,
            }),
            Verb::Delete => about("delete"),
            Verb::Check => about("check"),
            Verb::Collect => json!({ "cni": "collect", "valid": self.valid }),
            Verb::Status | Verb::Version => json!({ "cni": "status" }),
        }
    }
}

/// Without a list nothing is collected: to take it for an empty one would cut off every pod.
fn valid_attachments(verb: Verb, json: &Json) -> Result<Vec<Json>, Failure> {
    if verb != Verb::Collect {
        return Ok(Vec::new());
    }
    let Some(listed) = json.get("cni.dev/valid-attachments").and_then(Json::as_array) else {
        return Err(Failure::new(INVALID, "the network configuration has no list `cni.dev/valid-attachments`", ""));
    };
    let part = |of: &Json, key: &str| of.get(key).cloned().unwrap_or_default();
    Ok(listed.iter().map(|of| json!({ "container": part(of, "containerID"), "interface": part(of, "ifname") })).collect())
}
