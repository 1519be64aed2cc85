//! Keycloak: an OpenID provider, with its database.

use super::postgres::Database;
use super::{App, AppSecret, Scope, secret};
use crate::gateways;
use crate::images;
use crate::workload::{Port, Probe, Resources, Workload};

const ADMIN_PASSWORD: &str = "apps.keycloak.admin_password";
const DATABASE_PASSWORD: &str = "apps.keycloak.database_password";
/// Health and metrics, apart from what people use.
pub(crate) const MANAGEMENT_PORT: u16 = 9000;

pub(crate) const KEYCLOAK: App = App {
    name: "keycloak",
    namespace: "identity",
    port: 8080,
    web: Some(8080),
    enabled: |apps| *apps.keycloak,
    secrets: &[
        AppSecret { name: ADMIN_PASSWORD, length: 32, purpose: "is the first password of Keycloak's user `admin`" },
        AppSecret { name: DATABASE_PASSWORD, length: 32, purpose: "is the password of Keycloak's database" },
    ],
    uses: &[],
    workloads: |scope| vec![DATABASE.workload(scope), workload(scope)],
};

const DATABASE: Database =
    Database { name: "keycloak-postgres", application: "keycloak", namespace: "identity", password: DATABASE_PASSWORD };

fn workload(scope: Scope<'_>) -> Workload {
    let probe = Probe::Http { path: "/health/live", port: MANAGEMENT_PORT };
    let resources = Resources::new("200m", "768Mi", "1536Mi");
    let mut workload = Workload::new(KEYCLOAK.name, KEYCLOAK.namespace, images::KEYCLOAK, 1000, probe, resources)
        .serve("http", KEYCLOAK.port)
        .env("KC_DB", "postgres")
        .env("KC_DB_URL_HOST", DATABASE.host(scope))
        .env("KC_DB_URL_DATABASE", DATABASE.application)
        .env("KC_DB_USERNAME", DATABASE.application)
        .env("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
        // One replica has nobody to share its caches with.
        .env("KC_CACHE", "local")
        .env("KC_HEALTH_ENABLED", "true")
        .env("KC_METRICS_ENABLED", "true")
        .env("KC_HTTP_ENABLED", "true")
        .env("KC_PROXY_HEADERS", "xforwarded")
        .secret("KC_BOOTSTRAP_ADMIN_PASSWORD", secret(scope, ADMIN_PASSWORD))
        .secret("KC_DB_PASSWORD", secret(scope, DATABASE_PASSWORD));
    workload = match gateways::internal_url(scope.cluster, KEYCLOAK.name) {
        Some(url) => workload.env("KC_HOSTNAME", url),
        None => workload.env("KC_HOSTNAME_STRICT", "false"),
    };
    workload.ready = Probe::Http { path: "/health/ready", port: MANAGEMENT_PORT };
    workload.args = vec!["start".to_owned()];
    workload.ports.push(Port { name: "management", port: MANAGEMENT_PORT, protocol: "TCP" });
    workload.metrics = Some("management");
    // It builds itself for the database that it is told, beside its own files.
    workload.read_only_root = false;
    workload
}
