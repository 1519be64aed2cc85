//! The agent and the CNI plugin of a node: this executable under their names.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::error::Error;
use crate::lab::Lab;
use crate::object::NAMESPACE;
use crate::process::{self, Spot, Work};
use crate::state::State;
use crate::{namespace, place::Place};

pub(crate) const AGENT: &str = "ichor-agent";
pub(crate) const CNI: &str = "ichor-cni";

/// How long an agent may take until its first complete datapath is in the kernel.
const READY: Duration = Duration::from_secs(60);
/// And until it serves what was written since.
const SYNCED: Duration = Duration::from_secs(20);

/// Starts the agent of a node and waits until it has applied everything.
pub(crate) fn start(lab: &Lab, node: &str) -> Result<(), Error> {
    let (place, state) = (&lab.place, lab.state());
    let paths = [
        ("--config", place.config()),
        ("--objects", place.objects()),
        ("--state", place.node(node)),
        ("--bpffs", place.bpffs().join(node)),
        ("--cgroup", state.node_cgroup(node)),
    ];
    let mut args: Vec<OsString> = vec!["node".into(), "--node".into(), node.into()];
    args.extend(paths.into_iter().flat_map(|(flag, path)| [flag.into(), path.into_os_string()]));
    let spot = Spot { namespace: place.namespace(node), cgroup: state.part_cgroup(node, "agent") };
    let work = Work::Run { program: place.bin().join(AGENT), args, env: Vec::new() };
    let command = process::command(&state.executable, &spot, true, work)?;
    let process = process::start(command, &format!("the agent of `{node}`"), &place.log(&format!("agent-{node}")), READY)?;
    lab.change(|state| {
        state.processes.insert(State::agent(node), process);
    })
}

/// Waits until the agent of a node serves all objects that were written before.
pub(crate) fn sync(place: &Place, node: &str) -> Result<(), Error> {
    let what = format!("the agent of `{node}`");
    let wrong = |error: std::io::Error| Error::system(format!("ask {what}"), error);
    let mut connection = UnixStream::connect(place.socket(node)).map_err(wrong)?;
    connection.set_read_timeout(Some(SYNCED)).map_err(wrong)?;
    connection.write_all(b"{\"objects\":\"sync\"}\n").map_err(wrong)?;
    let mut answer = String::new();
    BufReader::new(connection).read_line(&mut answer).map_err(wrong)?;
    let answer: Json = serde_json::from_str(&answer).map_err(|error| Error::new(format!("{what} gave a strange answer: {error}")))?;
    match answer.pointer("/error/details").and_then(Json::as_str) {
        Some(why) => Err(Error::new(format!("{what} does not serve all objects: {why}"))),
        None => Ok(()),
    }
}

/// Lets the CNI plugin cable a pod; gives the addresses that the pod got.
pub(crate) fn add_pod(lab: &Lab, node: &str, pod: &str) -> Result<Vec<IpAddr>, Error> {
    let what = format!("the CNI plugin, adding `{pod}` on `{node}`,");
    let output = plugin(lab, node, pod, "ADD", &what)?;
    let result: Json = serde_json::from_slice(&output).map_err(|error| Error::new(format!("{what} gave no result: {error}")))?;
    let addresses = result.get("ips").and_then(Json::as_array).into_iter().flatten().filter_map(|ip| {
        let (address, _) = ip.get("address")?.as_str()?.split_once('/')?;
        address.parse().ok()
    });
    let addresses: Vec<_> = addresses.collect();
    if addresses.is_empty() { Err(Error::new(format!("{what} gave the pod no address"))) } else { Ok(addresses) }
}

fn plugin(lab: &Lab, node: &str, pod: &str, verb: &str, what: &str) -> Result<Vec<u8>, Error> {
    let (place, state) = (&lab.place, lab.state());
    let env = [
        ("CNI_COMMAND", verb.to_owned()),
        ("CNI_CONTAINERID", container(place, pod)),
        ("CNI_NETNS", namespace::path(&place.pod_namespace(pod)).display().to_string()),
        ("CNI_IFNAME", "eth0".to_owned()),
        ("CNI_ARGS", format!("IgnoreUnknown=1;K8S_POD_NAMESPACE={NAMESPACE};K8S_POD_NAME={pod}")),
        ("CNI_PATH", place.bin().display().to_string()),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let work = Work::Run { program: place.bin().join(CNI), args: Vec::new(), env };
    let command = process::command(&state.executable, &lab.host(node), false, work)?;
    let configuration = json!({ "cniVersion": "1.1.0", "name": "ichor", "type": CNI, "socket": place.socket(node) });
    process::finish(command, what, configuration.to_string().as_bytes())
}

fn container(place: &Place, pod: &str) -> String {
    format!("lab-{}-{pod}", place.name)
}
