//! The agent's configuration: the same document for the whole cluster.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::{Path, PathBuf};

use ichor_agent_state::Algorithm;
use ichor_yaml::{Node as Yaml, Value};
use ipnet::IpNet;

use crate::fault::Fault;

/// Which backends on other nodes answer clients themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Dsr,
    Snat,
    Hybrid,
}

/// Where packets of the uplink are met before the kernel's own path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Acceleration {
    #[default]
    Disabled,
    /// In the driver where it can, else not at all.
    BestEffort,
    Native,
    Generic,
}

impl Acceleration {
    pub(crate) fn name(self) -> &'static str {
        ACCELERATIONS.iter().find(|(_, value)| *value == self).map_or("disabled", |(name, _)| name)
    }
}

/// Where kube-proxy has it.
const HEALTHZ: SocketAddr = SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 10256, 0, 0));

/// What is smaller than IPv6 allows is a mistake.
const PACKET: (u16, u16) = (1280, u16::MAX);
/// Some gigabytes at most.
const FLOW_ENTRIES: (u32, u32) = (1 << 12, 1 << 24);

/// What this version acts on. Other keys of the document are another part's, and accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AgentConfig {
    pub(crate) cgroup_root: PathBuf,
    /// Where the health of the node is asked.
    pub(crate) healthz: SocketAddr,
    pub(crate) direct_node_routes: bool,
    pub(crate) mtu: Option<u16>,
    /// How many directions of connections are remembered in each family; by the node's memory where nothing is said.
    pub(crate) flow_entries: Option<u32>,
    pub(crate) masquerade: bool,
    pub(crate) not_masqueraded: Vec<IpNet>,
    pub(crate) services: Vec<IpNet>,
    pub(crate) bandwidth_limits: bool,
    pub(crate) cluster_pool: bool,
    pub(crate) external_ips: bool,
    pub(crate) mode: Mode,
    pub(crate) algorithm: Algorithm,
    pub(crate) acceleration: Acceleration,
    acceleration_by_node: BTreeMap<String, Acceleration>,
}

impl AgentConfig {
    pub(crate) fn load(path: &Path) -> Result<Self, Fault> {
        let text = std::fs::read_to_string(path).map_err(|error| Fault::file("reading", path, &error))?;
        Self::parse(&text).map_err(|mistake| Fault::new(format!("{}:{mistake}", path.display())))
    }

    /// The mistake begins with line and column.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let root = ichor_yaml::parse_one(text).map_err(|error| error.to_string())?;
        let root = Section { node: &root, name: String::new() };
        let root = root.only(&[
            "cluster",
            "domain",
            "apiServer",
            "cgroup",
            "healthz",
            "addresses",
            "ipam",
            "routing",
            "conntrack",
            "masquerade",
            "loadBalancer",
            "bandwidthLimits",
            "externalIPs",
            "neighbourDiscovery",
            "l2",
            "bgp",
            "gatewayApi",
            "flows",
        ])?;
        for (name, keys) in [
            ("l2", &["enabled"][..]),
            ("bgp", &["enabled", "peers"]),
            ("gatewayApi", &["enabled"]),
            ("flows", &["enabled", "ringSize", "metrics"]),
        ] {
            root.at(name).only(keys)?;
        }
        let addresses = root.at("addresses").only(&["nodes", "pods", "services"])?;
        let cgroup = root.at("cgroup").only(&["root", "autoMount"])?;
        let ipam = root.at("ipam").only(&["mode", "ipv4Mask", "ipv6Mask"])?;
        let routing = root.at("routing").only(&["directNodeRoutes", "endpointRoutes", "mtu"])?;
        let conntrack = root.at("conntrack").only(&["entries"])?;
        let masquerade = root.at("masquerade").only(&["enabled", "exclude"])?;
        let balancer = root.at("loadBalancer").only(&["mode", "algorithm", "acceleration", "accelerationByNode"])?;
        let mode = [("dsr", Mode::Dsr), ("snat", Mode::Snat), ("hybrid", Mode::Hybrid)];
        let algorithm = [("maglev", Algorithm::Maglev), ("random", Algorithm::Random)];
        Ok(Self {
            cgroup_root: cgroup.at("root").text()?.map_or_else(|| PathBuf::from("/sys/fs/cgroup"), PathBuf::from),
            healthz: root.at("healthz").place()?.unwrap_or(HEALTHZ),
            direct_node_routes: routing.at("directNodeRoutes").flag()?.unwrap_or(true),
            mtu: routing.at("mtu").number(PACKET)?,
            flow_entries: conntrack.at("entries").number(FLOW_ENTRIES)?,
            masquerade: masquerade.at("enabled").flag()?.unwrap_or(true),
            not_masqueraded: masquerade.at("exclude").prefixes()?,
            services: addresses.at("services").prefixes()?,
            bandwidth_limits: root.at("bandwidthLimits").flag()?.unwrap_or(true),
            external_ips: root.at("externalIPs").flag()?.unwrap_or(true),
            cluster_pool: ipam.at("mode").choice(&[("kubernetes", false), ("cluster-pool", true)])?.unwrap_or(false),
            mode: balancer.at("mode").choice(&mode)?.unwrap_or(Mode::Snat),
            algorithm: balancer.at("algorithm").choice(&algorithm)?.unwrap_or_default(),
            acceleration: balancer.at("acceleration").choice(&ACCELERATIONS)?.unwrap_or_default(),
            acceleration_by_node: balancer.at("accelerationByNode").accelerations()?,
        })
    }

    pub(crate) fn acceleration_of(&self, node: &str) -> Acceleration {
        self.acceleration_by_node.get(node).copied().unwrap_or(self.acceleration)
    }
}

