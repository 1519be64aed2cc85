//! The node that all rows are about, and the services that they add to it.

use std::net::IpAddr;

use ichor_datapath_types::{
    Affinity, AffinityKey, Backend, Config, Endpoint, EndpointKey, Pace, Prefix, Service, ServiceKey, backend_flag, endpoint_flag, feature,
    prefix_flag, proto, scope, service_flag,
};

use crate::names::{Family, Mac, PODS, UPLINK, UPLINK_MAC, host_mac, pod_mac};
use crate::world::World;

/// What is decided when the programs are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Setting {
    /// Pods are hidden behind the node, and there is one port for that.
    OnePort,
    /// There are two.
    TwoPorts,
    /// Pods are seen outside as they are.
    Unmasked,
    /// Backends on other nodes answer clients themselves.
    Direct,
}

impl Setting {
    pub(crate) const ALL: [Self; 4] = [Self::OnePort, Self::TwoPorts, Self::Unmasked, Self::Direct];

    pub(crate) fn config(self) -> Config {
        let masquerade = if self == Self::Unmasked { 0 } else { feature::MASQUERADE_V4 | feature::MASQUERADE_V6 };
        let direct = if self == Self::Direct { feature::DIRECT_TCP | feature::DIRECT_UDP } else { 0 };
        let IpAddr::V4(node_v4) = Family::V4.address("node") else { panic!() };
        let node_v6 = ichor_datapath_types::Addr::from(Family::V6.address("node")).0;
        Config {
            features: feature::IPV4 | feature::IPV6 | masquerade | direct,
            uplink: UPLINK,
            node_v4: u32::from_ne_bytes(node_v4.octets()),
            node_v6,
            first_port: 61000,
            last_port: if self == Self::TwoPorts { 61001 } else { 61000 },
            mtu: 1500,
            mac: halves(UPLINK_MAC),
            ..Config::default()
        }
    }
}

pub(crate) fn halves([a, b, c, d, e, f]: Mac) -> [u16; 3] {
    [[a, b], [c, d], [e, f]].map(u16::from_ne_bytes)
}

/// A service, as a row needs it.
#[derive(Clone, Debug)]
pub(crate) struct Frontend {
    protocol: u8,
    at: &'static str,
    backends: Vec<&'static str>,
    flags: u16,
    scope: u8,
    affinity: u32,
    ranges: Vec<&'static str>,
    missing: bool,
    /// The last of the backends is about to end.
    draining: bool,
}

/// "tcp web:80"; a Maglev table, unless told otherwise.
pub(crate) fn service(text: &'static str) -> Frontend {
    let (protocol, at) = text.split_once(' ').unwrap();
    let protocol = match protocol {
        "tcp" => proto::TCP,
        "udp" => proto::UDP,
        "sctp" => proto::SCTP,
        _ => panic!("{text}: a service is tcp, udp or sctp"),
    };
    let flags = service_flag::MAGLEV;
    Frontend {
        protocol,
        at,
        backends: Vec::new(),
        flags,
        scope: scope::CLUSTER,
        affinity: 0,
        ranges: Vec::new(),
        missing: false,
        draining: false,
    }
}

impl Frontend {
    pub(crate) fn to(mut self, backend: &'static str) -> Self {
        self.backends.push(backend);
        self
    }

    /// A cluster IP: not to be reached from outside.
    pub(crate) fn internal(self) -> Self {
        self.flag(service_flag::INTERNAL)
    }

    /// Clients from outside find another entry.
    pub(crate) fn split(self) -> Self {
        self.flag(service_flag::SPLIT)
    }

    /// The entry that clients from outside find.
    pub(crate) fn external(self) -> Self {
        Self { scope: scope::EXTERNAL, ..self }
    }

    /// Nobody is told when there are no backends.
    pub(crate) fn silent(self) -> Self {
        self.flag(service_flag::SILENT)
    }

    pub(crate) fn by_chance(mut self) -> Self {
        self.flags &= !service_flag::MAGLEV;
        self
    }

    /// A client stays with its backend for so long.
    pub(crate) fn affinity(self, affinity: u32) -> Self {
        Self { affinity, ..self }
    }

    /// Only clients in this range, "client/24", may use it from outside.
    pub(crate) fn only_for(mut self, range: &'static str) -> Self {
        self.ranges.push(range);
        self.flag(service_flag::SOURCE_RANGES)
    }

