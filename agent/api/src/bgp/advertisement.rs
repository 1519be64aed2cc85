//! `CiliumBGPAdvertisement`: what is advertised, to the peers whose families select it by label.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use serde_with::skip_serializing_none;

use crate::{
    object::{Column, Kind, Resource, Scope, Version},
    pattern,
    schema::{fields_at, rules},
    selector::LabelSelector,
    wire::Integer,
};

/// Routes to advertise; the labels of the object are what the families of a peer configuration select.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CiliumBGPAdvertisement {
    /// The routes.
    pub spec: AdvertisementSpec,
}

/// The routes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AdvertisementSpec {
    /// Each is a source of routes.
    pub advertisements: Vec<Advertisement>,
}

const SERVICE_REQUIRED: (&str, &str) =
    ("self.advertisementType != 'Service' || has(self.service)", "type Service needs the field service: say which addresses");
const NO_POD_CIDR_SELECTOR: (&str, &str) =
    ("self.advertisementType != 'PodCIDR' || !has(self.selector)", "type PodCIDR has nothing to select: remove the field selector");

/// A source of routes.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules(&[
    SERVICE_REQUIRED,
    ("self.advertisementType == 'Service' || !has(self.service)", "the field service belongs to type Service only"),
    ("self.advertisementType != 'Interface' || has(self.interface)", "type Interface needs the field interface: say which one"),
    ("self.advertisementType == 'Interface' || !has(self.interface)", "the field interface belongs to type Interface only"),
    NO_POD_CIDR_SELECTOR,
])))]
pub struct Advertisement {
    /// What the routes lead to.
    #[serde(rename = "advertisementType")]
    pub kind: AdvertisementKind,
    /// Which addresses of the Services, for type Service.
    pub service: Option<ServiceOptions>,
    /// Which interface, for type Interface.
    pub interface: Option<InterfaceOptions>,
    /// The objects that are advertised: none if it is missing, all if it is empty; not for type PodCIDR.
    pub selector: Option<LabelSelector>,
    /// What is said about the routes.
    pub attributes: Option<Attributes>,
}

/// What routes lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdvertisementKind {
    /// The pods of the node.
    #[serde(rename = "PodCIDR")]
    PodCidr,
    /// The node's part of a pool of pod addresses.
    #[serde(rename = "CiliumPodIPPool")]
    PodIpPool,
    /// Services.
    Service,
    /// The addresses of a local interface.
    Interface,
}

/// Which addresses of a Service are advertised.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceOptions {
    /// The kinds of addresses.
    #[schemars(length(min = 1))]
    pub addresses: Vec<ServiceAddress>,
    /// Advertise IPv4 addresses as prefixes of this length.
    #[serde(rename = "aggregationLengthIPv4")]
    #[schemars(with = "Option<Integer>", range(min = 0, max = 31))]
    pub aggregation_length_ipv4: Option<u8>,
    /// Advertise IPv6 addresses as prefixes of this length.
    #[serde(rename = "aggregationLengthIPv6")]
    #[schemars(with = "Option<Integer>", range(min = 0, max = 127))]
    pub aggregation_length_ipv6: Option<u8>,
}

/// A kind of address that a Service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceAddress {
    /// The address that a pool gave.
    #[serde(rename = "LoadBalancerIP")]
    LoadBalancerIp,
    /// The address inside the cluster.
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// The addresses in spec.externalIPs.
    #[serde(rename = "ExternalIP")]
    ExternalIp,
}

/// A local interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InterfaceOptions {
    /// The interface whose addresses are advertised, each as a route to one host.
    pub name: String,
}

/// What is said about a route.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attributes {
    /// The communities that the route is in.
    pub communities: Option<Communities>,
    /// The preference inside the own autonomous system; iBGP peers only see it.
    pub local_preference: Option<i64>,
}

/// Communities in their three notations.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Communities {
    /// Communities of RFC 1997, as one number or as two with a colon between.
    #[schemars(inner(regex(pattern = pattern::standard_community())))]
    pub standard: Option<Vec<String>>,
    /// Communities of RFC 1997, by the names of the registry.
    pub well_known: Option<Vec<WellKnownCommunity>>,
    /// Large communities of RFC 8092, as three numbers with colons between.
    #[schemars(inner(regex(pattern = pattern::large_community())))]
    pub large: Option<Vec<String>>,
}

/// A community that has a name in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WellKnownCommunity {
    Internet,
    PlannedShut,
    AcceptOwn,
    #[serde(rename = "route-filter-translated-v4")]
    RouteFilterTranslatedV4,
    #[serde(rename = "route-filter-v4")]
    RouteFilterV4,
    #[serde(rename = "route-filter-translated-v6")]
    RouteFilterTranslatedV6,
    #[serde(rename = "route-filter-v6")]
    RouteFilterV6,
    LlgrStale,
    NoLlgr,
    Blackhole,
    NoExport,
    NoAdvertise,
    NoExportSubconfed,
    NoPeer,
}

impl Kind for CiliumBGPAdvertisement {
    const RESOURCE: Resource = Resource {
        group: "cilium.io",
        kind: "CiliumBGPAdvertisement",
        plural: "ciliumbgpadvertisements",
        short_names: &["cbgpadvert"],
        categories: &["cilium", "ciliumbgp"],
        scope: Scope::Cluster,
        status_subresource: false,
        columns: &[Column::AGE],
        versions: &[Version::current("v2"), Version::old("v2alpha1", without_interfaces)],
    };
}

fn without_interfaces(schema: &mut Value) {
    if let Some(item) = schema.pointer_mut("/properties/spec/properties/advertisements/items") {
        item["x-kubernetes-validations"] = rules(&[SERVICE_REQUIRED, NO_POD_CIDR_SELECTOR]);
    }
    if let Some(fields) = fields_at(schema, &["spec", "advertisements"]) {
        fields.remove("interface");
        if let Some(kinds) = fields.get_mut("advertisementType").and_then(|field| field["enum"].as_array_mut()) {
            kinds.retain(|kind| *kind != json!("Interface"));
        }
    }
}
