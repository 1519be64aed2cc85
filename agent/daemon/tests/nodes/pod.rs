//! A pod: a namespace that the real plugin connects.

use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use crate::node::{Node, program};
use crate::world::{inside, ip, namespace};

#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) name: String,
    pub(crate) v4: IpAddr,
    pub(crate) v6: IpAddr,
}

/// What the plugin said, and whether it succeeded.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) success: bool,
    pub(crate) json: Json,
}

impl Said {
    pub(crate) fn code(&self) -> u64 {
        assert!(!self.success, "{:#}", self.json);
        self.json["code"].as_u64().unwrap()
    }
}

/// Runs the plugin on a node, for a pod.
pub(crate) fn cni(node: &Node, verb: &str, pod: &str, more: &Json) -> Said {
    let mut netconf = json!({ "cniVersion": "1.1.0", "name": "ichor", "type": "ichor-cni", "socket": node.socket() });
    for (key, value) in more.as_object().into_iter().flatten() {
        netconf[key] = value.clone();
    }
    let mut command = Command::new(program("ichor-cni"));
    command
        .env_clear()
        .env("CNI_COMMAND", verb)
        .env("CNI_CONTAINERID", format!("container-{pod}"))
        .env("CNI_IFNAME", "eth0")
        .env("CNI_NETNS", namespace(pod))
        .env("CNI_ARGS", format!("IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME={pod}"))
        .env("CNI_PATH", "/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = inside(&node.name, move || command.spawn().unwrap());
    child.stdin.take().unwrap().write_all(netconf.to_string().as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    Said { success: out.status.success(), json: serde_json::from_str(&text).unwrap_or_default() }
}

impl Pod {
    pub(crate) fn make(node: &Node, name: &str) -> Self {
        ip(&format!("netns add {name}"));
        let said = cni(node, "ADD", name, &Json::Null);
        assert!(said.success, "ADD of {name}: {:#}", said.json);
        let address = |index: usize| said.json["ips"][index]["address"].as_str().unwrap().split('/').next().unwrap().parse().unwrap();
        Self { name: name.to_owned(), v4: address(0), v6: address(1) }
    }

    pub(crate) fn address(&self, is_v4: bool) -> IpAddr {
        if is_v4 { self.v4 } else { self.v6 }
    }
}
