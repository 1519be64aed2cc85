//! From the kinds to their CRDs.

use serde_json::{Map, Value, json};

use crate::{
    bgp, cidr_group, endpoint, failover, identity, l2, node,
    object::{Column, Kind, Resource, Scope, Version},
    policy, pool, schema,
};

/// A CRD derived from the types.
#[derive(Clone, Debug)]
pub struct Crd {
    /// A file name that is the CRD's own name.
    pub file: String,
    /// The names and versions of the kind.
    pub resource: Resource,
    /// The CRD as an object, its keys sorted.
    pub definition: Value,
}

/// A CRD as text, ready to be written.
#[derive(Clone, Copy, Debug)]
pub struct CrdFile {
    /// A file name that is the CRD's own name.
    pub name: &'static str,
    /// The CRD in YAML.
    pub yaml: &'static str,
}

/// Every CRD in a fixed order, derived from the types: tens of milliseconds of work, for generators and checks.
pub fn crds() -> Vec<Crd> {
    vec![
        crd::<bgp::CiliumBGPAdvertisement>(),
        crd::<bgp::CiliumBGPClusterConfig>(),
        crd::<bgp::CiliumBGPNodeConfigOverride>(),
        crd::<bgp::CiliumBGPNodeConfig>(),
        crd::<bgp::CiliumBGPPeerConfig>(),
        crd::<cidr_group::CiliumCIDRGroup>(),
        crd::<policy::CiliumClusterwideNetworkPolicy>(),
        crd::<endpoint::CiliumEndpoint>(),
        crd::<identity::CiliumIdentity>(),
        crd::<l2::CiliumL2AnnouncementPolicy>(),
        crd::<pool::CiliumLoadBalancerIPPool>(),
        crd::<policy::CiliumNetworkPolicy>(),
        crd::<node::CiliumNode>(),
        crd::<failover::BFDProfile>(),
        crd::<failover::FloatingNextHop>(),
    ]
}

macro_rules! crd_files {
    ($($name:literal)*) => {
        /// Every CRD in the order of [`crds`], as a test keeps them in step with the types.
        pub const CRD_FILES: &[CrdFile] = &[$(CrdFile { name: $name, yaml: include_str!(concat!("../crds/", $name)) }),*];
    };
}

crd_files! {
    "ciliumbgpadvertisements.cilium.io.yaml"
    "ciliumbgpclusterconfigs.cilium.io.yaml"
    "ciliumbgpnodeconfigoverrides.cilium.io.yaml"
    "ciliumbgpnodeconfigs.cilium.io.yaml"
    "ciliumbgppeerconfigs.cilium.io.yaml"
    "ciliumcidrgroups.cilium.io.yaml"
    "ciliumclusterwidenetworkpolicies.cilium.io.yaml"
    "ciliumendpoints.cilium.io.yaml"
    "ciliumidentities.cilium.io.yaml"
    "ciliuml2announcementpolicies.cilium.io.yaml"
    "ciliumloadbalancerippools.cilium.io.yaml"
    "ciliumnetworkpolicies.cilium.io.yaml"
    "ciliumnodes.cilium.io.yaml"
    "bfdprofiles.ichor.dev.yaml"
    "floatingnexthops.ichor.dev.yaml"
}

fn crd<B: Kind>() -> Crd {
    let resource = B::RESOURCE;
    let name = format!("{}.{}", resource.plural, resource.group);
    let schema = schema::structural::<B>();
    let versions: Vec<_> =
        resource.versions.iter().enumerate().map(|(index, version)| served(&resource, version, index == 0, &schema)).collect();
    let mut definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": name },
        "spec": {
            "group": resource.group,
            "names": {
                "categories": resource.categories,
                "kind": resource.kind,
                "listKind": format!("{}List", resource.kind),
                "plural": resource.plural,
                "shortNames": resource.short_names,
                "singular": resource.kind.to_lowercase(),
            },
            "scope": match resource.scope { Scope::Cluster => "Cluster", Scope::Namespaced => "Namespaced" },
            "versions": versions,
        },
    });
    definition.sort_all_objects();
    Crd { file: format!("{name}.yaml"), resource, definition }
}

fn served(resource: &Resource, version: &Version, storage: bool, schema: &Value) -> Value {
    let mut schema = schema.clone();
    (version.revise)(&mut schema);
    let mut served = Map::from_iter([
        ("name".to_owned(), json!(version.name)),
        ("served".to_owned(), json!(true)),
        ("storage".to_owned(), json!(storage)),
        ("schema".to_owned(), json!({ "openAPIV3Schema": schema })),
    ]);
    if version.deprecated {
        served.insert("deprecated".into(), json!(true));
    }
    if resource.status_subresource {
        served.insert("subresources".into(), json!({ "status": {} }));
    }
    if !resource.columns.is_empty() {
        served.insert("additionalPrinterColumns".into(), resource.columns.iter().map(column).collect());
    }
    Value::Object(served)
}

fn column(column: &Column) -> Value {
    let Column { name, kind, json_path, priority } = column;
    match priority {
        0 => json!({ "name": name, "type": kind, "jsonPath": json_path }),
        _ => json!({ "name": name, "type": kind, "jsonPath": json_path, "priority": priority }),
    }
}