    /// Its slots point to backends that are not in their table.
    pub(crate) fn but_gone(self) -> Self {
        Self { missing: true, ..self }
    }

    /// The backend that was named last gets no new clients.
    pub(crate) fn draining(self) -> Self {
        Self { draining: true, ..self }
    }

    fn flag(mut self, flag: u16) -> Self {
        self.flags |= flag;
        self
    }
}

impl World {
    /// The node without services.
    pub(crate) fn new(setting: Setting) -> Self {
        let mut world = Self { config: setting.config(), ..Self::default() };
        for family in Family::BOTH {
            for (pod, interface) in PODS {
                let endpoint =
                    Endpoint { interface, mac: halves(pod_mac(interface)), host_mac: halves(host_mac(interface)), ..Endpoint::default() };
                world.endpoints.insert(EndpointKey { addr: family.address(pod).into() }, endpoint);
            }
            let host = Endpoint { flags: endpoint_flag::HOST, ..Endpoint::default() };
            world.endpoints.insert(EndpointKey { addr: family.address("node").into() }, host);
            let kept = Prefix { flags: prefix_flag::NOT_MASQUERADED, ..Prefix::default() };
            let node = Prefix { flags: prefix_flag::NOT_MASQUERADED | prefix_flag::NODE, ..kept };
            let services = Prefix { flags: prefix_flag::NOT_MASQUERADED | prefix_flag::SERVICE, ..kept };
            // The pods of the cluster, its nodes, the node's own name server, the cluster IPs and a load balancer's address.
            for (name, bits_v4, bits_v6, prefix) in [
                ("gone", 16, 44, kept),
                ("node", 24, 64, kept),
                ("node", 32, 128, node),
                ("node2", 32, 128, node),
                ("dns", 32, 128, kept),
                ("web", 24, 112, services),
                ("vip", 32, 128, services),
            ] {
                let bits = if family == Family::V4 { 96 + bits_v4 } else { bits_v6 };
                world.prefixes.insert((bits, family.address(name).into()), prefix);
            }
        }
        world
    }

    pub(crate) fn limit(&mut self, family: Family, pod: &str, pace: Option<Pace>) {
        let endpoint = self.endpoints.get_mut(&EndpointKey { addr: family.address(pod).into() }).unwrap();
        endpoint.flags |= endpoint_flag::LIMITED;
        if let Some(pace) = pace {
            self.paces.insert(endpoint.interface, pace.into());
        }
    }

    pub(crate) fn add(&mut self, family: Family, frontend: &Frontend) {
        let id = u32::try_from(self.services.len()).unwrap() + 1;
        let first_slot = u32::try_from(self.slots.len()).unwrap();
        let slots = u32::try_from(frontend.backends.len()).unwrap();
        for (slot, text) in (first_slot..).zip(&frontend.backends) {
            let (address, port) = family.end(text);
            let is_draining = frontend.draining && frontend.backends.last() == Some(text);
            let flags = if is_draining { backend_flag::DRAINING } else { 0 };
            let backend = Backend { addr: address.into(), port: port.to_be(), flags };
            let number = u32::try_from(self.backends.len()).unwrap() + 1;
            let known = self.backends.iter().find(|(_, known)| **known == backend).map(|(number, _)| *number);
            self.slots.insert(slot, known.unwrap_or(number));
            if known.is_none() && !frontend.missing {
                self.backends.insert(number, backend);
            }
        }
        for text in &frontend.ranges {
            let (address, bits) = text.split_once('/').unwrap();
            let bits = bits.parse::<u32>().unwrap() + if family == Family::V4 { 96 } else { 0 };
            self.source_ranges.insert((bits, id, family.address(address).into()), 1);
        }
        let (address, port) = family.end(frontend.at);
        let key = ServiceKey { addr: address.into(), port: port.to_be(), protocol: frontend.protocol, scope: frontend.scope };
        let service = Service { id, first_slot, slots, affinity: frontend.affinity, flags: frontend.flags, pad: 0 };
        self.services.insert(key, service);
    }

    /// A client had this backend of this service so long ago.
    pub(crate) fn remember(&mut self, family: Family, client: &str, service: u32, backend: u32, ago: u32) {
        let key = AffinityKey { client: family.address(client).into(), service };
        let seen = self.now.get().wrapping_sub(ago);
        self.affinities.borrow_mut().insert(key, Affinity { backend, seen });
    }
}
