//! What the commands that ask an agent say, held against what was really done in a lab.

mod burden;
mod flows;
mod health;
mod lists;
mod monitor;
mod running;

use std::path::PathBuf;

use ichor_tests::Run;
use serde_json::Value as Json;

use crate::{Lab, ichor, json};

impl Lab {
    /// The same, up and not checked.
    fn ready(part: &str) -> Self {
        let lab = Self::named(part);
        lab.run(&["up", "--no-check"]).succeed();
        lab
    }

    /// A command that asks the agent of a node.
    fn ask(&self, node: &str, words: &str) -> Run {
        ichor(&words.split(' ').collect::<Vec<_>>()).args(["--lab", &self.name, "--node", node])
    }

    /// The rows that it gives.
    fn rows(&self, node: &str, words: &str) -> Vec<Json> {
        let document = json(&self.ask(node, words).args(["--output", "json"]).finish());
        let list = document.as_object().unwrap_or_else(|| panic!("{words}: {document}")).values().find_map(Json::as_array);
        list.unwrap_or_else(|| panic!("{words}: {document}")).clone()
    }

    fn root(&self) -> PathBuf {
        PathBuf::from("/run/ichor-lab").join(&self.name)
    }

    fn socket(&self, node: &str) -> PathBuf {
        self.root().join("nodes").join(node).join("agent.sock")
    }

    /// Runs a script of a shell in a pod, a node or elsewhere.
    fn script(&self, place: &str, script: &str) -> Run {
        self.exec(place, &["bash", "-c", script])
    }

    /// The addresses of a pod, IPv4 first.
    fn pod(&self, name: &str) -> [String; 2] {
        let status = self.status(&[]);
        let pod = status["pods"].as_array().unwrap().iter().find(|pod| pod["name"] == name).unwrap().clone();
        [0, 1].map(|index| pod["addresses"][index].as_str().unwrap().to_owned())
    }
}

/// The address and port of an end, as one text.
fn end(end: &Json) -> String {
    format!("{}:{}", end["address"].as_str().unwrap(), end["port"])
}
