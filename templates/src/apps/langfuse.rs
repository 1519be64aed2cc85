//! Langfuse: traces of language models. Its web view and its worker share PostgreSQL and ClickHouse, which come with
//! it, and Dragonfly and RustFS, which are applications of their own.

use sha2::{Digest, Sha256};

use super::postgres::Database;
use super::{App, AppSecret, DRAGONFLY, RUSTFS, Scope, derived, dragonfly, rustfs, secret, service_host};
use crate::gateways;
use crate::images::{self, Image};
use crate::workload::{Data, Preparation, Probe, Resources, Workload, hex};

const SESSION_KEY: &str = "apps.langfuse.session_key";
const SALT: &str = "apps.langfuse.salt";
const ENCRYPTION_KEY: &str = "apps.langfuse.encryption_key";
const DATABASE_PASSWORD: &str = "apps.langfuse.database_password";
const CLICKHOUSE_PASSWORD: &str = "apps.langfuse.clickhouse_password";

pub(crate) const WORKER: &str = "langfuse-worker";
pub(crate) const WORKER_PORT: u16 = 3030;
pub(crate) const CLICKHOUSE: &str = "langfuse-clickhouse";
pub(crate) const CLICKHOUSE_HTTP_PORT: u16 = 8123;
pub(crate) const CLICKHOUSE_NATIVE_PORT: u16 = 9000;
const BUCKET: &str = "langfuse";

pub(crate) const LANGFUSE: App = App {
    name: "langfuse",
    namespace: "ai-system",
    port: 3000,
    web: Some(3000),
    enabled: |apps| *apps.langfuse,
    secrets: &[
        AppSecret { name: SESSION_KEY, length: 40, purpose: "signs sessions of Langfuse" },
        AppSecret { name: SALT, length: 40, purpose: "hashes API keys of Langfuse; never change it" },
        AppSecret { name: ENCRYPTION_KEY, length: 40, purpose: "encrypts what Langfuse stores; never change it" },
        AppSecret { name: DATABASE_PASSWORD, length: 32, purpose: "is the password of Langfuse's PostgreSQL" },
        AppSecret { name: CLICKHOUSE_PASSWORD, length: 32, purpose: "is the password of Langfuse's ClickHouse" },
    ],
    uses: &[DRAGONFLY.name, RUSTFS.name],
    workloads: |scope| vec![DATABASE.workload(scope), clickhouse(scope), web(scope), worker(scope)],
};

const DATABASE: Database =
    Database { name: "langfuse-postgres", application: "langfuse", namespace: "ai-system", password: DATABASE_PASSWORD };

fn web(scope: Scope<'_>) -> Workload {
    let probe = Probe::Http { path: "/api/public/health", port: LANGFUSE.port };
    let mut workload = server(scope, LANGFUSE.name, images::LANGFUSE, probe)
        .serve("http", LANGFUSE.port)
        .env("HOSTNAME", "::")
        .secret("NEXTAUTH_SECRET", secret(scope, SESSION_KEY));
    workload.ready = Probe::Http { path: "/api/public/ready", port: LANGFUSE.port };
    workload.preparation = Some(bucket(scope));
    workload
}

fn worker(scope: Scope<'_>) -> Workload {
    server(scope, WORKER, images::LANGFUSE_WORKER, Probe::Http { path: "/api/health", port: WORKER_PORT }).serve("http", WORKER_PORT)
}

