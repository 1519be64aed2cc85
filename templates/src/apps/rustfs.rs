//! RustFS: an S3 store on one volume.

use super::{App, AppSecret, Scope, secret};
use crate::images;
use crate::workload::{Data, Probe, Resources, Workload};

pub(super) const ACCESS_KEY: &str = "apps.rustfs.access_key";
pub(super) const SECRET_KEY: &str = "apps.rustfs.secret_key";
/// The region that clients sign for.
pub(super) const REGION: &str = "us-east-1";
pub(crate) const CONSOLE_PORT: u16 = 9001;

pub(crate) const RUSTFS: App = App {
    name: "rustfs",
    namespace: "storage",
    port: 9000,
    web: Some(CONSOLE_PORT),
    enabled: |apps| *apps.rustfs,
    secrets: &[
        AppSecret { name: ACCESS_KEY, length: 20, purpose: "is the name of RustFS' administrator" },
        AppSecret { name: SECRET_KEY, length: 40, purpose: "is the password of RustFS' administrator" },
    ],
    uses: &[],
    workloads: |scope| vec![workload(scope)],
};

fn workload(scope: Scope<'_>) -> Workload {
    let resources = Resources::new("100m", "256Mi", "2Gi");
    let probe = Probe::Http { path: "/health", port: RUSTFS.port };
    let mut workload = Workload::new(RUSTFS.name, RUSTFS.namespace, images::RUSTFS, 10001, probe, resources)
        .serve("s3", RUSTFS.port)
        .serve("console", CONSOLE_PORT)
        .env("RUSTFS_VOLUMES", "/data")
        .env("RUSTFS_ADDRESS", format!(":{}", RUSTFS.port))
        .env("RUSTFS_CONSOLE_ENABLE", "true")
        .env("RUSTFS_CONSOLE_ADDRESS", format!(":{CONSOLE_PORT}"))
        .env("RUSTFS_REGION", REGION)
        .env("RUSTFS_OBS_LOG_DIRECTORY", "/logs")
        .secret("RUSTFS_ACCESS_KEY", secret(scope, ACCESS_KEY))
        .secret("RUSTFS_SECRET_KEY", secret(scope, SECRET_KEY));
    workload.ready = Probe::Http { path: "/health/ready", port: RUSTFS.port };
    workload.data = Some(Data { path: "/data", size: "50Gi" });
    workload.scratch = vec!["/logs", "/tmp"];
    workload
}
