//! Every image that is rendered, in one place, so that a version is changed and reviewed once.

/// ichor itself; its tag is `versions.agent`.
pub(crate) const ICHOR: &str = "ghcr.io/ichor-net/ichor";

/// An image that others make, pinned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Image {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl Image {
    /// The reference that a pod spec takes.
    pub(crate) fn reference(self) -> String {
        format!("{}:{}", self.name, self.version)
    }
}

const fn image(name: &'static str, version: &'static str) -> Image {
    Image { name, version }
}

pub(crate) const CLICKHOUSE: Image = image("docker.io/clickhouse/clickhouse-server", "25.12");
pub(crate) const CLOUDFLARED: Image = image("docker.io/cloudflare/cloudflared", "2026.8.2");
pub(crate) const DRAGONFLY: Image = image("docker.dragonflydb.io/dragonflydb/dragonfly", "v1.40.1");
pub(crate) const EXTERNAL_DNS: Image = image("registry.k8s.io/external-dns/external-dns", "v0.22.0");
pub(crate) const K8S_GATEWAY: Image = image("ghcr.io/k8s-gateway/k8s_gateway", "1.7.0");
pub(crate) const KEYCLOAK: Image = image("quay.io/keycloak/keycloak", "26.7.4");
pub(crate) const LANGFUSE: Image = image("docker.io/langfuse/langfuse", "4.52.0");
pub(crate) const LANGFUSE_WORKER: Image = image("docker.io/langfuse/langfuse-worker", "4.52.0");
pub(crate) const LITELLM: Image = image("ghcr.io/berriai/litellm-non_root", "v1.98.0");
pub(crate) const POSTGRES: Image = image("docker.io/library/postgres", "17.11");
pub(crate) const RUSTFS: Image = image("docker.io/rustfs/rustfs", "1.0.0");
