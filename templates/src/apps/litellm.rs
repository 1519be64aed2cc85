//! LiteLLM: a proxy for language models, with its database. Models are added in its own web view.

use super::postgres::Database;
use super::{App, AppSecret, Scope, derived};
use crate::images;
use crate::workload::{Probe, Resources, Workload};

const MASTER_KEY: &str = "apps.litellm.master_key";
const SALT_KEY: &str = "apps.litellm.salt_key";
const DATABASE_PASSWORD: &str = "apps.litellm.database_password";

pub(crate) const LITELLM: App = App {
    name: "litellm",
    namespace: "ai-system",
    port: 4000,
    web: Some(4000),
    enabled: |apps| *apps.litellm,
    secrets: &[
        AppSecret { name: MASTER_KEY, length: 40, purpose: "is LiteLLM's key for everything, which clients write with `sk-` before it" },
        AppSecret { name: SALT_KEY, length: 40, purpose: "encrypts the keys of model providers in LiteLLM's database; never change it" },
        AppSecret { name: DATABASE_PASSWORD, length: 32, purpose: "is the password of LiteLLM's database" },
    ],
    uses: &[],
    workloads: |scope| vec![DATABASE.workload(scope), workload(scope)],
};

const DATABASE: Database =
    Database { name: "litellm-postgres", application: "litellm", namespace: "ai-system", password: DATABASE_PASSWORD };

fn workload(scope: Scope<'_>) -> Workload {
    let probe = Probe::Http { path: "/health/liveliness", port: LITELLM.port };
    let resources = Resources::new("200m", "1Gi", "2Gi");
    // Both keys must look like the keys of a provider.
    let key = |name| derived(scope, name, |key| format!("sk-{key}"));
    let mut workload = Workload::new(LITELLM.name, LITELLM.namespace, images::LITELLM, 65534, probe, resources)
        .serve("http", LITELLM.port)
        .env("STORE_MODEL_IN_DB", "True")
        .secret("DATABASE_URL", DATABASE.url(scope))
        .secret("LITELLM_MASTER_KEY", key(MASTER_KEY))
        .secret("LITELLM_SALT_KEY", key(SALT_KEY));
    workload.ready = Probe::Http { path: "/health/readiness", port: LITELLM.port };
    workload.args = vec!["--port".to_owned(), LITELLM.port.to_string()];
    // It generates its database client beside its own files.
    workload.read_only_root = false;
    workload
}
