use super::{Field, Mistake, created, protocol};
use crate::bandwidth;
use crate::object::{HostPort, Pod};

pub(super) fn read(root: &Field<'_>) -> Result<Pod, Mistake> {
    let (spec, status) = (root.at("spec"), root.at("status"));
    let mut host_ports = Vec::new();
    for container in spec.at("containers").items()? {
        host_ports.extend(container.at("ports").list(host_port)?);
    }
    for container in spec.at("initContainers").items()? {
        // Only one that stays beside the others can be talked to while they run.
        if container.at("restartPolicy").text()? == Some("Always") {
            host_ports.extend(container.at("ports").list(host_port)?);
        }
    }
    let mut addresses = status.at("podIPs").list(|item| item.at("ip").address())?;
    if addresses.is_empty() {
        addresses.extend(status.at("podIP").address()?);
    }
    let annotations = root.at("metadata").at("annotations");
    let annotation = |name: &str| Ok(annotations.at(name).text()?.map(str::to_owned));
    Ok(Pod {
        created: created(root)?,
        node: spec.at("nodeName").text()?.map(str::to_owned),
        host_network: spec.at("hostNetwork").flag()?.unwrap_or(false),
        ended: matches!(status.at("phase").text()?, Some("Succeeded" | "Failed")),
        addresses,
        host_ports,
        egress_bandwidth: annotation(bandwidth::EGRESS)?,
        ingress_bandwidth: annotation(bandwidth::INGRESS)?,
    })
}

fn host_port(item: &Field<'_>) -> Result<Option<HostPort>, Mistake> {
    let Some(host_port) = item.at("hostPort").port()? else { return Ok(None) };
    Ok(Some(HostPort {
        host_ip: item.at("hostIP").address()?.filter(|address| !address.is_unspecified()),
        host_port,
        port: item.at("containerPort").required_port()?,
        protocol: protocol(&item.at("protocol"))?,
    }))
}
