use super::{Field, Mistake};
use crate::object::Node;

const ZONE: &str = "topology.kubernetes.io/zone";
/// With this taint the cluster's autoscaler says which node it takes away next.
const TO_BE_DELETED: &str = "ToBeDeletedByClusterAutoscaler";

pub(super) fn read(root: &Field<'_>) -> Result<Node, Mistake> {
    let spec = root.at("spec");
    let mut pod_cidrs = spec.at("podCIDRs").list(Field::prefix)?;
    if pod_cidrs.is_empty() {
        pod_cidrs.extend(spec.at("podCIDR").prefix()?);
    }
    let address = |item: &Field<'_>| match item.at("type").required()? {
        "InternalIP" | "ExternalIP" => item.at("address").address(),
        _ => Ok(None),
    };
    let taints = spec.at("taints").list(|item| item.at("key").text())?;
    let deleted = root.at("metadata").at("deletionTimestamp").text()?;
    Ok(Node {
        zone: root.at("metadata").at("labels").at(ZONE).text()?.filter(|zone| !zone.is_empty()).map(str::to_owned),
        pod_cidrs,
        addresses: root.at("status").at("addresses").list(address)?,
        leaves: deleted.is_some() || taints.contains(&TO_BE_DELETED),
    })
}
