//! Pods that come and go: what the CNI plugin asks for.

use std::net::IpAddr;
use std::path::PathBuf;

use ichor_agent_apply::{Cable, GATEWAY_V4, GATEWAY_V6, check, cut, lay};
use ichor_agent_state::Name;
use serde_json::{Value as Json, json};

use crate::address_pool::choose;
use crate::agent::Agent;
use crate::fault::Fault;
use crate::log::note;
use crate::request::{Code, refusal};
use crate::store::{Attachment, Stored, mac_text};

impl Agent {
    /// Connects a pod, or says again how it is connected.
    pub(crate) fn add(&mut self, attachment: &Attachment, namespace: PathBuf, pod: Name) -> Json {
        if !self.is_ready() {
            return refusal(Code::TryAgain, "the node's datapath is not ready yet", &self.waiting_for());
        }
        let outcome = self.connect(attachment, namespace, pod);
        match outcome {
            Ok(answer) => answer,
            Err(fault) => refusal(Code::Failed, "the pod could not be connected", &fault.to_string()),
        }
    }

    fn connect(&mut self, attachment: &Attachment, namespace: PathBuf, pod: Name) -> Result<Json, Fault> {
        self.forget_marker(attachment);
        let known = self.store.get(attachment).cloned();
        let cable = match &known {
            Some(stored) => {
                self.limits.forget(attachment);
                stored.cable.clone()
            }
            None => {
                self.limits.begin(attachment);
                self.new_cable(attachment)?
            }
        };
        let outcome = self.lay_and_store(attachment, namespace, pod, cable.clone());
        if outcome.is_err() && known.is_none() {
            // Half a pod is worse than none: the runtime asks again with nothing left of this.
            let _first_error_counts = self.disconnect(attachment, &cable.host_name);
        }
        outcome
    }

    fn lay_and_store(&mut self, attachment: &Attachment, namespace: PathBuf, pod: Name, cable: Cable) -> Result<Json, Fault> {
        let link = lay(&mut self.netlink, &cable, &namespace)?;
        if let Some(datapath) = &mut self.datapath {
            self.hooks.attach_endpoint(datapath, &link.name, link.index)?;
        }
        let stored = Stored { pod, namespace, interface: link.index, cable };
        self.store.put(attachment, stored.clone())?;
        self.snapshot.set_endpoint(&attachment.file_name(), Some(stored.endpoint()), &mut self.dirty);
        self.settle_now()?;
        Ok(result(attachment, &stored))
    }

    fn new_cable(&mut self, attachment: &Attachment) -> Result<Cable, Fault> {
        let networks = self.snapshot.pod_cidrs(&self.arguments.node);
        if networks.is_empty() {
            let whose =
                if self.config.cluster_pool { "CiliumNode object names no spec.ipam.podCIDRs" } else { "Node object names no podCIDRs" };
            return Err(Fault::new(format!("the node has no network for pods yet: its {whose}")));
        }
        let addresses = choose(networks, &self.store.addresses()).map_err(Fault::new)?;
        let (number, host_name) = (attachment.number(), attachment.host_name());
        if self.store.entries().values().any(|stored| stored.cable.host_name == host_name) {
            return Err(Fault::new(format!("the name {host_name} for its interface is taken; a new container gets another one")));
        }
        let [_, _, _, a, b, c, d, e] = number.to_be_bytes();
        let mtu = self.settings.as_ref().map_or(1500, |settings| u32::from(settings.mtu));
        let pod_name = attachment.interface().to_owned();
        // Local addresses that name one machine; both ends differ in the first byte.
        Ok(Cable { host_name, host_mac: [0x06, a, b, c, d, e], pod_name, pod_mac: [0x02, a, b, c, d, e], addresses, mtu })
    }

    /// Takes a pod off the network; one that is unknown is fine.
    pub(crate) fn delete(&mut self, attachment: &Attachment) -> Json {
        let host_name = attachment.host_name();
        let is_taken = self.store.entries().iter().any(|(other, stored)| other != attachment && stored.cable.host_name == host_name);
        if self.store.get(attachment).is_none() && is_taken {
            return json!({});
        }
        // What is not stored may have been laid by an agent that ended half-way.
        let outcome = self.disconnect(attachment, &host_name).and_then(|()| self.settle_now());
        match outcome {
            Ok(()) => json!({}),
            Err(fault) => refusal(Code::TryAgain, "the pod could not be taken off the network", &fault.to_string()),
        }
    }