/// What web view and worker have in common.
fn server(scope: Scope<'_>, name: &'static str, image: Image, probe: Probe) -> Workload {
    let clickhouse = service_host(scope.cluster, CLICKHOUSE, LANGFUSE.namespace);
    let url = gateways::internal_url(scope.cluster, LANGFUSE.name).unwrap_or_else(|| format!("http://localhost:{}", LANGFUSE.port));
    let resources = Resources::new("200m", "1Gi", "2Gi");
    let mut workload = Workload::new(name, LANGFUSE.namespace, image, 1001, probe, resources)
        .env("NEXTAUTH_URL", url)
        .env("TELEMETRY_ENABLED", "false")
        .env("CLICKHOUSE_URL", format!("http://{clickhouse}:{CLICKHOUSE_HTTP_PORT}"))
        .env("CLICKHOUSE_MIGRATION_URL", format!("clickhouse://{clickhouse}:{CLICKHOUSE_NATIVE_PORT}"))
        .env("CLICKHOUSE_USER", LANGFUSE.name)
        .env("CLICKHOUSE_CLUSTER_ENABLED", "false")
        .env("REDIS_HOST", DRAGONFLY.host(scope.cluster))
        .env("REDIS_PORT", DRAGONFLY.port.to_string())
        .env("LANGFUSE_BULLMQ_SKIP_REDIS_VERSION_CHECK", "true")
        .env("LANGFUSE_S3_EVENT_UPLOAD_BUCKET", BUCKET)
        .env("LANGFUSE_S3_EVENT_UPLOAD_PREFIX", "events/")
        .env("LANGFUSE_S3_EVENT_UPLOAD_REGION", rustfs::REGION)
        .env("LANGFUSE_S3_EVENT_UPLOAD_ENDPOINT", format!("http://{}:{}", RUSTFS.host(scope.cluster), RUSTFS.port))
        .env("LANGFUSE_S3_EVENT_UPLOAD_FORCE_PATH_STYLE", "true")
        .secret("DATABASE_URL", DATABASE.url(scope))
        .secret("SALT", secret(scope, SALT))
        // It wants 256 bits in hexadecimal.
        .secret("ENCRYPTION_KEY", derived(scope, ENCRYPTION_KEY, |key| hex(&Sha256::digest(key))))
        .secret("CLICKHOUSE_PASSWORD", secret(scope, CLICKHOUSE_PASSWORD))
        .secret("REDIS_AUTH", secret(scope, dragonfly::PASSWORD))
        .secret("LANGFUSE_S3_EVENT_UPLOAD_ACCESS_KEY_ID", secret(scope, rustfs::ACCESS_KEY))
        .secret("LANGFUSE_S3_EVENT_UPLOAD_SECRET_ACCESS_KEY", secret(scope, rustfs::SECRET_KEY));
    // It writes caches and generated files beside its own.
    workload.read_only_root = false;
    workload
}

/// Makes the bucket with the tools of the store's own image. The keys go to curl by a pipe, for anyone on the node can
/// read arguments.
fn bucket(scope: Scope<'_>) -> Preparation {
    let url = format!("http://{}:{}/{BUCKET}", RUSTFS.host(scope.cluster), RUSTFS.port);
    let script = format!(
        "set -eu\n\
         printf 'user = \"%s:%s\"\\n' \"$LANGFUSE_S3_EVENT_UPLOAD_ACCESS_KEY_ID\" \"$LANGFUSE_S3_EVENT_UPLOAD_SECRET_ACCESS_KEY\" |\n\
         curl --config - --silent --show-error --output /dev/null --write-out '%{{http_code}}' \\\n\
         \x20 --aws-sigv4 aws:amz:{}:s3 --request PUT {url} |\n\
         grep -E '^(200|409)$'\n",
        rustfs::REGION
    );
    Preparation { image: images::RUSTFS.reference(), command: vec!["sh".to_owned(), "-c".to_owned(), script] }
}

fn clickhouse(scope: Scope<'_>) -> Workload {
    let probe = Probe::Http { path: "/ping", port: CLICKHOUSE_HTTP_PORT };
    let resources = Resources::new("200m", "1Gi", "4Gi");
    let mut workload = Workload::new(CLICKHOUSE, LANGFUSE.namespace, images::CLICKHOUSE, 101, probe, resources)
        .serve("http", CLICKHOUSE_HTTP_PORT)
        .serve("native", CLICKHOUSE_NATIVE_PORT)
        .env("CLICKHOUSE_DB", "default")
        .env("CLICKHOUSE_USER", LANGFUSE.name)
        .secret("CLICKHOUSE_PASSWORD", secret(scope, CLICKHOUSE_PASSWORD));
    workload.data = Some(Data { path: "/var/lib/clickhouse", size: "20Gi" });
    workload.scratch = vec!["/var/log/clickhouse-server", "/tmp"];
    // It writes the user from its environment among its configuration files.
    workload.read_only_root = false;
    workload
}
