//! The CRDs that everything else needs first: the Gateway API's, and our own.

mod bundle;

use ichor_agent_api::CRD_FILES;

use crate::component::Component;
use crate::engine::Error;
use crate::part::{Part, Scope};

pub use bundle::{BundleError, GatewayApiBundle};

pub(crate) const PART: Part = Part { components, ..Part::NONE };

/// The name of the component with ichor's CRDs.
pub(crate) const ICHOR: &str = "ichor-crds";
/// The name of the component with the Gateway API's CRDs.
pub(crate) const GATEWAY_API: &str = "gateway-api-crds";

fn components(scope: Scope<'_>) -> Result<Vec<Component>, Error> {
    let mut gateway_api = Component { bootstrap: Some(10), prune: false, ..Component::new(GATEWAY_API, "kube-system") };
    if *scope.cluster.gateways.enabled {
        for (name, text) in scope.gateway_api.into_iter().flat_map(GatewayApiBundle::files) {
            gateway_api.file(name, text.to_owned());
        }
    }
    let mut ichor = Component { bootstrap: Some(20), prune: false, ..Component::new(ICHOR, "kube-system") };
    for file in CRD_FILES {
        ichor.file(file.name, file.yaml.to_owned());
    }
    Ok(vec![gateway_api, ichor])
}
