//! Where and from what Talos is installed.

use ichor_yaml::Map;

use crate::input::{Cluster, DiskKind, DiskSelector, Install, InstallDisk, InstallerImage, SizeComparison};
use crate::tree::{document, put};
use crate::version::TalosVersion;

/// `machine.install` of the v1alpha1 document.
pub(super) fn install_section(cluster: &Cluster, install: &Install) -> Map {
    let section = match &install.disk {
        InstallDisk::Path(path) => Map::new().with("disk", path.as_str()),
        InstallDisk::Selector(selector) => Map::new().with("diskSelector", selector_section(selector)),
    };
    section.with("image", installer_image(&install.image, &cluster.talos)).with("wipe", install.wipe)
}

/// The document that takes the section's place.
pub(super) fn install_document(cluster: &Cluster, install: &Install) -> Map {
    let mut map = document("UnattendedInstallConfig");
    put(&mut map, &["installer", "image"], installer_image(&install.image, &cluster.talos));
    put(&mut map, &["provisioning", "diskSelector", "match"], disk_expression(&install.disk));
    put(&mut map, &["provisioning", "wipe"], install.wipe);
    map
}

/// The image reference that installs this version.
pub(crate) fn installer_image(image: &InstallerImage, talos: &TalosVersion) -> String {
    match image {
        InstallerImage::Plain => format!("ghcr.io/siderolabs/installer:{talos}"),
        InstallerImage::Schematic { id, secure_boot } => {
            let suffix = if *secure_boot { "-secureboot" } else { "" };
            format!("factory.talos.dev/metal-installer{suffix}/{id}:{talos}")
        }
        InstallerImage::Reference(reference) => reference.clone(),
    }
}

/// The choice of a disk as a CEL expression over `disk`.
pub(crate) fn disk_expression(disk: &InstallDisk) -> String {
    let selector = match disk {
        InstallDisk::Path(path) => return format!("disk.dev_path == {}", cel_text(path)),
        InstallDisk::Selector(selector) => selector,
    };
    // What v1alpha1 selectors exclude by themselves: device mapper, read-only disks, optical drives.
    let mut terms = vec!["disk.transport != \"\"".to_owned(), "!disk.readonly".to_owned(), "!disk.cdrom".to_owned()];
    let globs = [("model", &selector.model), ("serial", &selector.serial), ("wwid", &selector.wwid), ("bus_path", &selector.bus_path)];
    for (field, pattern) in globs {
        terms.extend(pattern.as_ref().map(|pattern| format!("glob({}, disk.{field})", cel_text(pattern))));
    }
    terms.extend(selector.size.map(|size| format!("disk.size {} {}u", comparison(size.compare), size.bytes)));
    terms.extend(selector.kind.map(|kind| kind_expression(kind).to_owned()));
    terms.join(" && ")
}

fn selector_section(selector: &DiskSelector) -> Map {
    let mut map = Map::new();
    let size = selector.size.map(|size| format!("{} {}B", comparison(size.compare), size.bytes));
    let fields = [
        ("model", selector.model.clone()),
        ("serial", selector.serial.clone()),
        ("wwid", selector.wwid.clone()),
        ("busPath", selector.bus_path.clone()),
        ("size", size),
        ("type", selector.kind.map(|kind| kind_word(kind).to_owned())),
    ];
    for (key, value) in fields {
        if let Some(value) = value {
            map.set(key, value);
        }
    }
    map
}

fn comparison(compare: SizeComparison) -> &'static str {
    match compare {
        SizeComparison::AtMost => "<=",
        SizeComparison::AtLeast => ">=",
        SizeComparison::Equal => "==",
    }
}

fn kind_word(kind: DiskKind) -> &'static str {
    match kind {
        DiskKind::Ssd => "ssd",
        DiskKind::Hdd => "hdd",
        DiskKind::Nvme => "nvme",
        DiskKind::Sd => "sd",
    }
}

fn kind_expression(kind: DiskKind) -> &'static str {
    match kind {
        DiskKind::Ssd => "!disk.rotational",
        DiskKind::Hdd => "disk.rotational",
        DiskKind::Nvme => "disk.transport == \"nvme\"",
        DiskKind::Sd => "disk.transport == \"mmc\"",
    }
}

fn cel_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
