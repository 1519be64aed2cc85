//! The secrets bundle: all that a cluster's machines trust and share, in the format of `talosctl gen secrets`.

mod certificate;
mod generate;
mod read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ichor_yaml::{Layout, Map};

pub use generate::GenerateError;
pub use read::BundleError;

use crate::secret::Secret;

/// The secrets of one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretsBundle {
    /// Names the cluster at the discovery service.
    pub(crate) cluster_id: Secret,
    /// Encrypts what the discovery service carries.
    pub(crate) cluster_secret: Secret,
    /// Joins kubelets.
    pub(crate) bootstrap_token: Secret,
    pub(crate) at_rest: AtRestKey,
    /// Joins machines to the Talos API.
    pub(crate) trustd_token: Secret,
    pub(crate) etcd: Authority,
    pub(crate) kubernetes: Authority,
    pub(crate) aggregator: Authority,
    pub(crate) os: Authority,
    /// PEM of the key that signs service account tokens.
    pub(crate) service_account: Secret,
}

/// The key with which the API server encrypts secrets in etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AtRestKey {
    Secretbox(Secret),
    /// Clusters born before Talos 1.3.
    AesCbc(Secret),
}

/// A certificate authority, both parts as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    pub(crate) certificate: String,
    pub(crate) key: Secret,
}

impl Authority {
    pub(crate) fn certificate_base64(&self) -> String {
        STANDARD.encode(&self.certificate)
    }

    pub(crate) fn key_base64(&self) -> String {
        STANDARD.encode(self.key.reveal())
    }

    /// `crt` and `key`, as the v1alpha1 document and the bundle have them.
    pub(crate) fn to_map(&self) -> Map {
        Map::new().with("crt", self.certificate_base64()).with("key", self.key_base64())
    }
}

impl SecretsBundle {
    /// The bundle as `talosctl gen secrets` would have written it.
    pub fn to_yaml(&self) -> Secret {
        let (at_rest_key, at_rest) = match &self.at_rest {
            AtRestKey::Secretbox(key) => ("secretboxencryptionsecret", key),
            AtRestKey::AesCbc(key) => ("aescbcencryptionsecret", key),
        };
        let cluster = Map::new().with("id", self.cluster_id.reveal()).with("secret", self.cluster_secret.reveal());
        let secrets = Map::new().with("bootstraptoken", self.bootstrap_token.reveal()).with(at_rest_key, at_rest.reveal());
        let certs = Map::new()
            .with("etcd", self.etcd.to_map())
            .with("k8s", self.kubernetes.to_map())
            .with("k8saggregator", self.aggregator.to_map())
            .with("k8sserviceaccount", Map::new().with("key", STANDARD.encode(self.service_account.reveal())))
            .with("os", self.os.to_map());
        let root = Map::new()
            .with("cluster", cluster)
            .with("secrets", secrets)
            .with("trustdinfo", Map::new().with("token", self.trustd_token.reveal()))
            .with("certs", certs);
        Secret::new(ichor_yaml::emit(&root.into(), Layout::Four))
    }
}
