//! The machines.

use ichor_yaml::Node as Tree;

use super::{Acceleration, Labels, List, Role, Schematic};
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
        interface: Interface,
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
        schematic: Option<Schematic> = "null",
        /// Its UUID as its firmware tells it; only Omni asks for it.
        uuid: Option<Uuid> = "null",
        /// What is odd about this machine.
        quirks: Quirks = "",
        /// Patches of your own for this machine, applied last.
        patches: List<Tree> = "[]",
    }
}

section! {
    /// The network interface of a machine, found by its MAC address or by its name; one of the two is needed.
    pub struct Interface {
        /// Its MAC address; the surest way to find it.
        mac: Option<Mac> = "null",
        /// Its name, such as `enp1s0`.
        name: Option<InterfaceName> = "null",
        /// A name of your choice under which Talos and policies know an interface that is found by its MAC address; `lan` by default.
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
        /// Its size, such as `>= 500GB`.
        size: Option<DiskSize> = "null",
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

/// A machine's UUID, in lower case.
pub type Uuid = Text<UuidKind>;

/// The rule of UUIDs.
#[derive(Debug)]
pub enum UuidKind {}

impl crate::field::TextKind for UuidKind {
    const DESCRIBE: &'static str = "UUID";
    const PATTERN: &'static str = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

    fn check(text: &str) -> Result<(), (String, String)> {
        let lengths: Vec<_> = text.split('-').map(str::len).collect();
        if lengths == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(())
        } else {
            Err((format!("`{text}` is not a UUID in lower case"), "copy it from `omnictl get machines`".into()))
        }
    }
}

/// A comparison with a disk's size.
pub type DiskSize = Text<DiskSizeKind>;

/// The rule of disk sizes.
#[derive(Debug)]
pub enum DiskSizeKind {}

impl crate::field::TextKind for DiskSizeKind {
    const DESCRIBE: &'static str = "size such as `>= 500GB`";
    const PATTERN: &'static str = "^(<=|>=|==)? *[0-9]+ *([kMGTP]i?)?B$";

    fn check(text: &str) -> Result<(), (String, String)> {
        match disk_size(text) {
            Some(_) => Ok(()),
            None => Err((format!("`{text}` is not a size"), "write `>= 500GB`, `<= 2TB` or `== 256GiB`".into())),
        }
    }
}

/// How a disk's size is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeComparison {
    AtMost,
    AtLeast,
    Equal,
}

impl DiskSize {
    /// The comparison and the number of bytes.
    pub fn bytes(&self) -> Option<(SizeComparison, u64)> {
        disk_size(self.as_str())
    }
}

fn disk_size(text: &str) -> Option<(SizeComparison, u64)> {
    let (comparison, rest) = [("<=", SizeComparison::AtMost), (">=", SizeComparison::AtLeast), ("==", SizeComparison::Equal)]
        .into_iter()
        .find_map(|(sign, comparison)| text.strip_prefix(sign).map(|rest| (comparison, rest)))
        .unwrap_or((SizeComparison::Equal, text));
    let rest = rest.trim();
    let digits = rest.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match rest.strip_prefix(digits)?.trim_start() {
        "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "PB" => 1_000_000_000_000_000,
        "kiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "PiB" => 1 << 50,
        _ => return None,
    };
    Some((comparison, digits.parse::<u64>().ok()?.checked_mul(unit)?))
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
