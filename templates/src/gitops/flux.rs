//! Flux: one source, one Kustomization for each component, and one that carries them all.

use serde::Serialize;

use super::{KNOWN_HOSTS, SSH_KEY, TOKEN, namespace, over_ssh, repository, repository_path, root_name};
use crate::component::Component;
use crate::engine::{Error, Template, template};
use crate::layout::Folder;
use crate::part::Scope;
use crate::tree::Content;

pub(super) const REPOSITORY: Template = template!("gitops/flux-repository.yaml.j2");
pub(super) const ROOT: Template = template!("gitops/flux-root.yaml.j2");
pub(super) const COMPONENT: Template = template!("gitops/flux-component.yaml.j2");
pub(super) const REPOSITORY_SECRET: Template = template!("gitops/flux-repository-secret.yaml.j2");

pub(super) const NAMESPACE: &str = "flux-system";

#[derive(Debug, Serialize)]
struct RootContext {
    /// The name of the source.
    name: String,
    /// The name of the root Kustomization.
    root: String,
    namespace: String,
    url: String,
    branch: String,
    private: bool,
    path: String,
    interval_min: i64,
}

#[derive(Debug, Serialize)]
struct ComponentContext<'a> {
    name: &'a str,
    namespace: String,
    source: String,
    path: String,
    interval_min: i64,
    prune: bool,
    /// Whether the component has SOPS files.
    decrypt: bool,
    needs: &'a [String],
}

#[derive(Debug, Serialize)]
struct SecretContext {
    name: String,
    namespace: String,
    ssh_key: Option<String>,
    known_hosts: Option<String>,
    token: Option<String>,
}

pub(super) fn root(scope: Scope<'_>, folder: &str) -> Result<Folder, Error> {
    let context = root_context(scope, folder);
    let mut holder = Component::new("", "");
    holder.file("repository.yaml", scope.engine.render(REPOSITORY, &context)?);
    holder.file("ks.yaml", scope.engine.render(ROOT, &context)?);
    Ok(Folder { path: folder.to_owned(), files: holder.files, folders: Vec::new() })
}

fn root_context(scope: Scope<'_>, folder: &str) -> RootContext {
    let gitops = &scope.cluster.gitops;
    RootContext {
        name: scope.cluster.name.to_string(),
        root: root_name(scope.cluster),
        namespace: namespace(scope.cluster, NAMESPACE),
        url: repository(scope.cluster),
        branch: gitops.branch.to_string(),
        private: *gitops.private,
        path: flux_path(scope, folder),
        interval_min: gitops.interval_min.get(),
    }
}

pub(super) fn object(scope: Scope<'_>, component: &Component, path: &str) -> Result<String, Error> {
    let context = ComponentContext {
        name: &component.name,
        namespace: namespace(scope.cluster, NAMESPACE),
        source: scope.cluster.name.to_string(),
        path: format!("./{path}"),
        interval_min: scope.cluster.gitops.interval_min.get(),
        prune: component.prune,
        decrypt: component.files.iter().any(|file| matches!(file.content, Content::Secret(_))),
        needs: &component.needs,
    };
    scope.engine.render(COMPONENT, &context)
}

/// Flux refuses a key without the host's own, so neither goes without the other.
pub(super) fn repository_secret(scope: Scope<'_>) -> Result<Option<String>, Error> {
    let secret = |name: &str| scope.secrets.get(name).map(|text| text.expose().to_owned());
    let (ssh_key, known_hosts, token) = match over_ssh(scope.cluster) {
        true => (secret(SSH_KEY), secret(KNOWN_HOSTS), None),
        false => (None, None, secret(TOKEN)),
    };
    if token.is_none() && (ssh_key.is_none() || known_hosts.is_none()) {
        return Ok(None);
    }
    let (name, namespace) = (scope.cluster.name.to_string(), namespace(scope.cluster, NAMESPACE));
    scope.engine.render(REPOSITORY_SECRET, &SecretContext { name, namespace, ssh_key, known_hosts, token }).map(Some)
}

fn flux_path(scope: Scope<'_>, folder: &str) -> String {
    format!("./{}", repository_path(scope.cluster, folder))
}
