//! The machines.

use ichor_yaml::Node as Tree;

use super::{Acceleration, Labels, List, Role};
use crate::field::{Address, Cidr, Int, LabelValue, Mac, Name, Text, Words, choice, kinds, section};

section! {
    /// One machine.
    pub struct Node {
        /// The machine's host name.
        name: Name,
        /// What the machine is for.
        role: Role,
        /// Its addresses on the node network, at most one of each family.
        addresses: List<Address>,
        /// The network interface that carries these addresses.
        interface: Interface = "",
        /// More interfaces.
        extra_interfaces: List<ExtraInterface> = "[]",
        /// Where Talos is installed, as a path such as `/dev/nvme0n1`.
        install_disk: Option<Words> = "null",
        /// Where Talos is installed, by what the disk is; in place of `install_disk`.
        disk_selector: Option<DiskSelector> = "null",
        /// Labels of the Kubernetes node.
        labels: Labels = "{}",
        /// Taints of the Kubernetes node.
        taints: List<Taint> = "[]",
        /// The Image Factory schematic of this machine.
        schematic: Option<LabelValue> = "null",
        /// What is odd about this machine.
        quirks: Quirks = "",
        /// Patches of your own for this machine, applied last.
        patches: List<Tree> = "[]",
    }
}

section! {
    /// The network interface of a machine, found by its MAC address, or by its name.
    pub struct Interface {
        /// Its MAC address; the surest way to find it.
        mac: Option<Mac> = "null",
        /// Its name, such as `enp1s0`; without MAC and name the first physical link is taken.
        name: Option<InterfaceName> = "null",
        /// A name of your choice under which Talos and policies know it.
        alias: Option<InterfaceName> = "null",
        /// The largest packet it sends.
        mtu: Option<Int<1280, 9216>> = "null",
        /// The VLAN that the addresses are on.
        vlan: Option<Int<1, 4094>> = "null",
        /// Whether the addresses come by DHCP instead of being set; they must then be reserved at the DHCP server.
        dhcp: bool = "false",
    }
}

section! {
    /// One more interface of a machine.
    pub struct ExtraInterface {
        /// Its MAC address.
        mac: Option<Mac> = "null",
        /// Its name.
        name: Option<InterfaceName> = "null",
        /// Its addresses with their prefix length.
        addresses: List<InterfaceAddress> = "[]",
        /// The largest packet it sends.
        mtu: Option<Int<1280, 9216>> = "null",
        /// Whether it asks for addresses by DHCP.
        dhcp: bool = "false",
    }
}

section! {
    /// An address with the prefix of its network.
    pub struct InterfaceAddress {
        /// The address.
        address: Address,
        /// The network that it is in.
        subnet: Cidr,
    }
}

section! {
    /// A disk by what it is; all that is written must fit.
    pub struct DiskSelector {
        /// The smallest and largest size, such as `>= 500GB`.
        size: Option<Words> = "null",
        /// Its model, with `*` for any run of characters.
        model: Option<Words> = "null",
        /// Its serial number.
        serial: Option<Words> = "null",
        /// Its kind.
        r#type: Option<DiskType> = "null",
        /// Its world-wide name.
        wwid: Option<Words> = "null",
        /// Its place on the bus, such as `/pci0000:00/0000:00:17.0/*`.
        bus_path: Option<Words> = "null",
    }
}

choice! {
    /// The kind of a disk.
    pub enum DiskType {
        /// A spinning disk.
        Hdd = "hdd",
        /// A solid-state disk on SATA or SAS.
        Ssd = "ssd",
        /// A solid-state disk on PCIe.
        Nvme = "nvme",
        /// An SD card or eMMC.
        Sd = "sd",
    }
}

section! {
    /// A taint of a Kubernetes node.
    pub struct Taint {
        /// Its key.
        key: Text<kinds::LabelName>,
        /// Its value.
        value: Option<LabelValue> = "null",
        /// What it does to pods that do not tolerate it.
        effect: TaintEffect,
    }
}

choice! {
    /// What a taint does to pods that do not tolerate it.
    pub enum TaintEffect {
        /// New ones are not placed here.
        NoSchedule = "NoSchedule",
        /// New ones are placed elsewhere if possible.
        PreferNoSchedule = "PreferNoSchedule",
        /// Running ones are evicted as well.
        NoExecute = "NoExecute",
    }
}

section! {
    /// What is odd about a machine.
    pub struct Quirks {
        /// Packet handling in this machine's network driver, where it differs from the cluster's setting.
        acceleration: Option<Acceleration> = "null",
        /// Whether Talos' own BGP speaker runs on this machine; ichor's then must not.
        native_bgp: bool = "false",
    }
}

/// The name of a network interface, at most 15 characters.
pub type InterfaceName = Text<InterfaceNameKind>;

/// The rule of interface names.
#[derive(Debug)]
pub enum InterfaceNameKind {}

impl crate::field::TextKind for InterfaceNameKind {
    const DESCRIBE: &'static str = "interface name";
    const PATTERN: &'static str = "^[A-Za-z0-9_.-]{1,15}$";

    fn check(text: &str) -> Result<(), (String, String)> {
        let fits = (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if fits && text != "." && text != ".." {
            Ok(())
        } else {
            Err((
                format!("`{text}` is not the name of an interface"),
                "use at most 15 letters, digits, `_`, `.` and `-`, such as `enp1s0`".into(),
            ))
        }
    }
}
