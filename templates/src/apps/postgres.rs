//! A PostgreSQL server for one application: one replica, its volume, no copy elsewhere.

use super::{Scope, derived, secret, service_host};
use crate::images;
use crate::secrets::SecretText;
use crate::workload::{Data, Probe, Resources, Workload};

pub(crate) const PORT: u16 = 5432;

/// The server of one application, which has a database and a user of the application's name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Database {
    /// Its name, and that of its Service.
    pub(super) name: &'static str,
    pub(super) application: &'static str,
    pub(super) namespace: &'static str,
    /// The secret with its password.
    pub(super) password: &'static str,
}

impl Database {
    pub(super) fn workload(self, scope: Scope<'_>) -> Workload {
        let probe = Probe::Command { command: vec!["pg_isready", "--username", self.application, "--dbname", self.application] };
        let mut workload = Workload::new(self.name, self.namespace, images::POSTGRES, 999, probe, Resources::new("50m", "128Mi", "1Gi"))
            .serve("postgres", PORT)
            .env("POSTGRES_DB", self.application)
            .env("POSTGRES_USER", self.application)
            // Below the volume's root, where a file system keeps folders of its own.
            .env("PGDATA", "/var/lib/postgresql/data/pgdata")
            .secret("POSTGRES_PASSWORD", secret(scope, self.password));
        workload.data = Some(Data { path: "/var/lib/postgresql/data", size: "10Gi" });
        workload.scratch = vec!["/tmp", "/var/run/postgresql"];
        workload
    }

    pub(super) fn host(self, scope: Scope<'_>) -> String {
        service_host(scope.cluster, self.name, self.namespace)
    }

    /// The URL with user and password.
    pub(super) fn url(self, scope: Scope<'_>) -> Option<SecretText> {
        let Self { application, password, .. } = self;
        let host = self.host(scope);
        derived(scope, password, |password| format!("postgresql://{application}:{}@{host}:{PORT}/{application}", encoded(password)))
    }
}

/// A text as a part of a URL.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn what_has_a_meaning_in_urls_is_encoded() {
        assert_eq!(encoded("aZ9-._~"), "aZ9-._~");
        assert_eq!(encoded("p@ss:w/rd%é"), "p%40ss%3Aw%2Frd%25%C3%A9");
    }
}
