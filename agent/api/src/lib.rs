//! Kubernetes objects that the agent speaks: types and CRDs; and the form of its local API ([`inspect`]).
//!
//! The `cilium.io` kinds keep the wire format of Cilium 1.20, so that a cluster's manifests and `kubectl` habits go on
//! working; `ichor.dev` holds only what that group has no place for. A field is typed as tightly as the API server checks
//! it and no tighter: one odd object must not stop a whole list from being read. [`crds`] derives the CRDs from the types,
//! and [`CRD_FILES`] holds the same as text, made ahead of time because deriving them costs more than a whole render may.
//!
//! Not here: kinds that ichor does not act on. `CiliumEndpointSlice` batches endpoints for clusters of thousands of nodes,
//! and a cluster of a hundred is served by `CiliumEndpoint` itself; redirect, egress gateway and Envoy configuration
//! objects have no requirement behind them.

pub mod annotation;
pub mod bgp;
pub mod cidr_group;
pub mod condition;
mod crd;
pub mod endpoint;
pub mod failover;
pub mod identity;
pub mod inspect;
pub mod l2;
pub mod manifest;
pub mod node;
mod object;
mod pattern;
pub mod policy;
pub mod pool;
mod schema;
pub mod selector;
mod wire;

pub use crd::{CRD_FILES, Crd, CrdFile, crds};
pub use object::{Column, Kind, Metadata, Object, Resource, Scope, Version};
pub use selector::{LabelSelector, Labels};
pub use wire::{Asn, Cidr};
