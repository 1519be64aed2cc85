//! Pools, and who announces their addresses: the objects that `cluster.yaml` describes directly.

mod announce;
mod bgp;
mod failover;
mod pools;

use ichor_config::model::Layout;

use crate::component::Component;
use crate::engine::Error;
use crate::part::{Part, Scope};

pub(crate) use bgp::password_secrets;

pub(crate) const PART: Part = Part {
    templates: &[pools::POOLS, pools::L2_POLICY, bgp::CLUSTER_CONFIG, bgp::SECRET, failover::BFD_PROFILES, failover::FLOATING_NEXT_HOP],
    components,
    ..Part::NONE
};

/// One component, or two where the layout keeps pools and BGP apart.
fn components(scope: Scope<'_>) -> Result<Vec<Component>, Error> {
    let component = |name: &str| Component {
        bootstrap: Some(40),
        needs: vec![crate::crds::ICHOR.to_owned(), crate::agent::NAME.to_owned()],
        prune: false,
        configures: true,
        ..Component::new(name, "kube-system")
    };
    if *scope.cluster.gitops.layout == Layout::Components {
        let (mut bgp, mut pools) = (component("ichor-bgp"), component("ichor-pools"));
        bgp::files(scope, &mut bgp)?;
        failover::files(scope, &mut bgp)?;
        pools::files(scope, &mut pools)?;
        return Ok(vec![bgp, pools]);
    }
    let mut network = component("ichor-network");
    pools::files(scope, &mut network)?;
    bgp::files(scope, &mut network)?;
    failover::files(scope, &mut network)?;
    Ok(vec![network])
}
