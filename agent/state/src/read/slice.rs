use std::net::IpAddr;

use super::service::foreign;
use super::{Field, Mistake, protocol};
use crate::object::{EndpointSlice, SliceEndpoint, SlicePort};

const SERVICE: &str = "kubernetes.io/service-name";

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    V4,
    V6,
    Fqdn,
}

pub(super) fn read(root: &Field<'_>) -> Result<EndpointSlice, Mistake> {
    let field = root.at("addressType");
    field.required()?;
    let kind = field.choice(&[("IPv4", Kind::V4), ("IPv6", Kind::V6), ("FQDN", Kind::Fqdn)])?;
    let Some(kind) = kind.filter(|kind| *kind != Kind::Fqdn) else { return Ok(EndpointSlice::default()) };
    let service = root.at("metadata").at("labels").at(SERVICE).text()?.filter(|name| !name.is_empty());
    Ok(EndpointSlice {
        service: if foreign(root)? { None } else { service.map(Into::into) },
        ports: root.at("ports").list(port)?,
        endpoints: root.at("endpoints").list(|item| endpoint(item, kind))?,
    })
}

/// A port without a number means all of them, which no service can be translated to.
fn port(item: &Field<'_>) -> Result<Option<SlicePort>, Mistake> {
    let Some(port) = item.at("port").port()? else { return Ok(None) };
    let name = item.at("name").text()?.unwrap_or_default().to_owned();
    Ok(Some(SlicePort { name, protocol: protocol(&item.at("protocol"))?, port }))
}

fn endpoint(item: &Field<'_>, kind: Kind) -> Result<Option<SliceEndpoint>, Mistake> {
    // More than one address has never been given a meaning.
    let Some(first) = item.at("addresses").items()?.into_iter().next() else { return Ok(None) };
    let Some(address) = first.address()? else { return Ok(None) };
    if address.is_ipv4() != (kind == Kind::V4) {
        return Err(first.mistake(&format!("is {address}, and addressType says the other family")));
    }
    if !usable(address) {
        return Err(first.mistake(&format!("is {address}, which no other node can reach")));
    }
    let conditions = item.at("conditions");
    let names = |field: &Field<'_>| field.list(|hint| hint.at("name").required().map(|name| Some(name.to_owned())));
    Ok(Some(SliceEndpoint {
        address,
        ready: conditions.at("ready").flag()?.unwrap_or(true),
        serving: conditions.at("serving").flag()?.unwrap_or(true),
        terminating: conditions.at("terminating").flag()?.unwrap_or(false),
        node: item.at("nodeName").text()?.map(str::to_owned),
        zone_hints: names(&item.at("hints").at("forZones"))?,
        node_hints: names(&item.at("hints").at("forNodes"))?,
    }))
}

fn usable(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !(address.is_loopback() || address.is_multicast() || address.is_unspecified() || link_local)
}
