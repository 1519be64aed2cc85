//! The machines: `nodes` of either form.

use ichor_yaml::{Map, Node, Value};

use super::convert::{list, text};
use super::old::{OldField, take};
use super::{Draft, Fate, Row};

/// The installer that can boot with UEFI Secure Boot.
const SECURE_BOOT_INSTALLER: &str = "factory.talos.dev/metal-installer-secureboot";

/// Converts all machines; `vlan` is the tag that the old files set once for all of them.
pub(super) fn machines(draft: &mut Draft, vlan: Option<&Node>) {
    let all = std::mem::take(&mut draft.old.nodes);
    let is_secure =
        |fields: &Vec<OldField>| fields.iter().any(|field| field.name.ends_with(".secureboot") && field.node.as_bool() == Some(true));
    let secure = all.iter().filter(|fields| is_secure(fields)).count();
    let all_secure = secure > 0 && secure == all.len();
    if all_secure {
        draft.put("talos.installer", SECURE_BOOT_INSTALLER);
    }
    let mut nodes = Vec::new();
    for (index, mut fields) in all.into_iter().enumerate() {
        let mut machine = Machine { map: Map::new(), rows: Vec::new(), index };
        machine.take_all(&mut fields, vlan, all_secure);
        nodes.push(Node::from(machine.map));
        draft.rows.append(&mut machine.rows);
        // What nobody took is told with the rest.
        draft.old.nodes.push(fields);
    }
    draft.put("nodes", nodes);
}

struct Machine {
    map: Map,
    rows: Vec<Row>,
    index: usize,
}

impl Machine {
    fn take_all(&mut self, fields: &mut Vec<OldField>, vlan: Option<&Node>, all_secure: bool) {
        self.take(fields, "name", "name", |map, node| map.set("name", text(&node)));
        self.take(fields, "controller", "role", |map, node| {
            map.set("role", if node.as_bool() == Some(true) { "controlplane" } else { "worker" });
        });
        self.take(fields, "address", "addresses", |map, node| map.set("addresses", list(&node)));
        let mut interface = Map::new();
        self.take(fields, "mac_addr", "interface.mac", |_, node| interface.set("mac", text(&node)));
        self.take(fields, "mtu", "interface.mtu", |_, node| interface.set("mtu", node));
        if let Some(vlan) = vlan {
            interface.set("vlan", vlan.clone());
        }
        self.map.set("interface", interface);
        self.disk(fields);
        self.take(fields, "schematic_id", "schematic", |map, node| map.set("schematic", text(&node)));
        self.secure_boot(fields, all_secure);
        self.patches(fields);
    }

    fn disk(&mut self, fields: &mut Vec<OldField>) {
        let is_path =
            fields.iter().any(|field| field.name.ends_with(".disk") && field.node.as_str().is_some_and(|disk| disk.starts_with('/')));
        if is_path {
            self.take(fields, "disk", "install_disk", |map, node| map.set("install_disk", text(&node)));
        } else {
            self.take(fields, "disk", "disk_selector.serial", |map, node| {
                map.set("disk_selector", Map::new().with("serial", text(&node)));
            });
        }
    }

    fn secure_boot(&mut self, fields: &mut Vec<OldField>, all_secure: bool) {
        let Some(field) = take(fields, "secureboot") else { return };
        let fate = match field.node.as_bool() {
            Some(true) if all_secure => Fate::Mapped { to: "talos.installer".into(), note: Some("all machines boot securely".into()) },
            Some(true) => Fate::LeftOut {
                why: "only some machines boot securely, and one installer serves all: patch `machine.install.image` of this one in its `patches`".into(),
            },
            _ => Fate::LeftOut { why: "it is the default".into() },
        };
        self.rows.push(Row { file: field.file, line: field.line, field: field.name, fate });
    }

    fn patches(&mut self, fields: &mut Vec<OldField>) {
        let mut patches: Vec<Node> = Vec::new();
        self.take(fields, "encrypt_disk", "patches", |_, node| {
            if node.as_bool() == Some(true) {
                patches.push(disk_encryption());
            }
        });
        self.take(fields, "kernel_modules", "patches", |_, node| {
            let modules = node.as_seq().unwrap_or_default().iter().map(|module| Node::from(Map::new().with("name", text(module))));
            patches.push(machine_patch("kernel", Map::new().with("modules", modules.collect::<Vec<_>>())));
        });
        if !patches.is_empty() {
            self.map.set("patches", patches);
        }
    }

    fn take(&mut self, fields: &mut Vec<OldField>, key: &str, to: &str, put: impl FnOnce(&mut Map, Node)) {
        if let Some(field) = take(fields, key) {
            put(&mut self.map, field.node);
            let to = format!("nodes[{}].{to}", self.index);
            self.rows.push(Row { file: field.file, line: field.line, field: field.name, fate: Fate::Mapped { to, note: None } });
        }
    }
}

fn machine_patch(section: &str, content: Map) -> Node {
    Map::new().with("machine", Map::new().with(section, content)).into()
}

/// Both partitions under a key that the machine's TPM keeps.
fn disk_encryption() -> Node {
    let key = || Map::new().with("slot", Value::Int(0)).with("tpm", Map::new());
    let partition = || Map::new().with("provider", "luks2").with("keys", vec![Node::from(key())]);
    machine_patch("systemDiskEncryption", Map::new().with("state", partition()).with("ephemeral", partition()))
}
