//! Parts: each module of this crate renders one topic.

use ichor_config::Cluster;

use crate::component::Component;
use crate::crds::GatewayApiBundle;
use crate::engine::{Engine, Error, Template};
use crate::secrets::{Secrets, WantedSecret};
use crate::tree::Tree;

/// What a part may look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) cluster: &'a Cluster,
    pub(crate) secrets: &'a Secrets,
    pub(crate) gateway_api: Option<&'a GatewayApiBundle>,
}

/// One topic. What a part has none of comes from [`Part::NONE`].
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) templates: &'static [Template],
    pub(crate) components: fn(Scope<'_>) -> Result<Vec<Component>, Error>,
    /// Writes files that belong to no component, such as a router's configuration.
    pub(crate) files: fn(Scope<'_>, &mut Tree) -> Result<(), Error>,
    /// The secrets that its components and files need.
    pub(crate) wanted: fn(&Cluster) -> Vec<WantedSecret>,
}

impl Part {
    /// A part that renders nothing and wants nothing.
    pub(crate) const NONE: Self = Self { templates: &[], components: |_| Ok(Vec::new()), files: |_, _| Ok(()), wanted: |_| Vec::new() };
}
