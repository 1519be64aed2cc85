//! What the agent must not forget about the pods here: a file for each cable, on disk before the pod may start.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ichor_agent_apply::Cable;
use ichor_agent_state::{LocalEndpoint, Name};
use serde_json::{Value as Json, json};

use crate::fault::Fault;

/// A container's interface: what the CNI specification calls an attachment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attachment {
    container: String,
    interface: String,
}

impl Attachment {
    /// Both become names of files and of interfaces: only what the specification allows.
    pub(crate) fn new(container: &str, interface: &str) -> Option<Self> {
        let plain = |text: &str| {
            text.starts_with(|first: char| first.is_ascii_alphanumeric())
                && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
        };
        let fits = plain(container) && container.len() <= 128 && plain(interface) && interface.len() <= 15;
        fits.then(|| Self { container: container.to_owned(), interface: interface.to_owned() })
    }

    pub(crate) fn container(&self) -> &str {
        &self.container
    }

    pub(crate) fn interface(&self) -> &str {
        &self.interface
    }

    /// No interface has a plus in its name, so no two attachments share a file.
    pub(crate) fn file_name(&self) -> String {
        format!("{}+{}", self.container, self.interface)
    }

    /// The same for the same attachment, and hardly ever for two.
    pub(crate) fn number(&self) -> u64 {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        self.file_name().bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
    }
}

impl Attachment {
    /// Of the node's end of its cable.
    pub(crate) fn host_name(&self) -> String {
        format!("ichor{:010x}", self.number() & 0xff_ffff_ffff)
    }
}

/// A pod's cable as it was laid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) pod: Name,
    pub(crate) namespace: PathBuf,
    pub(crate) interface: u32,
    pub(crate) cable: Cable,
}

impl Stored {
    pub(crate) fn endpoint(&self) -> LocalEndpoint {
        LocalEndpoint {
            pod: self.pod.clone(),
            addresses: self.cable.addresses.clone(),
            interface: self.interface,
            identity: 0,
            mac: self.cable.pod_mac,
            host_mac: self.cable.host_mac,
        }
    }

    pub(crate) fn json(&self, attachment: &Attachment) -> Json {
        json!({
            "container": attachment.container,
            "pod": { "namespace": &*self.pod.namespace, "name": &*self.pod.name },
            "networkNamespace": self.namespace,
            "interface": { "index": self.interface, "name": self.cable.host_name, "mac": mac_text(self.cable.host_mac) },
            "podInterface": { "name": self.cable.pod_name, "mac": mac_text(self.cable.pod_mac) },
            "addresses": self.cable.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "mtu": self.cable.mtu,
        })
    }

    fn read(json: &Json) -> Option<(Attachment, Self)> {
        let text = |path: &str| json.pointer(path)?.as_str();
        let number = |path: &str| json.pointer(path)?.as_u64().and_then(|number| u32::try_from(number).ok());
        let addresses = json.get("addresses")?.as_array()?;
        let cable = Cable {
            host_name: text("/interface/name")?.to_owned(),
            host_mac: mac(text("/interface/mac")?)?,
            pod_name: text("/podInterface/name")?.to_owned(),
            pod_mac: mac(text("/podInterface/mac")?)?,
            addresses: addresses.iter().map(|address| address.as_str()?.parse::<IpAddr>().ok()).collect::<Option<_>>()?,
            mtu: number("/mtu")?,
        };
        let stored = Self {
            pod: Name::new(text("/pod/namespace")?, text("/pod/name")?),
            namespace: text("/networkNamespace")?.into(),
            interface: number("/interface/index")?,
            cable,
        };
        Some((Attachment::new(text("/container")?, &stored.cable.pod_name)?, stored))
    }
}

/// A hardware address as people write it.
pub(crate) fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let bytes: Vec<u8> = text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect::<Option<_>>()?;
    bytes.try_into().ok()
}

/// The folder of files, and what is in it.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    entries: BTreeMap<Attachment, Stored>,
}

impl Store {
    /// Reads the folder. A file that cannot be read is named, and left for a person to look at.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Vec<String>), Fault> {
        crate::ground::make_private_folder(folder)?;
        let mut store = Self { folder: folder.to_owned(), entries: BTreeMap::new() };
        let mut unreadable = Vec::new();
        let files = fs::read_dir(folder).map_err(|error| Fault::file("reading the folder", folder, &error))?;
        for file in files {
            let place = file.map_err(|error| Fault::file("reading the folder", folder, &error))?.path();
            if place.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let text = fs::read_to_string(&place).map_err(|error| Fault::file("reading", &place, &error))?;
            match serde_json::from_str(&text).ok().as_ref().and_then(Stored::read) {
                Some((attachment, stored)) => drop(store.entries.insert(attachment, stored)),
                None => unreadable.push(format!("{}: is not an endpoint; remove the file if its pod is gone", place.display())),
            }
        }
        Ok((store, unreadable))
    }

    pub(crate) fn entries(&self) -> &BTreeMap<Attachment, Stored> {
        &self.entries
    }

    pub(crate) fn get(&self, attachment: &Attachment) -> Option<&Stored> {
        self.entries.get(attachment)
    }

    pub(crate) fn addresses(&self) -> BTreeSet<IpAddr> {
        self.entries.values().flat_map(|stored| stored.cable.addresses.iter().copied()).collect()
    }

    /// Writes an entry; when this returns it survives a loss of power.
    pub(crate) fn put(&mut self, attachment: &Attachment, stored: Stored) -> Result<(), Fault> {
        write_durably(&self.place(attachment), |file| file.write_all(stored.json(attachment).to_string().as_bytes()))?;
        self.entries.insert(attachment.clone(), stored);
        Ok(())
    }

    pub(crate) fn remove(&mut self, attachment: &Attachment) -> Result<(), Fault> {
        let place = self.place(attachment);
        match fs::remove_file(&place) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(Fault::file("removing", &place, &error)),
            _ => {}
        }
        self.entries.remove(attachment);
        Ok(())
    }

    fn place(&self, attachment: &Attachment) -> PathBuf {
        self.folder.join(format!("{}.json", attachment.file_name()))
    }
}

/// Puts a file in the place of another in one step, on disk when this returns.
pub(crate) fn write_durably(place: &Path, content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Fault> {
    let new = place.with_extension("new");
    let write = || {
        let mut file = BufWriter::new(File::create(&new)?);
        content(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&new, place)?;
        place.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|error| Fault::file("writing", place, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_survives_the_way_there_and_back() {
        let stored = Stored {
            pod: Name::new("default", "web-0"),
            namespace: "/run/netns/web".into(),
            interface: 7,
            cable: Cable {
                host_name: "ichor0123456789".into(),
                host_mac: [6, 1, 2, 3, 4, 0xff],
                pod_name: "eth0".into(),
                pod_mac: [2, 1, 2, 3, 4, 5],
                addresses: vec!["10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap()],
                mtu: 1500,
            },
        };
        let attachment = Attachment::new("abc", "eth0").unwrap();
        let json = serde_json::from_str(&stored.json(&attachment).to_string()).unwrap();
        assert_eq!(Stored::read(&json), Some((attachment, stored)));
    }

    #[test]
    fn what_could_leave_the_folder_is_no_attachment() {
        for (container, interface) in
            [("../x", "eth0"), ("a/b", "eth0"), ("", "eth0"), ("a", ""), ("a", "eth0/../x"), ("a", "sixteen-letters-"), (".a", "e")]
        {
            assert_eq!(Attachment::new(container, interface), None, "{container} {interface}");
        }
        assert!(Attachment::new(&"f".repeat(64), "eth0").is_some());
    }
}
