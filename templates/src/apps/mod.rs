//! Optional applications, each switched by one key, and each small: one replica, one volume, no operator.

mod dragonfly;
mod keycloak;
mod langfuse;
mod litellm;
mod postgres;
mod rustfs;

use ichor_config::Cluster;
use ichor_config::model::Apps;

use crate::component::Component;
use crate::engine::Error;
use crate::gateways;
use crate::part::{Part, Scope};
use crate::secrets::{SecretOrigin, SecretText, WantedSecret};
use crate::workload::Workload;

pub(crate) use dragonfly::DRAGONFLY;
pub(crate) use keycloak::{KEYCLOAK, MANAGEMENT_PORT};
pub(crate) use langfuse::{CLICKHOUSE, CLICKHOUSE_HTTP_PORT, CLICKHOUSE_NATIVE_PORT, LANGFUSE, WORKER, WORKER_PORT};
pub(crate) use litellm::LITELLM;
pub(crate) use postgres::PORT as POSTGRES_PORT;
pub(crate) use rustfs::{CONSOLE_PORT, RUSTFS};

pub(crate) const PART: Part = Part { components, wanted, ..Part::NONE };

/// One application: what it is, what it runs, and what it has to keep secret.
#[derive(Debug)]
pub(crate) struct App {
    /// Its name, and that of the Service that people and other applications use.
    pub(crate) name: &'static str,
    pub(crate) namespace: &'static str,
    /// The port of that Service.
    pub(crate) port: u16,
    /// The port that the internal gateway shows to people, if any.
    web: Option<u16>,
    enabled: fn(&Apps) -> bool,
    secrets: &'static [AppSecret],
    /// Applications of this list that it uses.
    uses: &'static [&'static str],
    workloads: fn(Scope<'_>) -> Vec<Workload>,
}

/// A password that ichor makes for an application.
#[derive(Debug)]
struct AppSecret {
    name: &'static str,
    length: usize,
    purpose: &'static str,
}

const APPS: [&App; 5] = [&DRAGONFLY, &KEYCLOAK, &LANGFUSE, &LITELLM, &RUSTFS];

impl App {
    pub(crate) fn is_enabled(&self, cluster: &Cluster) -> bool {
        (self.enabled)(&cluster.apps)
    }

    /// The name by which pods of any namespace find its Service.
    fn host(&self, cluster: &Cluster) -> String {
        service_host(cluster, self.name, self.namespace)
    }
}

fn service_host(cluster: &Cluster, service: &str, namespace: &str) -> String {
    format!("{service}.{namespace}.svc.{}", *cluster.talos.cluster_domain)
}

fn components(scope: Scope<'_>) -> Result<Vec<Component>, Error> {
    APPS.iter().filter(|app| app.is_enabled(scope.cluster)).map(|app| component(scope, app)).collect()
}

fn component(scope: Scope<'_>, app: &App) -> Result<Component, Error> {
    let mut component = Component::new(app.name, app.namespace);
    component.needs.extend(app.uses.iter().map(|&name| name.to_owned()));
    for workload in (app.workloads)(scope) {
        workload.add_to(scope, &mut component)?;
    }
    if let Some(port) = app.web {
        gateways::add_route(scope, &mut component, app.name, port)?;
    }
    Ok(component)
}

fn wanted(cluster: &Cluster) -> Vec<WantedSecret> {
    let secrets = APPS.iter().filter(|app| app.is_enabled(cluster)).flat_map(|app| app.secrets);
    secrets
        .map(|secret| WantedSecret {
            name: secret.name.to_owned(),
            origin: SecretOrigin::Generated { length: secret.length },
            purpose: secret.purpose.to_owned(),
        })
        .collect()
}

fn secret(scope: Scope<'_>, name: &str) -> Option<SecretText> {
    scope.secrets.get(name).cloned()
}

/// A text that is made out of a secret and is one itself.
fn derived(scope: Scope<'_>, name: &str, make: impl FnOnce(&str) -> String) -> Option<SecretText> {
    scope.secrets.get(name).map(|secret| SecretText::new(make(secret.expose())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_uses_only_others_of_the_list() {
        for app in APPS {
            assert!(app.uses.iter().all(|name| APPS.iter().any(|other| other.name == *name)), "{}", app.name);
        }
    }
}
