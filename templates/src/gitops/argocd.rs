//! Argo CD: one project, one Application for each component in waves, and one that carries them all.

use serde::Serialize;

use super::{SSH_KEY, TOKEN, namespace, over_ssh, repository, repository_path, root_name};
use crate::component::Component;
use crate::engine::{Error, Template, template};
use crate::layout::Folder;
use crate::part::Scope;

pub(super) const PROJECT: Template = template!("gitops/argocd-project.yaml.j2");
pub(super) const ROOT: Template = template!("gitops/argocd-root.yaml.j2");
pub(super) const COMPONENT: Template = template!("gitops/argocd-application.yaml.j2");
pub(super) const REPOSITORY_SECRET: Template = template!("gitops/argocd-repository-secret.yaml.j2");

pub(super) const NAMESPACE: &str = "argocd";

#[derive(Debug, Serialize)]
struct ApplicationContext<'a> {
    name: &'a str,
    /// The project, which has the cluster's name.
    project: String,
    /// The namespace of Argo CD.
    namespace: String,
    url: String,
    branch: String,
    path: String,
    target_namespace: &'a str,
    prune: bool,
    wave: u8,
}

#[derive(Debug, Serialize)]
struct SecretContext {
    name: String,
    namespace: String,
    url: String,
    ssh_key: Option<String>,
    token: Option<String>,
}

pub(super) fn root(scope: Scope<'_>, folder: &str) -> Result<Folder, Error> {
    let name = root_name(scope.cluster);
    let target_namespace = namespace(scope.cluster, NAMESPACE);
    let context = context(scope, &name, repository_path(scope.cluster, folder), &target_namespace);
    let mut holder = Component::new("", "");
    holder.file("project.yaml", scope.engine.render(PROJECT, &context)?);
    holder.file("root.yaml", scope.engine.render(ROOT, &context)?);
    Ok(Folder { path: folder.to_owned(), files: holder.files, folders: Vec::new() })
}

pub(super) fn object(scope: Scope<'_>, component: &Component, wave: u8, path: String) -> Result<String, Error> {
    let context = context(scope, &component.name, path, &component.namespace);
    scope.engine.render(COMPONENT, &ApplicationContext { prune: component.prune, wave, ..context })
}

fn context<'a>(scope: Scope<'_>, name: &'a str, path: String, target_namespace: &'a str) -> ApplicationContext<'a> {
    ApplicationContext {
        name,
        project: scope.cluster.name.to_string(),
        namespace: namespace(scope.cluster, NAMESPACE),
        url: repository(scope.cluster),
        branch: scope.cluster.gitops.branch.to_string(),
        path,
        target_namespace,
        prune: true,
        wave: 0,
    }
}

pub(super) fn repository_secret(scope: Scope<'_>) -> Result<Option<String>, Error> {
    let secret = |name: &str| scope.secrets.get(name).map(|text| text.expose().to_owned());
    let (ssh_key, token) = if over_ssh(scope.cluster) { (secret(SSH_KEY), None) } else { (None, secret(TOKEN)) };
    if ssh_key.is_none() && token.is_none() {
        return Ok(None);
    }
    let name = format!("{}-repository", *scope.cluster.name);
    let context = SecretContext { name, namespace: namespace(scope.cluster, NAMESPACE), url: repository(scope.cluster), ssh_key, token };
    scope.engine.render(REPOSITORY_SECRET, &context).map(Some)
}