const ACCELERATIONS: [(&str, Acceleration); 4] = [
    ("disabled", Acceleration::Disabled),
    ("best-effort", Acceleration::BestEffort),
    ("native", Acceleration::Native),
    ("generic", Acceleration::Generic),
];

/// A value of the document with the path of keys to it.
struct Section<'y> {
    node: &'y Yaml,
    name: String,
}

static ABSENT: Yaml = Yaml {
    value: Value::Null,
    span: ichor_yaml::Span {
        start: ichor_yaml::Position { offset: 0, line: 0, column: 0 },
        end: ichor_yaml::Position { offset: 0, line: 0, column: 0 },
    },
    before: Vec::new(),
    right: None,
};

impl<'y> Section<'y> {
    fn at(&self, key: &str) -> Section<'y> {
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        Section { node: self.node.get(key).unwrap_or(&ABSENT), name }
    }

    fn wrong(&self, node: &Yaml, what: &str) -> String {
        let start = node.span.start;
        format!("{}:{}: {}: {what}", start.line, start.column, self.name)
    }

    /// Refuses keys that nothing knows.
    fn only(self, known: &[&str]) -> Result<Self, String> {
        if self.node.is_null() {
            return Ok(self);
        }
        let map = self.node.as_map().ok_or_else(|| self.wrong(self.node, "must be a mapping"))?;
        match map.entries.iter().find(|entry| !known.contains(&&*entry.key)) {
            Some(entry) => {
                let start = entry.key_span.start;
                Err(format!(
                    "{}:{}: there is no key `{}`; known are {}",
                    start.line,
                    start.column,
                    self.at(&entry.key).name,
                    known.join(", ")
                ))
            }
            None => Ok(self),
        }
    }

    fn text(&self) -> Result<Option<&'y str>, String> {
        if self.node.is_null() {
            return Ok(None);
        }
        self.node.as_str().map(Some).ok_or_else(|| self.wrong(self.node, "must be a text"))
    }

    fn flag(&self) -> Result<Option<bool>, String> {
        if self.node.is_null() {
            return Ok(None);
        }
        self.node.as_bool().map(Some).ok_or_else(|| self.wrong(self.node, "must be true or false"))
    }

    fn number<T: TryFrom<i128> + PartialOrd + std::fmt::Display>(&self, (least, most): (T, T)) -> Result<Option<T>, String> {
        if self.node.is_null() {
            return Ok(None);
        }
        let read = self.node.as_int().and_then(|number| T::try_from(number).ok()).filter(|number| (&least..=&most).contains(&number));
        read.map(Some).ok_or_else(|| self.wrong(self.node, &format!("must be a number from {least} to {most}")))
    }

    fn place(&self) -> Result<Option<SocketAddr>, String> {
        let Some(text) = self.text()? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.wrong(self.node, "must be an address and a port like 0.0.0.0:10256 or [::]:10256"))
    }

    fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<Option<T>, String> {
        let Some(text) = self.text()? else { return Ok(None) };
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        found.map(Some).ok_or_else(|| self.wrong(self.node, &format!("`{text}` is none of {}", names())))
    }

    fn prefixes(&self) -> Result<Vec<IpNet>, String> {
        if self.node.is_null() {
            return Ok(Vec::new());
        }
        let items = self.node.as_seq().ok_or_else(|| self.wrong(self.node, "must be a list"))?;
        let read = |item: &Yaml| {
            item.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| self.wrong(item, "must be a network like 10.0.0.0/8"))
        };
        items.iter().map(read).collect()
    }

    fn accelerations(&self) -> Result<BTreeMap<String, Acceleration>, String> {
        let Some(map) = self.node.as_map() else {
            return if self.node.is_null() { Ok(BTreeMap::new()) } else { Err(self.wrong(self.node, "must be a mapping")) };
        };
        map.entries.iter().map(|entry| Ok((entry.key.clone(), self.at(&entry.key).choice(&ACCELERATIONS)?.unwrap_or_default()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_acted_on_is_read() {
        let text = "cgroup: {root: /x, autoMount: false}\nrouting: {directNodeRoutes: false, mtu: 9000}\nconntrack: {entries: 65536}\n\
            masquerade: {enabled: false, exclude: [10.0.0.0/8, 'fd00::/8']}\n\
            loadBalancer: {mode: hybrid, algorithm: maglev, acceleration: native, accelerationByNode: {a: disabled}}\n";
        let read = AgentConfig::parse(text).unwrap();
        assert_eq!((read.mtu, read.direct_node_routes, read.masquerade, read.mode), (Some(9000), false, false, Mode::Hybrid));
        assert_eq!((read.not_masqueraded.len(), read.flow_entries), (2, Some(65536)));
        assert_eq!((read.acceleration_of("a"), read.acceleration_of("b")), (Acceleration::Disabled, Acceleration::Native));
        assert!(AgentConfig::parse("").is_ok());
    }

    #[test]
    fn what_configure_renders_is_read() {
        let rendered = include_str!("../../../tests/golden/example/cluster/apps/kube-system/ichor/app/config.yaml");
        let object = ichor_yaml::parse_one(rendered).unwrap();
        let text = object.at(&["data", "config.yaml"]).and_then(Yaml::as_str).unwrap();
        let read = AgentConfig::parse(text).unwrap();
        assert_eq!(
            (read.mode, read.algorithm, read.acceleration, read.masquerade),
            (Mode::Dsr, Algorithm::Maglev, Acceleration::Disabled, true)
        );
        assert_eq!(read.not_masqueraded.len(), 5);
        assert_eq!((read.healthz, read.bandwidth_limits, read.cluster_pool), (HEALTHZ, true, false));
    }

    #[test]
    fn mistakes_are_located() {
        for (text, expected) in [
            ("clusters: x", "1:1: there is no key `clusters`; known are cluster"),
            ("routing:\n  mtus: 3", "2:3: there is no key `routing.mtus`"),
            ("routing:\n  mtu: 12", "2:8: routing.mtu: must be a number from 1280"),
            ("loadBalancer:\n  mode: ipip", "2:9: loadBalancer.mode: `ipip` is none of dsr, snat, hybrid"),
            ("masquerade:\n  exclude:\n    - ten", "3:7: masquerade.exclude: must be a network"),
            ("healthz: 10256:x", "1:10: healthz: must be an address and a port"),
            ("conntrack:\n  entries: 4095", "2:12: conntrack.entries: must be a number from 4096 to 16777216"),
            ("masquerade: 3", "1:13: masquerade: must be a mapping"),
            ("a: [", "1:"),
        ] {
            let error = AgentConfig::parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
