//! Objects without YAML.

use std::net::IpAddr;

use ichor_agent_state::{EndpointSlice, Name, Object, Protocol, Service, ServicePort, SliceEndpoint, SlicePort};

pub(crate) fn port(name: &str, protocol: Protocol, port: u16, node_port: Option<u16>) -> ServicePort {
    ServicePort { name: name.into(), protocol, port, node_port }
}

/// A service with one TCP port 80.
pub(crate) fn service(name: &str, cluster_ip: IpAddr) -> (Name, Service) {
    let service = Service { cluster_ips: vec![cluster_ip], ports: vec![port("", Protocol::Tcp, 80, None)], ..Service::default() };
    (Name::new("default", name), service)
}

/// The slice of a service with one TCP port 8080.
pub(crate) fn slice(service: &str, endpoints: Vec<SliceEndpoint>) -> Object {
    let ports = vec![SlicePort { name: String::new(), protocol: Protocol::Tcp, port: 8080 }];
    let slice = EndpointSlice { service: Some(service.into()), ports, endpoints };
    Object::EndpointSlice(Name::new("default", service), slice.into())
}

pub(crate) fn endpoint(address: IpAddr) -> SliceEndpoint {
    SliceEndpoint { address, ready: true, serving: true, terminating: false, node: None, zone_hints: Vec::new(), node_hints: Vec::new() }
}
