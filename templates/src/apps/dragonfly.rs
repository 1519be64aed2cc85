//! Dragonfly: a cache that speaks Redis' protocol.

use super::{App, AppSecret, Scope, secret};
use crate::images;
use crate::workload::{Data, Probe, Resources, Workload};

pub(super) const PASSWORD: &str = "apps.dragonfly.password";

pub(crate) const DRAGONFLY: App = App {
    name: "dragonfly",
    namespace: "cache",
    port: 6379,
    web: None,
    enabled: |apps| *apps.dragonfly,
    secrets: &[AppSecret { name: PASSWORD, length: 32, purpose: "is the password of Dragonfly" }],
    uses: &[],
    workloads: |scope| vec![workload(scope)],
};

fn workload(scope: Scope<'_>) -> Workload {
    let probe = Probe::Tcp { port: DRAGONFLY.port };
    let resources = Resources::new("100m", "256Mi", "1Gi");
    let mut workload = Workload::new(DRAGONFLY.name, DRAGONFLY.namespace, images::DRAGONFLY, 999, probe, resources)
        .serve("redis", DRAGONFLY.port)
        .secret("DFLY_requirepass", secret(scope, PASSWORD));
    workload.args = [
        "--dir=/data",
        "--dbfilename=dump",
        "--proactor_threads=2",
        "--maxmemory=768mb",
        // The default seccomp profile has no io_uring.
        "--force_epoll",
        // Queues such as BullMQ touch keys that their scripts do not declare.
        "--default_lua_flags=allow-undeclared-keys",
    ]
    .map(str::to_owned)
    .into();
    workload.data = Some(Data { path: "/data", size: "5Gi" });
    workload.scratch = vec!["/tmp"];
    workload
}
