//! `CiliumIdentity`: the number that stands for a set of labels.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    object::{Column, Kind, Resource, Scope, Version},
    selector::Labels,
};

/// A security identity: its name is the number, its labels are what policies select.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CiliumIdentity {
    /// The labels that the number stands for, each key with its source before a colon.
    #[serde(rename = "security-labels")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub security_labels: Labels,
}

impl Kind for CiliumIdentity {
    const RESOURCE: Resource = Resource {
        group: "cilium.io",
        kind: "CiliumIdentity",
        plural: "ciliumidentities",
        short_names: &["ciliumid"],
        categories: &["cilium"],
        scope: Scope::Cluster,
        status_subresource: true,
        columns: &[Column::new("Namespace", "string", r".metadata.labels.io\.kubernetes\.pod\.namespace"), Column::AGE],
        versions: &[Version::current("v2")],
    };
}