    pub(crate) fn disconnect(&mut self, attachment: &Attachment, host_name: &str) -> Result<(), Fault> {
        cut(&mut self.netlink, host_name)?;
        self.snapshot.set_endpoint(&attachment.file_name(), None, &mut self.dirty);
        // Last: until then the addresses are nobody else's.
        self.store.remove(attachment)
    }

    pub(crate) fn check(&mut self, attachment: &Attachment) -> Json {
        let Some(stored) = self.store.get(attachment).cloned() else {
            return refusal(Code::UnknownContainer, "the container is not connected", "");
        };
        match check(&mut self.netlink, &stored.cable, &stored.namespace) {
            Ok(()) => json!({}),
            Err(error) => refusal(Code::Failed, "the pod's cable is damaged", &error.to_string()),
        }
    }

    /// Takes off the network whatever the runtime does not know any more.
    pub(crate) fn collect(&mut self, valid: &[Attachment]) -> Json {
        let old: Vec<_> = self.store.entries().keys().filter(|attachment| !valid.contains(attachment)).cloned().collect();
        for attachment in &old {
            let answer = self.delete(attachment);
            if answer.get("error").is_some() {
                return answer;
            }
        }
        json!({})
    }

    pub(crate) fn can_add(&self) -> Json {
        if self.is_ready() {
            return json!({});
        }
        refusal(Code::NotAvailable, "the node's datapath is not ready", &self.waiting_for())
    }

    /// Drops the pods that went while nobody looked, and finds the others again.
    pub(crate) fn find_endpoints(&mut self) -> Result<(), Fault> {
        let links = self.netlink.links()?;
        for (attachment, stored) in self.store.entries().clone() {
            match links.get(&stored.cable.host_name) {
                None => {
                    note(&format!("pod {} is gone: its interface {} is not there", stored.pod, stored.cable.host_name));
                    self.disconnect(&attachment, &stored.cable.host_name)?;
                }
                Some(link) => {
                    if link.index != stored.interface {
                        self.store.put(&attachment, Stored { interface: link.index, ..stored.clone() })?;
                    }
                    let endpoint = Stored { interface: link.index, ..stored }.endpoint();
                    self.snapshot.set_endpoint(&attachment.file_name(), Some(endpoint), &mut self.dirty);
                }
            }
        }
        Ok(())
    }

    fn markers(&self) -> PathBuf {
        self.arguments.state.join("deleted")
    }

    /// A pod that was deleted while the agent was away and that is there again.
    fn forget_marker(&self, attachment: &Attachment) {
        // There is none nearly always.
        let _absent = std::fs::remove_file(self.markers().join(attachment.file_name()));
    }

    /// Deletes the pods whose deletion the plugin wrote down while the agent was away.
    pub(crate) fn delete_marked(&mut self) -> Result<(), Fault> {
        let folder = self.markers();
        crate::ground::make_private_folder(&folder)?;
        let wrong = |error: std::io::Error| Fault::file("reading the folder", &folder, &error);
        for entry in std::fs::read_dir(&folder).map_err(wrong)? {
            let name = entry.map_err(wrong)?.file_name();
            let marked = name.to_str().and_then(|name| name.rsplit_once('+'));
            if let Some(attachment) = marked.and_then(|(container, interface)| Attachment::new(container, interface))
                && let Some(stored) = self.store.get(&attachment).cloned()
            {
                note(&format!("pod {} was deleted while the agent was away", stored.pod));
                self.disconnect(&attachment, &stored.cable.host_name)?;
            }
            std::fs::remove_file(folder.join(&name)).map_err(wrong)?;
        }
        Ok(())
    }
}

/// The result of the CNI specification, to which the plugin adds the version that it was asked in.
fn result(attachment: &Attachment, stored: &Stored) -> Json {
    let cable = &stored.cable;
    let gateway = |address: &IpAddr| if address.is_ipv4() { GATEWAY_V4.to_string() } else { GATEWAY_V6.to_string() };
    let prefix = |address: &IpAddr| if address.is_ipv4() { 32 } else { 128 };
    let anywhere = |address: &IpAddr| if address.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
    let ip = |address: &IpAddr| json!({ "address": format!("{address}/{}", prefix(address)), "gateway": gateway(address), "interface": 1 });
    let route = |address: &IpAddr| json!({ "dst": anywhere(address), "gw": gateway(address) });
    json!({
        "interfaces": [
            { "name": cable.host_name, "mac": mac_text(cable.host_mac) },
            { "name": attachment.interface(), "mac": mac_text(cable.pod_mac), "sandbox": stored.namespace },
        ],
        "ips": cable.addresses.iter().map(ip).collect::<Vec<_>>(),
        "routes": cable.addresses.iter().map(route).collect::<Vec<_>>(),
        "dns": {},
    })
}
